"""Restores: from a backup to an installation that holds what it held, and sends nothing before a person confirms."""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

import psycopg
import redis

from app.domain.fences import FenceReason
from app.engine import fence
from app.infra.archive import PIECE, ArchiveError, read_about, read_parts, sync_folder, verify
from app.infra.broker import Broker
from app.infra.db import Database
from app.infra.settings import Settings
from app.infra.snapshots import has_tables, loading_postgres, move_schema_aside, move_schema_back
from app.migrations import downgrade, is_known, upgrade
from app.services.running.backups import DATABASE, FILES, FORMAT, KEY, SQLITE_PART, database_file, is_sqlite, key_marks
from app.storage import FileStore, open_folder, open_store

_KINDS = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
SPOOLED = 8 * 1024 * 1024  # bytes of a file that are held in memory
Parts = Iterator[tuple[str, IO[bytes]]]


@dataclass(frozen=True, slots=True)
class Contents:
    """What a backup says of itself, and what was found in it by reading all of it."""

    about: dict[str, Any]
    parts: int
    size: int  # bytes, unpacked

    @property
    def made_at(self) -> datetime:
        """When it was made, aware."""
        return datetime.fromisoformat(self.about["made_at"])


@dataclass(slots=True)
class Restored:
    """What was done: from when the backup is, how many files came back, where the old data lies, what to see to."""

    made_at: datetime
    files: int = 0
    aside: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def examine(path: Path) -> Contents:
    """Read all of a backup and hold it against its hashes. Raises ArchiveError, in words; changes nothing."""
    about = read_about(path)
    if about.get("format") != FORMAT or about.get("database") not in _KINDS:
        raise ArchiveError(f"{path} is no backup that this Carillon can read; use the Carillon that made it.")
    parts = verify(path)
    return Contents(about, len(parts), sum(part["size"] for part in parts.values()))


def refuse_running(settings: Settings) -> None:
    """Raise ArchiveError when a part of this installation beats in the queue: on another machine, or by itself."""
    broker = Broker(settings.broker_url)
    try:
        beating = [name for kind in ("worker", "ticker") for name in broker.alive(kind)]
    except redis.RedisError:
        return  # nobody can say so
    finally:
        broker.close()
    if beating:
        raise ArchiveError(
            f"Carillon still runs: {', '.join(beating)}. Stop every web server, worker and ticker of it; "
            "one that was killed counts for ten seconds more."
        )


def restore(settings: Settings, path: Path, now: datetime, *, force: bool = False) -> Restored:
    """Put back what the backup holds, bring it to the newest shape, and fence it. The caller holds the data dir's lock.

    All of the backup is held against its hashes before anything is touched. What was there is moved aside, never
    deleted, and only with `force`. Raises ArchiveError, in words, when it cannot be done; then all is as it was.
    """
    contents = examine(path)
    _refuse(settings, contents, force=force)
    restored = Restored(contents.made_at)
    stamp = now.strftime("%Y%m%dT%H%M%S")
    if is_sqlite(settings):
        _restore_sqlite(settings, path, contents, now, restored, stamp)
    else:
        _restore_postgres(settings, path, contents, now, restored, stamp)
    _note_keys(settings, contents, restored)
    return restored


def _refuse(settings: Settings, contents: Contents, *, force: bool) -> None:
    kind, ours = contents.about["database"], "sqlite" if is_sqlite(settings) else "postgresql"
    if kind != ours:
        how = "without CARILLON_DATABASE_URL" if kind == "sqlite" else "with CARILLON_DATABASE_URL of a PostgreSQL"
        raise ArchiveError(
            f"The backup is of {_KINDS[kind]}, and this installation uses {_KINDS[ours]}. Restore {how}."
        )
    if not is_known(str(contents.about["revision"])):
        raise ArchiveError(
            f"The backup is of a newer Carillon ({contents.about['carillon']}, tables {contents.about['revision']}). "
            "Install that one first."
        )
    is_taken = database_file(settings).exists() if ours == "sqlite" else has_tables(settings.sqlalchemy_url)
    if is_taken and not force:
        where = database_file(settings) if ours == "sqlite" else "the database of CARILLON_DATABASE_URL"
        raise ArchiveError(f"There is data already in {where}. With --force it is moved aside, and nothing is deleted.")


def _restore_sqlite(
    settings: Settings, path: Path, contents: Contents, now: datetime, restored: Restored, stamp: str
) -> None:
    database = database_file(settings)
    fresh = database.with_name(f"{database.name}.restoring")
    staging = settings.data_dir / "restore.new"
    _clear(fresh, staging)
    staging.mkdir(mode=0o700, parents=True)
    try:
        store = open_store(settings) if settings.storage_url else open_folder(staging / FILES)
        with _sentences():
            for name, source in read_parts(path):
                if name == SQLITE_PART:
                    _write(fresh, source)
                else:
                    _take(name, source, store, staging, restored)
        _bring_up(f"sqlite:///{fresh}", contents, now)
        with fresh.open("rb+") as file:
            os.fsync(file.fileno())
        _swap(settings, fresh, staging, contents, restored, stamp)
    finally:
        _clear(fresh, staging)


