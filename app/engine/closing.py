"""How the ledger writes what became of a batch: in few statements, since a thousand deliveries mostly end alike.

Rows are locked by number, as everybody does it; on SQLite one transaction writes at a time.
"""

from collections.abc import Sequence
from datetime import datetime
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
_NAME_EACH = "UPDATE deliveries SET provider_message_id = ? WHERE pk = ?"
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
    """Results with the very same answer: what is written of them, made once."""

    ending: _Ending
    theirs: str  # the service's own number
    answer: tuple[str, str, str, str]  # as the tries keep it: kind, reason, code, detail
    numbers: list[int]


def write(session: Session, lease: "Lease", results: Sequence["Result"], now: datetime) -> None:
    """Close the deliveries of these results, and note each try; the caller closes the batch and moves the tally."""
    found: dict[tuple[int, int, int], _Alike] = {}
    tries: list[tuple[Any, ...]] = []
    message, carrier, worker, moment = lease.message_pk, lease.provider_pk, lease.worker, to_milliseconds(now)
    for delivery, state, again, outcome, started_at, ended_at in results:
        same = id(outcome), id(state), id(again)  # all of them live as long as the results
        alike = found.get(same)
        if alike is None:
            alike = found[same] = _alike(state, again, outcome, carrier)
        alike.numbers.append(delivery.pk)
        if outcome is not None:
            started = moment if started_at is None else to_milliseconds(started_at)
            ended = moment if ended_at is None else to_milliseconds(ended_at)
            whose = delivery.pk, message, carrier, delivery.attempts, started, ended
            tries.append((*whose, *alike.answer, worker))
    is_all = len(results) == len(lease.deliveries)
    if session.get_bind().dialect.name == "sqlite":
        _close_on_sqlite(session, lease.batch_pk, list(found.values()), moment, is_all=is_all)
    else:
        _close_on_postgresql(session, lease.batch_pk, list(found.values()), moment, is_all=is_all)
    copy_rows(session, "attempts", _TRIES, tries)


def _alike(state: DeliveryState, again: datetime, outcome: Outcome | None, carrier: int | None) -> _Alike:
    due = to_milliseconds(again)
    if outcome is None:  # never started: no try, and nobody carried it
        return _Alike(_Ending(state.value, "", None, due, -1, False), "", ("", "", "", ""), [])
    kind, reason = outcome.kind, outcome.reason.value
    counted = -1 if kind is OutcomeKind.THROTTLED else 0  # which is no try: it comes again as this one
    ending = _Ending(state.value, reason, carrier, due, counted, kind is OutcomeKind.UNCERTAIN)
    answer = kind.value, reason, outcome.code[:32], outcome.detail[:512]
    return _Alike(ending, outcome.provider_message_id[:255], answer, [])


def _close_on_sqlite(session: Session, batch_pk: int, found: Sequence[_Alike], moment: int, *, is_all: bool) -> None:
    common = _ending_of_most(found) if is_all else None
    rows = _rows([each for each in found if each.ending != common], batch_pk, moment)
    if rows:
        execute_many(session, _CLOSE_EACH, rows)
    if common is not None:
        _sweep(session, batch_pk, common, moment)
        named = [(each.theirs, pk) for each in found if each.ending == common and each.theirs for pk in each.numbers]
        if named:
            execute_many(session, _NAME_EACH, named)


def _close_on_postgresql(
    session: Session, batch_pk: int, found: Sequence[_Alike], moment: int, *, is_all: bool
) -> None:
    """Each row is written once: so only what has no number of the service's is closed by the sweep."""
    session.execute(_HOLD, {"batch": batch_pk})
    common = _ending_of_most([each for each in found if not each.theirs]) if is_all else None
    rows = _rows([each for each in found if each.theirs or each.ending != common], batch_pk, moment)
    if rows:
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
    return [(*each.ending, moment, each.theirs, pk, batch_pk) for each in found for pk in each.numbers]


def _sweep(session: Session, batch_pk: int, ending: _Ending, moment: int) -> None:
    session.execute(_SWEEP, {**ending._asdict(), "now": moment, "batch": batch_pk})
