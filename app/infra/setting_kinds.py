"""What a setting may be: each kind reads a value, mostly a text, and tells what would be right when it cannot be.

A reader takes what was given, and gives back what the setting is. It raises ValueError with the end of a sentence whose
subject is the setting. What was given is never quoted: it may be a password.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

Read = Callable[[Any], Any]

_YES, _NO = frozenset({"true", "1", "yes", "on"}), frozenset({"false", "0", "no", "off"})


def text(given: Any) -> str:
    """Any text."""
    if not isinstance(given, str):
        raise ValueError("cannot be that; use a text")  # noqa: TRY004 - as every reader does
    return given


def number(least: int, most: int, right: str = "") -> Read:
    """A whole number of that range; `right` says so where that alone would not be clear."""
    words = right or f"use a number from {least} to {most}"

    def read(given: Any) -> int:
        if isinstance(given, bool) or not re.fullmatch(r"[+-]?[0-9]{1,15}", str(given).strip()):
            raise ValueError(f"cannot be that; {words}")
        if not least <= int(given) <= most:
            raise ValueError(f"cannot be that; {words}")
        return int(given)

    return read


def yes_or_no(given: Any) -> bool:
    """A switch."""
    word = str(given).strip().lower()
    if word not in _YES | _NO:
        raise ValueError("cannot be that; use true or false")
    return word in _YES


def one_of(*words: str) -> Read:
    """One of these words."""

    def read(given: Any) -> str:
        if given not in words:
            raise ValueError(f"cannot be that; use {' or '.join(words)}")
        return str(given)

    return read


def path(given: Any) -> Path:
    """A folder or file, absolute from here on."""
    if not isinstance(given, str | Path) or "\0" in str(given):
        raise ValueError("cannot be that; use the path of a folder")
    try:
        return Path(given).expanduser().resolve()
    except (OSError, RuntimeError) as error:  # links in a ring, a home that nobody has
        raise ValueError("cannot be that; use the path of a folder") from error


def perhaps_a_path(given: Any) -> Path | None:
    """The same, or none."""
    if given is None or given == "":
        return None
    try:
        return path(given)
    except ValueError:
        raise ValueError("cannot be that; use the path of a PEM file with a key and its certificates") from None


def database(given: Any) -> str:
    """The address of a database, as SQLAlchemy wants it; empty for SQLite in the data dir."""
    scheme, mark, rest = text(given).strip().partition("://")
    if not scheme:
        return ""
    if scheme in {"postgres", "postgresql", "postgresql+psycopg"} and mark:
        return f"postgresql+psycopg://{rest}"
    if scheme == "sqlite" and mark:
        return f"sqlite://{rest}"
    raise ValueError("is not a database Carillon knows; use postgresql+psycopg://user:password@host/name")


def queue(given: Any) -> str:
    """The address of a Redis or Valkey; empty for the embedded one."""
    value = text(given).strip()
    if value and value.partition("://")[0].lower() not in {"redis", "rediss", "unix"}:
        raise ValueError("is not an address of a queue; use redis://host:6379/0, rediss://… or unix:///path")
    return value


def web_address(given: Any) -> str:
    """Where people open something; may be empty."""
    value = text(given).strip()
    if value and not _is_web_address(value):
        raise ValueError("is not an address of a page; use one like https://carillon.example.org")
    return value


def web_addresses(given: Any) -> dict[str, str]:
    """Base addresses by the kind of provider, as a JSON object."""
    example = '{"mailgun": "http://127.0.0.1:9000/v3"}'
    try:
        value = given if isinstance(given, dict) else json.loads(given)
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"is not a JSON object; use one like {example}") from error
    if not isinstance(value, dict) or not all(isinstance(url, str) for url in value.values()):
        raise ValueError(f"cannot be that; use a JSON object of addresses, like {example}")
    for kind, url in value.items():
        if not _is_web_address(url):
            raise ValueError(f"has no base URL for {kind}; give one like http://127.0.0.1:9000/v3")
    return dict(value)


def hard_to_guess(given: Any) -> str:
    """A token that travels in a header; may be empty."""
    value = text(given).strip()
    if value and not re.fullmatch(r"[!-~]{16,256}", value):
        raise ValueError("is not hard to guess; use 16 to 256 letters, digits and signs without spaces")
    return value


def written(value: Any) -> str:
    """A setting as a text that is read as the same."""
    if isinstance(value, dict):
        return json.dumps(value)
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _is_web_address(value: str) -> bool:
    try:
        parts = urlsplit(value)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        return False
