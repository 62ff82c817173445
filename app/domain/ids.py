"""Identifiers: the ones we make and the ones we accept."""

import re

_CUSTOM = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._-]{0,35}")


def unique(milliseconds: int, randomness: bytes) -> str:
    """A new id: time in hex, then randomness (20 characters; sorts by time). Needs at least 5 random bytes."""
    return f"{milliseconds:013x}"[:13] + randomness.hex()[:7]


def is_custom_id(text: str) -> bool:
    """At most 36 of a-z A-Z 0-9 . _ - and no symbol in front."""
    return _CUSTOM.fullmatch(text) is not None


CUSTOM_ID_RULE = "Use at most 36 of a-z, A-Z, 0-9, period, hyphen and underscore, and start with a letter or a digit."
