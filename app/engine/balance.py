"""The balance of the ledger: tallies held against the rows they count. Reads only."""

from collections.abc import Mapping

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.engine.ledger import STATES
from app.models.deliveries import Delivery, Tally


def recount(session: Session, message_pk: int) -> dict[str, int]:
    """The states counted from the rows themselves; slow for a million, true always."""
    rows = session.execute(
        select(Delivery.state, func.count()).where(Delivery.message_pk == message_pk).group_by(Delivery.state)
    ).all()
    return dict.fromkeys(STATES, 0) | {row[0]: row[1] for row in rows}


def unbalanced(session: Session) -> list[int]:
    """The messages whose tally differs from their rows; reads the whole ledger."""
    counted: dict[int, dict[str, int]] = {}
    grouped = select(Delivery.message_pk, Delivery.state, func.count()).group_by(Delivery.message_pk, Delivery.state)
    for message_pk, state, total in session.execute(grouped):
        counted.setdefault(message_pk, {})[state] = total
    told = {tally.message_pk: tally for tally in session.scalars(select(Tally))}
    return sorted(pk for pk in told.keys() | counted if not _agrees(told.get(pk), counted.get(pk, {})))


def _agrees(tally: Tally | None, rows: Mapping[str, int]) -> bool:
    return tally is not None and all(getattr(tally, state) == rows.get(state, 0) for state in STATES)
