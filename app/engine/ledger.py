"""The only writer of deliveries, attempts, batches and tallies.

`engine.planning` makes the rows, and `engine.queued` has the commands for those that wait.

Every function takes a session whose transaction the caller commits, and is safe to run twice. The two dialects differ
in one clause: PostgreSQL skips rows that another worker is claiming, SQLite has one writer at a time.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import TextClause, bindparam, insert, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.domain.delivery_states import DeliveryState
from app.domain.outcomes import Outcome
from app.engine import closing, gate
from app.infra.bulk import execute_many, plain_rows
from app.models.base import from_milliseconds, to_milliseconds
from app.models.deliveries import Batch, Delivery, Tally
from app.models.messages import Message
from app.models.providers import Provider

STATES = tuple(state.value for state in DeliveryState)
_ADD_TO_TALLY = text(
    f"UPDATE tallies SET {', '.join(f'{state} = {state} + :{state}' for state in STATES)},"  # noqa: S608 - our own names
    " audience = audience + :audience, updated_at = :now WHERE message_pk = :message_pk"
)
# SQLite, once it has statistics of many small messages, would rather sort a long queue than walk the index of it.
_QUEUES = {"sqlite": "deliveries INDEXED BY ix_deliveries_due", "postgresql": "deliveries"}


def over_queue(sql: str, **marks: Mapping[str, str]) -> dict[str, TextClause]:
    """A statement of our own for each dialect; `{queue}` stands for the deliveries that wait, through their index.

    It names their state in these words: `state = 'queued'`. `marks` are further words that differ by dialect.
    """
    return {
        name: text(sql.format(queue=queue, **{mark: words[name] for mark, words in marks.items()}))
        for name, queue in _QUEUES.items()
    }


_CLAIM = """
UPDATE deliveries SET state = 'sending', batch_pk = :batch, attempts = attempts + 1, updated_at = :now,
  first_tried_at = COALESCE(first_tried_at, :now)
WHERE pk IN (
  SELECT pk FROM {queue}
  WHERE message_pk = :message AND wish_pk = :wish AND state = 'queued' AND next_attempt_at <= :now
  ORDER BY next_attempt_at, pk LIMIT :size {skip_locked})
RETURNING pk, address, target_pk, contact_pk, attempts, first_tried_at
"""
_CLAIMS = over_queue(_CLAIM, skip_locked={"sqlite": "", "postgresql": "FOR UPDATE SKIP LOCKED"})
# Made once, because each batch asks: making them anew took longer than running them.
_MAY_SEND = select(Message.pk).where(
    Message.pk == bindparam("message"),
    Message.status == "processing",
    Message.paused_at.is_(None),
    Message.cancelled_at.is_(None),
    gate.is_open(),
    gate.is_running(),
)
_OPEN_BATCH = insert(Batch).returning(Batch.pk)
_CLOSE_BATCH = text("UPDATE batches SET state = :after WHERE pk = :pk AND state = :before")
# From one wish to the next through the index, however many deliveries lie between; PostgreSQL would make a join over
# all of them out of an EXISTS.
_DUE_WISHES = over_queue("""
WITH RECURSIVE wishes(wish) AS (
  SELECT (SELECT wish_pk FROM {queue} WHERE message_pk = :message AND state = 'queued' ORDER BY wish_pk LIMIT 1)
  UNION ALL
  SELECT (SELECT wish_pk FROM {queue} WHERE message_pk = :message AND state = 'queued' AND wish_pk > wishes.wish
          ORDER BY wish_pk LIMIT 1)
  FROM wishes WHERE wishes.wish IS NOT NULL)
SELECT wish FROM wishes WHERE wish IS NOT NULL AND 1 = (
  SELECT 1 FROM {queue}
  WHERE message_pk = :message AND wish_pk = wishes.wish AND state = 'queued' AND next_attempt_at <= :now LIMIT 1)
""")

_SKIP_SUPPRESSED = text("""
UPDATE deliveries SET state = 'skipped', reason = 'suppressed', batch_pk = NULL, attempts = attempts - 1,
  updated_at = :now
