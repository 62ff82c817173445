"""Logs: structured, and without secrets and addresses."""

import json
import logging
import sqlite3
from collections.abc import Iterator

import psycopg
import pytest
import structlog

from app.infra.clock import monotonic
from app.infra.logs import REMOVED, redact, redact_value, set_up_logs, trace_of


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("sent to ann@example.org at last", "sent to a…@example.org at last"),
        ("sent to +49 170 1234567 at last", "sent to +49…67 at last"),
        ("call +491701234567", "call +49…67"),
        ("postgresql+psycopg://olga:sesame@db/carillon", f"postgresql+psycopg://{REMOVED}@db/carillon"),
        ("Authorization: Bearer abc.def-ghi_jkl", f"Authorization: Bearer {REMOVED}"),
        ("{'password': 'sesame street'}", f"{{'password': '{REMOVED} street'}}"),
        ("GET /x?api_key=123&page=2", f"GET /x?api_key={REMOVED}&page=2"),
        ("token " + "aB3" * 20, f"token {REMOVED}"),
        ("delivery 65f0c0ffee12ab34cd56 of message 7", "delivery 65f0c0ffee12ab34cd56 of message 7"),
        ("at 2026-11-21T09:00:00+00:00 it was 09:00", "at 2026-11-21T09:00:00+00:00 it was 09:00"),
        ("/srv/carillon/var/run/valkey.sock", "/srv/carillon/var/run/valkey.sock"),
        ("Exception on /join/" + "aB3_" * 11 + " [POST]", f"Exception on /join/{REMOVED} [POST]"),
        ("Exception on /u/" + "aB3_" * 11 + "/stop [POST]", f"Exception on /u/{REMOVED}/stop [POST]"),
        ("at https://c.example/hooks/twilio/p1/" + "aB3_" * 5, f"at https://c.example/hooks/twilio/p1/{REMOVED}"),
    ],
)
def test_secrets_and_addresses_go_while_the_rest_stays(text: str, shown: str) -> None:
    assert redact(text) == shown


def test_what_stands_under_a_secrets_name_goes_whole_at_any_depth() -> None:
    value = {"provider": {"credentials": {"user": "x"}, "kind": "smtp"}, "to": ["ann@example.org"], "total": 3}
    assert redact_value(value) == {
        "provider": {"credentials": REMOVED, "kind": "smtp"}, "to": ["a…@example.org"], "total": 3,
    }  # fmt: skip


@pytest.mark.parametrize("piece", ["a", "1", "a1", "+1", "a:", "a@", "a.b", "a@b.", "x://", "password", "token-"])
def test_a_line_made_to_be_slow_is_redacted_at_once(piece: str) -> None:
    before = monotonic()
    redact(piece * (200_000 // len(piece)))
    assert monotonic() - before < 2


@pytest.fixture
def _logs_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.mark.usefixtures("_logs_as_before")
def test_our_lines_and_those_of_libraries_are_json_and_redacted(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs("json", process="worker")
    structlog.get_logger("app.x").info("Sent", to="ann@example.org", password="sesame")
    try:
        raise ValueError("wrong password=sesame for ben@example.org")
    except ValueError:
        logging.getLogger("library").exception("Failed for %s", "cem@example.org", extra={"token": "sesame"})
    ours, theirs = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert (ours["event"], ours["to"], ours["password"], ours["process"]) == (
        "Sent",
        "a…@example.org",
        REMOVED,
        "worker",
    )
    assert theirs["event"] == "Failed for c…@example.org"
    assert theirs["token"] == REMOVED
    assert "sesame" not in json.dumps([ours, theirs])
    assert theirs["exception"].startswith("Traceback (most recent call last):\n  File ")
    assert theirs["exception"].endswith("\nValueError")


SOMEBODY = "Ann Beispiel"  # by another name below: the line that raises stands in the trace


def spoken(name: str) -> str:
    raise ValueError(f"{name} is at home")


@pytest.mark.usefixtures("_logs_as_before")
@pytest.mark.parametrize("log_format", ["json", "console"])
def test_an_exception_is_told_without_its_words_and_those_of_what_led_to_it(
    capsys: pytest.CaptureFixture[str], log_format: str
) -> None:
    set_up_logs(log_format)
    try:
        try:
            spoken(SOMEBODY)
        except ValueError as error:
            raise RuntimeError(f"because {error}") from error
    except RuntimeError:
        structlog.get_logger("app.x").exception("It failed")
    said = capsys.readouterr().err
    assert "Beispiel" not in said
    assert "ValueError" in said
    assert "which led to" in said
    assert "RuntimeError" in said


def test_the_name_of_an_error_number_is_told_and_its_path_is_not() -> None:
    full = OSError(28, "No space left on device", "/srv/ann@example.org")
    assert trace_of(full).splitlines()[-1] == "OSError ENOSPC"
    assert trace_of(ExceptionGroup("of Ann", [KeyError("Ann")])).splitlines()[-1] == "ExceptionGroup"
    assert "KeyError" in trace_of(ExceptionGroup("of Ann", [KeyError("Ann")]))
    assert "Ann" not in trace_of(ExceptionGroup("of Ann", [KeyError("Ann")]))
    assert trace_of(None) == ""


def test_the_name_that_a_database_has_for_its_error_is_told_and_its_words_are_not() -> None:
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE people (name TEXT UNIQUE)")
    database.execute("INSERT INTO people VALUES ('Ann')")
    database.execute("PRAGMA max_page_count = 2")
    with pytest.raises(sqlite3.OperationalError) as full:
        database.execute("INSERT INTO people VALUES (hex(zeroblob(100000)))")
    database.close()
    assert trace_of(full.value).splitlines()[-1] == "sqlite3.OperationalError SQLITE_FULL"
    assert trace_of(psycopg.errors.DiskFull("no room for Ann")).splitlines()[-1] == "psycopg.errors.DiskFull 53100"


@pytest.mark.usefixtures("_logs_as_before")
def test_the_console_shows_one_line_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs("console")
    structlog.get_logger("app.x").warning("The queue does not answer", act="ring")
    assert "The queue does not answer" in capsys.readouterr().err
