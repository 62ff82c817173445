"""The web process: granian before the Flask app, two processes that share one socket and a start."""

import importlib
import multiprocessing
import os
import pkgutil
import sys
from functools import partial
from typing import Any

import structlog
from flask import Flask
from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

from app import web
from app.factory import create_app
from app.infra.loading import loading
from app.infra.logs import set_up_logs
from app.infra.processes import end_with_this_parent, set_title
from app.infra.settings import Settings

MOST_PROCESSES = 2  # more cost memory and hardly answer faster (measurements.md 5)
THREADS = 8  # pages that wait for the database do not hold up the others
STOP_SECONDS = 2  # a page that takes longer is broken off, so that `carillon up` stops in time

_made: list[Flask] = []  # the app, once it is made; each process that was forked after that has it


def serve(settings: Settings) -> None:
    """Answer HTTP on the host and port of the settings until SIGTERM. The port must be known, not 0."""
    set_title("web")
    if sys.platform == "linux":
        multiprocessing.set_start_method("fork", force=True)  # Python 3.14 would start each process from nothing
    with loading("valkey"):  # a second client of the queue, which the limits would take along
        _read_pages()
        _made.append(create_app(settings))
    server = Granian(
        "app.factory:create_app", address=settings.host, port=settings.port, interface=Interfaces.WSGI,
        workers=min(MOST_PROCESSES, os.cpu_count() or 1), blocking_threads=THREADS, websockets=False,
        respawn_failed_workers=True, workers_kill_timeout=STOP_SECONDS, log_level=LogLevels.error,
        log_dictconfig=_through_our_logs(), process_name="carillon web",
    )  # fmt: skip
    server.serve(target_loader=partial(_load, os.getpid(), settings), wrap_loader=False)


def _read_pages() -> None:
    """Load the code before the fork: once instead of in each process, and in memory they share."""
    for page in pkgutil.iter_modules(web.__path__):
        importlib.import_module(f"{web.__name__}.{page.name}")


def _load(parent: int, settings: Settings) -> Any:
    """The app, in each process after the fork. Made before it has cost half, and it opens no connection when made."""
    end_with_this_parent(parent)
    set_title("web")
    set_up_logs(settings.log_format, process="web")
    try:
        return _made[0] if _made else create_app(settings)
    except Exception as error:
        structlog.get_logger(__name__).exception("The web process cannot be made")
        raise SystemExit(1) from error


def _through_our_logs() -> dict[str, Any]:
    """Granian's settings of `logging` that leave its lines to our own: redacted, on standard error, once."""
    return {
        "formatters": {},
        "handlers": {},
        "loggers": {
            "_granian": {"handlers": [], "propagate": True},
            "granian.access": {"handlers": [], "propagate": True},
        },
    }
