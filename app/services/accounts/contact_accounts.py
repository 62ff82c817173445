"""Accounts: what a contact does with what is its own (REST: /account), and what programs set for it (/users)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from app.domain.channels import Channel
from app.domain.errors import AppError, Invalid, SignedOut
from app.domain.permissions import MAKE_ACCOUNT, OWN_ACCOUNT, ActorKind
from app.infra import password_hashes
from app.infra.password_hashes import PasswordHash
from app.models.contacts import Contact
from app.services.accounts import contact_passwords, contact_sessions
from app.services.accounts.contact_sessions import SessionRecord
from app.services.people import contact_cards, contacts, targets
from app.services.work import Work


def enable(work: Work) -> Work:
    """The same work, allowed to write contacts: for acts on whoever asks alone, which this room sees to."""
    able = work.actor.permissions | {"contacts.read", "contacts.write"}
    return replace(work, actor=replace(work.actor, permissions=able))


def me(work: Work) -> Contact:
    """The contact that is signed in; SignedOut for anybody else."""
    work.require(OWN_ACCOUNT)
    is_contact = work.actor.kind is ActorKind.CONTACT
    found = work.session.get(Contact, work.actor.pk) if is_contact else None
    if found is None:
        raise SignedOut("This is for users who are signed in: begin a session first.")
    return found


def make_account(work: Work, *, contact_id: str, email: str, password: str, name: str) -> Contact:
    """Make a contact that can sign in; it is not signed in by this. Conflict when id or address are in use."""
    work.require(MAKE_ACCOUNT)
    made = make_contact(
        enable(work), contact_id, {Channel.EMAIL: email}, name=name, kept=lambda: password_hashes.keep(password)
    )
    made.accessed_at = work.now
    return made


def make_contact(
    work: Work, contact_id: str, addresses: Mapping[str, str], *, name: str = "",
    kept: Callable[[], PasswordHash] | None = None,
) -> Contact:  # fmt: skip
    """Make a contact as programs do, with the password that `kept` makes once all else is known to be fine.

    Conflict (`user_already_exists`) when somebody has that id or one of the addresses.
    """
    contact_cards.refuse_known(work, addresses)
    made = contacts.create_contact(work, name=name, addresses=addresses, contact_id=contact_id)
    if kept is not None:
        contact_passwords.put(work, made, kept())
        work.session.flush()
    return made


@dataclass(frozen=True, slots=True)
class Proof:
    """Somebody knew a contact's password; `renewed` is how it is to be kept from now on, when that changes."""

    contact_pk: int
    email: str
    checked: str = field(repr=False)
    renewed: PasswordHash | None = None


def prove(work: Work, email: str, password: str) -> Proof:
    """Check email and password; changes nothing, so that the database's only writer need not wait for the hashing.

    SignedOut with one sentence for every reason, after the same work; AppError when the contact is blocked.
    """
    work.require(MAKE_ACCOUNT)
    if work.actor.kind is ActorKind.CONTACT:
        raise SignedOut("You are signed in already. End this session first.", type="user_session_already_exists")
    contact = _holder(work, email)
    contact_passwords.check_password(contact, password)
    if contact is None or not contact.may_sign_in:
        raise AppError("This user is blocked. Ask whoever runs this service.", type="user_blocked")
    return Proof(contact.pk, email, contact.password_hash, contact_passwords.renew(contact, password))


def sign_in(work: Work, proof: Proof, *, seconds: int | None = None) -> SessionRecord:
    """Begin a session for the contact whose password was proven; SignedOut when it was changed, or blocked, since."""
    work.require(MAKE_ACCOUNT)
    contact = work.session.get(Contact, proof.contact_pk)
    if contact is None or contact.password_hash != proof.checked or not contact.may_sign_in:
        raise SignedOut(contact_passwords.WRONG, type="user_invalid_credentials")
    if proof.renewed is not None:
        contact_passwords.replace_hash(contact, proof.renewed)
    named = _as(work, contact)
    return contact_sessions.begin(named, contact, provider="email", provider_uid=proof.email, seconds=seconds)


def _holder(work: Work, email: str) -> Contact | None:
    """The contact whose main email address that is."""
    address = targets.read_address(Channel.EMAIL, email)
    found = targets.owner_of(work, address)
    if found is None or contact_passwords.main_address(work, found[1], Channel.EMAIL) != found[0].address:
        return None
    return found[1]


