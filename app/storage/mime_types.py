"""What a file is, told from its first bytes: never from what its sender says it is."""

import json
import re
import warnings
from typing import TYPE_CHECKING

from app.infra.loading import later

if TYPE_CHECKING:
    import puremagic
else:
    puremagic = later("puremagic")

HEAD = 8192  # bytes that are looked at
UNKNOWN = "application/octet-stream"
EMPTY = "application/x-empty"
LONGEST = 127  # characters of a type

_OOXML = "application/vnd.openxmlformats-officedocument."
_PACKED = (  # names that stand near the beginning of a zip file
    (b"word/", _OOXML + "wordprocessingml.document"),
    (b"xl/", _OOXML + "spreadsheetml.sheet"),
    (b"ppt/", _OOXML + "presentationml.presentation"),
)
_BRANDS = (  # ISO/IEC 14496-12, 4.3: the brand of an ISO media file
    (rb"avif|avis", "image/avif"),
    (rb"heic|heix|heim|heis", "image/heic"),
    (rb"hevc|hevx", "image/heic-sequence"),
    (rb"mif1|msf1", "image/heic"),
    (rb"qt  ", "video/quicktime"),
    (rb"M4A |M4B ", "audio/mp4"),
    (rb"3g[p2].", "video/3gpp"),
    (rb"....", "video/mp4"),
)
_MARKS: tuple[tuple[re.Pattern[bytes], str], ...] = tuple(
    (re.compile(pattern, re.DOTALL), mime_type)
    for pattern, mime_type in (
        (rb"\xff\xd8\xff", "image/jpeg"),
        (rb"\x89PNG\r\n\x1a\n", "image/png"),
        (rb"GIF8[79]a", "image/gif"),
        (rb"BM.{4}\0\0\0\0.{4}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0", "image/bmp"),
        (rb"(II\*\0|MM\0\*)", "image/tiff"),
        (rb"RIFF....WEBP", "image/webp"),
        (rb"RIFF....WAVE", "audio/wav"),
        (rb"RIFF....AVI ", "video/x-msvideo"),
        (rb"OggS", "audio/ogg"),
        (rb"fLaC", "audio/flac"),
        (rb"ID3|\xff[\xf2\xf3\xfa\xfb]", "audio/mpeg"),
        (rb"\x1aE\xdf\xa3.{0,64}webm", "video/webm"),
        (rb"\x1aE\xdf\xa3", "video/x-matroska"),
        (rb"%PDF-", "application/pdf"),
        (rb"\x1f\x8b\x08", "application/gzip"),
        (rb"\x28\xb5\x2f\xfd", "application/zstd"),
        *((rb"....ftyp(" + brand + rb")", mime_type) for brand, mime_type in _BRANDS),
    )
)
_NO_TEXT = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]")
_BY_EXTENSION = {"csv": "text/csv", "css": "text/css", "js": "text/javascript", "md": "text/markdown"}
_COMMENTS = rb"(?:<!--(?:(?!-->).)*-->\s*)*"  # tempered: no two ways to read the same bytes
_MARKUP = (
    (rb"(?:<\?xml[^>]*>\s*)?" + _COMMENTS + rb"(?:<!doctype\s+svg[^>]*>\s*)?<svg[\s>]", "image/svg+xml"),
    (rb"<\?xml\s", "text/xml"),
    (_COMMENTS + rb"<(?:!doctype\s+html|html|head|body|script|iframe)[\s>]", "text/html"),
)


def sniff(head: bytes, extension: str = "", *, is_whole: bool = False) -> str:
    """The MIME type of a file that begins with `head` (8 KB of it); `is_whole` when that is all there is.

    The extension (lower case, no dot) only tells texts apart, which have no mark of their own.
    """
    if not head:
        return EMPTY
    for mark, mime_type in _MARKS:
        if mark.match(head):
            return mime_type
    if head.startswith(b"PK\x03\x04"):
        return next((mime_type for name, mime_type in _PACKED if name in head), "application/zip")
    return _sniff_text(head, extension, is_whole=is_whole) or _ask_puremagic(head)


def _sniff_text(head: bytes, extension: str, *, is_whole: bool) -> str:
    """The type of a text; empty when it is none."""
    text = head.removeprefix(b"\xef\xbb\xbf")
    if _NO_TEXT.search(text) or not _is_utf8(text, is_whole=is_whole):
        return ""
    start = text.lstrip()
    for mark, mime_type in _MARKUP:
        if re.match(mark, start, re.IGNORECASE | re.DOTALL):
            return mime_type
    if start[:1] in {b"{", b"["} and _is_json(start, extension, is_whole=is_whole):
        return "application/json"
    return _BY_EXTENSION.get(extension, "text/plain")


def _is_utf8(text: bytes, *, is_whole: bool) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError as error:  # a character may be cut in two where the head ends
        return not is_whole and error.reason == "unexpected end of data"
    return True


def _is_json(text: bytes, extension: str, *, is_whole: bool) -> bool:
    if not is_whole:
        return extension == "json"
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _ask_puremagic(head: bytes) -> str:
    """What puremagic knows, when it is sure enough; marks of one or two bytes are no knowledge."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = puremagic.magic_string(head)
    except (puremagic.PureError, ValueError, IndexError, KeyError):
        return UNKNOWN
    sure = [each for each in found if len(each.byte_match or b"") >= 4 and "/" in each.mime_type]
    return sure[0].mime_type[:LONGEST].lower() if sure else UNKNOWN
