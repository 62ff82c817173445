"""Where a database really lies: a name that stays when a machine, a path or a container changes, and no copy has."""

import ctypes
import os
import sys
from pathlib import Path

from sqlalchemy import Connection, text

_AT_FDCWD = -100
_STATX_BTIME = 0x800
_MASK, _BIRTH = slice(0, 4), slice(80, 92)  # where statx(2) puts what it knows, and the birth: seconds, nanoseconds

_MAY_ASK = text("SELECT has_function_privilege('pg_control_system()', 'EXECUTE')")
_SYSTEM = text("SELECT system_identifier FROM pg_control_system()")
_NUMBERS = text(
    "SELECT pg_database.oid, CAST(CAST('installations' AS regclass) AS oid) FROM pg_database"
    " WHERE datname = current_database()"
)


def place_of_database(connection: Connection) -> str:
    """The name of the very database behind this connection, at most 128 characters.

    SQLite: number and birth of the file, which `mv` keeps and `cp`, `rsync` and `tar` do not. PostgreSQL: the cluster's
    own number, where this user may ask for it, and those of the database and of a table in it: what is made of a dump
    has others. A block copy of a whole disk has the same ones; nothing inside can tell it.
    """
    if connection.dialect.name == "sqlite":
        file = Path(connection.engine.url.database or "")
        return f"file:{file.stat().st_ino}:{_birth_of(file)}"
    system = connection.scalar(_SYSTEM) if connection.scalar(_MAY_ASK) else ""
    database, table = connection.execute(_NUMBERS).one()
    return f"postgresql:{system}:{database}:{table}"


def _birth_of(file: Path) -> str:
    """When the file was made, in nanoseconds since 1970; empty where the system or the file system does not know."""
    if sys.platform != "linux":
        birth = getattr(file.stat(), "st_birthtime_ns", None) or getattr(file.stat(), "st_birthtime", "")
        return str(birth)
    answer = ctypes.create_string_buffer(256)
    ask = getattr(ctypes.CDLL(None, use_errno=True), "statx", None)
    if ask is None or ask(_AT_FDCWD, os.fsencode(file), 0, _STATX_BTIME, answer):
        return ""
    if not int.from_bytes(answer.raw[_MASK], sys.byteorder) & _STATX_BTIME:
        return ""
    birth = answer.raw[_BIRTH]
    seconds, nanoseconds = (int.from_bytes(part, sys.byteorder) for part in (birth[:8], birth[8:]))
    return str(seconds * 10**9 + nanoseconds)
