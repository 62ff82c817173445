"""What workers write about providers, and how minutes become hours."""

from datetime import timedelta
from typing import Any

from sqlalchemy import func, insert, select

from app.domain.outcomes import accepted
from app.engine import dispatch, provider_history, reaper
from app.engine.machine import Machine
from app.models.provider_history import COUNTS, ProviderPeriod
from tests.conftest import FakeClock
from tests.engine import runners, story
from tests.engine.runners import CUT, WRONG, Runner, runner

__all__ = ["runner"]  # the fixture


def _periods(machine: Machine) -> list[Any]:
    return story.rows(machine, "SELECT * FROM provider_periods ORDER BY seconds, begins_at, worker")


def test_a_batch_is_counted_in_the_row_of_its_worker(any_machine: Machine, runner: Runner) -> None:
    [pk] = runners.connect(any_machine, 0)
    for _ in range(2):
        dispatch.drain(any_machine, runners.start(any_machine, 3))
    [row] = _periods(any_machine)
    assert (row.provider_pk, row.seconds, row.worker, row.tried, row.accepted) == (pk, 60, any_machine.name, 6, 6)
    assert row.took_0 == 6, "answers came at the moment they were asked for"
    assert row.begins_at % 60_000 == 0


def test_tries_are_timed_by_their_own_answers(machine: Machine, runner: Runner, moving: FakeClock) -> None:
    runners.connect(machine, 0)
    pk = runners.start(machine, 2)
    runner.meanwhile = lambda: moving.move(5)  # the batch ends long after its answers
    dispatch.drain(machine, pk)
    rows = story.rows(machine, "SELECT started_at, ended_at FROM attempts")
    assert [row.ended_at - row.started_at for row in rows] == [0, 0]


def test_an_answer_about_the_settings_counts_as_a_failure(any_machine: Machine, runner: Runner) -> None:
    [pk] = runners.connect(any_machine, 0)
    runner.moods[pk] = WRONG
    dispatch.drain(any_machine, runners.start(any_machine, 3))
    [row] = _periods(any_machine)
    assert (row.tried, row.failed) == (3, 3)
    assert story.rows(any_machine, "SELECT pk FROM attempts") == [], "though no delivery was tried by it"


def test_what_a_lost_worker_left_in_doubt_is_counted_by_who_takes_it_over(
    any_machine: Machine, runner: Runner, moving: FakeClock
) -> None:
    [pk] = runners.connect(any_machine, 0)
    runner.moods[pk] = CUT
    runner.meanwhile = lambda: (moving.move(61), reaper.reap(any_machine))[0]
    dispatch.drain(any_machine, runners.start(any_machine, 2))
    [row] = _periods(any_machine)
    assert (row.tried, row.uncertain) == (2, 2)


def test_minutes_of_a_month_ago_become_hours_and_nothing_is_lost(any_machine: Machine, moving: FakeClock) -> None:
    [pk] = runners.connect(any_machine, 0)
    for _ in range(4):
        with any_machine.database.begin() as session:
            for worker in ("one", "two"):
                times = [timedelta(milliseconds=90)]
                provider_history.note(session, (pk, 1), worker, [accepted()], times, moving.now())
        moving.move(1200)
    assert provider_history.sweep(any_machine) == 0
    moving.move(31 * 86400)
    with any_machine.database.begin() as session:
        provider_history.note(session, (pk, 1), "one", [accepted()], (), moving.now())
    assert provider_history.sweep(any_machine) == 8
    assert provider_history.sweep(any_machine) == 0
    rows = _periods(any_machine)
    assert [(row.seconds, row.worker) for row in rows] == [(60, "one"), (3600, ""), (3600, "")]
    assert sum(row.tried for row in rows) == 9
    assert sum(row.took_8 for row in rows) == 8
    assert all(row.begins_at % 3_600_000 == 0 for row in rows[1:])


def test_late_minutes_are_added_to_the_hour_that_is_there(any_machine: Machine, moving: FakeClock) -> None:
    [pk] = runners.connect(any_machine, 0)
    long_ago = moving.now() - timedelta(days=40)
    for _ in range(2):
        with any_machine.database.begin() as session:
            provider_history.note(session, (pk, 1), "one", [accepted()], (), long_ago)
        assert provider_history.sweep(any_machine) == 1
    [row] = _periods(any_machine)
    assert (row.seconds, row.tried) == (3600, 2)


def test_a_long_past_is_folded_a_day_at_a_time_and_dropped_in_the_end(machine: Machine, moving: FakeClock) -> None:
    [pk] = runners.connect(machine, 0)
    begins = provider_history.start_of(moving.now() - timedelta(days=35), 3600)
    rows = [
        {"provider_pk": pk, "seconds": 60, "begins_at": begins + timedelta(hours=hour), "worker": "w", "project_pk": 1,
         **dict.fromkeys(COUNTS, 1)}
        for hour in range(72)
    ]  # fmt: skip
    with machine.database.begin() as session:
        session.execute(insert(ProviderPeriod), rows)
    assert [provider_history.sweep(machine) for _ in range(4)] == [24, 24, 24, 0]
    moving.move(369 * 86400)
    while provider_history.sweep(machine):
        pass
    with machine.database.read() as session:
        assert session.scalar(select(func.count()).select_from(ProviderPeriod)) == 0
