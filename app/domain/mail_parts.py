"""A mail cut into its parts, in a time that its size alone decides: for mail that strangers may have made to hurt.

The parser of the standard library follows every level of nesting and every header with a grammar, which a hostile mail
makes long: a thousand levels, ten thousand parts, a header of a megabyte. Here what counts is bounded first (levels,
parts, fields, the length of a field), and only the few fields that are left are given to that parser.
"""

import base64
import binascii
import quopri
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from email.message import Message

LARGEST = 1024 * 1024  # bytes of a mail that are read
MOST_PARTS = 40
DEEPEST = 4
MOST_LINES = 400  # of the fields of one part
LONGEST_FIELD = 2_000  # characters
_LONGEST_HEAD = 65_536
_LONGEST_BOUNDARY = 200


@dataclass(frozen=True, slots=True)
class Part:
    """One part: its type (`text/plain`), its fields by lower-case name, its body as it travelled."""

    kind: str
    fields: Mapping[str, str]
    body: bytes = field(repr=False)

    def content(self) -> bytes:
        """The body, decoded from base64 or quoted-printable; as it is when it cannot be."""
        coding = self.fields.get("content-transfer-encoding", "").strip().lower()
        try:
            if coding == "base64":
                return base64.b64decode(self.body)
            return quopri.decodestring(self.body) if coding == "quoted-printable" else self.body
        except (binascii.Error, ValueError):
            return self.body

    def text(self) -> str:
        """The content as text: UTF-8 where it is, Latin-1 else; a codec that the mail names is never asked."""
        content = self.content().replace(b"\r\n", b"\n")
        try:
            return content.decode()
        except UnicodeDecodeError:
            return content.decode("latin-1")


def fields_of(head: bytes) -> dict[str, str]:
    """The fields of a head or of a group of a report, unfolded, by lower-case name; of several the first counts."""
    found: dict[str, str] = {}
    name, gathered = "", ""
    for line in [*head[:_LONGEST_HEAD].splitlines()[:MOST_LINES], b""]:
        text = line[:LONGEST_FIELD].decode("utf-8", "replace")
        if text[:1] in (" ", "\t") and name:
            gathered += f"\n{text.strip()}"
            continue
        if name:
            found.setdefault(name, gathered[:LONGEST_FIELD].strip())
        start, mark, rest = text.partition(":")
        name, gathered = (start.strip().lower(), rest.strip()) if mark else ("", "")
    return found


def read_parts(raw: bytes) -> tuple[Mapping[str, str], list[Part]]:
    """The mail's own fields, and its parts without the multiparts around them, first to last.

    What is attached as a mail (`message/rfc822`) is one part. What goes beyond the bounds is left out.
    """
    whole = _open(raw[:LARGEST].replace(b"\r\n", b"\n"), "text/plain")
    return whole.fields, list(_leaves(whole, 0, [MOST_PARTS]))


def _open(raw: bytes, usual: str) -> Part:
    """A part with its type; `usual` is what it is when it does not say."""
    if raw.startswith(b"\n"):
        return Part(usual, {}, raw[1:])
    end = raw.find(b"\n\n")
    head, body = (raw, b"") if end < 0 else (raw[:end], raw[end + 2 :])
    fields = fields_of(head)
    kind = _typed(fields).get_content_type() if "content-type" in fields else usual
    return Part(kind, fields, body)


def _typed(fields: Mapping[str, str]) -> Message:
    """A message of the standard library that has this type and nothing else."""
    message = Message()
    message["Content-Type"] = fields.get("content-type", "").replace("\n", " ")
    return message


def _leaves(part: Part, depth: int, budget: list[int]) -> Iterator[Part]:
    """`budget` holds how many more parts may be looked at."""
    if budget[0] <= 0:
        return
    budget[0] -= 1
    boundary = _boundary_of(part) if part.kind.startswith("multipart/") else b""
    if not boundary:
        yield part
    elif depth < DEEPEST:
        usual = "message/rfc822" if part.kind == "multipart/digest" else "text/plain"
        for piece in _pieces(part.body, boundary, budget[0]):
            yield from _leaves(_open(piece, usual), depth + 1, budget)


def _boundary_of(part: Part) -> bytes:
    try:
        boundary = _typed(part.fields).get_boundary() or ""
    except (ValueError, LookupError, TypeError):  # a parameter in pieces that do not fit (RFC 2231)
        return b""
    return boundary.encode("utf-8", "replace") if len(boundary) <= _LONGEST_BOUNDARY else b""


def _pieces(body: bytes, boundary: bytes, most: int) -> Iterator[bytes]:
    """What stands between the delimiter lines (RFC 2046, 5.1.1)."""
    line = re.compile(rb"^--" + re.escape(boundary) + rb"(--)?[ \t]*$\n?", re.MULTILINE)
    start = -1
    for count, match in enumerate(line.finditer(body)):
        if start >= 0:
            yield body[start : match.start()].removesuffix(b"\n")
        start = match.end()
        if match[1] or count >= most:
            return
    if start >= 0:
        yield body[start:]  # cut off, or without its last delimiter
