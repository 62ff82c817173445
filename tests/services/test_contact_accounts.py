"""Accounts of contacts: signing in, sessions and what becomes of them; the same on each sort of database."""

from dataclasses import replace

import pytest
from sqlalchemy import select

from app.domain.channels import Channel
from app.domain.errors import AppError, Forbidden, Invalid, NotFound, SignedOut
from app.domain.permissions import Actor, ActorKind, Role, permissions_of_scope
from app.infra import password_hashes
from app.infra.vault import Vault
from app.models.contact_sessions import ContactSession
from app.models.contacts import Contact
from app.models.targets import Target
from app.services.accounts import contact_accounts, contact_devices, contact_passwords, contact_sessions, contact_tokens
from app.services.accounts.contact_sessions import SessionRecord
from app.services.people import contacts, subscribers
from app.services.programs import callers
from app.services.programs.callers import Shown
from app.services.work import Workshop
from tests.conftest import SECRET, FakeClock, member
from tests.factories import make_contact, make_topic

PASSWORD = "correct horse battery"
GUEST = Actor(ActorKind.GUEST, "", 1, None, permissions_of_scope("sessions.write", is_key=False))


def ann(shop: Workshop, *, email: str = "ann@example.org") -> str:
    """Somebody who can sign in; the id."""
    with shop.open(GUEST) as work:
        return contact_accounts.make_account(work, contact_id="", email=email, password=PASSWORD, name="Ann").id


def sign_in(shop: Workshop, email: str = "ann@example.org", password: str = PASSWORD) -> SessionRecord:
    with shop.read(GUEST) as work:
        proof = contact_accounts.prove(work, email, password)
    with shop.open(GUEST) as work:
        return contact_accounts.sign_in(work, proof)


def actor_of(begun: SessionRecord, scope: str = "account") -> Actor:
    permissions = permissions_of_scope(scope, is_key=False)
    return Actor(ActorKind.CONTACT, "Ann", 1, begun.contact.pk, permissions, roles=frozenset({"users"}))


def test_a_session_is_found_by_its_secret_which_is_not_kept(any_workshop: Workshop) -> None:
    contact_id = ann(any_workshop)
    begun = sign_in(any_workshop)
    with any_workshop.read(GUEST) as work:
        caller = callers.recognise(work, Shown("default", contact_id=contact_id, secret=begun.secret))
        assert (caller.kind, caller.pk, caller.session_pk) == (ActorKind.CONTACT, begun.contact.pk, begun.session.pk)
        kept = work.session.scalars(select(ContactSession)).one()
        assert begun.secret not in {str(value) for value in vars(kept).values()}
        guest = callers.recognise(work, Shown("default", contact_id=contact_id, secret=begun.secret[:-1] + "x"))
        assert (guest.kind, guest.pk, guest.roles) == (ActorKind.GUEST, None, {"any", "guests"})


def test_a_session_that_is_over_makes_a_guest_and_goes_at_the_next_sign_in(
    any_workshop: Workshop, clock: FakeClock
) -> None:
    contact_id = ann(any_workshop)
    begun = sign_in(any_workshop)
    clock.move(365 * 86_400)
    shown = Shown("default", contact_id=contact_id, secret=begun.secret)
    with any_workshop.read(GUEST) as work:
        assert callers.recognise(work, shown).kind is ActorKind.GUEST
    sign_in(any_workshop)
    with any_workshop.read(GUEST) as work:
        assert len(contact_sessions.list_sessions(work, begun.contact)) == 1


def test_a_password_that_was_changed_since_it_was_proven_opens_nothing(any_workshop: Workshop, actor: Actor) -> None:
    contact_id = ann(any_workshop)
    with any_workshop.read(GUEST) as work:
        proof = contact_accounts.prove(work, "ann@example.org", PASSWORD)
    with any_workshop.open(actor) as work:
        contact_passwords.set_password(work, contact_id, "another long password")
    with pytest.raises(SignedOut), any_workshop.open(GUEST) as work:
        contact_accounts.sign_in(work, proof)
    with any_workshop.open(actor) as work:
        contacts.delete_contact(work, contact_id)
    with pytest.raises(SignedOut), any_workshop.open(GUEST) as work:
        contact_accounts.sign_in(work, proof)


def test_a_hash_of_another_service_becomes_ours_at_the_first_sign_in(any_workshop: Workshop, actor: Actor) -> None:
    kept = password_hashes.bring("md5", "5f4dcc3b5aa765d61d8327deb882cf99")
    with any_workshop.open(actor) as work:
        made = contact_accounts.make_contact(work, "ann", {Channel.EMAIL: "ann@example.org"}, kept=lambda: kept)
        since = made.password_at
    begun = sign_in(any_workshop, password="password")
    assert (begun.contact.password_kind, begun.contact.password_at) == ("argon2", since)
    sign_in(any_workshop, password="password")


