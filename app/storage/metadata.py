"""Takes out of a picture what it tells about its maker: EXIF, XMP, IPTC, comments, and whatever hangs behind its end.

The pixels are not touched. Colour profiles stay, and so does the orientation, without which pictures would lie on their
side. JPEG: ITU-T T.81, B.1; PNG: W3C PNG 3rd edition, 5.3; WebP: RFC 9649. What cannot be read so is left as it is.
"""

import io
import re
import struct
import zlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from app.infra.loading import later

if TYPE_CHECKING:
    from PIL import Image
else:
    Image = later("PIL.Image")

ORIENTATION = 0x0112  # the EXIF tag
_JPEG_KEPT = {0xE0, 0xE2, 0xEE}  # JFIF, colour profile, Adobe's colour transform
_JPEG_DROPPED = {*range(0xE0, 0xF0), 0xFE} - _JPEG_KEPT
_SCAN_END = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]", re.DOTALL)
_PNG_DROPPED = {b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"tIME"}


class _UnreadableError(Exception):
    """The file is not built as its format says."""


def strip_metadata(content: bytes, mime_type: str) -> bytes:
    """The same picture without its metadata (JPEG, PNG, WebP); anything else comes back as it is."""
    strip = _STRIPPERS.get(mime_type)
    if strip is None:
        return content
    try:
        return strip(content, _orientation(content))
    except (_UnreadableError, struct.error, IndexError):
        return content


def _orientation(content: bytes) -> int:
    """1 (upright) to 8; 1 when nothing is said. No pixel is decoded: a small file may claim hundreds of millions."""
    try:
        with Image.open(io.BytesIO(content)) as picture:
            exif = Image.Image.getexif(picture)  # the one that PNG files have of their own decodes them first
            if picture.format == "PNG" and ORIENTATION not in exif:
                exif.load(_exif_of_png(content))
            found = exif.get(ORIENTATION, 1)
    except Exception:  # noqa: BLE001 - what Pillow raises for broken files is not written down
        return 1
    return found if isinstance(found, int) and 1 <= found <= 8 else 1


def _exif_of_png(content: bytes) -> bytes:
    """The EXIF block of a PNG, wherever it stands; empty when there is none. struct.error for one that is cut off."""
    place = 8
    while True:
        length, kind = struct.unpack_from(">I4s", content, place)
        if kind in {b"eXIf", b"IEND"}:
            return content[place + 8 : place + 8 + length]
        place += 12 + length


def _exif(orientation: int) -> bytes:
    """A TIFF block that holds the orientation and nothing else; empty for upright."""
    entry = struct.pack(">HHIHH", ORIENTATION, 3, 1, orientation, 0)
    return b"MM\0*\0\0\0\x08\0\x01" + entry + bytes(4) if orientation != 1 else b""


def _strip_jpeg(content: bytes, orientation: int) -> bytes:
    kept, place = bytearray(content[:2]), 2
    if exif := _exif(orientation):
        kept += b"\xff\xe1" + struct.pack(">H", len(exif) + 8) + b"Exif\0\0" + exif
    while True:
        place = _next_marker(content, place)
        marker = content[place + 1]
        if marker == 0xD9:
            return bytes(kept + b"\xff\xd9")
        end = place + 2 + struct.unpack_from(">H", content, place + 2)[0]
        if not _is_dropped(marker, content[place + 4 : end]):
            kept += content[place:end]
        if marker == 0xDA:  # the pixels follow
            pixels = end
            end = _end_of_scan(content, pixels)
            kept += content[pixels:end]
        place = end


def _next_marker(content: bytes, place: int) -> int:
    """Where the marker begins, behind bytes that only fill."""
    while content[place] == 0xFF and content[place + 1] == 0xFF:
        place += 1
    if content[place] != 0xFF:
        raise _UnreadableError
    return place


def _end_of_scan(content: bytes, place: int) -> int:
    """Where the next real marker is: no stuffed zero, no restart."""
    found = _SCAN_END.search(content, place)
    if found is None:
        raise _UnreadableError
    return found.start()


def _is_dropped(marker: int, segment: bytes) -> bool:
    is_other = marker == 0xE2 and not segment.startswith(b"ICC_PROFILE\0")  # such as the index of further pictures
    return marker in _JPEG_DROPPED or is_other


def _strip_png(content: bytes, orientation: int) -> bytes:
    kept, place = bytearray(content[:8]), 8
    while True:
        length, kind = struct.unpack_from(">I4s", content, place)
        end = place + 12 + length
        if end > len(content):
            raise _UnreadableError
        if kind not in _PNG_DROPPED:
            kept += content[place:end]
        if kind == b"IHDR" and (exif := _exif(orientation)):
            kept += struct.pack(">I4s", len(exif), b"eXIf") + exif + struct.pack(">I", zlib.crc32(b"eXIf" + exif))
        if kind == b"IEND":
            return bytes(kept)
        place = end


def _strip_webp(content: bytes, orientation: int) -> bytes:
    stop = min(len(content), 8 + struct.unpack_from("<I", content, 4)[0])
    parts, place, exif = bytearray(), 12, _exif(orientation)
    has_header = content[12:16] == b"VP8X"
    while place + 8 <= stop:
        kind, length = struct.unpack_from("<4sI", content, place)
        end = place + 8 + length + length % 2
        if end > stop + 1:
            raise _UnreadableError
        part = bytearray(content[place:end])
        if kind == b"VP8X":
            part[8] = part[8] & ~0x0C | (0x08 if exif else 0)  # flags: EXIF 8, XMP 4
        if kind not in {b"EXIF", b"XMP "}:
            parts += part
        place = end
    if exif and has_header:
        parts += b"EXIF" + struct.pack("<I", len(exif)) + exif
    return b"RIFF" + struct.pack("<I", len(parts) + 4) + b"WEBP" + bytes(parts)


_STRIPPERS: Mapping[str, Callable[[bytes, int], bytes]] = {
    "image/jpeg": _strip_jpeg,
    "image/png": _strip_png,
    "image/webp": _strip_webp,
}
