"""Looks at a message's balance each second from outside, in a process of its own that nobody kills.

Run as `python -m tests.faults.auditor FILE`, with the database's address in AUDITED and the message's number in
MESSAGE. It appends one line of JSON for each look: `at` (seconds of the monotonic clock), `tally` and `rows` (counts by
state, both of the same snapshot), `audience`; or `away` with what the database said when it did not answer.
"""

import json
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from app.engine.ledger import STATES
from app.infra.db import Database

EVERY = 1.0  # seconds
# One statement is one snapshot on each database: the tally beside the rows that it counts.
_LOOK = text(
    f"SELECT audience, {', '.join(STATES)}, counted.state AS state, counted.total AS total"
    " FROM tallies LEFT JOIN (SELECT state, count(*) AS total FROM deliveries WHERE message_pk = :pk GROUP BY state)"
    " AS counted ON 1 = 1 WHERE tallies.message_pk = :pk"
)


@dataclass(frozen=True)
class Sample:
    """One look: what the tally says and what the rows say; neither while the database was away."""

    at: float
    audience: int
    tally: Mapping[str, int]
    rows: Mapping[str, int]

    @property
    def is_balanced(self) -> bool:
        """Whether the audience is the sum of its states, and tally and rows agree state by state."""
        return self.audience == sum(self.tally.values()) and self.tally == self.rows


def samples(file: Path) -> list[Sample]:
    """What was seen, without the looks at which the database was away or nothing was planned yet."""
    looks = [json.loads(line) for line in file.read_text().splitlines()]
    return [Sample(**look) for look in looks if "away" not in look]


def _look(database: Database, message_pk: int) -> dict[str, object] | None:
    try:
        with database.read() as session:
            found = session.execute(_LOOK, {"pk": message_pk}).mappings().all()
    except SQLAlchemyError as error:
        return {"away": str(error).splitlines()[0]}
    if not found:
        return None
    rows = dict.fromkeys(STATES, 0) | {each["state"]: each["total"] for each in found if each["state"] is not None}
    tally = {state: found[0][state] for state in STATES}
    return {"audience": found[0]["audience"], "tally": tally, "rows": rows}


def _watch(url: str, message_pk: int, file: Path) -> None:
    database = Database(url)
    output = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    following = time.monotonic()
    while True:
        seen = _look(database, message_pk)
        if seen is not None:
            os.write(output, json.dumps({"at": time.monotonic()} | seen).encode() + b"\n")
        following += EVERY
        time.sleep(max(0.0, following - time.monotonic()))


if __name__ == "__main__":
    _watch(os.environ["AUDITED"], int(os.environ["MESSAGE"]), Path(sys.argv[1]))
