"""The retry of what failed of a message: which ones, how far in one transaction, and when it is refused."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from app.domain.errors import Conflict, NotFound
from app.domain.permissions import Actor
from app.engine import dead_letters as engine
from app.engine import lifecycle
from app.models.audit import AuditEntry
from app.models.deliveries import Delivery, Tally
from app.models.messages import Message, MessageEvent
from app.services.tracking import dead_letter_orders as orders
from app.services.tracking.dead_letters import Wish
from app.services.work import Workshop
from tests.conftest import START
from tests.factories import make_message
from tests.sent_messages import add_delivery
from tests.services.test_dead_letter_orders import bury, counts


def test_a_retry_reaches_whatever_failed_of_its_message_and_nothing_else(any_workshop: Workshop, actor: Actor) -> None:
    with any_workshop.open(actor) as work:
        message, other = bury(work, failed=2, uncertain=1), bury(work, failed=1)
        add_delivery(work.session, message, "failed", "gone@example.org", reason="mailbox_unknown")  # no dead letter
        work.session.execute(
            update(Tally).where(Tally.message_pk == message.pk).values(failed=3, audience=Tally.audience + 1)
        )
        orders.dismiss(work, Wish(message.id, "failed"))
    any_workshop.clock.move(60)
    with any_workshop.open(actor) as work:
        order = orders.retry(work, message.id)
    assert (order.total, order.done, order.ended_at) == (3, 3, any_workshop.clock.now())
    assert counts(any_workshop, actor, message) == {"queued": 3, "sent": 2, "bounced": 1, "uncertain": 1}
    assert counts(any_workshop, actor, other)["failed"] == 1
    assert any_workshop.broker.waiting()["urgent"] == 1
    with any_workshop.open(actor) as work:
        assert orders.retry(work, message.id, uncertain=True).total == 1
        trail = work.session.scalars(select(AuditEntry).where(AuditEntry.event == "message.retry")).all()
        assert [(line.resource, line.details) for line in trail] == [
            (f"message/{message.id}", {"total": 3}), (f"message/{message.id}", {"total": 1, "uncertain": 1}),
        ]  # fmt: skip
        told = work.session.scalars(select(MessageEvent.details).where(MessageEvent.event == "retried")).all()
        assert told == [{"total": 3}, {"total": 1}]
    assert counts(any_workshop, actor, message) == {"queued": 4, "sent": 2, "bounced": 1}


def test_only_those_that_ended_for_a_named_reason_go_again(any_workshop: Workshop, actor: Actor) -> None:
    with any_workshop.open(actor) as work:
        message = bury(work, failed=2)
        for reason in ("mailbox_full", "too_large"):
            add_delivery(work.session, message, "failed", f"{reason}@example.org", reason=reason)
        work.session.execute(
            update(Tally).where(Tally.message_pk == message.pk).values(failed=4, audience=Tally.audience + 2)
        )
        assert orders.retry(work, message.id, reasons=["mailbox_full", "server_error"]).total == 3
    assert counts(any_workshop, actor, message) == {"queued": 3, "sent": 2, "bounced": 1, "failed": 1}


def test_a_large_retry_goes_in_pages_and_a_crash_between_them_loses_nothing(
    any_workshop: Workshop, actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "PAGE", 10)
    with any_workshop.open(actor) as work:
        message = bury(work, failed=25, reason="mailbox_unknown")
    with any_workshop.open(actor) as work:
        order = orders.retry(work, message.id, reasons=["mailbox_unknown"])
        assert (order.total, order.done, order.ended_at) == (25, 10, None)
    assert any_workshop.broker.waiting()["urgent"] == 2  # send these, and go on
    with any_workshop.database.begin() as session:  # killed in a page
        engine.advance(session, order.pk, any_workshop.clock.now())
        session.rollback()
    any_workshop.clock.move(11)
    assert orders.ring_stalled(any_workshop) == 1
    orders.carry_out(any_workshop, order.pk)
    orders.carry_out(any_workshop, order.pk)  # rung twice
    assert counts(any_workshop, actor, message) == {"queued": 25, "sent": 2, "bounced": 1}
    with any_workshop.read(actor) as work:
        told = work.session.scalars(select(MessageEvent.details).where(MessageEvent.event == "retried")).all()
        assert told == [{"total": 25}]


def test_a_message_cancelled_in_the_middle_of_its_retry_keeps_the_rest_where_it_is(
    workshop: Workshop, actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "PAGE", 10)
    with workshop.open(actor) as work:
        message = bury(work, failed=25)
        order = orders.retry(work, message.id)
    with workshop.database.begin() as session:
        lifecycle.cancel(session, session.get_one(Message, message.pk), workshop.clock.now(), by="Otis")
    orders.carry_out(workshop, order.pk)
    assert counts(workshop, actor, message) == {"queued": 10, "sent": 2, "bounced": 1, "failed": 15}


def test_nothing_of_a_cancelled_message_is_tried_again(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        over = bury(work, failed=2, uncertain=1, cancelled_at=START)
        ending = bury(work, failed=2, uncertain=1, status="processing", cancelled_at=START)
        for message in (over, ending):
            for uncertain in (False, True):
                with pytest.raises(Conflict, match="cancelled"):
                    orders.retry(work, message.id, uncertain=uncertain)
    assert counts(workshop, actor, over) == {"sent": 2, "bounced": 1, "failed": 2, "uncertain": 1}


def test_where_nothing_failed_a_sentence_says_so(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        fine, draft = bury(work, uncertain=1), make_message(work.session)
        for message_id in (fine.id, draft.id):
            with pytest.raises(Conflict, match="nothing to try again"):
                orders.retry(work, message_id)
        with pytest.raises(NotFound):
            orders.retry(work, "no-such-message")


def test_what_failed_in_a_future_that_the_clock_was_set_back_from_is_tried_again(
    any_workshop: Workshop, actor: Actor
) -> None:
    with any_workshop.open(actor) as work:
        message = bury(work, failed=2)
        work.session.execute(update(Delivery).values(updated_at=START + timedelta(hours=1)))
        assert orders.retry(work, message.id).total == 2
    assert counts(any_workshop, actor, message)["queued"] == 2
