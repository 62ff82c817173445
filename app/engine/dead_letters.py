"""What people decided about dead letters, carried out in pages: each is a transaction, and a crash loses no decision.

A page finds by itself what is left to do, so it may run twice, at any time, and beside others.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, Select, TextClause, and_, func, select, update
from sqlalchemy.orm import Session

from app.domain.dead_letters import Chosen
from app.domain.delivery_states import RETRYABLE, DeliveryState
from app.domain.errors import Conflict
from app.engine import lifecycle, timeline
from app.models.dead_letters import DeadLetterOrder
from app.models.deliveries import DEAD, Delivery
from app.models.messages import Message

PAGE = 2_000  # deliveries of a transaction: SQLite's write lock is held for some 50 ms
MOST_NAMED = 100  # messages that an order remembers

Clause = ColumnElement[bool] | TextClause


class Count(NamedTuple):
    """How many dead letters are meant: failed ones, those that may have arrived, and of how many `messages` these are.

    Those of `cancelled` messages are counted apart from all three. `oldest` and `newest` are when the first and the
    last of all of them died.
    """

    failed: int = 0
    uncertain: int = 0
    cancelled: int = 0
    messages: int = 0
    oldest: datetime | None = None
    newest: datetime | None = None

    @property
    def total(self) -> int:
        """All that may be tried again."""
        return self.failed + self.uncertain


def where(project_pk: int, chosen: Chosen) -> list[Clause]:
    """What makes a delivery one of those that are meant."""
    clauses: list[Clause] = [Delivery.project_pk == project_pk, _kind_of(chosen)]
    if chosen.reasons:
        clauses.append(Delivery.reason.in_(chosen.reasons))
    if chosen.provider_pk is not None:
        clauses.append(Delivery.provider_pk == (chosen.provider_pk or None))
    if chosen.since is not None:
        clauses.append(Delivery.updated_at >= chosen.since)
    if chosen.until is not None:
        clauses.append(Delivery.updated_at <= chosen.until)
    exactly = (
        (Delivery.pk, chosen.delivery_pk), (Delivery.message_pk, chosen.message_pk), (Delivery.state, chosen.state),
        (Delivery.reason, chosen.reason), (Delivery.channel, chosen.channel),
    )  # fmt: skip
    return [*clauses, *(column == value for column, value in exactly if value)]


def _kind_of(chosen: Chosen) -> Clause:
    return Delivery.state.in_(sorted(RETRYABLE)) if chosen.is_wide else DEAD


def count(session: Session, project_pk: int, chosen: Chosen) -> Count:
    """Exactly how many dead letters are meant; looks at each of them in their index."""
    by_message = (
        select(
            Delivery.message_pk, Delivery.state, func.count().label("size"),
            func.min(Delivery.updated_at).label("oldest"), func.max(Delivery.updated_at).label("newest"),
        )
        .where(*where(project_pk, chosen))
        .group_by(Delivery.message_pk, Delivery.state)
        .subquery()
    )  # fmt: skip
    may_go = Message.cancelled_at.is_(None)
    sizes = [
        func.coalesce(func.sum(by_message.c.size).filter(condition), 0)
        for condition in (
            and_(may_go, by_message.c.state == DeliveryState.FAILED.value),
            and_(may_go, by_message.c.state == DeliveryState.UNCERTAIN.value),
            ~may_go,
        )
    ]
    row = session.execute(
        select(
            *sizes, func.count(by_message.c.message_pk.distinct()).filter(may_go),
            func.min(by_message.c.oldest), func.max(by_message.c.newest),
        ).join_from(by_message, Message, Message.pk == by_message.c.message_pk)
    ).one()  # fmt: skip
    return Count(int(row[0]), int(row[1]), int(row[2]), row[3], oldest=row[4], newest=row[5])


def messages_of(project_pk: int, chosen: Chosen) -> Select[int]:
    """The numbers of their messages, for another statement."""
    return select(Delivery.message_pk).where(*where(project_pk, chosen))


def count_dismissed(session: Session, order_pk: int) -> int:
    """How many deliveries an order keeps off the list."""
    return session.scalar(select(func.count()).where(Delivery.dismissal_pk == order_pk)) or 0


class Step(NamedTuple):
    """What a page came to: whether it was the last, and the message that has something to send again."""

    is_last: bool
    message_pk: int | None = None


def advance(session: Session, order_pk: int, now: datetime) -> Step:
    """Carry out the next page of an order; the caller commits. Safe to run twice, and beside another."""
    order = session.get(DeadLetterOrder, order_pk, with_for_update=True, populate_existing=True)
    if order is None or order.ended_at is not None:
        return Step(True)
    message_pk: int | None = None
    if order.kind == "replay":
        is_last, message_pk = _replay(session, order, now)
    else:
        is_last = (_dismiss if order.kind == "dismiss" else _take_back)(session, order)
    order.updated_at = now
    if is_last or order.done >= order.total:
        order.ended_at = now
    return Step(order.ended_at is not None, message_pk)


def _replay(session: Session, order: DeadLetterOrder, now: datetime) -> Step:
    """A page of dead letters of one message; messages are taken by their number."""
    chosen = Chosen.from_json(order.chosen)
    message_pk = _next_message(session, order, chosen)
    if message_pk is None:
        return Step(True)
    order.at_message_pk = message_pk + 1  # unless more of this message is left
    message = lifecycle.lock(session, message_pk)
    if message is None:  # deleted just now, and its deliveries with it
        return Step(False)
    mine: list[Clause] = [*where(order.project_pk, chosen), Delivery.message_pk == message.pk]
    numbers = session.scalars(_some(mine)).all()
    try:
        moved = lifecycle.replay(session, message, numbers, now, _kind_of(chosen))
    except Conflict:  # cancelled meanwhile, or being cancelled: it stays dead, and the others go on
        return Step(False)
    if moved and message.id not in order.touched:
        left = session.scalar(select(func.count()).where(*mine)) or 0
        timeline.note(session, message.pk, "retried", now, by=order.author_name, total=moved + left)
        order.touched = [*order.touched, message.id][-MOST_NAMED:]
    if len(numbers) == PAGE:
        order.at_message_pk = message.pk
    order.done += moved
    return Step(False, message.pk if moved else None)


def _next_message(session: Session, order: DeadLetterOrder, chosen: Chosen) -> int | None:
    """The message to go on with: the one in hand while anything of it is left, then the next by number."""
    mine = where(order.project_pk, chosen)
    in_hand = select(Delivery.message_pk).where(*mine, Delivery.message_pk == order.at_message_pk).limit(1)
    following = (
        select(Delivery.message_pk)
        .where(*mine, Delivery.message_pk > order.at_message_pk)
        .order_by(Delivery.message_pk)
        .limit(1)
    )
    found = session.scalar(in_hand)
    return found if found is not None else session.scalar(following)


def _dismiss(session: Session, order: DeadLetterOrder) -> bool:
    mine = where(order.project_pk, Chosen.from_json(order.chosen))
    found = session.scalars(_some(mine)).all()
    order.done += _mark(session, found, DEAD, order.pk)
    _remember(session, order, found)
    return len(found) < PAGE


def _take_back(session: Session, order: DeadLetterOrder) -> bool:
    by_then = Delivery.dismissal_pk == order.undoes_pk
    found = session.scalars(_some([by_then])).all()
    order.done += _mark(session, found, by_then, None)
    _remember(session, order, found)
    return len(found) < PAGE


def _remember(session: Session, order: DeadLetterOrder, found: Sequence[int]) -> None:
    """Keep which messages these deliveries are of."""
    of_them = select(Delivery.message_pk).where(Delivery.pk.in_(found))
    ids = session.scalars(select(Message.id).where(Message.pk.in_(of_them)).order_by(Message.pk)).all()
    order.touched = list(dict.fromkeys([*order.touched, *ids]))[-MOST_NAMED:]


def _some(clauses: Sequence[Clause]) -> Select[int]:
    return select(Delivery.pk).where(*clauses).limit(PAGE)


def _mark(session: Session, found: Sequence[int], still: Clause, dismissal_pk: int | None) -> int:
    """Dismiss these deliveries, or take that back; how many. Rows are locked by number, as everybody does it."""
    held = select(Delivery.pk).where(Delivery.pk.in_(found), still).order_by(Delivery.pk).with_for_update()
    done = session.execute(
        update(Delivery)
        .where(Delivery.pk.in_(held))
        .values(dismissal_pk=dismissal_pk)
        .execution_options(synchronize_session=False)
    ).rowcount  # type: ignore[attr-defined]
    return int(done)