WHERE batch_pk = :batch AND EXISTS (
  SELECT 1 FROM suppressions WHERE suppressions.project_pk = deliveries.project_pk
  AND suppressions.channel = deliveries.channel AND suppressions.address_key = deliveries.address)
RETURNING pk
""")
_FORGET_TRIES = text("DELETE FROM attempts WHERE delivery_pk IN (SELECT pk FROM deliveries WHERE message_pk = :pk)")
_MOVE = (
    "UPDATE deliveries SET state = ?, reason = ?, updated_at = ?,"
    " provider_message_id = COALESCE(NULLIF(provider_message_id, ''), ?) WHERE pk = ?"
)


_DISOWNED = "copied:"  # before the name of a worker that held a batch elsewhere


class LeaseLost(Exception):
    """The batch is not ours any more: somebody took it over, or it was closed. Record nothing, send nothing."""


class Claimed(NamedTuple):
    """One delivery that we hold: its number, where it goes, and how often it was tried, this time included."""

    pk: int
    address: str
    target_pk: int | None
    contact_pk: int | None
    attempts: int
    first_tried_at: datetime


@dataclass(frozen=True, slots=True)
class Lane:
    """Deliveries of a message that wish the same provider (0: none), and who carries them (None: nobody can)."""

    provider_pk: int | None
    wish_pk: int = 0


@dataclass(frozen=True, slots=True)
class Holder:
    """Who claims: the worker's name, and for how long it holds a batch without a sign of life."""

    worker: str
    lease: timedelta


@dataclass(frozen=True, slots=True)
class Lease:
    """A batch that we hold; its deliveries are in order of their numbers, which journals count on."""

    batch_pk: int
    message_pk: int
    project_pk: int
    provider_pk: int | None
    worker: str
    claimed_at: datetime
    deliveries: tuple[Claimed, ...]
    length: timedelta = timedelta(0)  # for how long each renewal holds it; nothing when it was taken over
    wish_pk: int = 0  # the lane that they were taken from

    @property
    def is_disowned(self) -> bool:
        """Whether it was held in the database that this one is a copy of: nobody here knows what became of it."""
        return self.worker.startswith(_DISOWNED)


class OpenLease(NamedTuple):
    """A batch that somebody holds: until when, by the holder's clock, and who."""

    batch_pk: int
    until: datetime
    worker: str

    @property
    def is_disowned(self) -> bool:
        """As a Lease's: whoever holds it does so in another database, and nobody renews it in this one."""
        return self.worker.startswith(_DISOWNED)


class Result(NamedTuple):
    """What the ledger shall write about one delivery of a batch. Without `outcome` it was never started."""

    delivery: Claimed
    state: DeliveryState
    next_attempt_at: datetime
    outcome: Outcome | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None  # when the answer was read; None: when it is written


def open_tally(session: Session, message_pk: int, now: datetime) -> None:
    """Begin to count for a message; nothing happens when that was begun already."""
    statement = insert_into(session, Tally).values(
        message_pk=message_pk, updated_at=now, **dict.fromkeys(STATES, 0), audience=0
    )
    session.execute(statement.on_conflict_do_nothing())


def tally_of(session: Session, message_pk: int) -> Tally | None:
    """The counts of one message; None before it was started."""
    return session.get(Tally, message_pk, populate_existing=True)  # the counts are changed behind the session's back


