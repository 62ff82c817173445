"""Letting people in: first member, sign-in, sessions that end."""

import pytest

from app.domain.errors import Conflict, Forbidden, Invalid, NotFound, SignedOut
from app.domain.permissions import Actor, ActorKind, Role, system
from app.services.team import access, keys, members, projects
from app.services.work import Workshop
from tests.conftest import FakeClock

PASSWORD = "correct horse battery"
STRANGER = Actor(ActorKind.MEMBER, "")


@pytest.fixture
def olga(workshop: Workshop) -> str:
    """An admin who can sign in; her session's token."""
    with workshop.open(system()) as work:
        members.create_member(work, "Olga@acme.example", PASSWORD, role="admin")
    with workshop.open(STRANGER) as work:
        return access.sign_in(work, "olga@acme.example", PASSWORD)


def test_a_session_knows_whose_it_is_and_where_she_belongs(workshop: Workshop, olga: str) -> None:
    with workshop.read(STRANGER) as work:
        who = access.resume(work, olga)
    assert who is not None
    assert (who.email, who.projects) == ("olga@acme.example", (("default", "Acme"),))


@pytest.mark.parametrize(("email", "password"), [("olga@acme.example", "wrong"), ("nobody@acme.example", PASSWORD)])
def test_a_wrong_sign_in_says_the_same_whatever_was_wrong(
    workshop: Workshop, olga: str, email: str, password: str
) -> None:
    with pytest.raises(Invalid) as refusal, workshop.open(STRANGER) as work:
        access.sign_in(work, email, password)
    assert refusal.value.fields == {"password": [access.WRONG_SIGN_IN]}


def test_every_sign_in_begins_a_new_session(workshop: Workshop, olga: str) -> None:
    with workshop.open(STRANGER) as work:
        assert access.sign_in(work, "OLGA@acme.example ", PASSWORD) != olga


def test_a_session_ends_after_twelve_idle_hours(workshop: Workshop, olga: str, clock: FakeClock) -> None:
    clock.move(access.IDLE_TIMEOUT.total_seconds() + 1)
    with workshop.read(STRANGER) as work:
        assert access.resume(work, olga) is None


def test_a_session_ends_after_a_week_however_busy(workshop: Workshop, olga: str, clock: FakeClock) -> None:
    for _ in range(7 * 24 + 1):
        clock.move(3600)
        with workshop.open(STRANGER) as work:
            if (who := access.resume(work, olga)) is not None:
                access.touch(work, who)
    assert who is None


def test_signing_out_ends_the_session(workshop: Workshop, olga: str) -> None:
    with workshop.open(STRANGER) as work:
        access.sign_out(work, olga)
    with workshop.read(STRANGER) as work:
        assert access.resume(work, olga) is None


def test_a_project_without_a_role_looks_like_none_at_all(workshop: Workshop, olga: str) -> None:
    with workshop.open(system()) as work:
        projects.create_project(work, "secret", name="Secret")
    with workshop.read(STRANGER) as work:
        who = access.resume(work, olga)
        assert who is not None
        with pytest.raises(NotFound):
            access.actor_in(work, who, "secret")
        actor, card = access.actor_in(work, who, "default")
    assert actor.may("providers.write")
    assert card.time_zone == "Europe/Berlin"


def test_the_one_time_address_works_once(workshop: Workshop) -> None:
    with workshop.open(system()) as work:
        token = access.invite_first_member(work)
    with workshop.open(STRANGER) as work:
        members.accept_first_invitation(work, token, email="ann@example.org", name="Ann", password=PASSWORD)
    with pytest.raises(SignedOut, match="used already"), workshop.open(STRANGER) as work:
        members.accept_first_invitation(work, token, email="eve@example.org", name="Eve", password=PASSWORD)
    with pytest.raises(Forbidden), workshop.open(system()) as work:
        access.invite_first_member(work)


def test_a_newer_one_time_address_replaces_the_older(workshop: Workshop) -> None:
    with workshop.open(system()) as work:
        old, new = access.invite_first_member(work), access.invite_first_member(work)
    with workshop.read(STRANGER) as work:
        with pytest.raises(SignedOut):
            access.check_invitation(work, old)
        access.check_invitation(work, new)


@pytest.mark.parametrize(
    ("email", "name", "password", "field"),
    [
        ("ann", "Ann", PASSWORD, "email"),
        ("ann@example.org\r\nBcc: x@y.z", "Ann", PASSWORD, "email"),
        ("ann@example.org", "A\nB", PASSWORD, "name"),
        ("ann@example.org", "Ann", "short", "password"),
        ("annabelle@example.org", "Ann", "annabelle@example.org", "password"),
        ("ann@example.org", "Ann", "x" * 300, "password"),
    ],
)
def test_a_member_that_cannot_be_is_refused_by_field_and_nothing_is_saved(
    workshop: Workshop, email: str, name: str, password: str, field: str
) -> None:
    with pytest.raises(Invalid) as refusal, workshop.open(system()) as work:
        members.create_member(work, email, password, role="admin", name=name)
    assert list(refusal.value.fields) == [field]
    with workshop.read(system()) as work:
        assert not access.has_members(work)


def test_an_unknown_role_names_the_ones_there_are(workshop: Workshop) -> None:
    with pytest.raises(Invalid, match="viewer, composer, operator, admin"), workshop.open(system()) as work:
        members.create_member(work, "ann@example.org", PASSWORD, role="boss")


def test_two_roles_of_one_person_add_up(workshop: Workshop, olga: str) -> None:
    for role in (Role.COMPOSER, Role.OPERATOR):
        with workshop.open(system()) as work:
            members.create_member(work, "ed@acme.example", PASSWORD, role=role)
    with workshop.open(STRANGER) as work:
        token = access.sign_in(work, "ed@acme.example", PASSWORD)
        who = access.resume(work, token)
        assert who is not None
        actor, _ = access.actor_in(work, who, "default")
    assert actor.may("messages.send")
    assert actor.may("suppressions.write")
    assert not actor.may("keys.write")


def test_a_keys_secret_is_not_in_the_database(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        key, secret = keys.create_key(work, name="Backend", scopes=["all"])
    assert secret not in repr(vars(key))
    assert key.secret_ending == secret[-4:]


@pytest.mark.parametrize("scopes", [[], ["everything"], ["messages.read", "nonsense"]])
def test_unknown_scopes_are_refused(workshop: Workshop, actor: Actor, scopes: list[str]) -> None:
    with pytest.raises(Invalid) as refusal, workshop.open(actor) as work:
        keys.create_key(work, name="Backend", scopes=scopes)
    assert "messages.write" in refusal.value.fields["scopes"][0]


def test_a_projects_id_is_taken_once(workshop: Workshop) -> None:
    with pytest.raises(Conflict, match="exists already"), workshop.open(system()) as work:
        projects.create_project(work, "default", name="Again")
