"""What the emulators received: one row for each recipient of each message, in a SQLite file of its own."""

import sqlite3
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

KEPT = 20_000  # newest rows that are kept
PRUNED_EVERY = 500  # rows between two prunings

_SCHEMA = """
CREATE TABLE IF NOT EXISTS received (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    received_at TEXT NOT NULL,
    protocol TEXT NOT NULL,
    account TEXT NOT NULL,
    sender TEXT NOT NULL,
    recipient TEXT NOT NULL,
    subject TEXT NOT NULL,
    raw BLOB NOT NULL,
    size INTEGER NOT NULL,
    connection TEXT NOT NULL,
    is_tls INTEGER NOT NULL,
    channel TEXT NOT NULL DEFAULT 'email',
    request BLOB NOT NULL DEFAULT x'',
    reference TEXT NOT NULL DEFAULT '',
    number TEXT NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS received_by_account ON received (account, id);
CREATE INDEX IF NOT EXISTS received_by_recipient ON received (recipient, id);
"""
_ADDED = {  # since the first files
    "channel": "TEXT NOT NULL DEFAULT 'email'", "request": "BLOB NOT NULL DEFAULT x''",
    "reference": "TEXT NOT NULL DEFAULT ''", "number": "TEXT NOT NULL DEFAULT ''",
}  # fmt: skip
_SUMMARY = "id, received_at, protocol, account, sender, recipient, subject, size, connection, is_tls, channel"
_KEPT = (
    "received_at, protocol, account, sender, recipient, subject, raw, size, connection, is_tls, channel, request,"
    " reference, number"
)


class Names(NamedTuple):
    """By what sender and service know a message again.

    `reference` is what the sender calls it, in the field that the service has for that; `number` is what the service
    calls it, needed only where the sender may not have said anything.
    """

    reference: str
    number: str = ""