def claim(session: Session, message: Message, lane: Lane, size: int, holder: Holder, now: datetime) -> Lease | None:
    """Take up to `size` due deliveries of a lane; None when there is nothing to take, or it may not be sent now.

    What is taken is *sending* and ours until the lease ends; renew it before going on for longer.
    """
    if not may_send(session, message.pk):
        return None
    batch = {
        "project_pk": message.project_pk, "message_pk": message.pk, "provider_pk": lane.provider_pk,
        "worker": holder.worker, "size": 0, "state": "open", "claimed_at": now, "lease_until": now + holder.lease,
    }  # fmt: skip
    batch_pk = session.connection().execute(_OPEN_BATCH, batch).scalar_one()
    values = {"batch": batch_pk, "message": message.pk, "wish": lane.wish_pk, "now": to_milliseconds(now), "size": size}
    rows = plain_rows(session.connection().execute(_CLAIMS[dialect(session)], values))
    if not rows:
        session.execute(text("DELETE FROM batches WHERE pk = :pk"), {"pk": batch_pk})
        return None
    left_out = _skip_suppressed(session, batch_pk, now)
    claimed_at = from_milliseconds(to_milliseconds(now))  # as it will be read back from the row
    held = _held([row for row in rows if row[0] not in left_out] if left_out else rows)
    session.execute(text("UPDATE batches SET size = :size WHERE pk = :pk"), {"size": len(held), "pk": batch_pk})
    moved = {"queued": -len(rows), "sending": len(held), "skipped": len(left_out)}
    add_to_tally(session, message.pk, moved, now)
    carrier = lane.provider_pk
    whose = (batch_pk, message.pk, message.project_pk, carrier, holder.worker)
    return Lease(*whose, claimed_at, held, holder.lease, lane.wish_pk)


def _held(rows: Sequence[tuple[Any, ...]]) -> tuple[Claimed, ...]:
    """What was claimed, by number. Most of a batch was first tried at one moment, which is made once."""
    if not rows:  # all of them were suppressed meanwhile
        return ()
    pks, addresses, targets, contacts, attempts, firsts = zip(*sorted(rows), strict=True)
    moments = {first: from_milliseconds(first) for first in set(firsts)}
    whose = (pks, addresses, targets, contacts, attempts)
    return tuple(map(Claimed, *whose, map(moments.__getitem__, firsts)))


def _skip_suppressed(session: Session, batch_pk: int, now: datetime) -> set[int]:
    """Skip whom somebody suppressed since the fan-out: during a pause, or between two tries."""
    found = session.execute(_SKIP_SUPPRESSED, {"batch": batch_pk, "now": to_milliseconds(now)})
    return {row[0] for row in found}


def renew(session: Session, lease: Lease, now: datetime) -> bool:
    """Hold the batch for longer. False when it is not ours any more, or when the message was paused or cancelled."""
    kept = session.execute(
        update(Batch).where(Batch.pk == lease.batch_pk, Batch.state == "open").values(lease_until=now + lease.length)
    )
    return bool(kept.rowcount) and may_send(session, lease.message_pk)  # type: ignore[attr-defined]


def may_send(session: Session, message_pk: int) -> bool:
    """Whether nobody paused or cancelled the message, and nothing stops all sending."""
    return session.scalar(_MAY_SEND, {"message": message_pk}) is not None


def record(session: Session, lease: Lease, results: Sequence[Result], now: datetime) -> None:
    """Write what became of every delivery of a batch and close it. Raises LeaseLost when it is not ours any more."""
    _close_batch(session, lease.batch_pk, "open", "done")
    _write_results(session, lease, results, now)


def open_leases(session: Session) -> list[OpenLease]:
    """Every batch that somebody holds; those that run out first come first."""
    held = select(Batch.pk, Batch.lease_until, Batch.worker).where(Batch.state == "open")
    return [OpenLease(*row) for row in session.execute(held.order_by(Batch.lease_until, Batch.pk))]


def disown_batches(session: Session, now: datetime) -> None:
    """Let every open batch count as lost, and its journal as out of reach: this is not the database they were held in.

    Whoever takes them over finds everything uncertain.
    """
    values = {"long_ago": to_milliseconds(now - timedelta(hours=1)), "mark": _DISOWNED}
    session.execute(
        text("UPDATE batches SET worker = :mark || worker, lease_until = :long_ago WHERE state = 'open'"), values
    )


