"""Log lines of this process as JSON, for tests that read them."""

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import structlog

from app.infra import logs


@contextmanager
def read_logs(process: str) -> Iterator[io.StringIO]:
    """What this process logs within the block, one JSON object a line; afterwards logs are as they were."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    logs.set_up_logs("json", process=process)
    stream = io.StringIO()
    cast("logging.StreamHandler[Any]", root.handlers[0]).setStream(stream)
    try:
        yield stream
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        logs.begin_context()
        structlog.reset_defaults()
