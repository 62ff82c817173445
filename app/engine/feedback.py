"""Receipts in the ledger: each is held against its delivery, and waits for it when it came first."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from app.domain.delivery_states import DeliveryState
from app.domain.outcomes import Reason
from app.domain.receipts import Receipt, ReceiptEvent, reason_of, state_after, suppression_of
from app.engine import aftermath, ledger
from app.engine.machine import Machine
from app.models.deliveries import Delivery
from app.models.feedback import FeedbackEvent
from app.models.messages import Message

PAGE = 500  # receipts applied in one transaction
LARGEST_RAW = 65_536  # characters of one receipt that are kept as they came
SHORTEST_WAIT = timedelta(seconds=1)
LONGEST_WAIT = timedelta(hours=1)
KEPT_FOR = timedelta(days=7)  # how long one waits for a delivery that nobody knows
_KEY = re.compile(r"([0-9]{1,18})\.(.+)")  # what `dispatch.key_of` writes


@dataclass(slots=True)
class _Known:
    """What a receipt may change of a delivery, as it stands now."""

    pk: int
    project_pk: int
    message_pk: int
    message_id: str
    address: str
    channel: str
    state: DeliveryState
    was_uncertain: bool
    provider_pk: int | None


def keep(session: Session, place: tuple[int, int], receipts: Iterable[Receipt], now: datetime) -> None:
    """Keep receipts of a provider, each once; `place` is its project's number and its own."""
    project_pk, provider_pk = place
    rows = [
        {
            "project_pk": project_pk, "provider_pk": provider_pk, "event_id": _fit(each.event_id, 255),
            "event": each.event.value, "at": each.at or now, "received_at": now, "look_at": now,
            "delivery_key": _fit(each.delivery_key, 255), "provider_message_id": _fit(each.provider_message_id, 255),
            "address": _fit(each.address, 2048), "reason": each.reason.value if each.reason else "",
            "code": _fit(each.code, 32), "detail": _fit(" ".join(each.detail.split()), 512),
            "raw": _fit(each.raw, LARGEST_RAW), "is_proven": each.is_proven,
        }
        for each in receipts
    ]  # fmt: skip
    for start in range(0, len(rows), 100):  # a statement takes only so many values
        statement = ledger.insert_into(session, FeedbackEvent).values(rows[start : start + 100])
        session.execute(statement.on_conflict_do_nothing())


