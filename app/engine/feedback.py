"""Receipts in the ledger: each is held against its delivery, and waits for it when it came first."""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, Select, bindparam, delete, select, update
from sqlalchemy.orm import Session

from app.domain.delivery_states import DeliveryState
from app.domain.outcomes import Reason
from app.domain.receipts import Receipt, ReceiptEvent, reason_of, state_after, suppression_of
from app.domain.soft_bounces import is_soft_bounce
from app.domain.storable import storable_text
from app.engine import aftermath, ledger, soft_bounces
from app.engine.machine import Machine
from app.infra.crashes import log_trace
from app.models.deliveries import Delivery
from app.models.feedback import FeedbackEvent
from app.models.messages import Message

PAGE = 500  # receipts applied in one transaction
LARGEST_RAW = 65_536  # characters of one receipt that are kept as they came
SHORTEST_WAIT = timedelta(seconds=1)
LONGEST_WAIT = timedelta(hours=1)
KEPT_FOR = timedelta(days=7)  # how long one waits for a delivery that nobody knows
_KEY = re.compile(r"([0-9]{1,18})\.(.+)")  # what `batches.key_of` writes
_READ = [column for column in FeedbackEvent.__table__.c if column.name != "raw"]


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
    if rows:
        session.connection().execute(ledger.insert_into(session, FeedbackEvent).on_conflict_do_nothing(), rows)


def _fit(text: str, most: int) -> str:
    """Without what no database takes: NUL, and halves of signs, which JSON can write."""
    return storable_text(text)[:most]


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
    page = session.execute(_due(now).limit(PAGE).with_for_update(skip_locked=True)).all()
    known = _find(session, page)
    changes = _Changes()
    for row in page:
        delivery = known.get(row.pk)
        if delivery is None or delivery.state is DeliveryState.SENDING:
            changes.wait(row, now)
        else:
            _apply(changes, row, delivery, now)
    changes.write(session, now)
    return len(page)


def _apply(changes: "_Changes", row: Row[Any], delivery: "_Known", now: datetime) -> None:
    """Apply one receipt; one at which our own code fails waits, and holds up no other."""
    try:
        changes.apply(row, delivery)
    except Exception as error:  # noqa: BLE001 - whatever it is, it costs this receipt and no other
        log_trace("A receipt cannot be applied; it is looked at again later", error, receipt=row.pk)
        changes.wait(row, now)


def _due(now: datetime) -> Select[Any]:
    return (
        select(*_READ)
        .where(FeedbackEvent.applied_at.is_(None), FeedbackEvent.look_at <= now)
        .order_by(FeedbackEvent.look_at, FeedbackEvent.pk)
    )


@dataclass(slots=True)
class _Changes:
    """What a page of receipts comes to, written at its end: a statement each would cost several times as much."""

    before: dict[int, DeliveryState] = field(default_factory=dict)  # of each delivery that moved
    moved: dict[int, _Known] = field(default_factory=dict)
    said: dict[int, tuple[str, str]] = field(default_factory=dict)  # reason and number of its last move
    suppressed: list[Mapping[str, Any]] = field(default_factory=list)
    soft: dict[tuple[int, str], set[str]] = field(default_factory=lambda: defaultdict(set))  # project, channel: whom
    done: list[dict[str, int]] = field(default_factory=list)
    waiting: list[dict[str, Any]] = field(default_factory=list)
    forgotten: list[int] = field(default_factory=list)

    def wait(self, row: Row[Any], now: datetime) -> None:
        """Look again later, each time after as long as it has waited; forget it when it waited for too long."""
        age = now - row.received_at
        if age > KEPT_FOR:
            self.forgotten.append(row.pk)
        else:
            self.waiting.append({"row": row.pk, "then": now + min(max(age, SHORTEST_WAIT), LONGEST_WAIT)})

    def apply(self, row: Row[Any], delivery: _Known) -> None:
        """Hold one receipt against its delivery, as the ones before it in the page left it."""
        receipt = _receipt_of(row)
        after = state_after(delivery.state, receipt.event, was_uncertain=delivery.was_uncertain)
        if after is not None:
            self.before.setdefault(delivery.pk, delivery.state)
            self.moved[delivery.pk] = delivery
            number = self.said.get(delivery.pk, ("", ""))[1] or receipt.provider_message_id
            self.said[delivery.pk] = reason_of(receipt).value, number
            delivery.state = after
            if (
                after is DeliveryState.FAILED
                and receipt.is_proven
                and is_soft_bounce(reason_of(receipt), was_taken=True)
            ):
                self.soft[delivery.project_pk, delivery.channel].add(delivery.address)
        word = suppression_of(receipt)
        if word:
            self.suppressed.append({
                "project_pk": delivery.project_pk, "channel": delivery.channel, "address_key": delivery.address,
                "reason": word, "source": f"{receipt.code} {receipt.detail}".strip()[:255],
            })  # fmt: skip
        self.done.append({"row": row.pk, "delivery": delivery.pk, "message": delivery.message_pk})

    def write(self, session: Session, now: datetime) -> None:
        """Everything at once; the rows are held since they were read."""
        tallies: dict[int, Counter[str]] = defaultdict(Counter)
        moves = []
        for pk in sorted(self.moved):
            delivery, before = self.moved[pk], self.before[pk]
            tallies[delivery.message_pk].update({delivery.state.value: 1})
            tallies[delivery.message_pk].subtract({before.value: 1})
            moves.append((pk, delivery.state.value, *self.said[pk]))
        ledger.move_held(session, moves, now)
        for statement, rows in ((_DONE, self.done), (_LATER, self.waiting)):
            if rows:
                session.connection().execute(statement, [row | {"now": now} for row in rows])
        if self.forgotten:
            session.execute(delete(FeedbackEvent).where(FeedbackEvent.pk.in_(self.forgotten)))
        for message_pk in sorted(tallies):
            ledger.add_to_tally(session, message_pk, tallies[message_pk], now)
        for place, addresses in self.soft.items():
            self.suppressed += soft_bounces.worn_out(session, place, addresses, now)
        aftermath.suppress(session, now, self.suppressed)  # after the tallies, as batches do: no lock waits in a ring


