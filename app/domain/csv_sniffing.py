"""What a file is before anybody reads it as CSV: its encoding, its delimiter, whether it is CSV at all."""

import codecs
import csv
import re
from dataclasses import dataclass

SAMPLE = 1024 * 1024  # bytes looked at
ENCODINGS = {"utf-8": "UTF-8", "utf-16": "UTF-16", "windows-1252": "Windows-1252 (Western Europe)"}
DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar"}

_SIGNATURES = (
    (b"PK\x03\x04", "a zip archive or an Excel workbook"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"%PDF", "a PDF"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"RIFF", "a picture or a sound"),
    (b"\x1f\x8b", "a compressed file"),
    (b"7z\xbc\xaf", "a compressed file"),
    (b"{\\rtf", "a text document"),
    (b"SQLite format 3", "a database"),
    (b"\x7fELF", "a program"),
)
_MARKUP = re.compile(rb"\s*<(!doctype|html|\?xml|svg)", re.IGNORECASE)
_ROWS_LOOKED_AT = 25


class NotCsv(ValueError):
    """The file cannot be CSV; the message is the rest of a sentence that begins with its name."""


@dataclass(frozen=True, slots=True)
class Sniffed:
    """How the file is to be read, as far as its beginning shows."""

    encoding: str
    delimiter: str
    has_header: bool


def check_kind(sample: bytes, row: str = "contact") -> None:
    """Raise NotCsv for what is something else: an archive, a picture, a page, bytes that are not text.

    `row` is the noun for what each row is.
    """
    if not sample.strip():
        raise NotCsv(f"is empty. Choose a CSV file with a header row and one row for each {row}.")
    for signature, kind in _SIGNATURES:
        if sample.startswith(signature):
            raise NotCsv(f"is {kind}, not CSV. In the spreadsheet choose Save as, CSV UTF-8, and upload that file.")
    if _MARKUP.match(sample):
        raise NotCsv("is a web page or XML, not CSV. Export the list as CSV and upload that file.")
    if b"\0" in sample and sniff_encoding(sample) != "utf-16":
        raise NotCsv("holds NUL bytes, so it is not text. Export the list as CSV UTF-8 and upload that file.")


def sniff_encoding(sample: bytes) -> str:
    """`utf-8`, `utf-16` or `windows-1252`, by byte order mark, NULs, and which bytes are sound UTF-8.

    A file with some sound UTF-8 and a few broken bytes is UTF-8 with errors, which are then named cell by cell.
    """
    if sample.startswith(codecs.BOM_UTF8):
        return "utf-8"
    if sample.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or _is_bare_utf16(sample):
        return "utf-16"
    text = sample.decode("utf-8", "surrogateescape")
    text = text[:-3] if len(sample) >= SAMPLE else text  # the sample may end inside of a character
    broken = sum("\udc80" <= sign <= "\udcff" for sign in text)
    sound = sum(sign > "\x7f" for sign in text) - broken
    return "utf-8" if sound >= broken else "windows-1252"


def _is_bare_utf16(sample: bytes) -> bool:
    """Text in UTF-16 without its mark: every second byte is NUL, nearly."""
    pairs = len(sample) // 2
    return pairs > 3 and max(sample[0::2].count(0), sample[1::2].count(0)) > 0.6 * pairs


def codec_of(encoding: str, sample: bytes) -> tuple[str, str]:
    """Python's codec and error rule for reading; broken bytes survive as marks that `unreadable` finds."""
    if encoding == "utf-8":
        return "utf-8-sig", "surrogateescape"
    if encoding == "utf-16":
        if sample.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16", "replace"
        return "utf-16-be" if sample[0::2].count(0) > sample[1::2].count(0) else "utf-16-le", "replace"
    return "cp1252", "surrogateescape"


def sniff(sample: bytes, encoding: str = "", delimiter: str = "", row: str = "contact") -> Sniffed:
    """How to read the file; what is given is kept. Raises NotCsv for what cannot be CSV, in which a row is a `row`."""
    check_kind(sample, row)
    encoding = encoding or sniff_encoding(sample)
    codec, errors = codec_of(encoding, sample)
    lines = sample.decode(codec, "replace" if encoding == "utf-16" else errors).splitlines(keepends=True)
    if len(sample) >= SAMPLE:
        lines = lines[:-1]
    delimiter = delimiter or named_delimiter(lines[0] if lines else "") or _sniff_delimiter(lines)
    rows = _rows(lines[1:] if lines and named_delimiter(lines[0]) else lines, delimiter)
    return Sniffed(encoding, delimiter, bool(rows) and _is_header(rows[0]))


def named_delimiter(line: str) -> str:
    """The delimiter that Excel's line `sep=;` names, or nothing."""
    match = re.fullmatch(r"\ufeff?sep=([,;\t|])", line.rstrip("\r\n"), re.IGNORECASE)
    return match.group(1) if match else ""


def _sniff_delimiter(lines: list[str]) -> str:
    """The sign that parts the rows into the same number of columns most often."""

    def score(delimiter: str) -> tuple[float, int]:
        widths = [len(row) for row in _rows(lines, delimiter)]
        if not widths or widths[0] < 2:
            return 0.0, 0
        return sum(width == widths[0] for width in widths) / len(widths), widths[0]

    best = max(DELIMITERS, key=score)
    return best if score(best) > (0.0, 0) else ","


def _rows(lines: list[str], delimiter: str) -> list[list[str]]:
    """The first rows; a broken one ends the look."""
    found: list[list[str]] = []
    try:
        for row in csv.reader(lines, delimiter=delimiter):
            if any(cell.strip() for cell in row):
                found.append(row)
            if len(found) == _ROWS_LOOKED_AT:
                break
    except csv.Error:
        pass
    return found


def _is_header(row: list[str]) -> bool:
    """A row of short, different words without an address among them."""
    cells = [cell.strip() for cell in row if cell.strip()]
    looks_like_values = any("@" in cell or re.fullmatch(r"\+?[\d\s()/.-]{5,}", cell) for cell in cells)
    return bool(cells) and not looks_like_values and len(set(cells)) == len(cells)


def unreadable(cell: str) -> str:
    """The first broken byte or sign of a cell in words ("the byte 0xFC"); empty when all can be read."""
    if cell.isascii():
        return ""
    for sign in cell:
        if "\udc80" <= sign <= "\udcff":
            return f"the byte 0x{ord(sign) - 0xDC00:02X}"
        if sign == "\ufffd":
            return "a sign that could not be read"
    return ""
