"""Doors that open once, keys that end, and passwords that somebody else knows."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from app.domain.errors import Conflict, Invalid, SignedOut
from app.domain.permissions import Actor, system
from app.models.keys import ApiKey
from app.models.members import Invitation
from app.services.team import access, keys, members, memberships
from app.services.work import Workshop
from tests.conftest import START
from tests.security.conftest import PASSWORD, World


def join(workshop: Workshop, token: str, email: str) -> str:
    with workshop.open(system()) as work:
        return memberships.join(work, token, email=email, name="", password=PASSWORD)


def test_the_first_address_is_worth_nothing_once_there_is_a_member(workshop: Workshop) -> None:
    """Who finds an old log must not become an admin of a house that is inhabited."""
    with workshop.open(system()) as work:
        token = access.invite_first_member(work)
        members.create_member(work, "olga@example.org", PASSWORD, role="admin", project_id="default")
    with pytest.raises(SignedOut), workshop.open(system()) as work:
        members.accept_first_invitation(work, token, email="mallory@example.org", name="", password=PASSWORD)


def test_an_invitation_lets_one_person_in(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        token = memberships.invite(work, "viewer")
    join(workshop, token, "ann@example.org")
    with pytest.raises(SignedOut):
        join(workshop, token, "ben@example.org")


def test_of_two_who_come_through_one_invitation_at_once_one_gets_in(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        memberships.invite(work, "viewer")
        work.session.flush()
        invitation = work.session.scalars(select(Invitation)).one()
        access.use_up(work, invitation, "Too late.")
        with pytest.raises(SignedOut, match="Too late"):
            access.use_up(work, invitation, "Too late.")


@pytest.mark.parametrize("typed", ["Ann@BÜCHER.example", "  ann@xn--bcher-kva.example  "])
def test_an_address_beyond_ascii_signs_in_however_it_is_written(workshop: Workshop, typed: str) -> None:
    with workshop.open(system()) as work:
        members.create_member(work, "ann@bücher.example", PASSWORD, role="viewer", project_id="default")
    with workshop.open(system()) as work:
        assert access.sign_in(work, typed, PASSWORD)


def test_a_new_password_ends_every_session(workshop: Workshop) -> None:
    with workshop.open(system()) as work:
        members.create_member(work, "ann@example.org", PASSWORD, role="viewer", project_id="default")
        token = access.sign_in(work, "ann@example.org", PASSWORD)
    with workshop.open(system()) as work:
        members.replace_password(work, "ann@example.org", "another horse battery")
    with workshop.open(system()) as work:
        assert access.resume(work, token) is None
        assert access.sign_in(work, "ann@example.org", "another horse battery")
        with pytest.raises(Invalid):
            access.sign_in(work, "ann@example.org", PASSWORD)


def test_a_password_is_not_replaced_for_nobody_nor_by_a_short_one(workshop: Workshop) -> None:
    for email, password, field in (("no@example.org", PASSWORD, "email"), ("no@example.org", "short", "password")):
        with pytest.raises(Invalid) as caught, workshop.open(system()) as work:
            members.replace_password(work, email, password)
        assert field in caught.value.fields


def test_a_key_ends_at_the_projects_own_time_and_never_in_the_past(world: World, workshop: Workshop) -> None:
    client = world.enter("admin")
    fields = {"name": "Till", "scopes": "messages.read", "expires_at": "2026-12-01T09:00"}
    assert client.post("/p/default/settings/keys/new", data=fields).status_code == 200
    with workshop.read(system()) as work:
        key = work.session.scalars(select(ApiKey).where(ApiKey.name == "Till")).one()
    assert key.expires_at == datetime(2026, 12, 1, 8, 0, tzinfo=UTC)  # nine in Berlin
    answer = client.post("/p/default/settings/keys/new", data={**fields, "expires_at": "2026-11-20T09:00"})
    assert "Ends at lies in the past" in answer.text


def test_a_key_that_has_ended_opens_nothing(workshop: Workshop, actor: Actor, clock: object) -> None:
    with workshop.open(actor) as work:
        _, secret = keys.create_key(work, name="Till", scopes=["all"], expires_at=START.replace(hour=10))
    clock.move(3_601)
    with workshop.read(system()) as work:
        shown = keys.show_key(work, "default", secret)
    assert shown is not None
    assert shown.is_expired


def test_two_who_save_the_same_thing_at_once_get_a_sentence(workshop: Workshop, actor: Actor) -> None:
    """What only the database can see, because both looked before either wrote."""
    with pytest.raises(Conflict, match="at the same moment"):
        _make_keys(workshop, actor, ["same", "same"])


def _make_keys(workshop: Workshop, actor: Actor, ids: list[str]) -> None:
    with workshop.open(actor) as work:
        for number, key_id in enumerate(ids):
            key = ApiKey(
                id=key_id, project_pk=1, name="x", secret_hash=str(number), secret_ending="", scopes=[], **work.stamp()
            )
            work.session.add(key)


@pytest.mark.parametrize("query", ["at=0&done=0&pace=nan", "at=0&done=-1&pace=1", f"at=0&done={'9' * 400}&pace=1e-320"])
def test_numbers_that_no_page_of_ours_said_are_left_alone(world: World, query: str) -> None:
    client, message = world.enter("viewer"), world.by_status["processing"]
    assert client.get(f"/p/default/messages/{message}/-/progress?{query}").status_code == 200
