"""The balance of the ledger: tallies held against the rows they count. Reads only."""

from collections.abc import Mapping

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.engine.ledger import STATES
from app.models.deliveries import Delivery, Tally


def at_one_moment(session: Session) -> None:
    """Let all that this session reads be of one moment; before its first statement. SQLite does so by itself."""
    if session.get_bind().dialect.name == "postgresql":  # where each statement sees a later state than the one before
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})


def recount(session: Session, message_pk: int) -> dict[str, int]:
    """The states counted from the rows themselves; slow for a million, true always."""
    rows = session.execute(
        select(Delivery.state, func.count()).where(Delivery.message_pk == message_pk).group_by(Delivery.state)
    ).all()
    return dict.fromkeys(STATES, 0) | {row[0]: row[1] for row in rows}


def unbalanced(session: Session) -> list[int]:
    """The messages whose tally differs from their rows, in a state or in all of them; reads the whole ledger.

    Before the session's first statement, so that tallies and rows are of one moment while messages are being sent.
    """
    at_one_moment(session)
    counted: dict[int, dict[str, int]] = {}
    grouped = select(Delivery.message_pk, Delivery.state, func.count()).group_by(Delivery.message_pk, Delivery.state)
    for message_pk, state, total in session.execute(grouped):
        counted.setdefault(message_pk, {})[state] = total
    told = {tally.message_pk: tally for tally in session.scalars(select(Tally))}
    return sorted(pk for pk in told.keys() | counted if not _agrees(told.get(pk), counted.get(pk, {})))


def _agrees(tally: Tally | None, rows: Mapping[str, int]) -> bool:
    if tally is None or tally.audience != sum(rows.values()):
        return False
    return all(getattr(tally, state) == rows.get(state, 0) for state in STATES)
