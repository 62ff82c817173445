"""Failover by outcome: what goes on to another provider, what waits, and what must never go on."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.domain.message_states import MessageEvent
from app.domain.outcomes import Outcome, accepted
from app.engine import dispatch, fanout, journal, ledger, lifecycle, reaper, turns
from app.engine.ledger import Holder
from app.engine.machine import Machine
from app.models.messages import Message
from app.models.providers import Provider
from tests.conftest import FakeClock
from tests.engine import couriers as push
from tests.engine import runners, story
from tests.engine.conftest import MailServer
from tests.engine.couriers import Couriers, couriers
from tests.engine.runners import BUSY, CUT, DEAD, DOWN, FULL, REFUSED, STOPPED, WRONG, Runner, runner

__all__ = ["couriers", "runner"]  # the fixtures


def _drain(machine: Machine, message_pk: int, times: int = 6) -> None:
    """As workers do that are rung again while something is due."""
    for _ in range(times):
        dispatch.drain(machine, message_pk)


# --- what goes on ---------------------------------------------------------------------------------------------------


def test_what_one_provider_cannot_carry_goes_to_the_next_one_at_once(any_machine: Machine, runner: Runner) -> None:
    first, second = runners.connect(any_machine, 0, 1)
    runner.moods[first] = DOWN
    pk = runners.start(any_machine, 3)
    _drain(any_machine, pk)
    assert story.counts(any_machine, pk) == {"sent": 3}
    assert runner.visits() == {first: 3, second: 3}
    tries = story.rows(any_machine, "SELECT provider_pk, number, outcome FROM attempts ORDER BY delivery_pk, number")
    assert [tuple(row) for row in tries] == [(first, 1, "transient"), (second, 2, "accepted")] * 3
    assert {row[0] for row in story.rows(any_machine, "SELECT provider_pk FROM deliveries")} == {second}


def test_each_provider_is_tried_once_around_then_all_wait(
    any_machine: Machine, runner: Runner, moving: FakeClock
) -> None:
    everybody = runners.connect(any_machine, 0, 1, 2)
    runner.moods = dict.fromkeys(everybody, DOWN)
    pk = runners.start(any_machine, 2)
    _drain(any_machine, pk)
    assert runner.visits() == dict.fromkeys(everybody, 2)
    assert story.counts(any_machine, pk) == {"queued": 2}
    for lane, seconds in runners.dues(any_machine, pk):
        assert lane == 0, "from the start again"
        assert 10 <= seconds <= 20, "a round wears patience as one try does"
    runner.moods = {everybody[0]: DOWN}
    moving.move(21)
    _drain(any_machine, pk)
    assert runner.visits() == {everybody[0]: 4, everybody[1]: 4, everybody[2]: 2}
    assert story.counts(any_machine, pk) == {"sent": 2}


def test_the_waits_between_rounds_grow(machine: Machine, runner: Runner, moving: FakeClock) -> None:
    everybody = runners.connect(machine, 0, 1)
    runner.moods = dict.fromkeys(everybody, DOWN)
    pk = runners.start(machine)
    waits = []
    for _ in range(4):
        _drain(machine, pk)
        waits.append(runners.dues(machine, pk)[0][1])
        moving.move(waits[-1] + 1)
    assert runner.visits() == dict.fromkeys(everybody, 4)
    assert [round(wait / 15) for wait in waits] == pytest.approx([1, 2, 4, 8], rel=0.3)


def test_a_bound_address_goes_on_through_the_others(any_machine: Machine, runner: Runner) -> None:
    first, second, third = runners.connect(any_machine, 0, 1, 2)
    runner.moods = {third: DOWN, first: DOWN}
    pk = runners.start(any_machine, bound=third)
    _drain(any_machine, pk)
    assert [each for each, _ in runner.sent] == [third, first, second]
    assert story.counts(any_machine, pk) == {"sent": 1}


def test_a_throttled_delivery_goes_on_when_another_has_room(any_machine: Machine, runner: Runner) -> None:
    first, second = runners.connect(any_machine, 0, 1)
    runner.moods[first] = BUSY
    pk = runners.start(any_machine)
    _drain(any_machine, pk)
    assert [each for each, _ in runner.sent] == [first, second]
    assert story.counts(any_machine, pk) == {"sent": 1}


def test_a_throttled_delivery_waits_when_nobody_has_room(
    any_machine: Machine, runner: Runner, moving: FakeClock
) -> None:
    first, second = runners.connect(any_machine, 0, 1)
    runner.moods = {first: BUSY, second: BUSY}
    pk = runners.start(any_machine)
    _drain(any_machine, pk)
    assert runner.visits() == {first: 1, second: 1}
    assert [seconds > 20 for _, seconds in runners.dues(any_machine, pk)] == [True]
    runner.moods.clear()
    for _ in range(10):
        moving.move(60)
        _drain(any_machine, pk)
    assert story.counts(any_machine, pk) == {"sent": 1}


def test_wrong_settings_open_the_breaker_at_once_and_everybody_goes_through_the_next(
    any_machine: Machine, runner: Runner
) -> None:
    first, second = runners.connect(any_machine, 0, 1)
    runner.moods[first] = WRONG
    pk = runners.start(any_machine, 5)
    _drain(any_machine, pk)
    assert story.counts(any_machine, pk) == {"sent": 5}
    assert runner.visits()[second] == 5
    found = runners.provider(any_machine, first)
    assert (found.blocked_at, found.blocked_reason, found.blocked_detail) == (
        any_machine.clock.now(), "authentication_failed", "401 Wrong key"
    )  # fmt: skip
    rows = story.rows(any_machine, "SELECT DISTINCT attempts, provider_pk FROM deliveries")
    assert [tuple(row) for row in rows] == [(1, second)], "the provider is at fault: it costs no try"


def test_a_mail_server_that_is_down_is_replaced_by_one_that_answers(any_machine: Machine, mail: MailServer) -> None:
    down = story.connect(any_machine, mail, fromEmail="down@acme.example")
    story.connect(any_machine, mail, fromEmail="up@acme.example")
    with any_machine.database.begin() as session:
        rows = session.scalars(select(Provider).order_by(Provider.pk)).all()
        rows[1].rank = 1
        kept = any_machine.vault.decrypt_json(rows[0].credentials)
        rows[0].credentials = any_machine.vault.encrypt_json(kept | {"port": 1})
    pk = story.start(any_machine, people=4)
    _drain(any_machine, pk)
    assert story.counts(any_machine, pk) == {"sent": 4}
    assert {row.sender for row in mail.outbox.newest()} == {"up@acme.example"}
    assert mail.recipients() == [f"person{index}@example.org" for index in range(4)]
    tried = story.rows(any_machine, "SELECT DISTINCT provider_pk FROM attempts WHERE outcome = 'transient'")
    assert [row[0] for row in tried] == [down]


# --- what must never go on ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [REFUSED, DEAD, STOPPED])
def test_what_is_refused_for_good_is_offered_to_nobody_else(
    any_machine: Machine, runner: Runner, answer: Outcome
) -> None:
    first, _ = runners.connect(any_machine, 0, 1)
    runner.moods[first] = answer
    pk = runners.start(any_machine)
    _drain(any_machine, pk)
    assert runner.visits() == {first: 1}
    assert story.counts(any_machine, pk) == {"failed": 1}


def test_a_full_mailbox_is_full_for_everybody(machine: Machine, runner: Runner) -> None:
    first, _ = runners.connect(machine, 0, 1)
    runner.moods[first] = FULL
    pk = runners.start(machine)
    _drain(machine, pk)
    assert runner.visits() == {first: 1}
    assert runners.provider(machine, first).streak == 0, "nor is it the provider's fault"


def test_an_uncertain_delivery_is_never_sent_by_anybody_else(
    any_machine: Machine, runner: Runner, moving: FakeClock
) -> None:
    first, second = runners.connect(any_machine, 0, 1)
    runner.moods[first] = CUT
    pk = runners.start(any_machine)
    _drain(any_machine, pk)
    assert runner.visits() == {first: 1}
    runners.change(any_machine, first, blocked_at=moving.now(), blocked_detail="no route", retry_at=None)
    moving.move(60)
    _drain(any_machine, pk)
    assert runner.visits() == {first: 1}, "it waits for the one that may have sent it"
    assert story.message(any_machine, pk).waiting_reason == "Runner A cannot be used: no route"
    other = runners.start(any_machine)
    _drain(any_machine, other)
    assert runner.visits()[second] == 1, "what was never sent goes on"
    runners.change(any_machine, first, blocked_at=None)
    runner.moods.clear()
    _drain(any_machine, pk)
    assert runner.visits()[first] == 2
    assert story.counts(any_machine, pk) == {"sent": 1}


def test_an_uncertain_delivery_stays_although_its_provider_then_fails_for_sure(
    machine: Machine, runner: Runner, moving: FakeClock
) -> None:
    first, second = runners.connect(machine, 0, 1)
    runner.moods[first] = CUT
    pk = runners.start(machine)
    _drain(machine, pk)
    runner.moods[first] = DOWN
    for _ in range(3):
        moving.move(120)
        _drain(machine, pk)
    assert runner.visits() == {first: 4}
    assert second not in runner.visits()


@pytest.mark.parametrize("trouble", ["off", "gone"])
def test_an_uncertain_delivery_whose_provider_is_gone_waits_for_a_person(
    any_machine: Machine, runner: Runner, moving: FakeClock, trouble: str
) -> None:
    first, second = runners.connect(any_machine, 0, 1)
    runner.moods[first] = CUT
    pk = runners.start(any_machine)
    _drain(any_machine, pk)
    if trouble == "off":
        runners.change(any_machine, first, enabled=False)
    else:
        with any_machine.database.begin() as session:
            session.delete(session.get_one(Provider, first))
    moving.move(60)
    _drain(any_machine, pk)
    assert story.counts(any_machine, pk) == {"uncertain": 1}
    assert runner.visits() == {first: 1}
    assert story.retry(any_machine, pk, uncertain=True) == 1
    _drain(any_machine, pk)
    assert runner.visits() == {first: 1, second: 1}, "a person decided"
    assert story.counts(any_machine, pk) == {"sent": 1}


def test_the_provider_that_a_person_chose_is_not_replaced(machine: Machine, runner: Runner) -> None:
    first, _ = runners.connect(machine, 0, 1)
    runner.moods[first] = DOWN
    pk = runners.start(machine, provider_pk=first)
    _drain(machine, pk)
    assert runner.visits() == {first: 1}
    assert story.counts(machine, pk) == {"queued": 1}


def test_a_device_token_goes_to_no_stranger(machine: Machine, couriers: Couriers, moving: FakeClock) -> None:
    rocket = push.connect(machine, "rocket")
    push.connect(machine, "rocket", rank=1)
    push.connect(machine, "glider", rank=2)
    couriers.rocket.answers["r-1"] = DOWN
    with machine.database.begin() as session:
        message = push.push_message(session, [push.device(session, "r-1", rocket)])
        lifecycle.start(session, message, MessageEvent.SEND, moving.now())
    fanout.expand(machine, message.pk)
    _drain(machine, message.pk)
    assert couriers.rocket.sent == [(rocket, "r-1")]
    assert couriers.glider.sent == []


def test_a_person_who_tries_again_begins_with_the_first_provider(
    any_machine: Machine, runner: Runner, moving: FakeClock
) -> None:
    first, second = runners.connect(any_machine, 0, 1)
    runner.moods = {first: DOWN, second: REFUSED}
    pk = runners.start(any_machine)
    _drain(any_machine, pk)
    assert story.counts(any_machine, pk) == {"failed": 1}
    runner.moods.clear()
    story.retry(any_machine, pk)
    _drain(any_machine, pk)
    assert [each for each, _ in runner.sent] == [first, second, first]


# --- in the middle of it --------------------------------------------------------------------------------------------


def _claimed(machine: Machine, message_pk: int, provider_pk: int) -> ledger.Lease:
    """A batch that a worker holds which then dies."""
    with machine.database.begin() as session:
        message = session.get_one(Message, message_pk)
        tier = [session.get_one(Provider, provider_pk)]
        turn = turns.choose(session, message, tier, 10, machine.clock.now())
        assert turn is not None
        holder = Holder(machine.name, timedelta(seconds=60))
        lease = turns.claim(session, message, 0, turn, holder, machine.clock.now())
    assert lease is not None
    return lease


def test_a_worker_that_dies_in_the_middle_doubles_nothing(
    any_machine: Machine, runner: Runner, moving: FakeClock
) -> None:
    first, second = runners.connect(any_machine, 0, 1)
    pk = runners.start(any_machine, 4)
    lease = _claimed(any_machine, pk, first)
    book = journal.Journal(any_machine.journal_dir, lease)
    book.started([0, 1, 2])
    book.answered(0, accepted("id-1"))
    book.answered(1, DOWN)
    book.close()
    moving.move(61)
    reaper.reap(any_machine)
    moving.move(30)
    runner.moods[first] = DOWN
    _drain(any_machine, pk)
    reached = [delivery.address for delivery in lease.deliveries]
    assert story.counts(any_machine, pk) == {"sent": 3, "queued": 1}
    assert sorted(address for each, address in runner.sent if each == second) == sorted([reached[1], reached[3]])
    assert (first, reached[2]) in runner.sent, "what may have arrived is left to the first one"
    assert all(address != reached[0] for _, address in runner.sent), "what was accepted is sent no more"


def test_a_lost_lease_sends_nothing_on(any_machine: Machine, runner: Runner, moving: FakeClock) -> None:
    first, second = runners.connect(any_machine, 0, 1)
    pk = runners.start(any_machine, 2)
    runner.moods[first] = DOWN

    def sleep_past_the_lease() -> None:
        moving.move(61)
        assert reaper.reap(any_machine) == 1

    runner.meanwhile = sleep_past_the_lease
    dispatch.drain(any_machine, pk)
    assert runner.visits() == {first: 2}
    tries = story.rows(any_machine, "SELECT delivery_pk, number FROM attempts")
    assert len({row[0] for row in tries}) == len(tries) == 2, "the reaper wrote them, the late worker nothing"
    _drain(any_machine, pk)
    assert runner.visits() == {first: 2, second: 2}
    assert story.counts(any_machine, pk) == {"sent": 2}


def test_however_many_are_sent_on_there_is_one_detour_for_them(any_machine: Machine, runner: Runner) -> None:
    first, second, third = runners.connect(any_machine, 0, 1, 2)
    runner.moods = {first: DOWN, second: DOWN}
    for _ in range(2):
        _drain(any_machine, runners.start(any_machine, 30))
    assert runner.visits()[third] == 60
    rows = story.rows(any_machine, "SELECT wish_pk, avoids, only_pk FROM detours ORDER BY pk")
    assert [tuple(row) for row in rows] == [(0, f"{first}", 0), (0, f"{first},{second}", 0)]
