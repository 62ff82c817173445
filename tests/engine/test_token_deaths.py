"""Many device tokens called dead at once: none is retired before a person said what is true."""

import threading
from collections.abc import Sequence
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import select

from app.domain.outcomes import Outcome, OutcomeKind, Reason
from app.engine import breaker, dispatch, journal, ledger, plans, reaper, token_deaths
from app.engine.ledger import Holder, Lane
from app.engine.machine import Machine
from app.models.messages import Message
from app.models.provider_history import TokenDeath
from app.models.providers import Provider
from app.models.targets import Target
from app.providers.base import Account, Envelope, Watch
from tests.conftest import FakeClock
from tests.engine import couriers as push
from tests.engine import rushes, story
from tests.engine.couriers import Couriers, couriers
from tests.engine.rushes import DEAD

__all__ = ["couriers"]  # the fixture

FOREIGN = Outcome(OutcomeKind.RECIPIENT_PERMANENT, Reason.TOKEN_FOREIGN, "BadDeviceToken", "400")
BUSY = Outcome(OutcomeKind.THROTTLED, Reason.RATE_LIMITED, "Slow down", "429")


def _close(machine: Machine, pk: int) -> None:
    """As saving it does."""
    with machine.database.begin() as session:
        token_deaths.drop_held(session, pk)
        breaker.close(session, session.get_one(Provider, pk), machine.clock.now(), by="repaired")


def _believe(machine: Machine, pk: int) -> int:
    with machine.database.begin() as session:
        provider = session.get_one(Provider, pk)
        gone = token_deaths.believe(session, provider, machine.clock.now())
        breaker.close(session, provider, machine.clock.now(), by="repaired")
    return gone


def test_no_target_expires_when_a_third_of_a_batch_dies_at_once(any_machine: Machine, couriers: Couriers) -> None:
    rocket = push.connect(any_machine, "rocket")
    pk = rushes.start(any_machine, rocket, 31, 69)
    rushes.send(any_machine, couriers, pk)
    assert rushes.expired(any_machine) == set()
    assert story.counts(any_machine, pk) == {"sent": 69, "queued": 31}, "what was called dead waits, untouched"
    provider = rushes.provider(any_machine, rocket)
    assert (provider.blocked_reason, provider.retry_at) == ("mass_death", None)
    assert provider.blocked_detail.startswith("31 of the last 100 device tokens were called dead.")
    assert "410 Unregistered" in provider.blocked_detail
    assert "31 of the last 100" in _waiting_reason(any_machine, couriers, pk)


def _waiting_reason(machine: Machine, couriers: Couriers, pk: int) -> str:
    dispatch.drain(machine, pk)
    return story.message(machine, pk).waiting_reason


def test_no_probe_lets_the_provider_go_on_by_itself(
    any_machine: Machine, couriers: Couriers, moving: FakeClock
) -> None:
    rocket = push.connect(any_machine, "rocket")
    pk = rushes.start(any_machine, rocket, 31, 69)
    rushes.send(any_machine, couriers, pk)
    sent = len(couriers.rocket.sent)
    for _ in range(5):
        moving.move(3600)
        dispatch.drain(any_machine, pk)
    assert len(couriers.rocket.sent) == sent
    assert story.counts(any_machine, pk) == {"sent": 69, "queued": 31}


@pytest.mark.parametrize(("dead", "alive"), [(9, 0), (9, 100), (10, 40), (20, 80), (3, 97)], ids=str)
def test_a_few_deaths_are_believed(any_machine: Machine, couriers: Couriers, dead: int, alive: int) -> None:
    rocket = push.connect(any_machine, "rocket")
    pk = rushes.start(any_machine, rocket, dead, alive)
    rushes.send(any_machine, couriers, pk)
    assert len(rushes.expired(any_machine)) == dead
    assert rushes.provider(any_machine, rocket).blocked_at is None
    assert story.counts(any_machine, pk) == {name: n for name, n in (("failed", dead), ("sent", alive)) if n}


@pytest.mark.parametrize("outcome", [DEAD, FOREIGN], ids=["retired", "foreign"])
def test_a_wrong_environment_costs_no_token_of_a_message_to_everybody(
    machine: Machine, couriers: Couriers, outcome: Outcome
) -> None:
    rocket = push.connect(machine, "rocket")
    pk = rushes.start(machine, rocket, 40, 0)
    rushes.send(machine, couriers, pk, outcome)
    assert rushes.expired(machine) == set()
    assert story.counts(machine, pk) == {"queued": 40}


def test_messages_of_one_delivery_are_held_against_each_other_and_given_back(
    any_machine: Machine, couriers: Couriers, moving: FakeClock
) -> None:
    rocket = push.connect(any_machine, "rocket")
    for number in range(12):
        moving.move(30)
        rushes.send(any_machine, couriers, rushes.start(any_machine, rocket, 1, 0, f"n{number}"))
        assert len(rushes.expired(any_machine)) == (number + 1 if number < 9 else 0)
    assert rushes.provider(any_machine, rocket).blocked_detail.startswith("10 of the last 10 ")
    with any_machine.database.read() as session:
        assert token_deaths.held_count(session, rocket) == 10