def _as(work: Work, contact: Contact) -> Work:
    """The same work in the name of the contact who just proved to be it; a key that asks for it stays itself."""
    if work.actor.kind is not ActorKind.GUEST:
        return work
    return replace(work, actor=replace(work.actor, kind=ActorKind.CONTACT, name=contact.name, pk=contact.pk))


def begin_for(work: Work, contact_id: str) -> SessionRecord:
    """Begin a session for any contact, without its password: a program vouches for it."""
    work.require("contacts.write")
    return contact_sessions.begin(work, contacts.find_contact(work, contact_id), provider="server")


def rename(work: Work, name: str) -> Contact:
    """Call whoever is signed in by another name."""
    contact = me(work)
    return contacts.update_contact(enable(work), contact.id, name=name, attributes=dict(contact.attributes))


def set_prefs(work: Work, prefs: Mapping[str, Any]) -> Contact:
    """Replace the preferences of whoever is signed in."""
    contact = me(work)
    return contacts.update_contact(enable(work), contact.id, name=contact.name, attributes=prefs)


@dataclass(frozen=True, slots=True)
class OwnProof:
    """Whoever is signed in knew its password, or had none; `fresh` is how another one, if any, is to be kept."""

    checked: str = field(repr=False)
    fresh: PasswordHash | None = None


def prove_own(work: Work, password: str, *, fresh: str = "") -> OwnProof:
    """Check the password of whoever is signed in, as `prove` does; one without any gets `fresh`, or else this one."""
    contact = me(work)
    if contact.password_hash:
        contact_passwords.check_password(contact, password)
    new = fresh or ("" if contact.password_hash else password)
    return OwnProof(contact.password_hash, password_hashes.keep(new) if new else None)


def _proven(work: Work, proof: OwnProof) -> Contact:
    """Whoever is signed in; SignedOut when its password was changed since it was checked."""
    contact = me(work)
    if contact.password_hash != proof.checked:
        raise SignedOut(contact_passwords.WRONG, type="user_invalid_credentials")
    return contact


def change_address(work: Work, channel: Channel, text: str, proof: OwnProof) -> Contact:
    """Change the main address of whoever is signed in; one without a password gets the one it showed."""
    contact = _proven(work, proof)
    changed = contact_cards.set_address(enable(work), contact.id, channel, text)
    if proof.fresh is not None:
        contact_passwords.put(work, contact, proof.fresh)
    return changed


def change_password(work: Work, proof: OwnProof, *, session_pk: int | None) -> Contact:
    """Give whoever is signed in the fresh password of the proof; its other sessions end."""
    contact = _proven(work, proof)
    contact_passwords.put(work, contact, proof.fresh)
    contact_sessions.end_all(work, contact, but=session_pk)
    work.audit("contact.update", f"contact/{contact.id}", password="set")  # noqa: S106 - a word, not a password
    return contact


def block_myself(work: Work) -> Contact:
    """Block whoever is signed in; only a program can undo it."""
    contact = me(work)
    contact.may_sign_in, contact.updated_at = False, work.now
    work.audit("contact.update", f"contact/{contact.id}", may_sign_in=False)
    return contact


def set_status(work: Work, contact_id: str, *, may_sign_in: bool) -> Contact:
    """Block a contact, or let it in again. It says who may sign in, and nothing of who is written to."""
    return _set(work, contact_id, may_sign_in=may_sign_in)


def set_labels(work: Work, contact_id: str, labels: Sequence[str]) -> Contact:
    """Replace the labels of a contact; each counts once."""
    return _set(work, contact_id, labels=list(dict.fromkeys(labels)))


def set_verified(work: Work, contact_id: str, channel: Channel, *, is_verified: bool) -> Contact:
    """Say whether the main email address, or phone number, is known to be the contact's own."""
    column = targets.VERIFICATION.get(channel)
    if column is None:
        raise Invalid({"channel": ["Channel is email or sms: no other address is verified."]})
    return _set(work, contact_id, **{column: is_verified})


def _set(work: Work, contact_id: str, **columns: Any) -> Contact:
    work.require("contacts.write")
    contact = contacts.find_contact(work, contact_id)
    for name, value in columns.items():
        setattr(contact, name, value)
    contact.updated_at = work.now
    work.audit("contact.update", f"contact/{contact.id}", **columns)
    return contact
