"""What is well and what is not: asked by /readyz every few seconds, and by `carillon doctor` with more patience."""

import os
import shutil
import stat
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

import redis
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from app.engine import balance, gate
from app.infra.broker import Broker
from app.infra.clock import SystemClock
from app.infra.db import Database
from app.infra.settings import Settings
from app.infra.vault import Vault, VaultError
from app.storage import open_store

LOW_DISK = 512 * 1024 * 1024  # bytes: below this SQLite and Valkey may soon fail to write
OLDEST_PYTHON = (3, 11)
OF_A_PROCESS = 2  # connections to PostgreSQL that a worker or a ticker has open at most
OF_A_WEB_SERVER = 32  # those of two processes with eight threads: one for the request, one for what it looks up beside
CLOCKS_APART = 2.0  # seconds; a start is promised within one


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
    """Everything `carillon doctor` looks at, in the order in which one depends on another.

    It leaves nothing behind: the file that tries the store is deleted again.
    """
    checks: list[Callable[[], Check]] = [
        check_python,
        lambda: check_data_dir(settings.data_dir),
        lambda: check_keys(settings),
        lambda: check_disk(settings.data_dir),
        lambda: check_store(settings),
        lambda: check_database(database),
        lambda: check_server(database, broker),
        lambda: check_clock(database),
        lambda: check_broker(broker),
        lambda: check_memory(broker),
        lambda: check_workers(broker),
        lambda: check_ticker(broker),
        lambda: check_ledger(database),
        lambda: check_fence(database),
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


def check_store(settings: Settings) -> Check:
    """Whether a file can be written to the file store, read back and deleted."""
    name, where = "file store", "CARILLON_STORAGE_URL" if settings.storage_url else f"{settings.data_dir / 'files'}"
    key, content = f"doctor/{token_hex(8)}", token_hex(8).encode()
    try:
        store = open_store(settings)
        store.put(key, content)
        came_back = b"".join(store.pieces(key))
        store.delete([key])
    except OSError as error:
        return Check(name, False, f"{brief(error)}. Check {where} and what it may write there.")
    if came_back != content:
        return Check(name, False, f"It gave back another file than was written. Check {where}.")
    return Check(name, True, "A file was written, read back and deleted.")


def check_server(database: Database, broker: Broker) -> Check:
    """Whether PostgreSQL keeps what it was told, and lets all our processes in; SQLite has nothing to be set."""
    name = "database server"
    if database.is_sqlite:
        return Check(name, True, "SQLite, for one machine.")
    try:
        with database.read() as session:
            found = {row.name: row.setting for row in session.execute(_ASKED_SETTINGS)}
            used = session.scalar(text("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"))
    except SQLAlchemyError:
        return Check(name, False, "Unknown, because the database does not answer.")
    return judge_server(found, used or 0, _most_connections(broker))


def judge_server(found: Mapping[str, str], used: int, wanted: int) -> Check:
    """What these settings of PostgreSQL mean, with so many connections in use and so many that ours may open."""
    name = "database server"
    if lossy := [setting for setting in ("fsync", "synchronous_commit") if found.get(setting) == "off"]:
        verb = "are" if len(lossy) > 1 else "is"
        sentence = f"{' and '.join(lossy)} {verb} off: after a crash a claim may be forgotten, and its mails sent twice"
        return Check(name, False, f"{sentence} without a mark. Switch that on.")
    if found.get("default_transaction_isolation") != "read committed":
        return Check(name, False, "Carillon counts on default_transaction_isolation = 'read committed'. Set it so.")
    room = int(found["max_connections"]) - int(found["superuser_reserved_connections"])
    sentence = f"{used} of {room} connections are in use; our processes may open {wanted}."
    if wanted > room:
        return Check(name, False, f"{sentence} Raise max_connections, or put a PgBouncer in between.")
    return Check(name, True, sentence)


_ASKED_SETTINGS = text(
    "SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'synchronous_commit', 'max_connections',"
    " 'superuser_reserved_connections', 'default_transaction_isolation')"
)


def _most_connections(broker: Broker) -> int:
    """How many connections the processes that live now may open at most; those of one machine when nobody says.

    Web processes do not say that they live: each machine with a ticker is taken to have one web server.
    """
    try:
        workers, tickers = broker.alive("worker"), broker.alive("ticker")
    except redis.RedisError:
        workers, tickers = [], []
    machines = {name.partition(":")[0] for name in tickers}
    return OF_A_PROCESS * (len(workers) + len(tickers)) + OF_A_WEB_SERVER * max(1, len(machines))


def check_clock(database: Database) -> Check:
    """Whether this machine and the database's agree on the time: schedules are of this clock."""
    if database.is_sqlite:
        return Check("clock", True, "That of this machine; there is no other.")
    try:
        with database.read() as session:
            theirs = float(session.execute(text("SELECT extract(epoch FROM clock_timestamp())")).scalar_one())
    except SQLAlchemyError:
        return Check("clock", False, "Unknown, because the database does not answer.")
    apart = abs(SystemClock().now().timestamp() - theirs)
    sentence = f"This machine and the database's are {apart:.1f} seconds apart."
    if apart > CLOCKS_APART:
        return Check("clock", False, f"{sentence} Let both ask a time server (chrony, systemd-timesyncd).")
    return Check("clock", True, sentence)


def check_memory(broker: Broker) -> Check:
    """Whether the queue's server keeps what it has while it runs; what it loses with a restart is rung for again."""
    name = "queue memory"
    try:
        memory, disk = broker.redis.info("memory"), broker.redis.info("persistence")
    except redis.RedisError:
        return Check(name, False, "Unknown, because the queue does not answer.")
    policy, most = str(memory.get("maxmemory_policy", "noeviction")), int(memory.get("maxmemory", 0))
    if policy != "noeviction":
        sentence = f"maxmemory-policy is {policy}: short of memory, it throws bells, limits and heartbeats away."
        return Check(name, False, f"{sentence} Set it to noeviction.")
    room = f"at most {most / 1024**2:.0f} MiB" if most else "as much as the machine has"
    if disk.get("aof_enabled"):
        return Check(name, True, f"It keeps {room}, and writes an append-only file.")
    kept = "A restart empties it, which is fine: the table is the truth, and the ticker rings again"
    return Check(name, True, f"It keeps {room}. {kept}.")


def check_fence(database: Database) -> Check:
    """Whether this is the installation that may send, or one that was restored or copied."""
    try:
        with database.read() as session:
            is_fenced = gate.is_fenced(session)
    except SQLAlchemyError:
        return Check("fence", False, "Unknown, because the database does not answer.")
    if is_fenced:
        return Check("fence", False, f"{gate.FENCED} Do it on any page, or with: carillon db confirm")
    return Check("fence", True, "There is none: what is due is sent.")


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


def brief(error: Exception) -> str:
    """The first sentence of what a server or a client said."""
    return str(error).strip().partition("\n")[0].rstrip(".")[:200] or type(error).__name__


def _check_alive(broker: Broker, kind: str, advice: str) -> Check:
    try:
        names = broker.alive(kind)
    except redis.RedisError:
        return Check(kind, False, "Unknown, because the queue does not answer.")
    if not names:
        return Check(kind, False, f"None is alive. {advice}")
    return Check(kind, True, f"Alive: {', '.join(names)}.")
