"""Ranges of bytes: which chunk of a file is sent (Content-Range), and which part of one is wanted (Range)."""

import re
from dataclasses import dataclass

CHUNK = 5 * 1024 * 1024  # bytes; fixed by the SDKs
_SENT = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18})")
_WANTED = re.compile(r"bytes=([0-9]{1,18})-([0-9]{0,18})")


@dataclass(frozen=True, slots=True)
class Chunk:
    """One chunk of a file of `total` bytes: its number from 1, how many there are, and its own length."""

    number: int
    count: int
    length: int
    total: int


def parse_chunk(header: str) -> Chunk | None:
    """The chunk that a Content-Range names (REST contract, 11.3); None when it is none.

    A chunk begins at a multiple of 5 MiB and is full, but for the last one. An end that equals the total is tolerated.
    """
    found = _SENT.fullmatch(header.strip())
    if not found:
        return None
    start, end, total = (int(part) for part in found.groups())
    length = min(end + 1, total) - start
    if start > end or end > total or start % CHUNK or length != min(CHUNK, total - start) or (length < 1 and total):
        return None
    return Chunk(start // CHUNK + 1, max(1, -(-total // CHUNK)), length, total)


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes `start` up to, not with, `stop` of a file of `total` bytes."""

    start: int
    stop: int
    total: int

    @property
    def content_range(self) -> str:
        """As the header of the answer says it (RFC 9110, 14.4)."""
        return f"bytes {self.start}-{self.stop - 1}/{self.total}"


def parse_span(header: str, total: int, most: int) -> Span | None:
    """The part that a Range asks for (REST contract, 11.5), at most `most` bytes when its end is open.

    None when it cannot be had: start < end < total must hold, so neither suffixes nor single bytes are served.
    """
    found = _WANTED.fullmatch(header.strip())
    if not found:
        return None
    start = int(found[1])
    end = int(found[2]) if found[2] else min(start + most, total) - 1
    return Span(start, end + 1, total) if start < end < total else None
