"""The yardstick for HTTP: a bare Flask view that answers one JSON, under the server that Carillon runs under.

A write is answered by a view that keeps one row, durably: a disk makes so many commits a second and no more, whoever
asks for them, and an answer that came before its row was safe would be a promise that a power cut breaks.
"""

import json
import sqlite3
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from flask import Flask, request
from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

from app.infra.processes import end_with_parent
from app.serving import MOST_PROCESSES, THREADS


def make_database(file: Path) -> None:
    """What POST writes into; made once, before there are processes."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE kept (body TEXT)")


def create_app(body: dict[str, Any], database: Path) -> Flask:
    """An application that answers GET / with the body, and POST / with it after it kept the JSON of the request."""
    app = Flask("bare", static_folder=None)
    keep = _keeper(database)

    @app.get("/")
    def show() -> dict[str, Any]:
        return body

    @app.post("/")
    def create() -> tuple[dict[str, Any], int]:
        keep(json.dumps(request.get_json()))
        return body, 201

    return app


def _keeper(database: Path) -> Callable[[str], None]:
    """What writes one row and commits it, with the settings of `app/infra/db.py`; one thread of a process at a time."""
    connection = sqlite3.connect(database, timeout=15, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA synchronous = FULL")
    turn = threading.Lock()

    def keep(body: str) -> None:
        with turn:
            connection.execute("INSERT INTO kept VALUES (?)", (body,))  # a statement of its own is its own transaction

    return keep


def main(port: int, body: Path) -> None:
    """Serve until SIGTERM, with as many processes and threads as `carillon web`."""
    end_with_parent()
    server = Granian(
        "bare", address="127.0.0.1", port=port, interface=Interfaces.WSGI, workers=MOST_PROCESSES,
        blocking_threads=THREADS, websockets=False, log_level=LogLevels.error,
    )  # fmt: skip
    database = body.with_suffix(".sqlite3")
    make_database(database)
    server.serve(target_loader=lambda: create_app(json.loads(body.read_text()), database), wrap_loader=False)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