_ROW = FeedbackEvent.pk == bindparam("row")
_DONE = (
    update(FeedbackEvent)
    .where(_ROW)
    .values(applied_at=bindparam("now"), delivery_pk=bindparam("delivery"), message_pk=bindparam("message"))
)
_LATER = update(FeedbackEvent).where(_ROW).values(look_at=bindparam("then"))


def _receipt_of(row: Row[Any]) -> Receipt:
    reason = Reason(row.reason) if row.reason else None
    return Receipt(
        ReceiptEvent(row.event), row.event_id, row.at, provider_message_id=row.provider_message_id, reason=reason,
        code=row.code, detail=row.detail, is_proven=row.is_proven,
    )  # fmt: skip


def _find(session: Session, page: Sequence[Row[Any]]) -> dict[int, _Known]:
    """The delivery of each receipt by the receipt's number; two receipts of one delivery share what is known of it.

    All of them are held by one statement, in the order of their numbers, as everybody holds them.
    """
    pks = {row.pk: _number_of(session, row) for row in page}
    wanted = set(pks.values()) - {0}
    held = {each.pk: each for each in _hold(session, wanted)} if wanted else {}
    found: dict[int, _Known] = {}
    for row in page:
        delivery = held.get(pks[row.pk])
        if delivery is not None and _is_of(row, delivery):
            found[row.pk] = delivery
    return found


def _number_of(session: Session, row: Row[Any]) -> int:
    """The number of the delivery that a receipt speaks of; 0 when it names none.

    Ours when it comes back, else by the service's own; the address leads to that quickly.
    """
    key, address = _KEY.fullmatch(row.delivery_key), row.address.strip().lower()
    if key is not None or row.delivery_key or not address or not row.provider_message_id:
        return int(key[1]) if key is not None else 0
    digits = "".join(filter(str.isdigit, address))
    fits = (
        Delivery.project_pk == row.project_pk,
        Delivery.address.in_({address, f"+{digits}"}),
        Delivery.provider_message_id == row.provider_message_id,
    )
    matched = session.scalars(select(Delivery.pk).where(*fits).limit(2)).all()
    return matched[0] if len(matched) == 1 else 0


def _is_of(row: Row[Any], delivery: _Known) -> bool:
    """Whether this provider may speak of it: one of its project, and for what nobody signed the one that carried it.

    A key must name its message too: another one may have taken the number of a delivery that is gone.
    """
    key = _KEY.fullmatch(row.delivery_key)
    if key is not None and key[2] != delivery.message_id:
        return False
    is_carrier = delivery.provider_pk in (None, row.provider_pk)
    return delivery.project_pk == row.project_pk and (row.is_proven or is_carrier)


def _hold(session: Session, pks: Collection[int]) -> list[_Known]:
    """Deliveries, held until the transaction ends: nobody else moves them meanwhile."""
    return _load(session, _KNOWN.where(Delivery.pk.in_(pks)).order_by(Delivery.pk).with_for_update(of=Delivery))


def _load(session: Session, statement: Any) -> list[_Known]:
    rows: Any = session.execute(statement)
    return [_Known(**dict(row) | {"state": DeliveryState(row["state"])}) for row in rows.mappings()]


_KNOWN = select(
    Delivery.pk, Delivery.project_pk, Delivery.message_pk, Message.id.label("message_id"), Delivery.address,
    Delivery.channel,
    Delivery.state, Delivery.was_uncertain, Delivery.provider_pk,
).join(Message, Message.pk == Delivery.message_pk)  # fmt: skip


def key_of(session: Session, delivery_pk: int) -> tuple[int, str] | None:
    """The project's number and the key (`batches.key_of`) of a delivery; None when there is none of that number."""
    found = next(iter(_load(session, _KNOWN.where(Delivery.pk == delivery_pk))), None)
    return (found.project_pk, f"{found.pk}.{found.message_id}") if found is not None else None


def last_of(session: Session, provider_pk: int) -> FeedbackEvent | None:
    """The receipt of a provider that came last."""
    return session.scalar(
        select(FeedbackEvent).where(FeedbackEvent.provider_pk == provider_pk).order_by(FeedbackEvent.pk.desc()).limit(1)
    )
