"""An email of ours as it travels, taken apart for people to look at: its fields, its parts and what they weigh.

For what we wrote ourselves (`providers/mime.py`), whole and of any size; what strangers wrote is for `mail_parts`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from email.header import decode_header, make_header
from email.message import Message

_END_OF_HEAD = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class HeaderField:
    """One field: `value` as it travels, unfolded; `reading` as people see it when that differs, else empty."""

    name: str
    value: str
    reading: str = ""


@dataclass(frozen=True, slots=True)
class MimePart:
    """One part of the tree. `level` is how deep it stands (the whole email is 0), `size` its octets as they travel.

    `encoding` is empty for parts that hold parts. `name` is a file's; `content_id` an inline image's, without brackets.
    """

    level: int
    kind: str
    size: int
    charset: str = ""
    encoding: str = ""
    name: str = ""
    content_id: str = ""
    is_inline: bool = False


def header_fields(letter: bytes) -> list[HeaderField]:
    """The fields of an email (octets, lines ended by CRLF), in their order."""
    return [_field(name, value) for name, value in _fields(letter.partition(_END_OF_HEAD)[0])]


def mime_parts(letter: bytes) -> list[MimePart]:
    """All parts of an email, each before the parts that it holds."""
    return list(_walk(letter, 0))


def _walk(part: bytes, level: int) -> Iterator[MimePart]:
    head, _, body = part.partition(_END_OF_HEAD)
    described = Message()
    for name, value in _fields(head):
        if name.lower().startswith("content-"):
            described[name] = value
    boundary = described.get_boundary()
    if boundary is not None and described.get_content_maintype() == "multipart":
        yield MimePart(level, described.get_content_type(), len(part))
        pieces = (b"\r\n" + body).split(b"\r\n--" + boundary.encode())
        for piece in pieces[1:-1]:  # before the first stands nothing of ours, after the last only its end
            yield from _walk(piece.removeprefix(b"\r\n"), level + 1)
        return
    yield MimePart(
        level, described.get_content_type(), len(part), str(described.get_param("charset") or ""),
        described.get("Content-Transfer-Encoding", "7bit"), described.get_filename() or "",
        described.get("Content-ID", "").strip("<>"), described.get_content_disposition() == "inline",
    )  # fmt: skip


def _fields(head: bytes) -> Iterator[tuple[str, str]]:
    unfolded = head.decode("utf-8", "replace").replace("\r\n ", " ").replace("\r\n\t", "\t")
    for line in unfolded.split("\r\n"):
        name, mark, value = line.partition(":")
        if mark:
            yield name, value.strip()


def _field(name: str, value: str) -> HeaderField:
    if "=?" not in value:
        return HeaderField(name, value)
    try:
        reading = str(make_header(decode_header(value)))
    except (LookupError, ValueError):
        reading = value
    return HeaderField(name, value, reading if reading != value else "")
