"""Sending now and later, and everything that may be done on the way."""

from datetime import UTC, datetime

import pytest

from app.domain.errors import Conflict, Forbidden, Invalid
from app.domain.permissions import Actor
from app.engine import fanout
from app.engine.machine import Machine
from app.services.sending import sending
from app.services.sending.sending import parse_wall_time
from app.services.tracking import dead_letter_orders
from app.services.work import Workshop
from tests import factories
from tests.conftest import START, FakeClock


@pytest.fixture
def draft(workshop: Workshop, actor: Actor) -> str:
    """A message to three people with a provider: nothing is missing."""
    with workshop.open(actor) as work:
        factories.make_provider(work)
        topic = factories.make_audience(work.session, 3)
        message = factories.make_message(work.session, audience={"topics": [topic.id]})
    return str(message.id)


def test_send_starts_the_message_and_rings_the_workers(workshop: Workshop, composer: Actor, draft: str) -> None:
    with workshop.open(composer) as work:
        message = sending.send(work, draft)
    assert message.status == "processing"
    assert message.started_at == START
    assert workshop.broker.waiting() == {"urgent": 1, "bulk": 0}


def test_two_clicks_send_once(workshop: Workshop, composer: Actor, draft: str) -> None:
    with workshop.open(composer) as work:
        sending.send(work, draft)
    with pytest.raises(Conflict, match="being sent"), workshop.open(composer) as work:
        sending.send(work, draft)


def test_nothing_is_sent_that_somebody_changed_meanwhile(workshop: Workshop, composer: Actor, draft: str) -> None:
    with pytest.raises(Conflict, match="another window"), workshop.open(composer) as work:
        sending.send(work, draft, version=7)


def test_an_audience_of_nobody_is_refused_in_words(workshop: Workshop, composer: Actor) -> None:
    with workshop.open(composer) as work:
        factories.make_provider(work)
        message = factories.make_message(work.session)
    with pytest.raises(Invalid) as refusal, workshop.open(composer) as work:
        sending.send(work, message.id)
    assert "audience" in refusal.value.fields


def test_an_unclosed_variable_is_refused_in_words(workshop: Workshop, composer: Actor, draft: str) -> None:
    with workshop.open(composer) as work:
        message = work.find(factories.Message, draft, noun="message")
        message.content = {**message.content, "body": "Hello {{ name"}
    with pytest.raises(Invalid) as refusal, workshop.open(composer) as work:
        sending.send(work, draft)
    assert "body" in refusal.value.fields


@pytest.mark.parametrize("act", [sending.send, sending.pause, sending.cancel, dead_letter_orders.retry])
def test_a_viewer_may_only_look(workshop: Workshop, viewer: Actor, draft: str, act: object) -> None:
    with pytest.raises(Forbidden), workshop.open(viewer) as work:
        act(work, draft)  # type: ignore[operator]


def test_an_operator_may_stop_but_not_send(workshop: Workshop, composer: Actor, operator: Actor, draft: str) -> None:
    with pytest.raises(Forbidden), workshop.open(operator) as work:
        sending.send(work, draft)
    with workshop.open(composer) as work:
        sending.send(work, draft)
    with workshop.open(operator) as work:
        assert sending.pause(work, draft).paused_at == START
    with workshop.open(operator) as work:
        assert sending.resume(work, draft).paused_at is None


def test_schedule_keeps_the_moment_and_what_the_person_chose(workshop: Workshop, composer: Actor, draft: str) -> None:
    with workshop.open(composer) as work:
        message = sending.schedule(work, draft, "2026-11-24T09:00", "Europe/Berlin")
    assert message.status == "scheduled"
    assert message.scheduled_at == datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
    assert (message.scheduled_wall, message.scheduled_zone) == ("2026-11-24T09:00", "Europe/Berlin")


def test_a_scheduled_message_can_get_another_time_or_become_a_draft_again(
    workshop: Workshop, composer: Actor, draft: str
) -> None:
    for wall in ("2026-11-24T09:00", "2026-11-25T10:00"):
        with workshop.open(composer) as work:
            message = sending.schedule(work, draft, wall, "UTC")
    assert message.scheduled_at == datetime(2026, 11, 25, 10, 0, tzinfo=UTC)
    with workshop.open(composer) as work:
        assert sending.unschedule(work, draft).status == "draft"


@pytest.mark.parametrize(
    ("wall", "zone", "field", "word"),
    [
        ("2026-11-21T08:59", "UTC", "time", "past"),
        ("2027-03-28T02:30", "Europe/Berlin", "time", "go forward"),
        ("tomorrow", "UTC", "time", "2026-11-24 09:00"),
        ("2026-11-24T09:00+01:00", "UTC", "time", "2026-11-24 09:00"),
        ("2030-01-01T09:00", "UTC", "time", "two years"),
        ("0001-01-01T00:00", "Europe/Berlin", "time", "past"),
        ("9999-12-31T23:59", "America/New_York", "time", "two years"),
        ("2026-11-24T09:00", "Mars/Olympus", "zone", "Europe/Berlin"),
        ("2026-11-24T09:00", "../../etc/passwd", "zone", "Europe/Berlin"),
        ("", "UTC", "time", "2026-11-24 09:00"),
    ],
)
def test_a_time_that_cannot_be_is_refused_in_words(wall: str, zone: str, field: str, word: str) -> None:
    with pytest.raises(Invalid) as refusal:
        parse_wall_time(wall, zone, START)
    assert word in refusal.value.fields[field][0]


def test_where_clocks_go_back_the_first_of_the_two_moments_is_meant() -> None:
    moment = parse_wall_time("2027-10-31T02:30", "Europe/Berlin", START)
    assert moment == datetime(2027, 10, 31, 0, 30, tzinfo=UTC)


def test_cancel_says_how_many_will_not_get_it(
    workshop: Workshop, composer: Actor, draft: str, clock: FakeClock
) -> None:
    with workshop.open(composer) as work:
        pk = sending.send(work, draft).pk
    fanout.expand(Machine(workshop.settings, workshop.database, workshop.broker, clock, workshop.vault), pk)
    with workshop.open(composer) as work:
        assert sending.cancel(work, draft) == 3
