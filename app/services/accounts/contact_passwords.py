"""Passwords of contacts: set, checked, brought along from another service, and made ours at the next sign-in."""

from sqlalchemy import select

from app.domain.errors import Invalid, SignedOut
from app.infra import password_hashes
from app.infra.password_hashes import PasswordHash
from app.models.contacts import Contact
from app.models.targets import Target
from app.services.accounts import contact_sessions
from app.services.people.contacts import find_contact
from app.services.work import Work

WRONG = "Email and password do not belong together. Check both."


def kept_password(contact: Contact) -> PasswordHash | None:
    """The password as it is kept; None for a contact without one."""
    if not contact.password_hash:
        return None
    return PasswordHash(contact.password_kind, contact.password_hash, contact.password_options)


def put(work: Work, contact: Contact, kept: PasswordHash | None) -> None:
    """Keep that password from now on; None takes it away."""
    replace_hash(contact, kept)
    contact.password_at = contact.updated_at = work.now


def replace_hash(contact: Contact, kept: PasswordHash | None) -> None:
    """Keep the same password in another way; when it was changed last stays."""
    contact.password_hash = kept.text if kept is not None else ""
    contact.password_kind = kept.kind if kept is not None else ""
    contact.password_options = dict(kept.options) if kept is not None else {}


def set_password(work: Work, contact_id: str, password: str) -> Contact:
    """Give a contact another password, or none (empty). Whoever is signed in with the old one is signed out."""
    work.require("contacts.write")
    contact = find_contact(work, contact_id)
    put(work, contact, password_hashes.keep(password) if password else None)
    contact_sessions.end_all(work, contact)
    work.audit("contact.update", f"contact/{contact.id}", password="set" if password else "none")
    return contact


def refuse_hash(kept: PasswordHash) -> None:
    """Invalid (field `password`) for a hash that no password could ever be checked against."""
    if sentence := password_hashes.wrong_hash(kept):
        raise Invalid({"password": [sentence]})


def check_password(contact: Contact | None, password: str) -> None:
    """Go on only with the contact's password; SignedOut, after the same work, for a wrong one or nobody's."""
    kept = kept_password(contact) if contact is not None else None
    if not password_hashes.fits(kept, password):
        raise SignedOut(WRONG, type="user_invalid_credentials")


def renew(contact: Contact, password: str) -> PasswordHash | None:
    """How the password that was just checked is kept today; None when it is so already."""
    kept = kept_password(contact)
    return password_hashes.keep(password) if kept is not None and password_hashes.is_stale(kept) else None


def main_address(work: Work, contact: Contact, channel: str) -> str:
    """The first address of a channel; empty when there is none."""
    mine = select(Target.address).where(Target.contact_pk == contact.pk, Target.channel == channel)
    return work.session.scalar(mine.order_by(Target.pk).limit(1)) or ""
