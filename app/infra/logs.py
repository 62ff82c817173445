"""Structured logs on standard error, with secrets and addresses taken out of every value.

An exception is told by its kind and its trace, never in its own words: they may quote what somebody is called, or
where they live, in signs that no pattern knows.

What a line is about stands under the same names everywhere: `project`, `message` and `provider` are the ids that pages
and the API show, `batch` and `delivery` the ledger's numbers, `request` is the id of an HTTP request. They are bound
once, by whoever begins a job or a request, and stand on every line that is written meanwhile.
"""

import errno
import logging
import re
import sys
import traceback
from collections.abc import Mapping, MutableMapping
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any

import structlog

REMOVED = "[removed]"
# What a program wants to read and a person at a terminal does not: each request, each batch, how a process started.
REQUESTS, BATCHES, STARTS = "carillon.requests", "carillon.batches", "carillon.starts"

_SECRET_NAMES = re.compile(
    r"pass(word|wd|phrase)|secret|token|api_?key|auth(orization|_?key|_token)|cookie|credential|private_?key|signature|dsn",
    re.IGNORECASE,
)
# Each pattern begins only where a run of its signs begins, or is bounded: a hostile line of a megabyte stays quick.
_USERINFO = re.compile(r"(?<![a-z0-9+.-])(?P<scheme>[a-z][a-z0-9+.-]*://)[^\s/@]+@", re.IGNORECASE)
_EMAIL = re.compile(
    r"(?<![\w.!#$%&'*+/=?^`{|}~-])(?P<first>[\w.!#$%&'*+/=?^`{|}~-])[\w.!#$%&'*+/=?^`{|}~-]*+@"
    r"(?P<domain>[\w-]+(\.[\w-]+)+)"
)
_PHONE = re.compile(r"(?<![\w+])(?P<start>\+[1-9]\d)[\d\s().-]{5,18}(?P<end>\d\d)(?!\d)")
_BEARER = re.compile(r"\b(?P<word>bearer|basic)\s+[\w.~+/=-]{8,}", re.IGNORECASE)
_ASSIGNED = re.compile(
    r"(?<![\w-])(?P<name>[\w-]{0,64}?(?:password|secret|token|api_?key|signature)[\w-]{0,64})(?P<sign>[\"']?\s*[=:]\s*[\"']?)[^\s\"'&,;]+",
    re.IGNORECASE,
)
# Long runs of letters and digits are keys and device tokens; our own ids are shorter.
_LONG = re.compile(r"(?<![\w/-])(?=[\w:-]{0,64}\d)(?=[\w:-]{0,64}[A-Za-z])[\w:-]{40,}(?![\w-])")
# Addresses that open a door: for a first member, for one who is invited, to leave by a link, to tell receipts.
_DOORS = re.compile(r"(?P<place>/(?:start|join|u|hooks/[\w%.~-]{1,64}/[\w%.~-]{1,128})/)[\w-]{16,}")
_MOST_TOLD = 5  # errors of a chain
_LONG_ENOUGH = 8  # characters: nothing shorter can hold a secret or an address


def redact(text: str) -> str:
    """The text without passwords, keys, tokens, email addresses and phone numbers."""
    if len(text) < _LONG_ENOUGH:
        return text
    text = _USERINFO.sub(rf"\g<scheme>{REMOVED}@", text)
    text = _BEARER.sub(rf"\g<word> {REMOVED}", text)
    text = _ASSIGNED.sub(rf"\g<name>\g<sign>{REMOVED}", text)
    text = _EMAIL.sub(r"\g<first>…@\g<domain>", text)
    text = _PHONE.sub(r"\g<start>…\g<end>", text)
    text = _DOORS.sub(rf"\g<place>{REMOVED}", text)
    return _LONG.sub(REMOVED, text)


