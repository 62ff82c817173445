"""The yardstick for HTTP: a bare Flask view that answers one JSON, under the server that Carillon runs under."""

import json
import sys
from pathlib import Path
from typing import Any

from flask import Flask, request
from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

from app.infra.processes import end_with_parent
from app.serving import MOST_PROCESSES, THREADS


def create_app(body: dict[str, Any]) -> Flask:
    """An application that answers GET / with the body, and POST / with it after it read the JSON of the request."""
    app = Flask("bare", static_folder=None)

    @app.get("/")
    def show() -> dict[str, Any]:
        return body

    @app.post("/")
    def create() -> tuple[dict[str, Any], int]:
        assert request.get_json()
        return body, 201

    return app


def main(port: int, body: Path) -> None:
    """Serve until SIGTERM, with as many processes and threads as `carillon web`."""
    end_with_parent()
    server = Granian(
        "bare", address="127.0.0.1", port=port, interface=Interfaces.WSGI, workers=MOST_PROCESSES,
        blocking_threads=THREADS, websockets=False, log_level=LogLevels.error,
    )  # fmt: skip
    server.serve(target_loader=lambda: create_app(json.loads(body.read_text())), wrap_loader=False)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