def _fit(text: str, most: int) -> str:
    """Without what no database takes: NUL, and halves of signs, which JSON can write."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()[:most]


def has_due(session: Session, now: datetime) -> bool:
    """Whether a receipt waits to be looked at."""
    return session.scalar(_due(now).with_only_columns(FeedbackEvent.pk).limit(1)) is not None


def apply_due(machine: Machine) -> int:
    """Apply every receipt that is due; how many were looked at. Safe to run beside itself."""
    total = 0
    while True:
        with machine.database.begin() as session:
            looked_at = apply_page(session, machine.clock.now())
        total += looked_at
        if looked_at < PAGE:
            return total


def apply_page(session: Session, now: datetime) -> int:
    """Apply the next receipts that are due, in the order in which they came; how many were looked at."""
    page = session.scalars(_due(now).limit(PAGE).with_for_update(skip_locked=True)).all()
    known = _find(session, page)
    moved: dict[int, Counter[str]] = defaultdict(Counter)
    for row in page:
        delivery = known.get(row.pk)
        if delivery is None or delivery.state is DeliveryState.SENDING:
            _wait(session, row, now)
        else:
            _apply(session, row, delivery, moved, now)
    for message_pk in sorted(moved):
        ledger.add_to_tally(session, message_pk, moved[message_pk], now)
    return len(page)


def _due(now: datetime) -> Select[FeedbackEvent]:
    return (
        select(FeedbackEvent)
        .where(FeedbackEvent.applied_at.is_(None), FeedbackEvent.look_at <= now)
        .order_by(FeedbackEvent.look_at, FeedbackEvent.pk)
    )


def _wait(session: Session, row: FeedbackEvent, now: datetime) -> None:
    """Look again later, each time after as long as it has waited; forget it when it waited for too long."""
    age = now - row.received_at
    if age > KEPT_FOR:
        session.delete(row)
    else:
        row.look_at = now + min(max(age, SHORTEST_WAIT), LONGEST_WAIT)


def _apply(
    session: Session, row: FeedbackEvent, delivery: _Known, moved: dict[int, Counter[str]], now: datetime
) -> None:
    receipt = _receipt_of(row)
    after = state_after(delivery.state, receipt.event, was_uncertain=delivery.was_uncertain)
    if after is not None:
        before, reason = delivery.state, reason_of(receipt).value
        states, number = (before.value, after.value), receipt.provider_message_id
        if not ledger.move_by_receipt(session, delivery.pk, states, reason, number, now):
            _wait(session, row, now)  # somebody else has it in hand
            return
        delivery.state = after
        moved[delivery.message_pk].update({after.value: 1})
        moved[delivery.message_pk].subtract({before.value: 1})
    word = suppression_of(receipt)
    if word:
        aftermath.suppress(
            session, now, project_pk=delivery.project_pk, channel=delivery.channel, address_key=delivery.address,
            reason=word, source=f"{receipt.code} {receipt.detail}".strip()[:255],
        )  # fmt: skip
    row.applied_at, row.delivery_pk, row.message_pk = now, delivery.pk, delivery.message_pk


def _receipt_of(row: FeedbackEvent) -> Receipt:
    reason = Reason(row.reason) if row.reason else None
    return Receipt(
        ReceiptEvent(row.event), row.event_id, row.at, provider_message_id=row.provider_message_id, reason=reason,
        code=row.code, detail=row.detail, is_proven=row.is_proven,
    )  # fmt: skip


def _find(session: Session, page: Sequence[FeedbackEvent]) -> dict[int, _Known]:
    """The delivery of each receipt by the receipt's number; two receipts of one delivery share what is known of it."""
    keys = {row.pk: _KEY.fullmatch(row.delivery_key) for row in page}
    pks = {int(key[1]) for key in keys.values() if key is not None}
    by_pk = {each.pk: each for each in _load(session, Delivery.pk.in_(pks))} if pks else {}
    found: dict[int, _Known] = {}
    for row in page:
        key = keys[row.pk]
        delivery = by_pk.get(int(key[1])) if key is not None else None
        if delivery is not None and key is not None and delivery.message_id != key[2]:
            delivery = None  # another message has taken that number
        if delivery is None and not row.delivery_key:
            delivery = _find_by_number(session, row, by_pk)
        if delivery is not None and _is_of(row, delivery):
            found[row.pk] = delivery
    return found


def _find_by_number(session: Session, row: FeedbackEvent, by_pk: dict[int, _Known]) -> _Known | None:
    """By the service's own number, for those that do not bring ours back; the address leads to it quickly."""
    address = row.address.strip().lower()
    if not address or not row.provider_message_id:
        return None
    digits = "".join(filter(str.isdigit, address))
    fits = (
        Delivery.project_pk == row.project_pk,
        Delivery.address.in_({address, f"+{digits}"}),
        Delivery.provider_message_id == row.provider_message_id,
    )
    matched = _load(session, *fits)
    if len(matched) != 1:
        return None
    return by_pk.setdefault(matched[0].pk, matched[0])


def _is_of(row: FeedbackEvent, delivery: _Known) -> bool:
    """Whether this provider may speak of it: one of its project, and for what nobody signed the one that carried it."""
    is_carrier = delivery.provider_pk in (None, row.provider_pk)
    return delivery.project_pk == row.project_pk and (row.is_proven or is_carrier)


def _load(session: Session, *conditions: Any) -> list[_Known]:
    rows = session.execute(
        select(
            Delivery.pk, Delivery.project_pk, Delivery.message_pk, Message.id, Delivery.address, Delivery.channel,
            Delivery.state, Delivery.was_uncertain, Delivery.provider_pk,
        )
        .join(Message, Message.pk == Delivery.message_pk)
        .where(*conditions)
    )  # fmt: skip
    return [_Known(*row[:6], DeliveryState(row[6]), *row[7:]) for row in rows]


def last_of(session: Session, provider_pk: int) -> FeedbackEvent | None:
    """The receipt of a provider that came last."""
    return session.scalar(
        select(FeedbackEvent).where(FeedbackEvent.provider_pk == provider_pk).order_by(FeedbackEvent.pk.desc()).limit(1)
    )
