"""What is well and what is not: asked by /readyz every few seconds, and by `carillon doctor` with more patience."""

import os
import shutil
import stat
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import redis
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from app.engine import balance
from app.infra.broker import Broker
from app.infra.db import Database
from app.infra.settings import Settings
from app.infra.vault import Vault, VaultError

LOW_DISK = 512 * 1024 * 1024  # bytes: below this SQLite and Valkey may soon fail to write
OLDEST_PYTHON = (3, 11)


@dataclass(frozen=True, slots=True)
class Check:
    """One finding: what was looked at, whether it is well, and a sentence; when it is not well, what to do."""

    name: str
    is_good: bool
    sentence: str


def missing_parts(database: Database, broker: Broker) -> list[str]:
    """What is not ready yet, by the words of /readyz: database, queue, worker, ticker; empty when all is ready."""
    checks = [check_database(database), check_broker(broker)]
    if checks[1].is_good:
        checks += [check_workers(broker), check_ticker(broker)]
    return [check.name for check in checks if not check.is_good]


def examine(settings: Settings, database: Database, broker: Broker) -> list[Check]:
    """Everything `carillon doctor` looks at, in the order in which one depends on another. Changes nothing."""
    checks: list[Callable[[], Check]] = [
        check_python,
        lambda: check_data_dir(settings.data_dir),
        lambda: check_keys(settings),
        lambda: check_disk(settings.data_dir),
        lambda: check_database(database),
        lambda: check_broker(broker),
        lambda: check_workers(broker),
        lambda: check_ticker(broker),
        lambda: check_ledger(database),
    ]
    return [check() for check in checks]


def check_python() -> Check:
    """Whether this Python is new enough."""
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < OLDEST_PYTHON:
        return Check("python", False, f"Python {version} is too old; use 3.11 or newer.")
    return Check("python", True, f"Python {version}.")


def check_data_dir(folder: Path) -> Check:
    """Whether the data dir can be written, and by its owner alone."""
    name = "data dir"
    if not folder.is_dir():
        return Check(name, False, f"{folder} does not exist; `carillon up` makes it.")
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        return Check(name, False, f"{folder} cannot be written by this user; change its owner or use --data-dir.")
    if stat.S_IMODE(folder.stat().st_mode) & 0o077:
        return Check(name, False, f"{folder} is open to other users; close it with: chmod 700 {folder}")
    return Check(name, True, f"{folder} belongs to its owner alone.")


def check_keys(settings: Settings) -> Check:
    """Whether there are secret keys, and nobody else reads them."""
    name = "secret keys"
    path = settings.key_file
    if not settings.secret_keys and not path.exists():
        return Check(name, False, f"There is no key file {path}; `carillon up` makes it.")
    try:
        Vault.open(settings)
    except VaultError as error:
        return Check(name, False, str(error))
    if settings.secret_keys:
        return Check(name, True, "They come from CARILLON_SECRET_KEYS.")
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        return Check(name, False, f"{path} is open to other users; close it with: chmod 600 {path}")
    return Check(name, True, f"{path} belongs to its owner alone.")


def check_disk(folder: Path) -> Check:
    """Whether there is room to write."""
    place = next((path for path in (folder, *folder.parents) if path.exists()), Path("/"))
    free = shutil.disk_usage(place).free
    sentence = f"{free / 1024**3:.1f} GiB are free."
    if free < LOW_DISK:
        return Check("disk", False, f"{sentence} Carillon needs at least 0.5 GiB; free some space.")
    return Check("disk", True, sentence)


def check_database(database: Database) -> Check:
    """Whether the database answers and has tables."""
    name = "database"
    try:
        with database.read() as session:
            version = session.scalar(text("SELECT version_num FROM alembic_version"))
    except SQLAlchemyError as error:
        words = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        if "alembic_version" in words:
            return Check(name, False, "It has no tables yet; make them with: carillon db upgrade")
        return Check(name, False, f"It does not answer: {words}. Check CARILLON_DATABASE_URL and that it runs.")
    return Check(name, bool(version), f"It answers; its tables are of version {version}.")


def check_ledger(database: Database) -> Check:
    """Whether the counts of every message are those of its rows."""
    try:
        with database.read() as session:
            wrong = balance.unbalanced(session)
    except SQLAlchemyError:
        return Check("ledger", False, "Unknown, because the database does not answer.")
    if wrong:
        numbers = ", ".join(map(str, wrong[:10]))
        return Check("ledger", False, f"The counts of {len(wrong)} messages differ from their rows: {numbers}.")
    return Check("ledger", True, "Every message is in balance with its rows.")


def check_broker(broker: Broker) -> Check:
    """Whether the queue answers, and how much waits in it."""
    try:
        waiting = broker.waiting()
    except redis.RedisError as error:
        return Check("queue", False, f"It does not answer: {error}. Start it with `carillon up`.")
    return Check("queue", True, "It answers; " + ", ".join(f"{total} {name}" for name, total in waiting.items()) + ".")


def check_workers(broker: Broker) -> Check:
    """Whether at least one worker beat in the last seconds."""
    return _check_alive(broker, "worker", "Start one with: carillon worker")


def check_ticker(broker: Broker) -> Check:
    """Whether a ticker beat in the last seconds."""
    return _check_alive(broker, "ticker", "Start it with: carillon ticker")


def _check_alive(broker: Broker, kind: str, advice: str) -> Check:
    try:
        names = broker.alive(kind)
    except redis.RedisError:
        return Check(kind, False, "Unknown, because the queue does not answer.")
    if not names:
        return Check(kind, False, f"None is alive. {advice}")
    return Check(kind, True, f"Alive: {', '.join(names)}.")