def test_what_died_long_before_the_rush_stays_retired(
    any_machine: Machine, couriers: Couriers, moving: FakeClock
) -> None:
    rocket = push.connect(any_machine, "rocket")
    rushes.send(any_machine, couriers, rushes.start(any_machine, rocket, 2, 98, "old"))
    moving.move(3601)
    rushes.send(any_machine, couriers, rushes.start(any_machine, rocket, 20, 0, "new"))
    assert rushes.expired(any_machine) == {"dead-old-0", "dead-old-1"}


def test_small_batches_in_a_long_healthy_stretch_do_not_slip_under_the_guard(
    machine: Machine, couriers: Couriers, moving: FakeClock
) -> None:
    rocket = push.connect(machine, "rocket")
    for number in range(4):
        moving.move(120)
        rushes.send(machine, couriers, rushes.start(machine, rocket, 0, 100, f"fine{number}"))
    moving.move(120)
    for number in range(20):
        moving.move(1)
        rushes.send(machine, couriers, rushes.start(machine, rocket, 1, 0, f"bad{number}"))
    assert rushes.expired(machine) == set()
    assert rushes.provider(machine, rocket).blocked_reason == "mass_death"


@pytest.mark.parametrize("seed", range(5))
def test_whatever_the_sizes_a_healthy_trickle_is_retired(
    machine: Machine, couriers: Couriers, moving: FakeClock, seed: int
) -> None:
    rocket, dice, died = push.connect(machine, "rocket"), Random(seed), 0
    for number in range(25):
        size = dice.choice([1, 2, 7, 30, 90])
        dead = sum(dice.random() < 0.03 for _ in range(size))
        died += dead
        moving.move(dice.choice([0, 1, 45]))
        rushes.send(machine, couriers, rushes.start(machine, rocket, dead, size - dead, f"n{number}"))
        assert len(rushes.expired(machine)) == died
    assert rushes.provider(machine, rocket).blocked_at is None


@pytest.mark.parametrize("seed", range(5))
def test_whatever_the_sizes_a_mix_up_costs_no_token(
    machine: Machine, couriers: Couriers, moving: FakeClock, seed: int
) -> None:
    rocket, dice = push.connect(machine, "rocket"), Random(seed)
    total = 0
    while total < 30:
        size = dice.choice([1, 2, 3, 9, 30])
        total += size
        moving.move(dice.choice([0, 1, 20]))
        rushes.send(machine, couriers, rushes.start(machine, rocket, size, 0, f"n{total}"))
    assert rushes.expired(machine) == set()
    assert rushes.provider(machine, rocket).blocked_reason == "mass_death"


def test_answers_that_judge_no_token_do_not_hide_the_dead(machine: Machine, couriers: Couriers) -> None:
    rocket = push.connect(machine, "rocket")
    pk = rushes.start(machine, rocket, 15, 100)
    for row in story.rows(machine, "SELECT address FROM deliveries WHERE address LIKE 'living-%'"):
        couriers.rocket.answers[row.address] = BUSY
    rushes.send(machine, couriers, pk)
    assert rushes.expired(machine) == set()
    assert rushes.provider(machine, rocket).blocked_detail.startswith("15 of the last 15 ")


