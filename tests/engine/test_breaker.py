"""The breaker: what opens it, who may try a provider that rests, what closes it, and what is kept of all that."""

from datetime import timedelta
from itertools import pairwise

import pytest
from sqlalchemy import select

from app.domain.outcomes import Outcome, accepted
from app.engine import breaker, dispatch, plans, provider_history, turns
from app.engine.breaker import Verdict
from app.engine.ledger import Holder, Lease
from app.engine.machine import Machine
from app.models.messages import Message
from app.models.provider_history import BreakerOpening
from app.models.providers import Provider
from tests.conftest import FakeClock
from tests.engine import runners, story
from tests.engine.runners import BUSY, CUT, DEAD, DOWN, FULL, WRONG, Runner, runner

__all__ = ["runner"]  # the fixture
pytestmark = pytest.mark.usefixtures("runner")
OK = accepted("id")


def _tell(machine: Machine, provider_pk: int, *outcomes: Outcome, claimed_before: float = 0.0) -> Provider:
    """Tell the breaker what a batch came to that was claimed just now, or so many seconds ago."""
    now = machine.clock.now()
    with machine.database.begin() as session:
        provider_history.note(session, (provider_pk, 1), "w", outcomes, (), now)
        breaker.tell(session, provider_pk, Verdict(outcomes, now - timedelta(seconds=claimed_before)), now)
    return runners.provider(machine, provider_pk)


def _openings(machine: Machine, provider_pk: int) -> list[BreakerOpening]:
    with machine.database.read() as session:
        chosen = select(BreakerOpening).where(BreakerOpening.provider_pk == provider_pk).order_by(BreakerOpening.pk)
        return list(session.scalars(chosen))


def test_wrong_settings_open_it_at_once_with_the_reason(any_machine: Machine) -> None:
    [pk] = runners.connect(any_machine, 0)
    found = _tell(any_machine, pk, OK, OK, WRONG)
    assert (found.blocked_reason, found.blocked_detail) == ("authentication_failed", "401 Wrong key")
    assert found.retry_at == any_machine.clock.now() + breaker.FIRST_PAUSE
    [opening] = _openings(any_machine, pk)
    assert (opening.opened_at, opening.reason, opening.detail, opening.closed_at, opening.closed_by) == (
        any_machine.clock.now(), "authentication_failed", "401 Wrong key", None, ""
    )  # fmt: skip


@pytest.mark.parametrize("failure", [DOWN, CUT])
def test_a_streak_opens_it_and_a_success_ends_the_streak(any_machine: Machine, failure: Outcome) -> None:
    [pk] = runners.connect(any_machine, 0)
    assert _tell(any_machine, pk, *[failure] * 19).blocked_at is None
    assert _tell(any_machine, pk, OK).streak == 0
    assert _tell(any_machine, pk, *[failure] * 19).blocked_at is None
    assert _tell(any_machine, pk, failure).blocked_at == any_machine.clock.now()


@pytest.mark.parametrize("harmless", [DEAD, FULL, BUSY])
def test_what_is_not_the_services_fault_never_opens_it(machine: Machine, harmless: Outcome) -> None:
    [pk] = runners.connect(machine, 0)
    assert _tell(machine, pk, *[harmless] * 500).blocked_at is None


def test_half_of_the_traffic_failing_opens_it_without_any_streak(any_machine: Machine) -> None:
    [pk] = runners.connect(any_machine, 0)
    assert _tell(any_machine, pk, *[OK, DOWN] * 24).blocked_at is None, "too few to judge by"
    assert _tell(any_machine, pk, OK, DOWN).blocked_at == any_machine.clock.now()


def test_a_few_failures_among_many_tries_do_not_open_it(machine: Machine) -> None:
    [pk] = runners.connect(machine, 0)
    for _ in range(20):
        assert _tell(machine, pk, OK, OK, OK, DOWN, OK).blocked_at is None


