"""/account/sessions and /account/jwts: signing in and out, and tokens that stand for a session."""

from datetime import datetime
from typing import Any

from flask import request

from app.api import credentials, wire_accounts
from app.api.kinds import BOOL, EMAIL, PASSWORD, whole
from app.api.limits import By, Limit
from app.api.lists import TOTAL
from app.api.operations import Call, operation
from app.api.params import Param
from app.api.users_sessions import DURATION
from app.domain.errors import Forbidden
from app.services.accounts import contact_accounts, contact_sessions, contact_tokens
from app.services.accounts.contact_sessions import LONGEST, SHORTEST_SECONDS, SessionRecord
from app.services.work import Work, Workshop

_SIGN_IN = Limit(10, 3600, by=(By.EMAIL,), name="sign in", cleared_on=201)
_SIGN_OUT = Limit(100, 3600, by=(By.IP,))
_TOKEN = Limit(120, 60, by=(By.USER,), name="token")


@operation(
    "POST", "/account/sessions", "sessions.write", Param("email", EMAIL, required=True),
    Param("password", PASSWORD, required=True),
    Param("duration", whole(SHORTEST_SECONDS, int(LONGEST.total_seconds()))),
    status=201, model="Session", limit=_SIGN_IN, is_secret=True, opens_own=True,
)  # fmt: skip
@operation(
    "POST", "/account/sessions/email", "sessions.write", Param("email", EMAIL, required=True),
    Param("password", PASSWORD, required=True),
    Param("duration", whole(SHORTEST_SECONDS, int(LONGEST.total_seconds()))),
    status=201, model="Session", limit=_SIGN_IN, is_secret=True, opens_own=True,
)  # fmt: skip
def create_email_session(shop: Workshop, call: Call) -> dict[str, Any]:
    """Sign in with email and password: cookies for browsers, the secret for programs with a key."""
    with shop.read(call.actor) as work:
        proof = contact_accounts.prove(work, call.email, call.password)
    with shop.open(call.actor) as work:
        begun = contact_accounts.sign_in(work, proof, seconds=call.duration)
    credentials.hand_out(call.address, begun.contact.id, begun.secret, begun.session.expires_at)
    return wire_accounts.session(begun, shows_secret=call.actor.is_privileged)


@operation("GET", "/account/sessions", "account", TOTAL, model="SessionList")
def list_account_sessions(work: Work, call: Call) -> dict[str, Any]:
    """List one's sessions, the newest first."""
    contact = contact_accounts.me(work)
    drawn = [
        wire_accounts.session(SessionRecord(each, contact, is_current=each.pk == call.session_pk))
        for each in contact_sessions.living_sessions(work, contact)
    ]
    return {"total": len(drawn) if call.total else 0, "sessions": drawn}


def _find(work: Work, call: Call) -> SessionRecord:
    contact = contact_accounts.me(work)
    found = contact_sessions.find_session(work, contact, call.session_id, current_pk=call.session_pk)
    return SessionRecord(found, contact, is_current=found.pk == call.session_pk)


@operation("GET", "/account/sessions/{sessionId}", "account", model="Session")
def get_account_session(work: Work, call: Call) -> dict[str, Any]:
    """Get one of one's sessions; `current` is the one in use."""
    return wire_accounts.session(_find(work, call))


@operation("PATCH", "/account/sessions/{sessionId}", "account", model="Session")
def update_account_session(work: Work, call: Call) -> dict[str, Any]:
    """Let a session live as long again as it was made for, from now; `current` is the one in use."""
    found = _find(work, call)
    contact_sessions.extend(work, found.session)
    if found.is_current:
        _renew_cookies(call, found.session.expires_at)
    return wire_accounts.session(found)


def _renew_cookies(call: Call, expires_at: datetime) -> None:
    """The cookies end with the session; a session that a token stands for came without."""
    shown = credentials.read_credentials(request)
    if shown.secret:
        credentials.hand_out(call.address, shown.contact_id, shown.secret, expires_at)


@operation("DELETE", "/account/sessions/{sessionId}", "account", limit=_SIGN_OUT)
def delete_account_session(work: Work, call: Call) -> None:
    """End one of one's sessions; `current` signs out here."""
    found = _find(work, call)
    contact_sessions.end(work, found.contact, found.session)
    if found.is_current:
        credentials.take_back(call.address)


@operation("DELETE", "/account/sessions", "account", Param("current", BOOL, True), limit=_SIGN_OUT)
def delete_account_sessions(work: Work, call: Call) -> None:
    """End all of one's sessions; with `current` false all but the one in use."""
    contact_sessions.end_all(work, contact_accounts.me(work), but=None if call.current else call.session_pk)
    if call.current:
        credentials.take_back(call.address)


@operation("POST", "/account/jwt", "account", DURATION, status=201, model="Jwt", limit=_TOKEN, is_secret=True)
@operation("POST", "/account/jwts", "account", DURATION, status=201, model="Jwt", limit=_TOKEN, is_secret=True)
def create_account_jwt(work: Work, call: Call) -> dict[str, Any]:
    """Make a token that stands for the session in use, and dies with it."""
    if call.is_by_token:
        raise Forbidden("A token cannot make another one: use the session itself.", type="user_jwt_creation_denied")
    contact = contact_accounts.me(work)
    session = contact_sessions.find_session(work, contact, contact_sessions.CURRENT, current_pk=call.session_pk)
    return {"jwt": contact_tokens.make_token(work, contact, session.id, call.duration)}
