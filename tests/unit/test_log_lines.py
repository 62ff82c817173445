"""Log lines say what they are about, and each is told only where somebody reads it."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest
import structlog

from app.infra import logs
from app.infra.settings import Settings
from app.infra.starting import say_start


@pytest.fixture
def listen() -> Iterator[Callable[[str], io.StringIO]]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level

    def set_up(log_format: str) -> io.StringIO:
        logs.set_up_logs(log_format, process="test")
        stream = io.StringIO()
        cast("logging.StreamHandler[Any]", root.handlers[0]).setStream(stream)
        return stream

    yield set_up
    root.handlers[:] = handlers
    root.setLevel(level)
    logs.begin_context()
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_ids_that_were_bound_stand_on_every_line_also_of_libraries(listen: Callable[[str], io.StringIO]) -> None:
    written = listen("json")
    logs.begin_context(job="dispatch", message="m1")
    logs.add_context(batch=7)
    structlog.get_logger("app").warning("Ours")
    logging.getLogger("some.library").warning("Theirs")
    logs.drop_context("batch")
    structlog.get_logger("app").warning("After the batch")
    logs.begin_context(job="fan_out")
    structlog.get_logger("app").warning("Another job")
    ids = [{name: line.get(name) for name in ("job", "message", "batch")} for line in lines(written)]
    assert ids == [
        {"job": "dispatch", "message": "m1", "batch": 7},
        {"job": "dispatch", "message": "m1", "batch": 7},
        {"job": "dispatch", "message": "m1", "batch": None},
        {"job": "fan_out", "message": None, "batch": None},
    ]


@pytest.mark.parametrize("name", [logs.REQUESTS, logs.BATCHES, logs.STARTS])
def test_lines_for_programs_are_told_in_json_only(listen: Callable[[str], io.StringIO], name: str) -> None:
    for log_format, told in (("console", False), ("json", True), ("console", False)):
        written = listen(log_format)
        structlog.get_logger(name).info("Something went on")
        assert (bool(written.getvalue()), logs.are_told(name)) == (told, told)


def test_the_first_line_says_how_a_process_is_set_up_and_no_secret(listen: Callable[[str], io.StringIO]) -> None:
    written = listen("json")
    secrets = [
        "database-planted",
        "queue-planted",
        "storage-planted",
        "key-that-is-planted-long",
        "metrics-token-planted",
    ]
    settings = Settings(
        database_url=f"postgresql://u:{secrets[0]}@db.example/x", redis_url=f"rediss://:{secrets[1]}@q.example",
        storage_url=f"s3://{secrets[2]}/x", secret_keys=secrets[3], metrics_token=secrets[4],
        provider_endpoints={"mailgun": "http://user:endpoint-planted@127.0.0.1:9000/v3"},
    )  # fmt: skip
    say_start(settings, "worker")
    say_start(settings, "doctor")
    [line] = lines(written)
    assert (line["database"], line["queue"], line["storage"]) == ("postgresql", "rediss", "s3")
    assert (line["other_endpoints"], line["shows_metrics"]) == (["mailgun"], True)
    assert "planted" not in written.getvalue()
