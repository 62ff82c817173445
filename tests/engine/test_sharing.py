"""Providers side by side divide what there is by their shares; who rests or has no room owes and is owed nothing."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from app.engine import dispatch, plans, turns
from app.engine.machine import Machine
from app.models.messages import Message
from app.models.providers import Provider
from app.services.work import Workshop
from tests.conftest import FakeClock
from tests.engine import runners, story
from tests.engine.runners import DOWN, Runner, runner

__all__ = ["runner"]  # the fixture


def test_one_message_is_divided_by_share(any_machine: Machine, runner: Runner) -> None:
    first, second = runners.connect(any_machine, 0, 0)
    runners.change(any_machine, first, share=3)
    pk = runners.start(any_machine, 40)
    dispatch.drain(any_machine, pk)
    assert runner.visits() == {first: 30, second: 10}
    assert story.counts(any_machine, pk) == {"sent": 40}


def test_messages_to_one_person_each_follow_the_shares(any_machine: Machine, runner: Runner) -> None:
    first, second, backup = runners.connect(any_machine, 0, 0, 1)
    runners.change(any_machine, first, share=3)
    for _ in range(8):
        dispatch.drain(any_machine, runners.start(any_machine))
    assert [pk for pk, _ in runner.sent] == [first, first, second, first, first, first, second, first]
    assert backup not in runner.visits()


def test_large_messages_go_in_small_batches_and_still_by_share(
    machine: Machine, runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plans, "FIRST_BATCH", 7)
    monkeypatch.setattr(dispatch, "MOST_BATCH", 7)
    first, second = runners.connect(machine, 0, 0)
    runners.change(machine, second, share=2)
    dispatch.drain(machine, runners.start(machine, 90))
    assert runner.visits() == {first: 30, second: 60}


def test_what_went_back_untouched_was_not_given(any_machine: Machine, runner: Runner) -> None:
    first, second = runners.connect(any_machine, 0, 0)
    runner.short = {first}
    pk = runners.start(any_machine, 20)
    for _ in range(20):
        dispatch.drain(any_machine, pk)
    assert runner.visits() == {first: 10, second: 10}


def test_what_a_provider_missed_while_it_rested_is_not_made_up_for(
    any_machine: Machine, runner: Runner, moving: FakeClock
) -> None:
    first, second = runners.connect(any_machine, 0, 0)
    runners.change(any_machine, first, enabled=False)
    for _ in range(10):
        dispatch.drain(any_machine, runners.start(any_machine))
    assert runner.visits() == {second: 10}
    runners.change(any_machine, first, enabled=True)
    for _ in range(10):
        dispatch.drain(any_machine, runners.start(any_machine))
    assert runner.visits() == {first: 5, second: 15}


def test_a_provider_at_its_limit_leaves_the_rest_to_its_neighbour(
    any_machine: Machine, runner: Runner, moving: FakeClock
) -> None:
    first, _ = runners.connect(any_machine, 0, 0)
    runners.change(any_machine, first, rate_count=3, rate_seconds=60)
    pk = runners.start(any_machine, 20)
    for _ in range(4):
        dispatch.drain(any_machine, pk)
    assert runner.visits()[first] <= 4
    assert runner.visits().total() == 20
    assert story.counts(any_machine, pk) == {"sent": 20}


def test_the_next_tier_steps_in_only_when_the_whole_tier_is_out(any_machine: Machine, runner: Runner) -> None:
    first, second, backup = runners.connect(any_machine, 0, 0, 1)
    runner.moods = {first: DOWN}
    pk = runners.start(any_machine, 10)
    for _ in range(4):
        dispatch.drain(any_machine, pk)
    assert runner.visits() == {first: 5, second: 10}
    runner.moods = {first: DOWN, second: DOWN}
    other = runners.start(any_machine, 4)
    for _ in range(4):
        dispatch.drain(any_machine, other)
    assert runner.visits()[backup] == 4
    assert story.counts(any_machine, other) == {"sent": 4}


def test_two_workers_that_choose_alike_are_both_charged(any_machine: Machine, runner: Runner) -> None:
    first, second = runners.connect(any_machine, 0, 0)
    pk = runners.start(any_machine, 4)
    now, chosen = any_machine.clock.now(), []
    for _ in range(2):  # both look before one of them claims
        with any_machine.database.read() as session:
            tier = [session.get_one(Provider, number) for number in (first, second)]
            chosen.append(turns.choose(session, session.get_one(Message, pk), tier, 1, now))
    assert [turn and turn.provider_pk for turn in chosen] == [first, first]
    for turn in chosen:
        with any_machine.database.begin() as session:
            assert turn is not None
            turns.used(session, turn, 1)
    for expected in (second, second, first):
        with any_machine.database.begin() as session:
            turn = turns.choose(session, session.get_one(Message, pk), tier, 1, now)
            assert turn is not None
            assert turn.provider_pk == expected
            turns.used(session, turn, 1)
    balances = {row[0]: row[1] for row in story.rows(any_machine, "SELECT provider_pk, balance FROM turns")}
    assert balances == {first: pytest.approx(0.5), second: pytest.approx(-0.5)}


def test_a_provider_alone_in_its_place_keeps_no_account(machine: Machine, runner: Runner) -> None:
    runners.connect(machine, 0, 1)
    dispatch.drain(machine, runners.start(machine, 5))
    assert story.rows(machine, "SELECT * FROM turns") == []


def test_workers_side_by_side_lose_and_double_nothing(
    any_workshop: Workshop, runner: Runner, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three workers, shares, failures, a breaker that opens and is tried: on PostgreSQL no lock may wait in a ring."""
    monkeypatch.setattr(plans, "FIRST_BATCH", 10)
    monkeypatch.setattr(dispatch, "MOST_BATCH", 10)
    machines = [
        Machine(any_workshop.settings, any_workshop.database, any_workshop.broker, clock, any_workshop.vault)
        for _ in range(3)
    ]
    first, second, third = runners.connect(machines[0], 0, 0, 1)
    runner.moods[first] = DOWN
    pk = runners.start(machines[0], 200)

    def work(machine: Machine) -> None:
        for _ in range(30):
            dispatch.drain(machine, pk)
            clock.move(5)
        machine.close()

    with ThreadPoolExecutor(3) as pool:
        for done in [pool.submit(work, machine) for machine in machines]:
            done.result(120)
    assert story.counts(machines[0], pk) == {"sent": 200}
    taken = [address for number, address in runner.sent if number in {second, third}]
    assert len(taken) == len(set(taken)) == 200