def test_two_workers_that_record_at_once_do_not_both_slip_under_the_guard(
    any_machine: Machine, couriers: Couriers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each has eight deaths, too few for itself; both have answers before either records."""
    monkeypatch.setattr(plans, "FIRST_BATCH", 8)
    rocket = push.connect(any_machine, "rocket")
    pk = rushes.start(any_machine, rocket, 16, 0)
    couriers.rocket.answers = {f"dead-m-{n}": DEAD for n in range(16)}
    both, send = threading.Barrier(2, timeout=20), couriers.rocket.send

    async def wait_for_both(account: Account, prepared: Any, envelopes: Sequence[Envelope], watch: Watch) -> None:
        await send(account, prepared, envelopes, watch)
        if len(couriers.rocket.sent) <= 16:  # a third batch may be chosen just before the provider is stopped
            both.wait()

    monkeypatch.setattr(couriers.rocket, "send", wait_for_both)
    threads = [threading.Thread(target=_drain_as_another, args=(any_machine, pk)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert rushes.expired(any_machine) == set()
    assert story.counts(any_machine, pk) == {"failed": 8, "queued": 8}
    assert rushes.provider(any_machine, rocket).blocked_detail.startswith("16 of the last 16 ")


def _drain_as_another(machine: Machine, pk: int) -> None:
    other = Machine(machine.settings, machine.database, machine.broker, machine.clock, machine.vault)
    dispatch.drain(other, pk)
    other.close()


def test_a_batch_that_was_under_way_retires_nothing_either(any_machine: Machine, couriers: Couriers) -> None:
    """It was claimed before the provider was stopped, and is far too small to count."""
    rocket = push.connect(any_machine, "rocket")
    late = _claim(any_machine, rocket, rushes.start(any_machine, rocket, 1, 0, "late"))
    rushes.send(any_machine, couriers, rushes.start(any_machine, rocket, 30, 0))
    _leave_in_journal(any_machine, late)
    _reap(any_machine)
    assert rushes.expired(any_machine) == set()
    assert story.counts(any_machine, late.message_pk) == {"queued": 1}
    with any_machine.database.read() as session:
        assert token_deaths.held_count(session, rocket) == 31


def test_the_reaper_believes_a_mass_death_as_little(any_machine: Machine, couriers: Couriers) -> None:
    rocket = push.connect(any_machine, "rocket")
    lost = _claim(any_machine, rocket, rushes.start(any_machine, rocket, 30, 0))
    _leave_in_journal(any_machine, lost)
    _reap(any_machine)
    assert rushes.expired(any_machine) == set()
    assert story.counts(any_machine, lost.message_pk) == {"queued": 30}
    assert rushes.provider(any_machine, rocket).blocked_reason == "mass_death"


def _claim(machine: Machine, rocket: int, pk: int) -> ledger.Lease:
    with machine.database.begin() as session:
        holder, lane = Holder(machine.name, timedelta(seconds=60)), Lane(rocket, rocket)
        lease = ledger.claim(session, session.get_one(Message, pk), lane, 100, holder, machine.clock.now())
    assert lease is not None
    return lease


def _leave_in_journal(machine: Machine, lease: ledger.Lease) -> None:
    book = journal.Journal(machine.journal_dir, lease)
    book.started(range(len(lease.deliveries)))
    for place in range(len(lease.deliveries)):
        book.answered(place, DEAD)
    book.close()


def _reap(machine: Machine) -> None:
    assert isinstance(machine.clock, FakeClock)
    machine.clock.move(61)
    reaper.reap(machine)


def test_devices_that_a_person_calls_gone_are_retired_and_the_provider_believed_for_a_day(
    any_machine: Machine, couriers: Couriers, moving: FakeClock
) -> None:
    rocket = push.connect(any_machine, "rocket")
    pk = rushes.start(any_machine, rocket, 31, 69)
    rushes.send(any_machine, couriers, pk)
    moving.move(60)
    assert _believe(any_machine, rocket) == 31
    assert len(rushes.expired(any_machine)) == 31
    rushes.send(any_machine, couriers, pk)
    assert story.counts(any_machine, pk) == {"sent": 69, "failed": 31}
    moving.move(23 * 3600)
    rushes.send(any_machine, couriers, rushes.start(any_machine, rocket, 40, 0, "later"))
    assert len(rushes.expired(any_machine)) == 71
    moving.move(3600)
    rushes.send(any_machine, couriers, rushes.start(any_machine, rocket, 40, 0, "too-late"))
    assert len(rushes.expired(any_machine)) == 71
    assert rushes.provider(any_machine, rocket).blocked_detail.startswith("40 of the last 40 ")


def test_a_device_that_registered_again_meanwhile_is_not_retired_by_a_persons_word(
    machine: Machine, couriers: Couriers, moving: FakeClock
) -> None:
    rocket = push.connect(machine, "rocket")
    rushes.send(machine, couriers, rushes.start(machine, rocket, 12, 0))
    moving.move(5)
    with machine.database.begin() as session:
        back = session.scalars(select(Target).where(Target.address == "dead-m-3")).one()
        back.updated_at = moving.now()
    assert _believe(machine, rocket) == 11
    assert "dead-m-3" not in rushes.expired(machine)


def test_after_a_repair_the_devices_are_kept_and_the_deliveries_arrive(
    any_machine: Machine, couriers: Couriers, moving: FakeClock
) -> None:
    rocket = push.connect(any_machine, "rocket")
    pk = rushes.start(any_machine, rocket, 31, 69)
    rushes.send(any_machine, couriers, pk)
    moving.move(60)
    _close(any_machine, rocket)
    couriers.rocket.answers = {"dead-m-0": DEAD}
    dispatch.drain(any_machine, pk)
    assert story.counts(any_machine, pk) == {"sent": 99, "failed": 1}
    assert rushes.expired(any_machine) == {"dead-m-0"}, "what died before the repair does not count any more"
    assert rushes.provider(any_machine, rocket).blocked_at is None


def test_a_repair_that_mended_nothing_is_found_out_again(any_machine: Machine, couriers: Couriers) -> None:
    rocket = push.connect(any_machine, "rocket")
    pk = rushes.start(any_machine, rocket, 31, 69)
    rushes.send(any_machine, couriers, pk)
    _close(any_machine, rocket)
    dispatch.drain(any_machine, pk)
    assert rushes.expired(any_machine) == set()
    assert rushes.provider(any_machine, rocket).blocked_detail.startswith("31 of the last 100 ")


def test_deaths_are_not_remembered_for_ever(machine: Machine, couriers: Couriers, moving: FakeClock) -> None:
    rocket = push.connect(machine, "rocket")
    for name in ("one", "two"):
        rushes.send(machine, couriers, rushes.start(machine, rocket, 5, 95, name))
        moving.move(3601)
    with machine.database.read() as session:
        assert len(session.scalars(select(TokenDeath)).all()) == 5
