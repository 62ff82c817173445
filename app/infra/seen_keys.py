"""A set of texts too many for memory: a temporary file of SQLite's that goes away with the process."""

import sqlite3
from collections.abc import Iterable, Mapping
from types import TracebackType

_SLICE = 500  # texts asked for in one statement


class SeenKeys:
    """Texts, each with the number it was first seen with. Use it in a `with` block."""

    def __init__(self) -> None:
        self._connection = sqlite3.connect("", isolation_level=None)  # "" is a private file, deleted when closed
        for statement in (
            "PRAGMA journal_mode = OFF",
            "PRAGMA synchronous = OFF",
            "PRAGMA cache_size = -8000",
            "CREATE TABLE seen (key TEXT PRIMARY KEY, number INTEGER) WITHOUT ROWID",
        ):
            self._connection.execute(statement)

    def __enter__(self) -> "SeenKeys":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._connection.close()

    def find(self, keys: Iterable[str]) -> dict[str, int]:
        """Those of these texts that were seen, with their numbers."""
        wanted = list(keys)
        found: dict[str, int] = {}
        for start in range(0, len(wanted), _SLICE):
            part = wanted[start : start + _SLICE]
            marks = ",".join("?" * len(part))
            found.update(self._connection.execute(f"SELECT key, number FROM seen WHERE key IN ({marks})", part))  # noqa: S608 - only question marks
        return found

    def add(self, numbers: Mapping[str, int]) -> None:
        """Remember these; those that are there keep their number."""
        self._connection.execute("BEGIN")
        self._connection.executemany("INSERT OR IGNORE INTO seen VALUES (?, ?)", numbers.items())
        self._connection.execute("COMMIT")
