"""Receipts in the ledger: they move deliveries by rank, wait for the ones they know, suppress, and keep the balance."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.domain.delivery_states import DeliveryState
from app.domain.delivery_tags import delivery_key
from app.domain.outcomes import Outcome, OutcomeKind, Reason, accepted
from app.domain.permissions import system
from app.domain.receipts import Receipt, ReceiptEvent
from app.engine import feedback, ledger
from app.engine.ledger import Holder, Lane, Lease, Result
from app.engine.machine import Machine
from app.models.deliveries import Attempt, Delivery
from app.models.feedback import FeedbackEvent
from app.models.messages import Message
from app.models.suppressions import Suppression
from tests import factories
from tests.conftest import FakeClock
from tests.engine.story import counts, start, workshop_of

UNCERTAIN = Outcome(OutcomeKind.UNCERTAIN, Reason.TIMED_OUT)


class Stage:
    """A message to one person through one provider, and what its service says."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        with workshop_of(machine).open(system(1)) as work:
            self.provider_pk = int(factories.make_provider(work).pk)
        self.message_pk = start(machine, people=1)

    def claim(self) -> Lease:
        now = self.machine.clock.now()
        with self.machine.database.begin() as session:
            message = session.get_one(Message, self.message_pk)
            lease = ledger.claim(
                session, message, Lane(self.provider_pk), 10, Holder("w", timedelta(seconds=30)), now
            )  # fmt: skip
            assert lease is not None
            self.key = delivery_key(lease.deliveries[0].pk, message.id)
        return lease

    def record(self, lease: Lease, state: DeliveryState, outcome: Outcome) -> None:
        now = self.machine.clock.now()
        with self.machine.database.begin() as session:
            ledger.record(session, lease, [Result(lease.deliveries[0], state, now, outcome, now)], now)

    def sent(self, state: DeliveryState = DeliveryState.SENT, outcome: Outcome | None = None) -> "Stage":
        self.record(self.claim(), state, outcome or accepted("n1"))
        return self

    def tell(self, *events: str, apply: bool = True, **columns: object) -> None:
        """Receipts of these events, each with an id of its own unless one is given."""
        key = str(columns.pop("delivery_key", self.key))
        receipts = [
            Receipt(ReceiptEvent(event), **({"event_id": f"{index}-{event}", "delivery_key": key} | columns))
            for index, event in enumerate(events)
        ]
        with self.machine.database.begin() as session:
            feedback.keep(session, (1, self.provider_pk), receipts, self.machine.clock.now())
        if apply:
            feedback.apply_due(self.machine)

    def waiting(self) -> int:
        with self.machine.database.read() as session:
            return len(session.scalars(select(FeedbackEvent.pk).where(FeedbackEvent.applied_at.is_(None))).all())

    def delivery(self) -> Delivery:
        with self.machine.database.read() as session:
            return session.scalars(select(Delivery).where(Delivery.message_pk == self.message_pk)).one()

    def suppressions(self) -> list[tuple[str, str]]:
        with self.machine.database.read() as session:
            return [(row.address_key, row.reason) for row in session.scalars(select(Suppression))]


@pytest.mark.parametrize(
    ("events", "state", "reason"),
    [
        (["delivered"], "delivered", Reason.ACCEPTED),
        (["bounced"], "bounced", Reason.MAILBOX_UNKNOWN),
        (["delivered", "bounced"], "bounced", Reason.MAILBOX_UNKNOWN),
        (["bounced", "delivered"], "bounced", Reason.MAILBOX_UNKNOWN),
        (["expired"], "failed", Reason.EXPIRED),
        (["delivered", "sent", "accepted", "deferred"], "delivered", Reason.ACCEPTED),
        (["opened", "unknown"], "sent", Reason.ACCEPTED),
    ],
)
def test_receipts_move_a_delivery_by_rank(any_machine: Machine, events: list[str], state: str, reason: Reason) -> None:
    stage = Stage(any_machine).sent()
    stage.tell(*events)
    assert counts(any_machine, stage.message_pk) == {state: 1}
    assert stage.delivery().reason == reason
    assert stage.waiting() == 0


def test_a_receipt_that_is_told_twice_is_kept_once(any_machine: Machine) -> None:
    stage = Stage(any_machine).sent()
    for _ in range(3):
        stage.tell("delivered", "delivered", event_id="same")
    with any_machine.database.read() as session:
        assert session.scalars(select(FeedbackEvent.event_id)).all() == ["same"]
    assert counts(any_machine, stage.message_pk) == {"delivered": 1}


@pytest.mark.parametrize(("event", "state"), [("sent", "sent"), ("delivered", "delivered"), ("bounced", "bounced")])
def test_an_uncertain_delivery_is_healed(machine: Machine, event: str, state: str) -> None:
    stage = Stage(machine).sent(DeliveryState.UNCERTAIN, UNCERTAIN)
    stage.tell(event, provider_message_id="n7")
    assert counts(machine, stage.message_pk) == {state: 1}
    assert stage.delivery().provider_message_id == "n7", "the number that we never learned"


def test_what_waits_for_another_try_after_a_doubt_is_not_sent_again(machine: Machine) -> None:
    stage = Stage(machine).sent(DeliveryState.QUEUED, UNCERTAIN)
    stage.tell("delivered")
    assert counts(machine, stage.message_pk) == {"delivered": 1}
    with machine.database.begin() as session:
        assert not ledger.has_due(session, stage.message_pk, machine.clock.now() + timedelta(days=1))


