"""How the ledger writes what became of a batch: in few statements, since a thousand deliveries mostly end alike.

Rows are locked by number, as everybody does it; on SQLite one transaction writes at a time.
"""

from collections.abc import Sequence
from datetime import datetime
from itertools import repeat
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.domain.delivery_states import DeliveryState
from app.domain.outcomes import Outcome, OutcomeKind
from app.infra.bulk import copy_rows, execute_many
from app.models.base import to_milliseconds

if TYPE_CHECKING:
    from app.engine.ledger import Lease, Result

WORTH_A_SWEEP = 8  # deliveries that end alike: from so many on one statement for all of them costs less

# What is left of a batch when all others of it are closed: it ended alike, so nothing is said of single ones.
_SWEEP = text("""
UPDATE deliveries SET state = :state, reason = :reason, batch_pk = NULL,
  provider_pk = COALESCE(:carrier, provider_pk), next_attempt_at = :again, attempts = attempts + :counted,
  provider_message_id = '', was_uncertain = (was_uncertain OR :doubt), updated_at = :now
WHERE batch_pk = :batch
""")
_HOLD = text("SELECT count(*) FROM (SELECT pk FROM deliveries WHERE batch_pk = :batch ORDER BY pk FOR UPDATE) AS held")
# Written for the driver: SQLAlchemy's own handling of the parameters would cost as much as the database does.
_CLOSE_EACH = (
    "UPDATE deliveries SET batch_pk = NULL, state = ?, reason = ?, provider_pk = COALESCE(?, provider_pk),"
    " next_attempt_at = ?, attempts = attempts + ?, was_uncertain = (was_uncertain OR ?), updated_at = ?,"
    " provider_message_id = ? WHERE pk = ? AND batch_pk = ?"
)
_CLOSE_ARRAYS = """
UPDATE deliveries SET state = told.state, reason = told.reason, batch_pk = NULL,
  provider_pk = COALESCE(told.carrier, deliveries.provider_pk), next_attempt_at = told.again,
  attempts = attempts + told.counted, was_uncertain = (was_uncertain OR told.doubt), updated_at = told.moment,
  provider_message_id = told.theirs
FROM unnest(%s::text[], %s::text[], %s::bigint[], %s::bigint[], %s::smallint[], %s::boolean[], %s::bigint[],
  %s::text[], %s::bigint[], %s::bigint[])
  AS told(state, reason, carrier, again, counted, doubt, moment, theirs, number, batch)
WHERE deliveries.pk = told.number AND deliveries.batch_pk = told.batch
"""
_TRIES = (
    "delivery_pk", "message_pk", "provider_pk", "number", "started_at", "ended_at", "outcome", "reason", "code",
    "detail", "worker",
)  # fmt: skip


class _Ending(NamedTuple):
    """What a delivery comes to; `counted` is what its tries change by, because some were none."""

    state: str
    reason: str
    carrier: int | None
    again: int
    counted: int
    doubt: bool


class _Alike(NamedTuple):
    """Results that end alike, in columns: numbers of the deliveries, and those that the service gave them, if any."""

    ending: _Ending
    answer: tuple[str, str]  # kind and reason, as the tries keep them
    numbers: list[int]
    theirs: list[str]


def write(session: Session, lease: "Lease", results: Sequence["Result"], now: datetime) -> None:
    """Close the deliveries of these results, and note each try; the caller closes the batch and moves the tally."""
    found: dict[tuple[int, ...], _Alike] = {}
    tries: list[tuple[Any, ...]] = []
    message, carrier, worker, moment = lease.message_pk, lease.provider_pk, lease.worker, to_milliseconds(now)
    for delivery, state, again, outcome, started_at, ended_at in results:
        theirs = "" if outcome is None else outcome.provider_message_id
        same = id(state), id(again), id(outcome and outcome.kind), id(outcome and outcome.reason), bool(theirs)
        alike = found.get(same)
        if alike is None:  # all that is compared by its id lives as long as the results
            alike = found[same] = _alike(state, again, outcome, carrier)
        alike.numbers.append(delivery.pk)
        if theirs:
            alike.theirs.append(theirs[:255])
        if outcome is not None:
            started = moment if started_at is None else to_milliseconds(started_at)
            ended = moment if ended_at is None else to_milliseconds(ended_at)
            whose = delivery.pk, message, carrier, delivery.attempts, started, ended
            tries.append((*whose, *alike.answer, outcome.code[:32], outcome.detail[:512], worker))
    _close(session, lease.batch_pk, list(found.values()), moment, is_all=len(results) == len(lease.deliveries))
    copy_rows(session, "attempts", _TRIES, tries)


def _alike(state: DeliveryState, again: datetime, outcome: Outcome | None, carrier: int | None) -> _Alike:
    due = to_milliseconds(again)
    if outcome is None:  # never started: no try, and nobody carried it
        return _Alike(_Ending(state.value, "", None, due, -1, False), ("", ""), [], [])
    kind, reason = outcome.kind, outcome.reason.value
    counted = -1 if kind is OutcomeKind.THROTTLED else 0  # which is no try: it comes again as this one
    ending = _Ending(state.value, reason, carrier, due, counted, kind is OutcomeKind.UNCERTAIN)
    return _Alike(ending, (kind.value, reason), [], [])


def _close(session: Session, batch_pk: int, found: Sequence[_Alike], moment: int, *, is_all: bool) -> None:
    """Each row is written once: so only what has no number of the service's is closed by the sweep."""
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    if not is_sqlite:
        session.execute(_HOLD, {"batch": batch_pk})
    common = _ending_of_most([each for each in found if not each.theirs]) if is_all else None
    rows = _rows([each for each in found if each.theirs or each.ending != common], batch_pk, moment)
    if rows and is_sqlite:
        execute_many(session, _CLOSE_EACH, rows)
    elif rows:
        session.connection().exec_driver_sql(_CLOSE_ARRAYS, tuple(map(list, zip(*rows, strict=True))))
    if common is not None:
        _sweep(session, batch_pk, common, moment)


def _ending_of_most(found: Sequence[_Alike]) -> _Ending | None:
    """The ending that most have; None when it is not worth a statement of its own."""
    counts: dict[_Ending, int] = {}
    for each in found:
        counts[each.ending] = counts.get(each.ending, 0) + len(each.numbers)
    most = max(counts, key=counts.__getitem__, default=None)
    return most if most is not None and counts[most] >= WORTH_A_SWEEP else None


def _rows(found: Sequence[_Alike], batch_pk: int, moment: int) -> list[tuple[Any, ...]]:
    return [
        (*each.ending, moment, theirs, pk, batch_pk)
        for each in found
        for pk, theirs in zip(each.numbers, each.theirs or repeat(""), strict=False)
    ]


def _sweep(session: Session, batch_pk: int, ending: _Ending, moment: int) -> None:
    session.execute(_SWEEP, {**ending._asdict(), "now": moment, "batch": batch_pk})