def test_failures_of_long_ago_do_not_count(machine: Machine, moving: FakeClock) -> None:
    [pk] = runners.connect(machine, 0)
    _tell(machine, pk, *[OK, DOWN] * 24)
    moving.move(600)
    assert _tell(machine, pk, OK, DOWN).blocked_at is None


def test_failures_of_before_it_closed_do_not_open_it_again(any_machine: Machine, moving: FakeClock) -> None:
    [pk] = runners.connect(any_machine, 0)
    _tell(any_machine, pk, *[OK, DOWN] * 40)
    moving.move(61)
    assert _tell(any_machine, pk, *[OK] * 10).blocked_at is None
    moving.move(60)
    assert _tell(any_machine, pk, OK, DOWN).blocked_at is None


def test_it_closes_on_a_success_and_keeps_how_long_it_was_open(any_machine: Machine, moving: FakeClock) -> None:
    [pk] = runners.connect(any_machine, 0)
    opened = moving.now()
    _tell(any_machine, pk, WRONG)
    moving.move(31)
    found = _tell(any_machine, pk, OK)
    assert (found.blocked_at, found.retry_at, found.blocked_reason, found.streak) == (None, None, "", 0)
    [opening] = _openings(any_machine, pk)
    assert (opening.opened_at, opening.closed_at, opening.closed_by) == (opened, moving.now(), "recovered")


def test_a_success_of_before_it_opened_that_is_told_late_does_not_close_it(
    any_machine: Machine, moving: FakeClock
) -> None:
    [pk] = runners.connect(any_machine, 0)
    _tell(any_machine, pk, WRONG)
    moving.move(1)
    before = runners.provider(any_machine, pk).retry_at
    assert _tell(any_machine, pk, OK, OK, claimed_before=2).blocked_at is not None
    assert _tell(any_machine, pk, *[DOWN] * 30, claimed_before=2).retry_at == before, "nor does a failure prolong it"


def test_each_failed_try_doubles_the_pause_up_to_a_quarter_of_an_hour(any_machine: Machine, moving: FakeClock) -> None:
    [pk] = runners.connect(any_machine, 0)
    pauses = []
    found = _tell(any_machine, pk, WRONG)
    for _ in range(7):
        assert found.retry_at is not None
        pauses.append((found.retry_at - moving.now()).total_seconds())
        moving.move(pauses[-1])
        found = _tell(any_machine, pk, DOWN)
    assert pauses[0] == 30
    assert all(later >= earlier * 2 or later == 900 for earlier, later in pairwise(pauses))
    assert pauses[-1] == 900
    [opening] = _openings(any_machine, pk)
    assert opening.probes == 7
    assert opening.reason == "server_error", "why it is open now"


def test_a_repair_closes_it_and_is_kept_as_one(any_machine: Machine) -> None:
    [pk] = runners.connect(any_machine, 0)
    _tell(any_machine, pk, WRONG)
    with any_machine.database.begin() as session:
        breaker.close(session, session.get_one(Provider, pk), any_machine.clock.now(), by="repaired")
    assert [opening.closed_by for opening in _openings(any_machine, pk)] == ["repaired"]
    _tell(any_machine, pk, WRONG)
    assert [opening.closed_by for opening in _openings(any_machine, pk)] == ["repaired", ""]


# --- half open ------------------------------------------------------------------------------------------------------


def _try(machine: Machine, message_pk: int, provider_pk: int) -> Lease | None:
    """A worker that wants to send through that provider."""
    with machine.database.read() as session:
        tier = [session.get_one(Provider, provider_pk)]
        turn = turns.choose(session, session.get_one(Message, message_pk), tier, 200, machine.clock.now())
    if turn is None:
        return None
    with machine.database.begin() as session:
        holder = Holder(machine.name, timedelta(seconds=60))
        message = session.get_one(Message, message_pk)
        return turns.claim(session, message, 0, turn, holder, machine.clock.now())


