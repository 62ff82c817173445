"""Text that every database can keep: without NUL and without half characters (lone surrogates)."""

import re
from typing import Any

_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")


def is_storable(value: Any) -> bool:
    """Whether a text, or every text within a JSON value, can be stored. RecursionError for endless nesting."""
    if isinstance(value, str):
        return _UNSTORABLE.search(value) is None
    if isinstance(value, dict):
        return all(is_storable(key) and is_storable(inner) for key, inner in value.items())
    return all(map(is_storable, value)) if isinstance(value, list) else True
