"""How a process uses SQLite's own library: set once, before its first connection."""

import ctypes
import os
import sqlite3
import sys

_LIBRARY = "libsqlite3.so.0"  # as Linux names it
_MULTITHREAD, _MEMSTATUS = 2, 9  # sqlite3_config(): https://sqlite.org/c3ref/c_config_covering_index_scan.html
_OK = 0


def leave_out_locks() -> bool:
    """No connection is locked at each call, and memory is not counted; whether SQLite could be told so.

    For a process in which no two threads use one connection at the same moment, as with a pool; they are one in forty
    of what a worker does. No connection may be open. Where Python brings a library of its own, or not on Linux, all
    stays as it was.
    """
    library = _loaded()
    if library is None or library.sqlite3_shutdown() != _OK:
        return False
    answers = [library.sqlite3_config(_MULTITHREAD), library.sqlite3_config(_MEMSTATUS, 0)]
    return [*answers, library.sqlite3_initialize()] == [_OK, _OK, _OK]


def _loaded() -> ctypes.CDLL | None:
    """The library that Python's sqlite3 uses; None when that cannot be told."""
    if sys.platform != "linux":
        return None
    try:
        library = ctypes.CDLL(_LIBRARY, mode=os.RTLD_NOLOAD)
    except OSError:
        return None
    library.sqlite3_libversion.restype = ctypes.c_char_p
    return library if library.sqlite3_libversion() == sqlite3.sqlite_version.encode() else None
