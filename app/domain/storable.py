"""Values that every database can keep: text without NUL and half characters (lone surrogates), numbers that end."""

import re
from math import isfinite
from typing import Any

_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")


def is_storable(value: Any) -> bool:
    """Whether a text, or everything within a JSON value, can be stored. RecursionError for endless nesting."""
    if isinstance(value, str):
        return _UNSTORABLE.search(value) is None
    if isinstance(value, float):
        return isfinite(value)  # JSON's 1e999 reads as infinity, which JSON cannot write
    if isinstance(value, dict):
        return all(is_storable(key) and is_storable(inner) for key, inner in value.items())
    return all(map(is_storable, value)) if isinstance(value, list) else True