def test_a_receipt_that_comes_before_our_own_record_waits_for_it(machine: Machine, moving: FakeClock) -> None:
    stage = Stage(machine)
    lease = stage.claim()
    stage.tell("delivered")
    assert (counts(machine, stage.message_pk), stage.waiting()) == ({"sending": 1}, 1)
    stage.record(lease, DeliveryState.SENT, accepted("n1"))
    feedback.apply_due(machine)
    assert counts(machine, stage.message_pk) == {"sent": 1}, "not looked at before its time"
    moving.move(1.1)
    feedback.apply_due(machine)
    assert (counts(machine, stage.message_pk), stage.waiting()) == ({"delivered": 1}, 0)


def test_one_that_nobody_knows_is_kept_for_a_week(machine: Machine, moving: FakeClock) -> None:
    stage = Stage(machine).sent()
    stage.tell("bounced", delivery_key="999.elsewhere")
    moving.move(6 * 86_400)
    assert (feedback.apply_due(machine), stage.waiting()) == (1, 1)
    moving.move(2 * 86_400)
    assert (feedback.apply_due(machine), stage.waiting()) == (1, 0)
    assert stage.suppressions() == []


@pytest.mark.parametrize("key", ["{pk}.another", "{pk}", "x.{id}", "99999999999999999999.{id}", "{pk}.{id}.x"])
def test_a_key_that_is_not_ours_moves_nothing(machine: Machine, key: str) -> None:
    stage = Stage(machine).sent()
    pk, _, message_id = stage.key.partition(".")
    stage.tell("bounced", delivery_key=key.format(pk=pk, id=message_id))
    assert counts(machine, stage.message_pk) == {"sent": 1}


@pytest.mark.parametrize("address", ["person0@example.org", "Person0@Example.org "])
def test_without_a_key_number_and_address_lead_to_it(machine: Machine, address: str) -> None:
    stage = Stage(machine).sent()
    stage.tell("delivered", delivery_key="", provider_message_id="n1", address=address)
    assert counts(machine, stage.message_pk) == {"delivered": 1}


@pytest.mark.parametrize(
    ("number", "address"), [("n2", "person0@example.org"), ("n1", "b@x.org"), ("", ""), ("n1", "")]
)
def test_a_number_alone_leads_nowhere(machine: Machine, number: str, address: str) -> None:
    stage = Stage(machine).sent()
    stage.tell("delivered", delivery_key="", provider_message_id=number, address=address)
    assert counts(machine, stage.message_pk) == {"sent": 1}


@pytest.mark.parametrize(
    ("event", "columns", "word"),
    [
        ("bounced", {}, "hard_bounce"),
        ("complained", {}, "complaint"),
        ("unsubscribed", {}, "unsubscribed"),
        ("failed", {"reason": Reason.OPTED_OUT}, "unsubscribed"),
        ("failed", {"reason": Reason.CONTENT_REJECTED}, ""),
        ("bounced", {"is_proven": False}, ""),
    ],
)
def test_dead_addresses_and_a_no_are_suppressed(
    any_machine: Machine, event: str, columns: dict[str, object], word: str
) -> None:
    stage = Stage(any_machine).sent()
    stage.tell(event, event, code="550 5.1.1", detail="No such user", address="victim@elsewhere.example", **columns)
    assert stage.suppressions() == ([("person0@example.org", word)] if word else []), "ours, never the receipt's"


def test_a_receipt_of_another_project_moves_nothing(machine: Machine) -> None:
    stage = Stage(machine).sent()
    with machine.database.begin() as session:
        receipt = Receipt(ReceiptEvent.BOUNCED, "e", delivery_key=stage.key)
        feedback.keep(session, (2, 99), [receipt], machine.clock.now())
    feedback.apply_due(machine)
    assert (counts(machine, stage.message_pk), stage.waiting()) == ({"sent": 1}, 1)


def test_what_nobody_signed_speaks_only_for_its_own_provider(machine: Machine) -> None:
    stage = Stage(machine).sent()
    stage.provider_pk += 1
    stage.tell("delivered", is_proven=False)
    assert counts(machine, stage.message_pk) == {"sent": 1}
    stage.tell("delivered", event_id="signed")
    assert counts(machine, stage.message_pk) == {"delivered": 1}


def test_more_than_a_page_is_applied_and_all_of_it_goes_with_the_message(any_machine: Machine) -> None:
    stage = Stage(any_machine).sent()
    stage.tell(*["opened"] * (feedback.PAGE + 5), "delivered")
    assert (counts(any_machine, stage.message_pk), stage.waiting()) == ({"delivered": 1}, 0)
    with any_machine.database.begin() as session:
        ledger.forget(session, stage.message_pk)
        assert session.scalars(select(FeedbackEvent.pk)).all() == []


def test_a_receipt_is_no_attempt(machine: Machine) -> None:
    stage = Stage(machine).sent()
    stage.tell("delivered")
    with machine.database.read() as session:
        assert len(session.scalars(select(Attempt.pk)).all()) == 1


def test_what_is_too_long_or_has_signs_that_no_database_takes_is_kept_all_the_same(any_machine: Machine) -> None:
    stage = Stage(any_machine).sent()
    long = "x\0\ud800" * 3000
    stage.tell("delivered", event_id=long, code=long, detail=long, raw=long, address=long, provider_message_id=long)
    assert counts(any_machine, stage.message_pk) == {"delivered": 1}
