"""Scheduled messages and time that misbehaves: a laptop asleep, a clock that is stepped, rules of zones that change."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from app.domain.permissions import system
from app.engine import scheduler, ticker
from app.engine.machine import Machine
from app.models.messages import Message
from app.models.projects import Project
from app.services.sending import sending
from tests import factories
from tests.conftest import START, FakeClock
from tests.engine import story

HOUR, DAY = 3600, 86400


def _schedule(machine: Machine, seconds: float, **columns: object) -> int:
    with machine.database.begin() as session:
        at = START + timedelta(seconds=seconds)
        message = factories.make_message(session, status="scheduled", **{"scheduled_at": at} | columns)
    return int(message.pk)


def _look(machine: Machine) -> int:
    """What a ticker does at its next look; how many messages it started."""
    started = scheduler.start_due(machine)
    scheduler.set_aside_late(machine)
    return started


def _events(machine: Machine, pk: int) -> list[str]:
    return [row.event for row in story.rows(machine, "SELECT event FROM message_events WHERE message_pk = :p", p=pk)]


def test_after_a_short_outage_what_was_due_starts(any_machine: Machine, moving: FakeClock) -> None:
    pk = _schedule(any_machine, 0)
    moving.move(HOUR)
    assert _look(any_machine) == 1
    assert story.message(any_machine, pk).status == "processing"


def test_after_a_long_outage_what_was_due_waits_for_a_person(any_machine: Machine, moving: FakeClock) -> None:
    pk = _schedule(any_machine, 0)
    moving.move(HOUR + 1)
    assert [_look(any_machine), _look(any_machine)] == [0, 0]
    message = story.message(any_machine, pk)
    assert (message.status, message.late_at, message.started_at) == ("scheduled", moving.now(), None)
    assert _events(any_machine, pk) == ["late"]
    assert sum(any_machine.broker.waiting().values()) == 0


def test_a_message_may_say_itself_how_late_it_may_start(any_machine: Machine, moving: FakeClock) -> None:
    patient, strict = _schedule(any_machine, 0, max_lateness=DAY), _schedule(any_machine, 0, max_lateness=300)
    moving.move(301)
    assert _look(any_machine) == 1
    assert story.message(any_machine, patient).status == "processing"
    assert story.message(any_machine, strict).late_at == moving.now()


def test_the_project_says_how_late_the_others_may_start(any_machine: Machine, moving: FakeClock) -> None:
    pk = _schedule(any_machine, 0)
    with any_machine.database.begin() as session:
        session.execute(update(Project).values(max_lateness=2 * DAY))
    moving.move(2 * DAY)
    assert _look(any_machine) == 1
    assert story.message(any_machine, pk).late_at is None


def test_a_clock_that_is_stepped_back_starts_nothing_twice(any_machine: Machine, moving: FakeClock) -> None:
    pk = _schedule(any_machine, 10)
    moving.move(11)
    assert _look(any_machine) == 1
    moving.move(-2 * HOUR)
    assert _look(any_machine) == 0
    moving.move(2 * HOUR)
    assert _look(any_machine) == 0
    assert _events(any_machine, pk) == ["started"]


def test_a_clock_that_runs_days_ahead_sends_no_week_at_once(any_machine: Machine, moving: FakeClock) -> None:
    week = [_schedule(any_machine, (day + 0.5) * DAY) for day in range(7)]
    moving.move(7 * DAY)
    assert _look(any_machine) == 0
    assert all(story.message(any_machine, pk).late_at for pk in week)


def test_what_a_clock_ahead_made_late_starts_at_its_time_once_the_clock_is_right_again(
    any_machine: Machine, moving: FakeClock
) -> None:
    pk = _schedule(any_machine, DAY)
    moving.move(3 * DAY)
    _look(any_machine)
    moving.move(-3 * DAY)
    _look(any_machine)
    assert story.message(any_machine, pk).late_at is None
    moving.move(DAY)
    assert _look(any_machine) == 1
    assert _events(any_machine, pk) == ["late", "early_again", "started"]


def test_a_step_back_to_after_its_time_does_not_start_what_waits_for_a_person(
    any_machine: Machine, moving: FakeClock
) -> None:
    pk = _schedule(any_machine, 0)
    moving.move(2 * HOUR)
    _look(any_machine)
    moving.move(-HOUR - 1800)
    assert _look(any_machine) == 0
    assert story.message(any_machine, pk).status == "scheduled"


def test_a_person_sends_moves_or_takes_back_what_is_late_and_the_trail_says_how_late_it_was(
    any_machine: Machine, moving: FakeClock
) -> None:
    shop = story.workshop_of(any_machine)
    late = [_schedule(any_machine, 0) for _ in range(3)]
    moving.move(5 * HOUR)
    _look(any_machine)
    sent, moved, taken = (story.message(any_machine, pk).id for pk in late)
    with shop.open(system(1)) as work:
        sending.send_unchecked(work, sent)
        sending.schedule_unchecked(work, moved, moving.now() + timedelta(hours=1))
        sending.unschedule(work, taken)
    found = [story.message(any_machine, pk) for pk in late]
    assert [message.status for message in found] == ["processing", "scheduled", "draft"]
    assert [message.late_at for message in found] == [None, None, None]
    told = story.rows(any_machine, "SELECT event, details FROM audit_entries ORDER BY pk")
    assert [row.event for row in told] == ["message.send", "message.schedule", "message.unschedule"]
    assert all(str(5 * HOUR) in str(row.details) for row in told)
    moving.move(HOUR)
    assert _look(any_machine) == 1


def test_more_than_a_page_of_late_messages_is_set_aside_at_one_look(any_machine: Machine, moving: FakeClock) -> None:
    late = [_schedule(any_machine, 0) for _ in range(scheduler.PAGE + 3)]
    due = _schedule(any_machine, 2 * HOUR)
    moving.move(2 * HOUR)
    assert _look(any_machine) == 1
    assert story.message(any_machine, due).status == "processing"
    assert all(story.message(any_machine, pk).late_at for pk in late)


def test_a_moment_is_counted_anew_from_the_wall_when_the_rules_of_its_zone_change(any_machine: Machine) -> None:
    """As if Berlin had been planned to keep summer time when the message was scheduled, and did not in the end."""
    before = datetime(2026, 11, 24, 7, 0, tzinfo=UTC)
    wall = {"scheduled_wall": "2026-11-24T09:00", "scheduled_zone": "Europe/Berlin", "scheduled_rules": "2026a"}
    pk = _schedule(any_machine, 0, scheduled_at=before, **wall)
    assert [scheduler.follow_rules(any_machine, "2026f") for _ in range(2)] == [1, 0]
    message = story.message(any_machine, pk)
    assert (message.scheduled_at, message.scheduled_rules) == (before + timedelta(hours=1), "2026f")
    assert _events(any_machine, pk) == ["moved_with_zone"]


def test_a_time_that_new_rules_skip_is_moved_forward_and_not_lost(any_machine: Machine) -> None:
    wall = {"scheduled_wall": "2027-03-28T02:30", "scheduled_zone": "Europe/Berlin", "scheduled_rules": "2026a"}
    pk = _schedule(any_machine, 0, scheduled_at=datetime(2027, 3, 28, 0, 30, tzinfo=UTC), **wall)
    scheduler.follow_rules(any_machine, "2026f")
    assert story.message(any_machine, pk).scheduled_at == datetime(2027, 3, 28, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "columns",
    [
        {"scheduled_wall": "2026-11-24T09:00", "scheduled_zone": "UTC"},
        {"scheduled_wall": "", "scheduled_zone": ""},
        {"scheduled_wall": "2026-11-24T09:00", "scheduled_zone": "Europe/Berlin", "scheduled_rules": "2026g"},
        {"scheduled_wall": "2026-11-24T09:00", "scheduled_zone": "Atlantis/Poseidonis"},
    ],
)
def test_moments_of_programs_of_newer_rules_and_of_unknown_zones_stay(
    machine: Machine, columns: dict[str, object]
) -> None:
    pk = _schedule(machine, 5, **columns)
    assert scheduler.follow_rules(machine, "2026f") == 0
    assert story.message(machine, pk).scheduled_at == START + timedelta(seconds=5)


def test_the_ticker_does_all_of_it_by_itself(machine: Machine, moving: FakeClock) -> None:
    class OneLook:
        is_up = False

        def wait(self, seconds: float) -> bool:
            self.is_up = True
            return True

    late = _schedule(machine, 0)
    wall = {"scheduled_wall": "2026-11-25T09:00", "scheduled_zone": "Europe/Berlin"}
    moved = _schedule(machine, DAY, **wall)
    due = _schedule(machine, 2 * HOUR)
    moving.move(2 * HOUR)
    ticker.run(machine, OneLook())
    assert story.message(machine, due).status == "processing"
    assert story.message(machine, late).late_at == moving.now()
    assert story.message(machine, moved).scheduled_at == datetime(2026, 11, 25, 8, 0, tzinfo=UTC)
    with machine.database.read() as session:
        assert session.get_one(Message, moved).scheduled_rules >= "2026"
