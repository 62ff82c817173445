"""An address that takes nothing for days is given up; one that did so once or twice, or long ago, is not."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.domain.message_states import MessageEvent
from app.domain.outcomes import Outcome, OutcomeKind, Reason
from app.domain.receipts import Receipt, ReceiptEvent
from app.engine import dispatch, fanout, feedback, lifecycle
from app.engine.machine import Machine
from app.models.deliveries import Delivery
from app.models.messages import Message
from app.models.suppressions import Suppression
from tests import factories
from tests.conftest import FakeClock
from tests.engine import runners
from tests.engine.runners import DOWN, FULL, Runner, runner

__all__ = ["runner"]  # the fixture

UNREACHABLE = Outcome(OutcomeKind.TRANSIENT, Reason.UNREACHABLE, "No way to the service")


def another(machine: Machine, message_pk: int) -> int:
    """A further message to the same people, started."""
    with machine.database.begin() as session:
        audience = session.get_one(Message, message_pk).audience
        message = factories.make_message(session, channel="sms", content={"text": "Again"}, audience=audience)
        lifecycle.start(session, message, MessageEvent.SEND, machine.clock.now())
    fanout.expand(machine, message.pk)
    return int(message.pk)


def suppressed(machine: Machine) -> list[tuple[str, str]]:
    with machine.database.read() as session:
        return [(row.address_key, row.reason) for row in session.scalars(select(Suppression))]


def addresses(machine: Machine) -> list[str]:
    with machine.database.read() as session:
        return sorted(set(session.scalars(select(Delivery.address))))


def give_up(machine: Machine, clock: FakeClock, *pks: int) -> None:
    """Try these messages until a day has passed, and once more."""
    for pk in pks:
        dispatch.drain(machine, pk)
    clock.move(24 * 3600 + 1)
    for pk in pks:
        dispatch.drain(machine, pk)


@pytest.mark.parametrize(("count", "is_given_up"), [(2, False), (3, True)])
def test_three_messages_to_a_full_inbox_suppress_the_address_and_two_do_not(
    any_machine: Machine, runner: Runner, moving: FakeClock, count: int, is_given_up: bool
) -> None:
    [provider] = runners.connect(any_machine, 0)
    runner.moods[provider] = FULL
    pks = [runners.start(any_machine, 2)]
    pks += [another(any_machine, pks[0]) for _ in range(count - 1)]
    give_up(any_machine, moving, *pks)
    expected = [(address, "soft_bounce") for address in addresses(any_machine)]
    assert suppressed(any_machine) == (expected if is_given_up else [])


def test_full_inboxes_that_lie_days_apart_suppress_nobody(
    any_machine: Machine, runner: Runner, moving: FakeClock
) -> None:
    [provider] = runners.connect(any_machine, 0)
    runner.moods[provider] = FULL
    first = runners.start(any_machine)
    give_up(any_machine, moving, first)
    moving.move(timedelta(hours=50).total_seconds())
    give_up(any_machine, moving, another(any_machine, first), another(any_machine, first))
    assert suppressed(any_machine) == []


@pytest.mark.parametrize("mood", [DOWN, UNREACHABLE])
def test_a_service_that_cannot_be_reached_costs_no_address(
    any_machine: Machine, runner: Runner, moving: FakeClock, mood: Outcome
) -> None:
    [provider] = runners.connect(any_machine, 0)
    runner.moods[provider] = mood
    pks = [runners.start(any_machine)]
    pks += [another(any_machine, pks[0]) for _ in range(3)]
    give_up(any_machine, moving, *pks)
    assert suppressed(any_machine) == []


@pytest.mark.parametrize(
    ("reason", "is_proven", "is_given_up"),
    [
        (Reason.MAILBOX_FULL, True, True),
        (Reason.UNREACHABLE, True, True),
        (Reason.MAILBOX_FULL, False, False),
        (Reason.CONTENT_REJECTED, True, False),
        (Reason.UNDELIVERED, True, False),
    ],
)
def test_what_services_say_afterwards_counts_alike_when_they_have_signed_it(
    any_machine: Machine, runner: Runner, reason: Reason, is_proven: bool, is_given_up: bool
) -> None:
    [provider] = runners.connect(any_machine, 0)
    first = runners.start(any_machine)
    for pk in (first, another(any_machine, first), another(any_machine, first)):
        assert suppressed(any_machine) == []
        dispatch.drain(any_machine, pk)
        with any_machine.database.begin() as session:
            delivery = session.scalars(select(Delivery).where(Delivery.message_pk == pk)).one()
            key = f"{delivery.pk}.{session.get_one(Message, pk).id}"
            told = Receipt(ReceiptEvent.FAILED, f"e{pk}", delivery_key=key, reason=reason, is_proven=is_proven)
            feedback.keep(session, (1, provider), [told], any_machine.clock.now())
        feedback.apply_due(any_machine)
    expected = [(address, "soft_bounce") for address in addresses(any_machine)]
    assert suppressed(any_machine) == (expected if is_given_up else [])
