"""What people do about dead letters: replay them, dismiss them, take a dismissal back; each with exact numbers.

So goes the retry of all that failed of a message, which may be a million as well.

An order is written down with its first page in one transaction; a worker carries out the rest (`engine.dead_letters`),
and the ticker rings for those that stand still.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Select, func, select

from app.domain.dead_letters import Chosen
from app.domain.delivery_states import DeliveryState
from app.domain.errors import Conflict
from app.engine import dead_letters as engine
from app.engine import lifecycle, scheduler
from app.engine.dead_letters import Count
from app.infra.clock import monotonic
from app.models.dead_letters import DeadLetterOrder
from app.models.deliveries import Delivery
from app.models.messages import Message
from app.models.projects import Project
from app.services.lists.listing import Cursor, Page, page_of
from app.services.tracking.dead_letters import Wish, choose
from app.services.tracking.deliveries import tallies_of
from app.services.work import Work, Workshop

STALE = timedelta(seconds=10)  # without a page for so long: nobody is at it
STRETCH = 10.0  # seconds a worker stays with one order before others get their turn
SHOWN_FOR = timedelta(days=1)
WATCHED_FOR = timedelta(hours=1)  # then a page looks again only when somebody asks: what waits may be paused for days
MOST_SHOWN = 5
NOTHING_LEFT = "None of these is a dead letter any more: they were replayed, dismissed, or arrived after all."
NOTHING_FAILED = "There is nothing to try again: no delivery is in that state any more."
ONLY_DOUBTS = "All of these may have arrived. Tick that they shall be sent again all the same, or dismiss them."


class Question(NamedTuple):
    """What an order would do at this moment. `late` messages of it were to start by an earlier time than now."""

    numbers: Count
    late: int = 0
    late_since: datetime | None = None
    title: str = ""  # of the message, when the wish names one
    address: str = ""  # of the delivery, when it names one


def ask(work: Work, wish: Wish) -> Question:
    """How many a replay or a dismissal would change now. Conflict when it is none."""
    work.require("deliveries.retry")
    chosen = choose(work, wish)
    numbers = engine.count(work.session, work.project_pk, chosen)
    if not numbers.total and not numbers.cancelled:
        raise Conflict(NOTHING_LEFT)
    message = work.session.get(Message, chosen.message_pk) if chosen.message_pk else None
    delivery = work.session.get(Delivery, chosen.delivery_pk) if chosen.delivery_pk else None
    late, since = _late(work, chosen)
    return Question(
        numbers, late, since, message.title if message else "", delivery.address if delivery else ""
    )  # fmt: skip


def _late(work: Work, chosen: Chosen) -> tuple[int, datetime | None]:
    """How many of the messages are past the time by which they had to start, and when the first was to."""
    late = (
        select(func.count(), func.min(Message.scheduled_at))
        .join(Project, Project.pk == Message.project_pk)
        .where(
            Message.pk.in_(engine.messages_of(work.project_pk, chosen)), Message.cancelled_at.is_(None),
            Message.scheduled_at.is_not(None), scheduler.is_later_than_allowed(work.now),
        )
    )  # fmt: skip
    row = work.session.execute(late).one()
    return row[0], row[1]


def replay(work: Work, wish: Wish, *, until: datetime | None = None, with_uncertain: bool = False) -> DeadLetterOrder:
    """Try dead letters again, all that fit and had died by `until` (None: by now), with full patience.

    Those that may have arrived go again only `with_uncertain`. Conflict, in words, when nothing is left to try: also
    when their message was cancelled. What stops all sending holds them back in the queue.
    """
    work.require("deliveries.retry")
    chosen = _by(work, choose(work, wish), until)
    count = engine.count(work.session, work.project_pk, chosen)
    if not count.total:
        raise Conflict(lifecycle.CANCELLED if count.cancelled else NOTHING_LEFT)
    if not with_uncertain and not count.failed:
        raise Conflict(ONLY_DOUBTS)
    if not with_uncertain:
        chosen = chosen.without_doubts
    total = count.total if with_uncertain else count.failed
    return _give(work, "replay", chosen, total, uncertain=count.uncertain if with_uncertain else 0)


def retry(work: Work, message_id: str, *, reasons: Sequence[str] = (), uncertain: bool = False) -> DeadLetterOrder:
    """Try what failed of a message again, or what is `uncertain`; all of it or what ended for one of these reasons.

    That is more than its dead letters: also those whose address said no, which people mend, and those that somebody
    dismissed. NotFound; Conflict, in words, when nothing is left to try, or the message was cancelled.
    """
    work.require("deliveries.retry")
    found = work.find(Message, message_id, noun="message", type="message_not_found")
    message = lifecycle.lock(work.session, found.pk) or found  # of two clicks the second finds nothing left
    state = DeliveryState.UNCERTAIN if uncertain else DeliveryState.FAILED
    chosen = Chosen(message.pk, state.value, reasons=tuple(reasons), is_wide=True)
    count = engine.count(work.session, work.project_pk, chosen)
    if not count.total:
        raise Conflict(NOTHING_FAILED if message.cancelled_at is None else lifecycle.CANCELLED)
    # Not by now: a clock that was set back may have let them end in what is the future again.
    chosen = replace(chosen, until=count.newest)
    return _give(work, "replay", chosen, count.total, uncertain=count.uncertain)


def dismiss(work: Work, wish: Wish, *, until: datetime | None = None) -> DeadLetterOrder:
    """Take dead letters off the list, all that fit and had died by `until`; they stay in the ledger as they are."""
    work.require("deliveries.retry")
    chosen = _by(work, choose(work, wish), until)
    count = engine.count(work.session, work.project_pk, chosen)
    if not count.total + count.cancelled:
        raise Conflict(NOTHING_LEFT)
    return _give(work, "dismiss", chosen, count.total + count.cancelled)


def undo(work: Work, order_id: str) -> DeadLetterOrder:
    """Put on the list again what an order dismissed. Conflict when that was done, or nothing of it is left."""
    work.require("deliveries.retry")
    found = work.find(DeadLetterOrder, order_id, noun="dismissal")
    order = work.session.get(DeadLetterOrder, found.pk, with_for_update=True, populate_existing=True)
    if order is None or order.kind != "dismiss":
        raise Conflict("Only a dismissal can be taken back.")
    total = 0 if order.undone_at is not None else engine.count_dismissed(work.session, order.pk)
    if not total:
        raise Conflict("This dismissal was taken back already, or none of its deliveries is left.")
    order.undone_at, order.ended_at = work.now, order.ended_at or work.now
    return _give(work, "undo", Chosen(), total, undoes=order)


def _by(work: Work, chosen: Chosen, until: datetime | None) -> Chosen:
    """Only what had died by then: whatever dies again while an order is carried out waits for another decision."""
    return replace(chosen, until=work.now if until is None else min(until, work.now))


def _give(
    work: Work, kind: str, chosen: Chosen, total: int, *, uncertain: int = 0, undoes: DeadLetterOrder | None = None
) -> DeadLetterOrder:
    order = DeadLetterOrder(
        id=work.unique_id(), project_pk=work.project_pk, kind=kind, author_name=work.actor.name[:320],
        chosen=chosen.to_json(), total=total, done=0, at_message_pk=0, touched=[],
        undoes_pk=undoes.pk if undoes else None, **work.stamp(),
    )  # fmt: skip
    work.session.add(order)
    work.session.flush()
    message = work.session.get(Message, chosen.message_pk) if chosen.message_pk else None
    resource = f"message/{message.id}" if message else f"project/{work.project.id}"
    details = {
        "total": total, "uncertain": uncertain, "reason": chosen.reason, "reasons": list(chosen.reasons),
        "channel": chosen.channel,
    }  # fmt: skip
    told = {name: value for name, value in details.items() if value}
    work.audit("message.retry" if chosen.is_wide else f"dead_letter.{kind}", resource, **told)
    step = engine.advance(work.session, order.pk, work.now)
    if step.message_pk is not None:
        work.ring("dispatch", step.message_pk, 0, queue="urgent")
    if not step.is_last:
        work.ring("carry_out_order", order.pk, queue="urgent")
    return order


def carry_out(workshop: Workshop, order_pk: int) -> None:
    """Go on with an order, page by page; after STRETCH it rings for the rest. For a job."""
    ends = monotonic() + STRETCH
    while True:
        with workshop.database.begin() as session:
            step = engine.advance(session, order_pk, workshop.clock.now())
        if step.message_pk is not None:
            workshop.broker.ring("dispatch", step.message_pk, 0, queue="urgent")
        if step.is_last:
            return
        if monotonic() > ends:
            workshop.broker.ring("carry_out_order", order_pk, queue="urgent")
            return


def ring_stalled(workshop: Workshop) -> int:
    """Ring for every order that nobody is at; how many. For the ticker."""
    stale = workshop.clock.now() - STALE
    open_ones = select(DeadLetterOrder.pk).where(DeadLetterOrder.ended_at.is_(None), DeadLetterOrder.updated_at < stale)
    with workshop.database.read() as session:
        pks = list(session.scalars(open_ones))
    for pk in pks:
        workshop.broker.ring("carry_out_order", pk, queue="urgent")
    return len(pks)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an order is. `messages` are (id, title) of those that it changed something of, `waiting` how many of
    their recipients have not ended yet."""

    order: DeadLetterOrder
    messages: Sequence[tuple[str, str]] = ()
    waiting: int = 0
    is_fresh: bool = True

    @property
    def is_over(self) -> bool:
        """Whether it is carried out."""
        return self.order.ended_at is not None

    @property
    def names_all(self) -> bool:
        """Whether `messages` are all of them: an order remembers only so many."""
        return len(self.order.touched) < engine.MOST_NAMED

    @property
    def is_moving(self) -> bool:
        """Whether it will look different soon."""
        return not self.is_over or (self.waits and self.is_fresh)

    @property
    def waits(self) -> bool:
        """Whether all of it is back in the queue, and not all of that has ended."""
        return self.is_over and self.order.kind == "replay" and bool(self.waiting)

    @property
    def was_sent(self) -> bool:
        """Whether everything that it put back has ended again."""
        return self.is_over and self.order.kind == "replay" and not self.waiting and bool(self.order.done)

    @property
    def left(self) -> int:
        """How many it did not reach in the end: they had changed, or their message was cancelled."""
        return self.order.total - self.order.done if self.is_over and self.order.undone_at is None else 0

    @property
    def may_undo(self) -> bool:
        """Whether it is a dismissal that still holds."""
        return self.order.kind == "dismiss" and self.order.undone_at is None


