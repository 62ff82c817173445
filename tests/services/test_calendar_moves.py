"""Moving a message on the calendar: by whom, whereto, and what it keeps."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from app.domain.calendar_days import days_from
from app.domain.errors import Conflict, Forbidden, Invalid
from app.domain.permissions import Actor
from app.models.topics import Topic
from app.services.planning import calendar, calendar_moves
from app.services.work import Work, Workshop
from tests.conftest import START
from tests.factories import make_audience, make_provider, make_topic
from tests.services.calendar_story import BERLIN, HOUR, TUESDAY, schedule, start


@pytest.fixture
def ready(workshop: Workshop, actor: Actor) -> Workshop:
    """A project that can send."""
    with workshop.open(actor) as work:
        make_provider(work)
        make_audience(work.session, 3)
    return workshop


def test_a_scheduled_message_keeps_its_zone_and_its_lateness_when_it_moves(ready: Workshop, composer: Actor) -> None:
    with ready.open(composer) as work:
        message = schedule(work, topic=_topic(work), max_lateness=900)
        moved = calendar_moves.move(work, message.id, "2026-11-30T03:30", "America/New_York", was=TUESDAY.isoformat())
        assert (moved.before, moved.after, moved.can_undo) == (TUESDAY, datetime(2026, 11, 30, 8, 30, tzinfo=UTC), True)
        assert (message.scheduled_wall, message.scheduled_zone) == ("2026-11-30T09:30", "Europe/Berlin")
        assert (message.status, message.max_lateness, message.scheduled_at) == ("scheduled", 900, moved.after)
        calendar_moves.move(work, message.id, TUESDAY.isoformat(), "UTC", was=moved.after.isoformat())
        assert (message.scheduled_wall, message.scheduled_at) == ("2026-11-24T09:00", TUESDAY)


def test_the_second_turn_of_an_hour_can_be_chosen(ready: Workshop, composer: Actor) -> None:
    with ready.open(composer) as work:
        message = schedule(work, topic=_topic(work))
        calendar_moves.move(work, message.id, "2027-10-31T02:30+01:00", "Europe/Berlin")
        assert message.scheduled_at == datetime(2027, 10, 31, 1, 30, tzinfo=UTC)
        assert (message.scheduled_wall, message.scheduled_zone) == ("2027-10-31T01:30", "UTC")
        calendar_moves.move(work, message.id, "2027-10-31T02:30+02:00", "Europe/Berlin")
        assert message.scheduled_at == datetime(2027, 10, 31, 0, 30, tzinfo=UTC)


def test_a_draft_gets_another_date_and_stays_a_draft(ready: Workshop, composer: Actor) -> None:
    with ready.open(composer) as work:
        message = schedule(work, status="draft")
        calendar_moves.move(work, message.id, "2026-12-24T18:00", "Europe/Berlin", was=TUESDAY.isoformat())
        assert (message.status, message.scheduled_wall) == ("draft", "2026-12-24T18:00")
        assert message.scheduled_at == datetime(2026, 12, 24, 17, tzinfo=UTC)


@pytest.mark.parametrize(
    ("wall", "zone", "sentence"),
    [
        ("2026-11-20T09:00", "Europe/Berlin", "lies in the past"),
        ("2026-11-20T09:00+01:00", "Europe/Berlin", "lies in the past"),
        ("2027-03-28T02:30", "Europe/Berlin", "go forward over 02:30"),
        ("2031-01-01T09:00", "Europe/Berlin", "two years ahead"),
        ("soon", "Europe/Berlin", "needs a date and a time"),
        ("", "Europe/Berlin", "needs a date and a time"),
        ("9999-12-31T23:59-12:00", "Europe/Berlin", "needs a date and a time"),
        ("0001-01-01T00:00+12:00", "Europe/Berlin", "needs a date and a time"),
        ("2026-12-01T09:00", "Europe/Nowhere", "does not exist"),
    ],
)
def test_times_that_cannot_be_are_refused_in_words(
    ready: Workshop, composer: Actor, wall: str, zone: str, sentence: str
) -> None:
    with ready.open(composer) as work:
        message = schedule(work, topic=_topic(work))
        with pytest.raises(Invalid, match=sentence):
            calendar_moves.move(work, message.id, wall, zone)
        assert calendar_moves.ask(work, message.id, wall, zone).moment is None
        assert message.scheduled_at == TUESDAY


def test_whoever_moves_what_somebody_else_moved_is_told(ready: Workshop, composer: Actor) -> None:
    with ready.open(composer) as work:
        message = schedule(work, topic=_topic(work))
        for was in ((TUESDAY - HOUR).isoformat(), "nonsense", "2026-11-24T08:00"):
            with pytest.raises(Conflict, match="Somebody else moved"):
                calendar_moves.move(work, message.id, "2026-12-01T09:00", "Europe/Berlin", was=was)
        start(work, START)
        message.status = "processing"
        work.session.flush()
        with pytest.raises(Conflict, match="was sent meanwhile"):
            calendar_moves.move(work, message.id, "2026-12-01T09:00", "Europe/Berlin")


def test_only_whoever_may_send_moves_what_is_scheduled(ready: Workshop, viewer: Actor, operator: Actor) -> None:
    with ready.open(operator) as work:
        message = schedule(work, topic=_topic(work))
        draft = schedule(work, status="draft")
        plans = calendar.plan_of(work, days_from(TUESDAY.date(), 1, BERLIN))
        assert [each.can_move for each in plans[0].entries] == [False, False]
        for actor in (viewer, operator):
            for each in (message, draft):
                with pytest.raises(Forbidden):
                    calendar_moves.move(work.given_to(actor), each.id, "2026-12-01T09:00", "Europe/Berlin")


def test_a_message_to_many_asks_before_it_moves(ready: Workshop, composer: Actor) -> None:
    with ready.open(composer) as work:
        topic = make_topic(work.session, name="Everybody")
        topic.email_total = calendar_moves.LARGE + 1
        message = schedule(work, status="draft", topic=topic.id)
        with pytest.raises(calendar_moves.AskFirst):
            calendar_moves.move(work, message.id, "2026-12-01T09:00", "Europe/Berlin", is_sure=False)
        assert message.scheduled_at == TUESDAY
        topic.email_total = calendar_moves.LARGE
        work.session.flush()
        calendar_moves.move(work, message.id, "2026-12-01T09:00", "Europe/Berlin", is_sure=False)
        assert message.scheduled_wall == "2026-12-01T09:00"


def test_a_late_message_moves_ahead_and_cannot_go_back(ready: Workshop, composer: Actor) -> None:
    with ready.open(composer) as work:
        message = schedule(work, START - 2 * HOUR, topic=_topic(work), late_at=START)
        moved = calendar_moves.move(work, message.id, "2026-12-01T09:00", "Europe/Berlin")
        assert (message.late_at, moved.can_undo) == (None, False)


def _topic(work: Work) -> str:
    """The topic of the project that can send."""
    return work.session.scalars(select(Topic.id)).first() or ""
