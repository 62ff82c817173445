"""Backups: what an installation keeps, in one file, while it runs."""

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sqlalchemy import make_url

from app.infra.archive import ABOUT, ArchiveError, ArchiveWriter, write_archive
from app.infra.settings import Settings
from app.infra.snapshots import copy_sqlite, postgres_snapshot
from app.infra.vault import Vault
from app.migrations import revision_of
from app.storage import FileStore, open_store

Texts = Callable[[str], Iterator[str]]  # from a query to the first column of what it finds

FORMAT = 1
DATABASE, FILES, KEY = "database", "files", "secret.key"
SQLITE_PART = f"{DATABASE}/carillon.sqlite3"

_FILE_KEYS = (
    "SELECT store_key FROM files WHERE store_key <> ''",
    "SELECT store_key FROM file_chunks",
)
_IMPORTS = "SELECT file_key FROM imports"


@dataclass(slots=True)
class Backup:
    """What was written: where, its bytes, how many files it holds, and those that vanished while it was made."""

    path: Path
    size: int = 0
    files: int = 0
    vanished: list[str] = field(default_factory=list)


def make_backup(
    settings: Settings,
    path: Path,
    now: datetime,
    *,
    with_files: bool = True,
    with_key: bool = False,
    force: bool = False,
) -> Backup:
    """Write database and files, as they are now, into one new file; the installation may run meanwhile.

    Rows first, then the files that they name: what is uploaded later is not in it, what is deleted meanwhile is in
    `vanished`. The secret key is only in it on request. Needs room for a copy of an SQLite database beside the file.
    Raises ArchiveError, in words, when it cannot be written; then nothing is left of it.
    """
    path = path.expanduser().absolute()
    backup = Backup(path)
    if revision_of_existing(settings) is None:
        raise ArchiveError("There is nothing to back up: the database has no tables. Check --data-dir.")
    about: dict[str, Any] = {
        "format": FORMAT, "carillon": version("carillon"), "made_at": now.isoformat(timespec="milliseconds"),
        "has_files": with_files, "has_key": with_key and not settings.secret_keys, "key_marks": key_marks(settings),
    }  # fmt: skip
    with write_archive(path, now.timestamp(), replaces=force) as writer:
        write_rows = _write_sqlite if is_sqlite(settings) else _write_postgres
        with write_rows(settings, writer, about, path) as texts:
            if with_files:
                store = open_store(settings)
                _write_files(store, writer, _keys(texts, store), backup)
        if about["has_key"]:
            writer.add_bytes(KEY, settings.key_file.read_bytes())
    backup.size = path.stat().st_size
    return backup


def is_sqlite(settings: Settings) -> bool:
    """Whether the database is a file of ours."""
    return make_url(settings.sqlalchemy_url).get_backend_name() == "sqlite"


def database_file(settings: Settings) -> Path:
    """Where the SQLite database lies."""
    return Path(make_url(settings.sqlalchemy_url).database or "").absolute()


def revision_of_existing(settings: Settings) -> str | None:
    """The number of the database's shape; None when there is none yet. Makes no file."""
    if is_sqlite(settings) and not database_file(settings).exists():
        return None
    return revision_of(settings.sqlalchemy_url)


def key_marks(settings: Settings) -> list[str]:
    """A mark of each secret key, by which a restore sees whether it has the right one; they give nothing away."""
    if not settings.secret_keys and not settings.key_file.exists():
        return []
    return [key.hex()[:16] for key in Vault.open(settings).signing_keys("backup mark")]


def _keys(texts: Texts, store: FileStore) -> Iterator[str]:
    """The keys of all files that the rows name; of an import everything in its folder."""
    for statement in _FILE_KEYS:
        yield from texts(statement)
    for key in texts(_IMPORTS):
        yield from store.keys(key.rpartition("/")[0])


def _write_files(store: FileStore, writer: ArchiveWriter, keys: Iterable[str], backup: Backup) -> None:
    for key in keys:
        try:
            size, source = store.size(key), store.open(key)
        except FileNotFoundError:
            backup.vanished.append(key)
            continue
        writer.add(f"{FILES}/{key}", size, source)
        backup.files += 1


@contextmanager
def _write_sqlite(settings: Settings, writer: ArchiveWriter, about: dict[str, Any], path: Path) -> Iterator[Texts]:
    """Write the rows; how to ask what was written, for the time of the block."""
    copy = path.with_name(f"{path.name}.database")
    copy.unlink(missing_ok=True)
    os.close(os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        try:
            copy_sqlite(database_file(settings), copy)
        except sqlite3.OperationalError as error:
            if "full" in str(error):
                raise ArchiveError(f"The disk is full, so {path} was not written. Free some space first.") from error
            raise ArchiveError(f"The database cannot be copied: {error}. Try again, or look at the disk.") from error
        writer.note(ABOUT, {**about, "database": "sqlite", "revision": revision_of(f"sqlite:///{copy}")})
        with copy.open("rb") as source:
            writer.add(SQLITE_PART, copy.stat().st_size, source)
        with closing(sqlite3.connect(copy)) as rows:
            yield lambda statement: (str(row[0]) for row in rows.execute(statement))
    finally:
        copy.unlink(missing_ok=True)


@contextmanager
def _write_postgres(settings: Settings, writer: ArchiveWriter, about: dict[str, Any], _path: Path) -> Iterator[Texts]:
    """The same from PostgreSQL."""
    with postgres_snapshot(settings.sqlalchemy_url) as snapshot:
        revision = next(snapshot.texts("SELECT version_num FROM alembic_version"))
        shape = {"columns": snapshot.columns, "sequences": snapshot.sequences}
        writer.note(ABOUT, {**about, "database": "postgresql", "revision": revision, **shape})
        for table in snapshot.columns:
            for number, chunk in enumerate(snapshot.rows(table)):
                writer.add_bytes(f"{DATABASE}/{table}/{number:06d}.copy", chunk)
        yield snapshot.texts