def recent(work: Work) -> list[Progress]:
    """The last orders of the last day, and how far each is; the newest first."""
    work.require("deliveries.read")
    lately = _mine(work).where(DeadLetterOrder.created_at > work.now - SHOWN_FOR)
    orders = work.session.scalars(lately.order_by(DeadLetterOrder.pk.desc()).limit(MOST_SHOWN)).all()
    return _told(work, orders)


def list_orders(work: Work, cursor: Cursor) -> Page[Progress]:
    """Everything that was ever decided about dead letters, the newest first."""
    work.require("deliveries.read")
    page = page_of(work.session, _mine(work), DeadLetterOrder.pk, cursor)
    return Page(_told(work, page.items), older=page.older, newer=page.newer)


def dismissal_of(work: Work, delivery: Delivery) -> DeadLetterOrder | None:
    """The order by which somebody dismissed this delivery."""
    return work.session.get(DeadLetterOrder, delivery.dismissal_pk) if delivery.dismissal_pk is not None else None


def _mine(work: Work) -> Select[DeadLetterOrder]:
    return select(DeadLetterOrder).where(DeadLetterOrder.project_pk == work.project_pk)


def _told(work: Work, orders: Sequence[DeadLetterOrder]) -> list[Progress]:
    ids = {message_id for order in orders for message_id in order.touched}
    mine = select(Message.pk, Message.id, Message.title).where(
        Message.project_pk == work.project_pk, Message.id.in_(ids)
    )
    messages = {row.id: row for row in work.session.execute(mine)}
    tallies = tallies_of(work, [row.pk for row in messages.values()])
    found = []
    for order in orders:
        touched = [messages[message_id] for message_id in order.touched if message_id in messages]
        ends = [tallies[row.pk] for row in touched if row.pk in tallies]
        waiting = sum(tally.queued + tally.sending for tally in ends)
        is_fresh = work.now - order.created_at < WATCHED_FOR
        found.append(Progress(order, [(row.id, row.title) for row in touched], waiting, is_fresh))
    return found