def test_a_device_and_its_subscriptions_go_with_the_session(any_workshop: Workshop) -> None:
    ann(any_workshop)
    begun, other = sign_in(any_workshop), sign_in(any_workshop)
    with any_workshop.open(actor_of(begun, "targets.write")) as work:
        contact_devices.register(work, "token", target_id="phone", session_pk=begun.session.pk)
        contact_devices.register(work, "other", target_id="tablet", session_pk=other.session.pk)
        topic = make_topic(work.session)
    with any_workshop.open(actor_of(begun, "subscribers.write")) as work:
        subscribers.subscribe(work, topic.id, "phone")
        subscribers.subscribe(work, topic.id, "tablet")
    with any_workshop.open(actor_of(begun)) as work:
        contact = contact_accounts.me(work)
        contact_sessions.end(work, contact, contact_sessions.find_session(work, contact, begun.session.id))
    with any_workshop.read(GUEST) as work:
        kept = work.session.get(type(topic), topic.pk)
        assert kept is not None
        assert kept.push_total == 1
        assert list(work.session.scalars(select(Target.id).where(Target.channel == Channel.PUSH))) == ["tablet"]


def test_deleting_a_contact_takes_its_sessions_and_devices_along(any_workshop: Workshop, actor: Actor) -> None:
    contact_id = ann(any_workshop)
    begun = sign_in(any_workshop)
    with any_workshop.open(actor_of(begun, "targets.write")) as work:
        contact_devices.register(work, "token", session_pk=begun.session.pk)
    with any_workshop.open(actor) as work:
        contacts.delete_contact(work, contact_id)
    with any_workshop.read(GUEST) as work:
        for table in (ContactSession, Target, Contact):
            assert work.session.scalars(select(table)).all() == []


def test_a_contact_may_do_nothing_with_others(any_workshop: Workshop) -> None:
    ann(any_workshop)
    begun = sign_in(any_workshop)
    with any_workshop.open(member(Role.ADMIN, "Olga")) as work:
        ben = make_contact(work.session, name="Ben", email="ben@example.org")
        topic = make_topic(work.session)
        target = work.session.scalars(select(Target).where(Target.contact_pk == ben.pk)).one()
        row = subscribers.subscribe(work, topic.id, target.id)
    for scope in ("account", "targets.write", "subscribers.write"):
        with any_workshop.open(actor_of(begun, scope)) as work:
            with pytest.raises(Forbidden):
                contacts.delete_contact(work, ben.id)
            with pytest.raises(Forbidden):
                contact_accounts.set_status(work, ben.id, may_sign_in=False)
            with pytest.raises(Forbidden):
                contact_accounts.begin_for(work, ben.id)
            with pytest.raises(Forbidden):
                contact_tokens.make_token_for(work, ben.id, contact_tokens.RECENT, 900)
            with pytest.raises(NotFound):
                contact_devices.remove(work, target.id)
    with any_workshop.open(actor_of(begun, "subscribers.write")) as work:
        for act in (subscribers.find_subscriber, subscribers.unsubscribe):
            with pytest.raises(NotFound):
                act(work, topic.id, row.id)
        with pytest.raises(NotFound):
            subscribers.subscribe(work, topic.id, target.id)


def test_a_guest_and_a_member_have_no_account(any_workshop: Workshop, actor: Actor) -> None:
    for stranger in (GUEST, actor):
        with pytest.raises(Forbidden), any_workshop.read(stranger) as work:
            contact_accounts.me(work)
    ann(any_workshop)
    key = Actor(ActorKind.KEY, "Shop", 1, 1, permissions_of_scope("targets.write"))
    with pytest.raises(SignedOut), any_workshop.read(key) as work:
        contact_accounts.me(work)


def test_an_address_that_is_no_email_cannot_sign_in_and_a_blocked_contact_says_so(
    any_workshop: Workshop, actor: Actor
) -> None:
    contact_id = ann(any_workshop)
    with pytest.raises(Invalid), any_workshop.read(GUEST) as work:
        contact_accounts.prove(work, "no email", PASSWORD)
    with any_workshop.open(actor) as work:
        contact_accounts.set_status(work, contact_id, may_sign_in=False)
    with pytest.raises(AppError) as refused, any_workshop.read(GUEST) as work:
        contact_accounts.prove(work, "ann@example.org", PASSWORD)
    assert refused.value.type == "user_blocked"


def test_only_email_and_phone_are_verified(any_workshop: Workshop, actor: Actor) -> None:
    contact_id = ann(any_workshop)
    with any_workshop.open(actor) as work:
        assert contact_accounts.set_verified(work, contact_id, Channel.SMS, is_verified=True).phone_verified
        with pytest.raises(Invalid):
            contact_accounts.set_verified(work, contact_id, Channel.PUSH, is_verified=True)


def test_a_token_counts_in_its_own_project_with_any_of_our_keys(any_workshop: Workshop, actor: Actor) -> None:
    contact_id = ann(any_workshop)
    with any_workshop.open(actor) as work:
        token = contact_tokens.make_token_for(work, contact_id, contact_tokens.RECENT, 60)
        assert contact_tokens.read_token(work, 1, token).contact_id == contact_id
        with pytest.raises(contact_tokens.BadTokenError):
            contact_tokens.read_token(work, 2, token)
        rotated = replace(work, vault=Vault(["a newer key that is long enough for everything", SECRET]))
        assert contact_tokens.read_token(rotated, 1, token).contact_id == contact_id