def take_over(session: Session, lost: OpenLease, now: datetime) -> Lease | None:
    """That batch, now closed as lost, if nobody renewed its lease since it was seen; None when somebody was quicker.

    The caller finds out from the journal what was started, and writes it with `record_lost` in this transaction. The
    provider's row is locked first, as everybody does it.
    """
    carrier = select(Batch.provider_pk).where(Batch.pk == lost.batch_pk).scalar_subquery()
    session.execute(select(Provider.pk).where(Provider.pk == carrier).with_for_update())
    as_seen = (Batch.pk == lost.batch_pk, Batch.state == "open", Batch.lease_until == lost.until)
    batch = session.scalar(select(Batch).where(*as_seen).with_for_update())
    if batch is None:
        return None
    _close_batch(session, batch.pk, "open", "lost")
    held = session.scalars(select(Delivery).where(Delivery.batch_pk == batch.pk).order_by(Delivery.pk)).all()
    claimed = tuple(
        Claimed(row.pk, row.address, row.target_pk, row.contact_pk, row.attempts, row.first_tried_at or now)
        for row in held
    )
    whose = (batch.pk, batch.message_pk, batch.project_pk, batch.provider_pk, batch.worker)
    return Lease(*whose, batch.claimed_at, claimed, wish_pk=held[0].wish_pk if held else 0)


def record_lost(session: Session, lease: Lease, results: Sequence[Result], now: datetime) -> None:
    """Write what became of the deliveries of a batch that was taken over."""
    _write_results(session, lease, results, now)


def has_due(session: Session, message_pk: int, now: datetime) -> bool:
    """Whether a delivery of the message could be sent now."""
    return bool(due_wishes(session, message_pk, now))


def due_wishes(session: Session, message_pk: int, now: datetime) -> list[int]:
    """The wishes of the deliveries that could be sent now, each once; quick in a million deliveries."""
    return list(session.scalars(_DUE_WISHES[dialect(session)], {"message": message_pk, "now": to_milliseconds(now)}))


def lanes_of(session: Session, delivery_pks: Sequence[int]) -> dict[int, int]:
    """The lane of each of these deliveries: the provider that its target is bound to, 0 for none, a detour below."""
    rows = session.execute(select(Delivery.pk, Delivery.wish_pk).where(Delivery.pk.in_(delivery_pks)))
    return {row.pk: row.wish_pk for row in rows}


def move_held(session: Session, moves: Sequence[tuple[int, str, str, str]], now: datetime) -> None:
    """Move deliveries that no worker has in hand: number, new state, reason, and the service's own number.

    That number is kept when we have none. The caller holds the rows (`FOR UPDATE`) and moves the tally.
    """
    moment = to_milliseconds(now)
    execute_many(session, _MOVE, [(state, reason, moment, theirs, pk) for pk, state, reason, theirs in moves])


def forget(session: Session, message_pk: int) -> None:
    """Delete everything the ledger holds of a message, and what services said of it."""
    session.execute(_FORGET_TRIES, {"pk": message_pk})
    for table in ("deliveries", "batches", "tallies", "feedback_events"):
        session.execute(text(f"DELETE FROM {table} WHERE message_pk = :pk"), {"pk": message_pk})  # noqa: S608


def add_to_tally(
    session: Session, message_pk: int, changes: Mapping[str, int], now: datetime, *, audience: int = 0
) -> None:
    """Move counts between states; together with the rows, in one transaction."""
    values = dict.fromkeys(STATES, 0) | dict(changes)
    values |= {"audience": audience, "now": to_milliseconds(now), "message_pk": message_pk}
    session.execute(_ADD_TO_TALLY, values)


def _close_batch(session: Session, batch_pk: int, before: str, after: str) -> None:
    closed = session.execute(_CLOSE_BATCH, {"pk": batch_pk, "before": before, "after": after})
    if not closed.rowcount:  # type: ignore[attr-defined]
        raise LeaseLost(f"Batch {batch_pk} was taken over.")


def _write_results(session: Session, lease: Lease, results: Sequence[Result], now: datetime) -> None:
    if not results:
        return
    closing.write(session, lease, results, now)
    moved = Counter([result.state.value for result in results])
    moved["sending"] -= len(results)
    add_to_tally(session, lease.message_pk, moved, now)


def dialect(session: Session) -> str:
    """Which of the two databases this is: sqlite or postgresql."""
    return session.get_bind().dialect.name


def insert_into(session: Session, table: type[Any]) -> Any:
    """An INSERT that knows ON CONFLICT, which each dialect says in its own way."""
    return sqlite.insert(table) if dialect(session) == "sqlite" else postgresql.insert(table)
