"""Values as plain text may hold them: fit for one line, for several, or for a part of an address."""

import re
from urllib.parse import quote

_NOT_IN_LINE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_NOT_IN_TEXT = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


def clean_line(value: str) -> str:
    """One line without control characters: fit for a header, whatever the value was."""
    return value if value.isprintable() else _NOT_IN_LINE.sub(" ", value)


def clean_text(value: str) -> str:
    """Text with bare line feeds and without other control characters."""
    if value.isprintable():
        return value
    return _NOT_IN_TEXT.sub("", value.replace("\r\n", "\n").replace("\r", "\n"))


def encode_part(value: str) -> str:
    """A value inside an address: it cannot end the part that it stands in."""
    return value if value.isalnum() and value.isascii() else quote(clean_text(value), safe="")
