"""What of a message's queue could be sent now, and since when. Reads only, and never the whole queue."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy.orm import Session

from app.engine import ledger
from app.models.base import from_milliseconds, to_milliseconds

# The state is written out: behind a mark, SQLite could not tell that the index of what is due holds these rows, and
# would sort all that waits.
_DUE = ledger.over_queue(
    "SELECT count(*), min(due_at) FROM (SELECT next_attempt_at AS due_at FROM {queue} WHERE message_pk = :message"
    " AND wish_pk = :wish AND state = 'queued' AND next_attempt_at <= :moment ORDER BY next_attempt_at LIMIT :most)"
    " AS due"
)


class Due(NamedTuple):
    """How many deliveries were due at a moment (at most so many are counted), and since when the first was (UTC)."""

    total: int
    since: datetime | None


def due_of(session: Session, message_pk: int, moment: datetime, most: int) -> Due:
    """What of a message was due at that moment, at most `most` of it counted; (0, None) when nothing was."""
    total, since = 0, None
    for wish_pk in ledger.due_wishes(session, message_pk, moment):
        asked = {"message": message_pk, "wish": wish_pk, "moment": to_milliseconds(moment)}
        count, first = session.execute(_DUE[ledger.dialect(session)], asked | {"most": max(most - total, 1)}).one()
        total += count
        since = first if since is None else min(since, first or since)
    return Due(min(total, most), None if since is None else from_milliseconds(since))
