"""Tokens of contacts: JSON Web Tokens (RFC 7519, HS256) that stand for a session for up to an hour."""

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from app.domain.errors import AppError, NotFound
from app.infra.loading import later
from app.models.base import to_milliseconds
from app.models.contacts import Contact
from app.services.accounts import contact_sessions
from app.services.people.contacts import find_contact
from app.services.work import Work

if TYPE_CHECKING:
    import jwt
else:
    jwt = later("jwt")

RECENT = "recent"
DEFAULT_SECONDS, MOST_SECONDS = 900, 3_600
_ALGORITHM = "HS256"


class BadTokenError(AppError):
    """The token was not made here, was changed, or is too old."""

    type = "user_jwt_invalid"
    status = 401


@dataclass(frozen=True, slots=True)
class Claims:
    """What a good token says. `session_id` is empty for one that was made for a contact without a session."""

    contact_id: str
    session_id: str


def make_token(work: Work, contact: Contact, session_id: str, seconds: int) -> str:
    """A token for that contact that dies with that session (empty: with none), at the latest after `seconds`."""
    ends_at = work.now + timedelta(seconds=seconds)
    claims = {"userId": contact.id, "sessionId": session_id, "exp": to_milliseconds(ends_at) // 1000}
    return jwt.encode(claims, work.vault.signing_key(_purpose(contact.project_pk)), algorithm=_ALGORITHM)


def make_token_for(work: Work, contact_id: str, session_id: str, seconds: int) -> str:
    """A token for any contact, made by a program: for a named session, or its most recent one (`recent`), if any."""
    work.require("contacts.write")
    contact = find_contact(work, contact_id)
    living = contact_sessions.living_sessions(work, contact)
    if session_id != RECENT and session_id not in {session.id for session in living}:
        raise NotFound("This session does not exist, or is over.", type="user_session_not_found")
    chosen = session_id if session_id != RECENT else living[0].id if living else ""
    return make_token(work, contact, chosen, seconds)


def read_token(work: Work, project_pk: int, token: str) -> Claims:
    """What a token says; BadTokenError, with the reason, for one that does not count in that project (any more)."""
    sentence = "no such token was issued here."
    for key in work.vault.signing_keys(_purpose(project_pk)):
        try:
            claims = jwt.decode(token, key, algorithms=[_ALGORITHM], options={"verify_exp": False, "verify_iat": False})
        except (jwt.PyJWTError, ValueError):  # ValueError: octets that are no text
            continue
        ends_at = claims.get("exp")
        if isinstance(ends_at, int) and ends_at * 1000 > to_milliseconds(work.now):
            return Claims(str(claims.get("userId", "")), str(claims.get("sessionId", "")))
        sentence = "it is too old. Make a new one."
    raise BadTokenError(f"Failed to verify JWT: {sentence}")


def _purpose(project_pk: int) -> str:
    """A token counts in its own project only, because each signs with another key."""
    return f"contact token {project_pk}"
