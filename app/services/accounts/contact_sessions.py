"""Sessions of contacts: begun with a password or by a key, found again by their secret, ended with their devices."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from secrets import token_hex

from sqlalchemy import ColumnElement, select

from app.domain.errors import NotFound
from app.infra.vault import hash_token
from app.models.contact_sessions import ContactSession
from app.models.contacts import Contact
from app.models.targets import Target
from app.services.people import topic_totals
from app.services.work import Work

LONGEST = timedelta(days=365)
SHORTEST_SECONDS = 60
MOST_SESSIONS = 10  # of one contact; the oldest end when there are more
SECRET_BYTES = 128  # 256 hexadecimal digits
CURRENT = "current"


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """A session with whose it is; `secret` is filled only where it began just now."""

    session: ContactSession
    contact: Contact
    is_current: bool = False
    secret: str = ""


def begin(
    work: Work, contact: Contact, *, provider: str, provider_uid: str = "", seconds: int | None = None
) -> SessionRecord:
    """Begin a session of `seconds` (a year when None); its secret is never seen again. Old ones make room."""
    lifetime = seconds or int(LONGEST.total_seconds())
    secret = token_hex(SECRET_BYTES)
    earlier = list_sessions(work, contact)
    _end(work, [each for each in earlier if each.expires_at <= work.now] + earlier[MOST_SESSIONS - 1 :])
    session = ContactSession(
        id=work.unique_id(), project_pk=work.project_pk, contact_pk=contact.pk, secret_hash=hash_token(secret),
        provider=provider, provider_uid=provider_uid, lifetime=lifetime,
        expires_at=work.now + timedelta(seconds=lifetime), ip=work.actor.ip[:64],
        user_agent=work.actor.user_agent[:512], **work.stamp(),
    )  # fmt: skip
    work.session.add(session)
    work.session.flush()
    contact.accessed_at = work.now
    work.audit("session.create", f"contact/{contact.id}", session=session.id, provider=provider)
    return SessionRecord(session, contact, is_current=True, secret=secret)


def list_sessions(work: Work, contact: Contact) -> list[ContactSession]:
    """Every session of a contact, the newest first; those that are over too, as long as they are kept."""
    mine = select(ContactSession).where(ContactSession.contact_pk == contact.pk)
    return list(work.session.scalars(mine.order_by(ContactSession.pk.desc())))


def living_sessions(work: Work, contact: Contact) -> list[ContactSession]:
    """The sessions of a contact that are not over, the newest first."""
    return [each for each in list_sessions(work, contact) if each.expires_at > work.now]


def find_session(work: Work, contact: Contact, session_id: str, *, current_pk: int | None = None) -> ContactSession:
    """That session of the contact, or the one it is using (`current`); NotFound when it is over, or somebody's."""
    living = living_sessions(work, contact)
    for session in living:
        if session.id == session_id or (session_id == CURRENT and session.pk == current_pk):
            return session
    raise NotFound("This session does not exist, or is over.", type="user_session_not_found")


def extend(work: Work, session: ContactSession) -> None:
    """Let a session live as long again as it was made for, from now."""
    session.expires_at = work.now + timedelta(seconds=session.lifetime)
    session.updated_at = work.now


def end(work: Work, contact: Contact, session: ContactSession) -> None:
    """End a session, and take away the push targets that were registered in it."""
    _end(work, [session])
    work.audit("session.delete", f"contact/{contact.id}", session=session.id)


def end_all(work: Work, contact: Contact, *, but: int | None = None) -> None:
    """End every session of a contact but that one (by number)."""
    ended = [each for each in list_sessions(work, contact) if each.pk != but]
    if ended:
        _end(work, ended)
        work.audit("session.delete", f"contact/{contact.id}", ended=len(ended))


def _end(work: Work, sessions: Sequence[ContactSession]) -> None:
    pks = {session.pk for session in sessions}
    if not pks:
        return
    registered = Target.session_pk.in_(pks)
    topic_totals.take_out(work, registered)
    for target in work.session.scalars(select(Target).where(registered)):
        work.session.delete(target)
    for session in work.session.scalars(select(ContactSession).where(ContactSession.pk.in_(pks))):
        work.session.delete(session)
    work.session.flush()


def resume(work: Work, project_pk: int, contact_id: str, secret: str) -> tuple[ContactSession, Contact] | None:
    """The living session with that secret and its contact; None when there is none. Changes nothing."""
    return _living(work, project_pk, contact_id, ContactSession.secret_hash == hash_token(secret[: 2 * SECRET_BYTES]))


def resume_by_id(
    work: Work, project_pk: int, contact_id: str, session_id: str
) -> tuple[ContactSession, Contact] | None:
    """The same by the session's id, for a signed token that names it."""
    return _living(work, project_pk, contact_id, ContactSession.id == session_id)


def _living(
    work: Work, project_pk: int, contact_id: str, condition: ColumnElement[bool]
) -> tuple[ContactSession, Contact] | None:
    row = work.session.execute(
        select(ContactSession, Contact)
        .join(Contact, Contact.pk == ContactSession.contact_pk)
        .where(
            ContactSession.project_pk == project_pk, Contact.id == contact_id, condition,
            ContactSession.expires_at > work.now,
        )
    ).first()  # fmt: skip
    return (row[0], row[1]) if row is not None else None


def find_contact(work: Work, project_pk: int, contact_id: str) -> Contact | None:
    """The contact that a token without a session names."""
    return work.session.scalar(select(Contact).where(Contact.project_pk == project_pk, Contact.id == contact_id))


def touch_contact(work: Work, contact_pk: int) -> None:
    """Note that the contact was there now."""
    contact = work.session.get(Contact, contact_pk)
    if contact is not None:
        contact.accessed_at = work.now
