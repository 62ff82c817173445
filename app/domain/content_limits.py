"""What no content may hold, whatever its channel: sentences about texts that cannot be stored, and named files."""

import re
from collections.abc import Mapping
from typing import Any

File = tuple[str, str]  # public ids of a bucket and of a file in it

# The REST contract's limit of a long text (9.8).
MAX_TEXT = 64_230

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")


def line_problems(label: str, text: str, limit: int) -> list[str]:
    """What is wrong with a text that must stand on one line, such as a header."""
    if len(text) > limit:
        return [f"{too_long(label, len(text), limit)} Shorten it."]
    match = _CONTROL.search(text) or _UNSTORABLE.search(text)
    if match is None:
        return []
    place = f"after {match.start():,} characters"
    if match.group() in "\r\n":
        return [f"{label} has a line break {place}. Write it on one line."]
    return [f"{label} has a control character {place} ({_code(match)}). Remove it."]


def text_problems(label: str, text: str, limit: int, advice: str = "Shorten it.") -> list[str]:
    """What is wrong with a text of several lines; `advice` says what to do with one that is too long."""
    if len(text) > limit:
        return [f"{too_long(label, len(text), limit)} {advice}"]
    match = _UNSTORABLE.search(text)
    if match is None:
        return []
    line = text.count("\n", 0, match.start()) + 1
    return [f"{label} has a character in line {line} that cannot be stored ({_code(match)}). Remove it."]


def too_long(label: str, length: int, limit: int) -> str:
    """The sentence about a text that is longer than can be."""
    return f"{label} has {length:,} characters; at most {limit:,} can be stored."


def only_filled(problems: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """The fields that something is wrong with."""
    return {field: sentences for field, sentences in problems.items() if sentences}


def read_file(stored: Any) -> File | None:
    """A bucket and a file from `[bucket id, file id]`; None for anything else."""
    match stored:
        case [str(bucket), str(file)]:
            return bucket, file
        case _:
            return None


def _code(match: re.Match[str]) -> str:
    return f"U+{ord(match.group()):04X}"
