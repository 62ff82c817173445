"""Replay, dismiss and undo: what each changes, to the last row and number, and what survives a crash."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from app.domain.errors import Conflict, Forbidden, NotFound
from app.domain.permissions import Actor
from app.engine import dead_letters as engine
from app.engine import gate, ledger
from app.models.audit import AuditEntry
from app.models.dead_letters import DeadLetterOrder
from app.models.deliveries import Delivery, Tally
from app.models.messages import Message, MessageEvent
from app.models.projects import Project
from app.services.lists.listing import Cursor
from app.services.sending import stopping
from app.services.tracking import dead_letter_orders as orders
from app.services.tracking.dead_letters import Wish, total_of
from app.services.work import Work, Workshop
from tests.conftest import START, FakeClock
from tests.factories import make_provider
from tests.sent_messages import STATES, add_delivery, make_sent


def bury(
    work: Work, *, failed: int = 0, uncertain: int = 0, reason: str = "server_error", **columns: object
) -> Message:
    """A finished message with two deliveries that got through, one hard bounce, and that many dead letters."""
    message = make_sent(work.session, {"sent": 2, "bounced": 1}, **({"status": "failed"} | columns))
    for state, count in (("failed", failed), ("uncertain", uncertain)):
        for index in range(count):
            add_delivery(work.session, message, state, f"{state}-{index}@example.org", reason=reason)
    work.session.execute(
        update(Tally)
        .where(Tally.message_pk == message.pk)
        .values(failed=failed, uncertain=uncertain, audience=3 + failed + uncertain)
    )
    return message


def counts(shop: Workshop, actor: Actor, message: Message) -> dict[str, int]:
    """What the tally says, once the rows have agreed with it."""
    with shop.read(actor) as work:
        by_state = select(Delivery.state, func.count()).where(Delivery.message_pk == message.pk)
        rows = dict(work.session.execute(by_state.group_by(Delivery.state)).all())
        tally = work.session.get_one(Tally, message.pk)
        assert {state: getattr(tally, state) for state in STATES if getattr(tally, state)} == rows
        assert tally.audience == sum(rows.values())
        return rows


def test_a_replay_puts_exactly_what_was_asked_for_into_the_queue(any_workshop: Workshop, actor: Actor) -> None:
    with any_workshop.open(actor) as work:
        message = bury(work, failed=3, uncertain=2)
        other = bury(work, failed=1, reason="mailbox_full")
        provider = make_provider(work)
        work.session.execute(update(Delivery).values(wish_pk=provider.pk, first_tried_at=START))
    any_workshop.clock.move(60)
    with any_workshop.open(actor) as work:
        order = orders.replay(work, Wish(reason="server_error"))
    assert (order.total, order.done, order.ended_at) == (3, 3, any_workshop.clock.now())
    assert counts(any_workshop, actor, message) == {"queued": 3, "sent": 2, "bounced": 1, "uncertain": 2}
    assert counts(any_workshop, actor, other) == {"sent": 2, "bounced": 1, "failed": 1}
    with any_workshop.read(actor) as work:
        row = work.session.scalars(select(Delivery).where(Delivery.state == "queued")).first()
        assert row is not None
        assert (row.next_attempt_at, row.first_tried_at, row.wish_pk) == (any_workshop.clock.now(), None, provider.pk)
        now = work.session.get_one(Message, message.pk)
        assert (now.status, now.settled_at) == ("processing", None)
        told = work.session.scalars(select(MessageEvent).where(MessageEvent.event == "retried")).all()
        assert [(line.message_pk, line.actor_name, line.details) for line in told] == [
            (message.pk, "Olga", {"total": 3})
        ]  # fmt: skip
        trail = work.session.scalars(select(AuditEntry).where(AuditEntry.event == "dead_letter.replay")).one()
        assert (trail.actor_name, trail.details) == ("Olga", {"total": 3, "reason": "server_error"})


def test_what_may_have_arrived_goes_again_only_when_somebody_says_so(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        message = bury(work, failed=1, uncertain=2)
        question = orders.ask(work, Wish())
    assert (question.numbers.failed, question.numbers.uncertain, question.numbers.total) == (1, 2, 3)
    with workshop.open(actor) as work:
        orders.replay(work, Wish())
    assert counts(workshop, actor, message)["uncertain"] == 2
    with workshop.open(actor) as work, pytest.raises(Conflict, match="may have arrived"):
        orders.replay(work, Wish())
    with workshop.open(actor) as work:
        assert orders.replay(work, Wish(state="uncertain"), with_uncertain=True).total == 2
    assert counts(workshop, actor, message) == {"queued": 3, "sent": 2, "bounced": 1}


def test_one_delivery_is_replayed_alone(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        message = bury(work, failed=3)
        pk = work.session.scalars(select(Delivery.pk).where(Delivery.state == "failed")).first()
        orders.replay(work, Wish(delivery_pk=pk))
        hard = work.session.scalars(select(Delivery.pk).where(Delivery.state == "bounced")).one()
        for nothing in (hard, 4711):
            with pytest.raises(Conflict, match="None of these"):
                orders.replay(work, Wish(delivery_pk=nothing))
        assert work.session.scalars(select(Delivery.pk).where(Delivery.state == "queued")).one() == pk
    assert counts(workshop, actor, message) == {"queued": 1, "sent": 2, "bounced": 1, "failed": 2}


def test_nothing_of_a_cancelled_message_is_sent_again(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        cancelled = bury(work, failed=2, cancelled_at=START)
        going = bury(work, failed=2, status="processing", cancelled_at=START)
        fine = bury(work, failed=1)
        for message in (cancelled, going):
            with pytest.raises(Conflict, match="cancelled"):
                orders.replay(work, Wish(message.id))
        assert orders.ask(work, Wish()).numbers == (1, 0, 4, 1, START, START)
        order = orders.replay(work, Wish())
        assert not order.ended_at  # the two others are looked at first
    orders.carry_out(workshop, order.pk)
    with workshop.read(actor) as work:
        order = work.session.get_one(DeadLetterOrder, order.pk)
        assert (order.total, order.done, order.ended_at is None) == (1, 1, False)
        assert total_of(work).number == 4
    assert counts(workshop, actor, cancelled)["failed"] == counts(workshop, actor, going)["failed"] == 2
    assert counts(workshop, actor, fine)["queued"] == 1


def test_a_paused_message_stays_paused_and_a_stop_of_all_sending_holds(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        message = bury(work, failed=1, status="processing", paused_at=START)
        other = bury(work, failed=1)
        stopping.stop(work)
        order = orders.replay(work, Wish())
    orders.carry_out(workshop, order.pk)
    with workshop.read(actor) as work:
        assert work.session.get_one(Message, message.pk).paused_at == START
        assert not ledger.may_send(work.session, message.pk)
        assert not ledger.may_send(work.session, other.pk)
        running = select(Message.pk).where(gate.is_open(), gate.is_running())
        assert work.session.scalars(running).all() == []


def test_a_large_replay_goes_in_pages_and_a_crash_between_them_loses_nothing(
    any_workshop: Workshop, actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "PAGE", 10)
    with any_workshop.open(actor) as work:
        one, other = bury(work, failed=25), bury(work, failed=20)
    with any_workshop.open(actor) as work:
        order = orders.replay(work, Wish())
        assert (order.total, order.done, order.ended_at) == (45, 10, None)
    assert counts(any_workshop, actor, one) == {"queued": 10, "failed": 15, "sent": 2, "bounced": 1}
    with any_workshop.database.begin() as session:  # killed in a page
        engine.advance(session, order.pk, any_workshop.clock.now())
        session.rollback()
    assert counts(any_workshop, actor, one)["queued"] == 10
    assert orders.ring_stalled(any_workshop) == 0
    any_workshop.clock.move(11)
    assert orders.ring_stalled(any_workshop) == 1
    orders.carry_out(any_workshop, order.pk)
    orders.carry_out(any_workshop, order.pk)  # rung twice
    assert orders.ring_stalled(any_workshop) == 0
    for message, size in ((one, 25), (other, 20)):
        assert counts(any_workshop, actor, message) == {"queued": size, "sent": 2, "bounced": 1}
    with any_workshop.read(actor) as work:
        told = work.session.scalars(select(MessageEvent.details).where(MessageEvent.event == "retried")).all()
        assert told == [{"total": 25}, {"total": 20}]  # one line a message, however many pages
        progress = orders.recent(work)[0]
        assert (progress.order.done, progress.waiting, progress.is_moving) == (45, 45, True)
        assert [title for _, title in progress.messages] == ["Autumn news"] * 2
    any_workshop.clock.move(3_600)
    with any_workshop.read(actor) as work:
        assert not orders.recent(work)[0].is_moving  # nobody's page asks for ever


def test_what_dies_again_meanwhile_waits_for_another_decision(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        message = bury(work, failed=2)
        seen_at = work.now
    workshop.clock.move(60)
    with workshop.open(actor) as work:
        add_delivery(
            work.session, message, "failed", "later@example.org", reason="server_error", at=workshop.clock.now()
        )
        work.session.execute(
            update(Tally).where(Tally.message_pk == message.pk).values(failed=3, audience=Tally.audience + 1)
        )
        assert orders.replay(work, Wish(), until=seen_at).total == 2
        assert orders.dismiss(work, Wish(), until=seen_at + timedelta(days=9)).total == 1  # no moment is yet to come
    assert counts(workshop, actor, message) == {"queued": 2, "sent": 2, "bounced": 1, "failed": 1}


def test_a_dismissal_changes_nothing_but_the_list_and_can_be_taken_back(any_workshop: Workshop, actor: Actor) -> None:
    with any_workshop.open(actor) as work:
        message = bury(work, failed=3, uncertain=1, cancelled_at=START)
        rows = [
            (row.pk, row.state, row.updated_at) for row in work.session.scalars(select(Delivery).order_by(Delivery.pk))
        ]
    any_workshop.clock.move(60)
    with any_workshop.open(actor) as work:
        order = orders.dismiss(work, Wish(message.id))
        assert (order.total, order.done, order.author_name) == (4, 4, "Olga")
        assert total_of(work).number == 0
        with pytest.raises(Conflict, match="None of these"):
            orders.dismiss(work, Wish(message.id))
    assert counts(any_workshop, actor, message) == {"failed": 3, "uncertain": 1, "sent": 2, "bounced": 1}
    with any_workshop.open(actor) as work:
        row = work.session.scalars(select(Delivery).where(Delivery.state == "failed")).first()
        assert row is not None
        assert orders.dismissal_of(work, row).id == order.id  # type: ignore[union-attr]
        assert orders.undo(work, order.id).total == 4
        assert total_of(work).number == 4
        with pytest.raises(Conflict, match="already"):
            orders.undo(work, order.id)
    with any_workshop.read(actor) as work:
        assert [
            (row.pk, row.state, row.updated_at) for row in work.session.scalars(select(Delivery).order_by(Delivery.pk))
        ] == rows
        page = orders.list_orders(work, Cursor())
        assert [(each.order.kind, each.may_undo) for each in page.items] == [("undo", False), ("dismiss", False)]
        assert [[public_id for public_id, _ in each.messages] for each in page.items] == [[message.id], [message.id]]
        trail = work.session.scalars(select(AuditEntry.event).where(AuditEntry.event.like("dead_letter%"))).all()
        assert sorted(trail) == ["dead_letter.dismiss", "dead_letter.undo"]


def test_an_undo_stops_a_dismissal_that_is_still_going_on(
    workshop: Workshop, actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "PAGE", 10)
    with workshop.open(actor) as work:
        bury(work, failed=25)
        order = orders.dismiss(work, Wish())
        assert total_of(work).number == 15
        orders.undo(work, order.id)
    orders.carry_out(workshop, order.pk)
    with workshop.read(actor) as work:
        assert total_of(work).number == 25


def test_a_dismissed_one_that_is_retried_and_dies_again_is_back_on_the_list(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        message = bury(work, failed=1)
        orders.dismiss(work, Wish())
        orders.retry(work, message.id)
        work.session.execute(update(Delivery).where(Delivery.state == "queued").values(state="failed"))
        assert total_of(work).number == 1


def test_a_message_that_is_late_is_named_before_it_is_replayed(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        on_time = bury(work, failed=1, scheduled_at=START - timedelta(minutes=10))
        late = bury(work, failed=1, scheduled_at=START - timedelta(hours=5))
        bury(work, failed=1)
        patient = bury(work, failed=1, scheduled_at=START - timedelta(hours=5), max_lateness=86_400)
        assert orders.ask(work, Wish())[1:3] == (1, START - timedelta(hours=5))
        assert [orders.ask(work, Wish(one.id)).late for one in (on_time, late, patient)] == [0, 1, 0]


def test_of_two_who_replay_the_same_only_one_does(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        message = bury(work, failed=2)
    for expected in (2, None):
        with workshop.open(actor) as work:
            if expected is None:
                with pytest.raises(Conflict, match="replayed, dismissed"):
                    orders.replay(work, Wish())
            else:
                assert orders.replay(work, Wish()).total == expected
    assert counts(workshop, actor, message)["queued"] == 2


def test_an_order_whose_message_is_deleted_meanwhile_comes_to_its_end(
    workshop: Workshop, actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "PAGE", 2)
    with workshop.open(actor) as work:
        gone, stays = bury(work, failed=3), bury(work, failed=3)
        order = orders.replay(work, Wish())
    with workshop.open(actor) as work:
        ledger.forget(work.session, gone.pk)
        work.session.delete(work.session.get_one(Message, gone.pk))
    orders.carry_out(workshop, order.pk)
    assert counts(workshop, actor, stays)["queued"] == 3
    with workshop.read(actor) as work:
        progress = orders.recent(work)[0]
        assert (progress.is_over, progress.order.done, progress.left) == (True, 5, 1)


def test_nobody_acts_without_the_permission_or_in_another_project(
    workshop: Workshop, actor: Actor, viewer: Actor, composer: Actor
) -> None:
    with workshop.open(actor) as work:
        bury(work, failed=1)
        order = orders.dismiss(work, Wish())
        work.session.add(Project(id="other", name="Other", created_at=START, updated_at=START))
    for nobody in (viewer, composer):
        with workshop.open(nobody) as work:
            for act in (orders.ask, orders.replay, orders.dismiss):
                with pytest.raises(Forbidden):
                    act(work, Wish())
            with pytest.raises(Forbidden):
                orders.undo(work, order.id)
            assert len(orders.recent(work)) == 1
    eve = Actor(actor.kind, "Eve", project_pk=2, pk=2, permissions=actor.permissions)
    with workshop.open(eve) as work:
        with pytest.raises(NotFound):
            orders.undo(work, order.id)
        assert orders.recent(work) == []
        assert work.session.scalar(select(func.count()).select_from(DeadLetterOrder)) == 1


def test_the_clock_stands_still_and_an_order_ends_all_the_same(
    clock: FakeClock, workshop: Workshop, actor: Actor
) -> None:
    """Whatever dies again in the very same millisecond is not taken twice: the number that was promised is the end."""
    with workshop.open(actor) as work:
        bury(work, failed=2)
        order = orders.replay(work, Wish())
        work.session.execute(update(Delivery).where(Delivery.state == "queued").values(state="failed"))
    orders.carry_out(workshop, order.pk)
    with workshop.read(actor) as work:
        assert total_of(work).number == 2
    assert clock.now() == START
