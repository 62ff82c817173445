"""The data dir of a running installation: made private, written to, and held by one `carillon up` alone."""

import fcntl
import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import IO

from app.infra.settings import ROOT, Settings

MIGRATIONS = ROOT / "app" / "migrations" / "versions"


class DataDirError(Exception):
    """The data dir cannot be used; the sentence says why and what would be right."""


class DataDir:
    """The folder named by --data-dir."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.folder = settings.data_dir
        self.lock_file = settings.run_dir / "up.lock"
        self.database_file = None if settings.database_url else settings.data_dir / "carillon.sqlite3"
        self._about = {"pid": os.getpid(), "address": settings.address}

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the folder for the time of the block. Raises DataDirError when another one holds it.

        The system lets go of the lock when this process ends, in whatever way, so nothing has to be cleaned up.
        """
        self._make()
        with self.lock_file.open("a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise DataDirError(self._already_running(file)) from error
            file.truncate(0)
            file.write(json.dumps(self._about))
            file.flush()
            yield

    def is_prepared(self) -> bool:
        """Whether the parts may start at once: there is a key, and the SQLite tables have the newest shape.

        Asked without SQLAlchemy and alembic, whose imports alone take longer than the start may. False when unsure.
        """
        newest = max(path.name[:4] for path in MIGRATIONS.glob("[0-9]*.py"))  # numbered, and named by their number
        return self._has_key() and self._ask("SELECT version_num FROM alembic_version") == newest

    def has_member(self) -> bool:
        """Whether somebody can sign in; asked of SQLite as `is_prepared` is. False when unsure."""
        return self._ask("SELECT 1 FROM members LIMIT 1") is not None

    def _has_key(self) -> bool:
        return bool(self._settings.secret_keys) or self._settings.key_file.exists()

    def _ask(self, statement: str) -> object:
        """The first value that SQLite answers; None when there is none, or no SQLite."""
        if self.database_file is None:
            return None
        try:
            with closing(sqlite3.connect(f"{self.database_file.as_uri()}?mode=ro", uri=True)) as connection:
                row = connection.execute(statement).fetchone()
        except sqlite3.Error:
            return None
        return row[0] if row else None

    def _make(self) -> None:
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.lock_file.parent.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise DataDirError(
                f"--data-dir {self.folder} cannot be made: {error.strerror}. Use a folder this user may write."
            ) from error
        if not os.access(self.folder, os.W_OK) or not os.access(self.lock_file.parent, os.W_OK):
            raise DataDirError(f"--data-dir {self.folder} cannot be written. Use a folder this user may write.")

    def _already_running(self, file: IO[str]) -> str:
        file.seek(0)
        try:
            other = json.loads(file.read())
            who = f"process {other['pid']}, {other['address']}"
        except (ValueError, KeyError, TypeError):
            who = "just starting"
        return (
            f"Carillon runs on {self.folder} already ({who}). Stop that one first, or give this one another --data-dir."
        )
