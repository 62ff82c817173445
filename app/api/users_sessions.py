"""/users/{userId}/sessions and /jwts: programs sign users in, see where they are signed in, and sign them out."""

from typing import Any

from app.api import wire_accounts
from app.api.kinds import UID, whole
from app.api.lists import TOTAL
from app.api.operations import Call, operation
from app.api.params import Param
from app.services.accounts import contact_accounts, contact_sessions, contact_tokens
from app.services.accounts.contact_sessions import SessionRecord
from app.services.people import contacts
from app.services.work import Work

DURATION = Param("duration", whole(1, contact_tokens.MOST_SECONDS), contact_tokens.DEFAULT_SECONDS)


@operation("POST", "/users/{userId}/sessions", "users.write", status=201, model="Session", is_secret=True)
def create_session(work: Work, call: Call) -> dict[str, Any]:
    """Sign a user in without its password; the secret goes into X-Appwrite-Session or the cookie."""
    return wire_accounts.session(contact_accounts.begin_for(work, call.user_id), shows_secret=True)


@operation("GET", "/users/{userId}/sessions", "users.read", TOTAL, model="SessionList")
def list_sessions(work: Work, call: Call) -> dict[str, Any]:
    """List the sessions of a user, the newest first."""
    contact = contacts.find_contact(work, call.user_id)
    living = contact_sessions.living_sessions(work, contact)
    drawn = [wire_accounts.session(SessionRecord(each, contact)) for each in living]
    return {"total": len(drawn) if call.total else 0, "sessions": drawn}


@operation("DELETE", "/users/{userId}/sessions/{sessionId}", "users.write")
def delete_session(work: Work, call: Call) -> None:
    """End a session of a user; the push targets that were registered in it go with it."""
    work.require("contacts.write")
    contact = contacts.find_contact(work, call.user_id)
    contact_sessions.end(work, contact, contact_sessions.find_session(work, contact, call.session_id))


@operation("DELETE", "/users/{userId}/sessions", "users.write")
def delete_sessions(work: Work, call: Call) -> None:
    """End every session of a user."""
    work.require("contacts.write")
    contact_sessions.end_all(work, contacts.find_contact(work, call.user_id))


@operation(
    "POST", "/users/{userId}/jwts", "users.write", Param("session_id", UID, contact_tokens.RECENT), DURATION,
    status=201, model="Jwt", is_secret=True,
)  # fmt: skip
def create_jwt(work: Work, call: Call) -> dict[str, Any]:
    """Make a token that stands for a user, and dies with its session if it has one."""
    return {"jwt": contact_tokens.make_token_for(work, call.user_id, call.session_id, call.duration)}