NAMELESS = Names("")


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message as it is about to be kept. `account` is who signed in, empty when nobody did.

    `raw` is what a person would look at: an email in MIME, the text of an SMS, the JSON of a push. `request` is what
    came over the wire, where that is something else: the HTTP request, head and body.
    """

    protocol: str
    account: str
    sender: str
    recipients: Sequence[str]
    subject: str
    raw: bytes
    connection: str
    is_tls: bool
    channel: str = "email"
    request: bytes = b""
    names: Names = NAMELESS


@dataclass(frozen=True, slots=True)
class Mark:
    """One row of the outbox by its protocol and its names."""

    id: int
    protocol: str
    reference: str
    number: str


@dataclass(frozen=True, slots=True)
class Received:
    """One row of the outbox. `received_at` is aware, in UTC; `raw` and `request` are empty in lists."""

    id: int
    received_at: datetime
    protocol: str
    account: str
    sender: str
    recipient: str
    subject: str
    size: int
    connection: str
    is_tls: bool
    channel: str = "email"
    raw: bytes = b""
    request: bytes = b""


class Outbox:
    """The outbox file; usable by many threads and, because SQLite locks it, by many processes."""

    def __init__(self, path: Path, kept: int = KEPT) -> None:
        self._kept = kept
        self._lock = threading.Lock()
        self._db = connect(path)
        self._db.executescript(_SCHEMA)
        there = {row[1] for row in self._db.execute("PRAGMA table_info(received)")}
        for name in _ADDED.keys() - there:
            self._db.execute(f"ALTER TABLE received ADD COLUMN {name} {_ADDED[name]}")

    def keep(self, arrival: Arrival) -> int:
        """Store a message, one row for each recipient; returns the id of the last row once it is on disk."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds")  # noqa: TID251 - nothing of Carillon's is here
        rows = [
            (
                now, arrival.protocol, arrival.account, arrival.sender, recipient, arrival.subject, arrival.raw,
                len(arrival.raw), arrival.connection, arrival.is_tls, arrival.channel, arrival.request,
                arrival.names.reference[:200], arrival.names.number[:200],
            )
            for recipient in arrival.recipients
        ]  # fmt: skip
        statement = f"INSERT INTO received ({_KEPT}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)"  # noqa: S608 - a constant
        last: int | None = None
        with self._lock, self._db:
            for row in rows:
                last = self._db.execute(statement, row).lastrowid
                if last and last % PRUNED_EVERY == 0:
                    self._db.execute("DELETE FROM received WHERE id <= ?", (last - self._kept,))
        return last or 0

    def newest(
        self,
        limit: int = 50,
        before: int | None = None,
        account: str | None = None,
        search: str = "",
        channel: str = "",
    ) -> list[Received]:
        """Rows without their bytes, newest first, older than the id `before`.

        `account` None: of all accounts; empty: of those that did not sign in. `search` looks for a part of a sender, a
        recipient or a subject, without regard to ASCII case; `channel` takes one of the three alone.
        """
        conditions, values = _narrow(account, search, channel)
        if before is not None:
            conditions.append("id < ?")
            values.append(before)
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        query = f"SELECT {_SUMMARY} FROM received {where} ORDER BY id DESC LIMIT ?"  # noqa: S608 - constants
        with self._lock:
            rows = self._db.execute(query, [*values, limit]).fetchall()
        return [_received(row) for row in rows]

    def marks(self, account: str, after: int, limit: int) -> list[Mark]:
        """What an account sent and is still here, in order of arrival, behind the id `after`."""
        query = "SELECT id, protocol, reference, number FROM received WHERE account = ? AND id > ? ORDER BY id LIMIT ?"
        with self._lock:
            return [Mark(*row) for row in self._db.execute(query, (account, after, limit))]

    def get(self, row_id: int) -> Received | None:
        """One row with its bytes; None when it was never there or is pruned."""
        with self._lock:
            row = self._db.execute(f"SELECT {_SUMMARY}, raw, request FROM received WHERE id = ?", (row_id,)).fetchone()  # noqa: S608 - constants
        return _received(row) if row else None

    def count(self, account: str | None = None, search: str = "", channel: str = "") -> int:
        """How many rows `newest` would page through."""
        conditions, values = _narrow(account, search, channel)
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        with self._lock:
            return int(self._db.execute(f"SELECT count(*) FROM received {where}", values).fetchone()[0])  # noqa: S608 - constants

    def accounts(self) -> list[str]:
        """Who sent anything, by name."""
        with self._lock:
            return [row[0] for row in self._db.execute("SELECT DISTINCT account FROM received ORDER BY account")]

    def clear(self, account: str | None = None) -> int:
        """Forget everything, or what one account sent; returns how many rows that was."""
        conditions, values = _narrow(account, "")
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        with self._lock, self._db:
            return self._db.execute(f"DELETE FROM received {where}", values).rowcount  # noqa: S608 - constants

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()


def connect(path: Path) -> sqlite3.Connection:
    """A connection to the emulators' file, which is made when missing; commits survive the death of the process."""
    path.parent.mkdir(parents=True, exist_ok=True)
    db = sqlite3.connect(path, timeout=10.0, check_same_thread=False)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=NORMAL")
    return db


def outbox_path(data_dir: Path) -> Path:
    """Where the emulators keep what they received."""
    return data_dir / "emulators" / "outbox.sqlite3"


def _narrow(account: str | None, search: str, channel: str = "") -> tuple[list[str], list[object]]:
    conditions: list[str] = []
    values: list[object] = []
    if account is not None:
        conditions.append("account = ?")
        values.append(account)
    if channel:
        conditions.append("channel = ?")
        values.append(channel)
    if search:
        conditions.append(r"(recipient LIKE ? ESCAPE '\' OR sender LIKE ? ESCAPE '\' OR subject LIKE ? ESCAPE '\')")
        escaped = search.replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_")
        values += [f"%{escaped}%"] * 3
    return conditions, values


def _received(row: tuple[object, ...]) -> Received:
    number, received_at, protocol, account, sender, recipient, subject, size, connection, is_tls, channel, *rest = row
    raw, request = rest or (b"", b"")
    return Received(
        int(str(number)), datetime.fromisoformat(str(received_at)), str(protocol), str(account), str(sender),
        str(recipient), str(subject), int(str(size)), str(connection), bool(is_tls), str(channel),
        raw if isinstance(raw, bytes) else b"", request if isinstance(request, bytes) else b"",
    )  # fmt: skip