def _swap(settings: Settings, fresh: Path, staging: Path, contents: Contents, restored: Restored, stamp: str) -> None:
    """Move what was there aside, then what came back to its place."""
    database = database_file(settings)
    for old in (database, *(database.with_name(database.name + end) for end in ("-wal", "-shm"))):
        _move_aside(old, stamp, restored)
    _move_in(settings, staging, contents, restored, stamp)
    fresh.rename(database)
    sync_folder(database.parent)


def _move_in(settings: Settings, staging: Path, contents: Contents, restored: Restored, stamp: str) -> None:
    """Files and key to their places in the data dir; what the backup does not hold stays as it is."""
    if contents.about["has_files"] and not settings.storage_url:
        _move_aside(settings.data_dir / FILES, stamp, restored)
        (staging / FILES).rename(settings.data_dir / FILES)
    if (staging / KEY).exists():
        _move_aside(settings.key_file, stamp, restored)
        (staging / KEY).rename(settings.key_file)


def _move_aside(old: Path, stamp: str, restored: Restored) -> None:
    if not old.exists() or (old.is_dir() and not any(old.iterdir())):
        if old.is_dir():
            old.rmdir()
        return
    aside = old.parent / f"before-restore-{stamp}"
    aside.mkdir(mode=0o700, exist_ok=True)
    old.rename(aside / old.name)
    if str(aside) not in restored.aside:
        restored.aside.append(str(aside))


def _restore_postgres(
    settings: Settings, path: Path, contents: Contents, now: datetime, restored: Restored, stamp: str
) -> None:
    url, about = settings.sqlalchemy_url, contents.about
    aside = f"before_restore_{stamp.lower()}" if has_tables(url) else ""
    staging = settings.data_dir / "restore.new"
    _clear(staging)
    staging.mkdir(mode=0o700, parents=True)
    try:
        if aside:
            _move_schema(url, aside)
        try:
            upgrade(url, str(about["revision"]))
            with _sentences(), loading_postgres(url) as loader:
                store = open_store(settings) if settings.storage_url else open_folder(staging / FILES)
                for table, parts in groupby(read_parts(path), key=_table_of):
                    if not table:
                        for name, source in parts:
                            _take(name, source, store, staging, restored)
                    elif table != "alembic_version":
                        loader.load(table, about["columns"][table], _chunks(parts))
                loader.set_sequences(about["sequences"])
            _bring_up(url, contents, now)
        except BaseException:
            move_schema_back(url, aside) if aside else downgrade(url, "base")
            raise
        if aside:
            restored.aside.append(f"schema {aside} of the database")
        _move_in(settings, staging, contents, restored, stamp)
    finally:
        _clear(staging)


def _move_schema(url: str, name: str) -> None:
    try:
        move_schema_aside(url, name)
    except psycopg.errors.InsufficientPrivilege as error:
        raise ArchiveError(
            "The tables that are there cannot be moved aside: their schema belongs to another user of PostgreSQL. "
            "Make an empty database, and name it with CARILLON_DATABASE_URL."
        ) from error


def _table_of(part: tuple[str, IO[bytes]]) -> str:
    """The table whose rows a part holds; empty when it holds something else."""
    folder, _, rest = part[0].partition("/")
    return rest.partition("/")[0] if folder == DATABASE else ""


def _chunks(parts: Parts) -> Iterator[bytes]:
    for _, source in parts:
        while piece := source.read(PIECE):
            yield piece


def _take(name: str, source: IO[bytes], store: FileStore, staging: Path, restored: Restored) -> None:
    """A part that is not of the database: a file, or the key."""
    folder, _, key = name.partition("/")
    if name == KEY:
        _write(staging / KEY, source)
    elif folder == FILES and key:
        with tempfile.SpooledTemporaryFile(SPOOLED) as spooled:
            shutil.copyfileobj(source, spooled, PIECE)
            spooled.seek(0)
            store.put(key, cast("BinaryIO", spooled))
        restored.files += 1
    else:
        raise ArchiveError(f"The backup holds {name}, which nobody knows here. Use the Carillon that made it.")


def _write(target: Path, source: IO[bytes]) -> None:
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        shutil.copyfileobj(source, file, PIECE)


def _bring_up(url: str, contents: Contents, now: datetime) -> None:
    """The newest shape, and the fence."""
    upgrade(url)
    database = Database(url)
    try:
        with database.begin() as session:
            fence.found(session, now)
            fence.raise_fence(session, FenceReason.RESTORED, now, backup_at=contents.made_at)
    finally:
        database.close()


def _clear(*paths: Path) -> None:
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path)
        for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
            path.with_name(name).unlink(missing_ok=True)


def _note_keys(settings: Settings, contents: Contents, restored: Restored) -> None:
    """Say when the secrets in the backup cannot be opened with the keys that are here."""
    theirs = set(contents.about["key_marks"])
    if theirs and not theirs & set(key_marks(settings)):
        restored.notes.append(
            "The passwords of providers in it are sealed with a key that is not here. Before you start, put that "
            f"installation's secret.key at {settings.key_file}, or its key into CARILLON_SECRET_KEYS."
        )


@contextmanager
def _sentences() -> Iterator[None]:
    try:
        yield
    except (OSError, psycopg.errors.DiskFull) as error:
        if isinstance(error, psycopg.Error) or error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise ArchiveError("The disk is full, so all stays as it was. Free some space first.") from error
        raise
