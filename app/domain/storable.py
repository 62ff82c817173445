"""Values that every database can keep: text without NUL and half characters (lone surrogates), numbers that end."""

import re
from math import isfinite
from typing import Any

_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")


def storable_text(text: str) -> str:
    """The text as it can be stored: without NUL, and with a mark where half a character was."""
    return _UNSTORABLE.sub(_mark, text)


def _mark(found: re.Match[str]) -> str:
    return "" if found[0] == "\0" else "\ufffd"


def is_storable(value: Any) -> bool:
    """Whether a text, or everything within a JSON value, can be stored. RecursionError for endless nesting."""
    if isinstance(value, str):
        return _UNSTORABLE.search(value) is None
    if isinstance(value, float):
        return isfinite(value)  # JSON's 1e999 reads as infinity, which JSON cannot write
    if isinstance(value, dict):
        return all(is_storable(key) and is_storable(inner) for key, inner in value.items())
    return all(map(is_storable, value)) if isinstance(value, list) else True