def test_one_worker_tries_a_small_batch_and_no_other_does(any_machine: Machine, moving: FakeClock) -> None:
    [pk] = runners.connect(any_machine, 0)
    message_pk = runners.start(any_machine, 50)
    _tell(any_machine, pk, WRONG)
    assert _try(any_machine, message_pk, pk) is None
    moving.move(30)
    first = _try(any_machine, message_pk, pk)
    assert first is not None
    assert len(first.deliveries) == breaker.PROBE_SIZE
    assert _try(any_machine, message_pk, pk) is None
    moving.move(61)
    assert _try(any_machine, message_pk, pk) is not None, "the first one died"


def test_of_two_workers_that_look_at_the_same_moment_one_tries(any_machine: Machine, moving: FakeClock) -> None:
    [pk] = runners.connect(any_machine, 0)
    message_pk = runners.start(any_machine, 50)
    _tell(any_machine, pk, WRONG)
    moving.move(30)
    with any_machine.database.read() as session:
        tier, message = [session.get_one(Provider, pk)], session.get_one(Message, message_pk)
        both = [turns.choose(session, message, tier, 200, moving.now()) for _ in range(2)]
    holder, claimed = Holder("w", timedelta(seconds=60)), []
    for turn in both:
        assert turn is not None
        with any_machine.database.begin() as session:
            claimed.append(turns.claim(session, message, 0, turn, holder, moving.now()))
    assert [lease is not None for lease in claimed] == [True, False]


def test_who_has_nothing_to_try_it_with_leaves_it_to_the_next(machine: Machine, moving: FakeClock) -> None:
    [pk] = runners.connect(machine, 0)
    nothing, something = runners.start(machine, 0), runners.start(machine, 3)
    _tell(machine, pk, WRONG)
    moving.move(30)
    assert _try(machine, nothing, pk) is None
    assert _try(machine, something, pk) is not None


def test_a_service_that_works_again_gets_all_after_the_small_batch(any_machine: Machine, runner: Runner) -> None:
    clock = any_machine.clock
    [pk] = runners.connect(any_machine, 0)
    message_pk = runners.start(any_machine, 50)
    runner.moods[pk] = WRONG
    dispatch.drain(any_machine, message_pk)
    assert story.message(any_machine, message_pk).waiting_reason == ""
    dispatch.drain(any_machine, message_pk)
    assert story.message(any_machine, message_pk).waiting_reason == "Runner A cannot be used: 401 Wrong key"
    before = len(runner.sent)
    clock.sleep(30)
    dispatch.drain(any_machine, message_pk)
    assert len(runner.sent) - before == breaker.PROBE_SIZE, "only a small batch finds out"
    runner.moods.clear()
    clock.sleep(120)
    for _ in range(3):
        dispatch.drain(any_machine, message_pk)
    assert story.counts(any_machine, message_pk) == {"sent": 50}
    assert runners.provider(any_machine, pk).blocked_at is None


def test_while_one_worker_tries_it_the_others_go_through_the_next(
    any_machine: Machine, runner: Runner, moving: FakeClock
) -> None:
    first, second = runners.connect(any_machine, 0, 1)
    _tell(any_machine, first, WRONG)
    moving.move(30)
    message_pk = runners.start(any_machine, 50)
    assert _try(any_machine, message_pk, first) is not None
    dispatch.drain(any_machine, message_pk)
    assert runner.visits() == {second: 40}


def test_what_opens_in_the_middle_of_a_job_stops_it(machine: Machine, runner: Runner) -> None:
    first, second = runners.connect(machine, 0, 1)
    runner.moods[first] = DOWN
    everybody = plans.FIRST_BATCH + 100
    message_pk = runners.start(machine, everybody)
    for _ in range(4):
        dispatch.drain(machine, message_pk)
    assert runner.visits() == {first: plans.FIRST_BATCH, second: everybody}
