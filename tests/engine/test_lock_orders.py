"""Everybody takes the locks of provider, targets, deliveries, tallies, suppressions, turns in this order.

Rows of a table are taken by number.

Only PostgreSQL locks rows; on SQLite one transaction writes at a time. Each test holds a row that comes early in that
order, lets one of our own run into it, and then takes one that comes later, as any other transaction would.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.domain.delivery_states import DeliveryState
from app.domain.outcomes import accepted
from app.domain.receipts import Receipt, ReceiptEvent
from app.engine import aftermath, feedback, leaving, ledger, queued, token_deaths
from app.engine.journal import Story
from app.engine.ledger import Holder, Lane, Result
from app.engine.machine import Machine
from app.engine.results import results_of
from app.models.deliveries import Delivery
from app.models.messages import Message
from app.models.providers import Provider
from app.models.targets import Target
from tests import factories
from tests.engine import couriers as push
from tests.engine import rushes
from tests.engine.couriers import Couriers, couriers
from tests.engine.story import counts, rows, start
from tests.postgres import wait_for_a_lock

pytestmark = pytest.mark.parametrize(
    "any_database_url", [pytest.param("postgresql", marks=pytest.mark.postgresql)], indirect=True
)
__all__ = ["couriers"]  # the fixture

PROVIDER = 5
_SUPPRESS = (
    "INSERT INTO suppressions (id, project_pk, channel, address_key, reason, source, created_at, updated_at, is_demo)"
    " VALUES ('{0}', 1, 'email', '{0}', 'manual', '', 0, 0, false) ON CONFLICT DO NOTHING"
)


def cross(machine: Machine, early: str, late: str, act: Callable[[], object]) -> None:
    """Hold what `early` changes, wait until `act` wants it, and change what `late` names; nobody may wait in a ring."""
    with ThreadPoolExecutor(1) as pool:
        with machine.database.begin() as session:
            session.execute(text(early))
            acting = pool.submit(act)
            wait_for_a_lock(machine.database)
            session.execute(text("SET LOCAL lock_timeout = '300ms'"))
            session.execute(text(late))
        acting.result(20)


def sent(machine: Machine, people: int = 1, number: str = "") -> list[Delivery]:
    """Deliveries of a new message that a service has taken, under that number of its own."""
    message_pk, now = start(machine, people=people), machine.clock.now()
    with machine.database.begin() as session:
        message = session.get_one(Message, message_pk)
        lease = ledger.claim(session, message, Lane(PROVIDER), people, Holder("w", timedelta(seconds=30)), now)
        assert lease is not None
        done = [Result(each, DeliveryState.SENT, now, accepted(number), now) for each in lease.deliveries]
        ledger.record(session, lease, done, now)
        return list(session.scalars(select(Delivery).where(Delivery.message_pk == message_pk).order_by(Delivery.pk)))


def tell(machine: Machine, *receipts: Receipt) -> None:
    with machine.database.begin() as session:
        feedback.keep(session, (1, PROVIDER), receipts, machine.clock.now())


def key_of(machine: Machine, delivery: Delivery) -> str:
    with machine.database.read() as session:
        found = feedback.key_of(session, delivery.pk)
    assert found is not None
    return found[1]


def test_receipts_hold_deliveries_by_number_however_they_are_found(any_machine: Machine) -> None:
    first, second = sent(any_machine, 2, "n1")
    tell(
        any_machine,
        Receipt(ReceiptEvent.DELIVERED, "a", delivery_key=key_of(any_machine, second)),
        Receipt(ReceiptEvent.DELIVERED, "b", provider_message_id="n1", address=first.address),
    )
    touch = "UPDATE deliveries SET updated_at = updated_at WHERE pk = {}"
    cross(any_machine, touch.format(first.pk), touch.format(second.pk), lambda: feedback.apply_due(any_machine))
    assert counts(any_machine, first.message_pk) == {"delivered": 2}


def test_receipts_suppress_after_the_tally_as_batches_do(any_machine: Machine) -> None:
    (delivery,) = sent(any_machine)
    tell(any_machine, Receipt(ReceiptEvent.BOUNCED, "a", delivery_key=key_of(any_machine, delivery)))
    tally = f"UPDATE tallies SET updated_at = updated_at WHERE message_pk = {delivery.message_pk}"
    cross(any_machine, tally, _SUPPRESS.format(delivery.address), lambda: feedback.apply_due(any_machine))
    assert counts(any_machine, delivery.message_pk) == {"bounced": 1}


def test_addresses_are_suppressed_in_one_order(any_machine: Machine) -> None:
    whose = {"project_pk": 1, "channel": "email", "reason": "hard_bounce", "source": ""}

    def suppress() -> None:
        with any_machine.database.begin() as session:
            found = [whose | {"address_key": name} for name in ("b@x.example", "a@x.example")]
            aftermath.suppress(session, any_machine.clock.now(), found)

    cross(any_machine, _SUPPRESS.format("a@x.example"), _SUPPRESS.format("b@x.example"), suppress)
    found = rows(any_machine, "SELECT address_key, reason FROM suppressions ORDER BY address_key")
    assert [tuple(row) for row in found] == [("a@x.example", "manual"), ("b@x.example", "manual")]


def test_who_leaves_takes_tallies_by_number(any_machine: Machine) -> None:
    with any_machine.database.begin() as session:
        target = factories.make_target(session, factories.make_contact(session), address="ann@example.org")
        early, late = (
            factories.make_message(session, audience={"topics": ["gone"]}, status="processing") for _ in "ab"
        )
        for message in (late, early):  # planned the other way round
            ledger.open_tally(session, message.pk, any_machine.clock.now())
            session.add(waiting(message, target, any_machine))
            session.flush()
            ledger.add_to_tally(session, message.pk, {"queued": 1}, any_machine.clock.now(), audience=1)

    def leave() -> None:
        with any_machine.database.begin() as session:
            leaving.skip_unwanted(session, session.get_one(Target, target.pk), any_machine.clock.now())

    touch = "UPDATE tallies SET updated_at = updated_at WHERE message_pk = {}"
    cross(any_machine, touch.format(early.pk), touch.format(late.pk), leave)
    assert counts(any_machine, early.pk) == counts(any_machine, late.pk) == {"skipped": 1}


def waiting(message: Message, target: Target, machine: Machine) -> Delivery:
    now = machine.clock.now()
    return Delivery(
        project_pk=1, message_pk=message.pk, target_pk=target.pk, contact_pk=target.contact_pk, channel="email",
        address=target.address_key, state="queued", next_attempt_at=now, created_at=now, updated_at=now,
    )  # fmt: skip


def test_a_batch_with_a_dead_token_takes_its_target_before_its_delivery_as_whoever_leaves_does(
    any_machine: Machine, couriers: Couriers
) -> None:
    rocket = push.connect(any_machine, "rocket")
    message_pk, now = rushes.start(any_machine, rocket, 1, 2), any_machine.clock.now()
    with any_machine.database.begin() as session:
        message = session.get_one(Message, message_pk)
        lease = ledger.claim(session, message, Lane(rocket, rocket), 3, Holder("w", timedelta(seconds=30)), now)
        assert lease is not None
    first = lease.deliveries[0]

    def record() -> None:
        with any_machine.database.begin() as session:
            answers = {0: rushes.DEAD, 1: accepted("a"), 2: accepted("b")}
            story = token_deaths.weigh(session, lease, Story(set(answers), answers), now)
            results = results_of(lease, story, now, hold_uncertain=False)
            ledger.record(session, lease, results, now)
            aftermath.after_record(session, message, results, now, session.get_one(Provider, rocket))

    touch = "UPDATE {} SET updated_at = updated_at WHERE pk = {}"
    cross(any_machine, touch.format("targets", first.target_pk), touch.format("deliveries", first.pk), record)
    assert counts(any_machine, message_pk) == {"failed": 1, "sent": 2}
    assert len(rushes.expired(any_machine)) == 1


Command = Callable[[Session, int, datetime], object]


@pytest.mark.parametrize(
    ("state", "command"),
    [
        ("queued", lambda session, pk, now: queued.skip_queued(session, pk, 10, now)),
        ("queued", queued.hurry),
        ("failed", lambda session, pk, now: queued.requeue(session, pk, [900_002, 900_001], now)),
    ],
    ids=["skip", "hurry", "requeue"],
)
def test_commands_for_the_queue_take_deliveries_by_number_however_they_lie(
    any_machine: Machine, state: str, command: Command
) -> None:
    with any_machine.database.begin() as session:
        message_pk, now = factories.make_message(session, status="processing").pk, any_machine.clock.now()
        ledger.open_tally(session, message_pk, now)
        later, people = now + timedelta(hours=1), [900_002, 900_001]  # the higher number lies first in the table
        for pk in people:
            session.add(
                Delivery(
                    pk=pk, project_pk=1, message_pk=message_pk, channel="email", address=f"{pk}@x.example", state=state,
                    next_attempt_at=later, created_at=now, updated_at=now,
                )
            )  # fmt: skip
            session.flush()
        ledger.add_to_tally(session, message_pk, {state: 2}, now, audience=2)

    def act() -> None:
        with any_machine.database.begin() as session:
            session.execute(text("SET LOCAL enable_indexscan = off"))  # else the index's order would hide ours
            session.execute(text("SET LOCAL enable_bitmapscan = off"))
            command(session, message_pk, now)

    touch = "UPDATE deliveries SET updated_at = updated_at WHERE pk = {}"
    cross(any_machine, touch.format(900_001), touch.format(900_002), act)