def redact_value(value: Any, name: str = "") -> Any:
    """The value, redacted all the way down; whatever stands under the name of a secret is removed whole."""
    if value is None or isinstance(value, bool):
        return value
    if name and _SECRET_NAMES.search(name):
        return REMOVED
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, bytes):
        return redact(value.decode(errors="replace"))
    if isinstance(value, Mapping):
        return {key: redact_value(inner, str(key)) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [redact_value(inner) for inner in value]
    return value if isinstance(value, int | float) else redact(str(value))


def _redact_event(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name, value in event.items():
        if not name.startswith("_"):  # structlog's own, such as the record itself
            event[name] = redact_value(value, name)
    return event


def trace_of(error: BaseException | None) -> str:
    """Where an error came up and of which kind it is, without its words; those that led to it come first.

    The kind of an error of the operating system or of a database includes the name that it has there, such as
    `OSError ENOSPC`, `sqlite3.OperationalError SQLITE_FULL` or `psycopg.errors.DiskFull 53100`.
    """
    told: list[str] = []
    while error is not None and len(told) < _MOST_TOLD:
        lines = "".join(traceback.format_tb(error.__traceback__))
        told.append(f"Traceback (most recent call last):\n{lines}{_kind_of(error)}")
        inner = error.exceptions[0] if isinstance(error, BaseExceptionGroup) else None
        error = inner or error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\n\nwhich led to\n\n".join(reversed(told))


def _kind_of(error: BaseException) -> str:
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    return f"{name} {_number_of(error)}".strip()


def _number_of(error: BaseException) -> str:
    if isinstance(error, OSError):
        return errno.errorcode.get(error.errno or 0, "")
    return getattr(error, "sqlite_errorname", None) or getattr(error, "sqlstate", None) or ""


def set_up_logs(log_format: str = "console", *, process: str = "", level: int = logging.INFO) -> None:
    """Send every log line of this process, ours and the libraries', to standard error.

    `log_format` is `console` or `json` (one object a line); `process` is said on each line.
    """
    shared: list[structlog.typing.Processor] = [
        _say_context,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.ExceptionRenderer(lambda raised: trace_of(raised[1])),
        _named(process),
        _redact_event,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    stream = logging.StreamHandler(sys.stderr)
    stream.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _renderer(log_format)],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [stream]
    root.setLevel(level)
    for wordy in _WORDY.values():
        wordy.setLevel(logging.NOTSET if log_format == "json" else logging.WARNING)
    for talkative in ("rq", "alembic", "httpx", "httpcore", "asyncio"):
        logging.getLogger(talkative).setLevel(logging.WARNING)


# Never changed, only replaced: what was begun from here (a thread, a coroutine) goes on saying what was known then.
_context: ContextVar[Mapping[str, str | int]] = ContextVar("carillon_context", default=MappingProxyType({}))


def begin_context(**ids: str | int) -> None:
    """From now on this thread does something else: every line says these ids, and none of before."""
    _context.set(ids)


def add_context(**ids: str | int) -> None:
    """Say these ids too."""
    _context.set({**_context.get(), **ids})


def drop_context(*names: str) -> None:
    """Do not say these any more."""
    _context.set({name: value for name, value in _context.get().items() if name not in names})


def context() -> Mapping[str, str | int]:
    """The ids that every line says now."""
    return _context.get()


def _say_context(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """What the line says itself wins."""
    for name, value in _context.get().items():
        event.setdefault(name, value)
    return event


_WORDY = {name: logging.getLogger(name) for name in (REQUESTS, BATCHES, STARTS)}  # to look one up takes a lock


def are_told(name: str) -> bool:
    """Whether lines of that name (REQUESTS, BATCHES, STARTS) are written: then they are worth to be made."""
    return _WORDY[name].isEnabledFor(logging.INFO)


def _named(process: str) -> structlog.typing.Processor:
    def name(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        if process:
            event["process"] = process
        return event

    return name


def _renderer(log_format: str) -> structlog.typing.Processor:
    if log_format == "json":
        return structlog.processors.JSONRenderer(ensure_ascii=False)
    return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
