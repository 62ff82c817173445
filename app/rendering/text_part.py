"""The plain-text part of an email, made from its HTML, with every link's address kept beside its words."""

import html
import textwrap
from collections.abc import Callable
from html.parser import HTMLParser
from typing import TYPE_CHECKING

from app.infra.loading import later

if TYPE_CHECKING:
    import inscriptis
else:
    inscriptis = later("inscriptis")  # and with it lxml: 4 MiB

MAX_LINE_OCTETS = 800  # SMTP carries 998 (RFC 5321, 4.5.3.1.6); encodings and quoting want room
_WRAP_AT = 200


def write_text(markup: str, remark: Callable[[str], str]) -> str:
    """Plain text of safe markup: tables as columns, `words (address)` for links, alternative texts for images.

    `remark` renames the variables' marks inside addresses, because they are escaped in another way than words.
    Lines end with a bare line feed, the last one too.
    """
    if not markup.strip():
        return ""
    reader = _LinkWriter(remark)
    reader.feed(markup)
    reader.close()
    lines = [line.rstrip() for line in inscriptis.get_text(f"<body>{''.join(reader.pieces)}</body>").splitlines()]
    return fold(squeeze("\n".join(lines)))


def squeeze(text: str) -> str:
    """The text without empty lines at either end and with at most one between paragraphs, ended by a line feed."""
    kept: list[str] = []
    for line in text.strip("\n").split("\n"):
        if line or (kept and kept[-1]):
            kept.append(line)
    return "\n".join(kept).rstrip() + "\n"


def fold(text: str) -> str:
    """The text with lines of more than MAX_LINE_OCTETS broken between words; words themselves are never broken."""
    if len(text) * 4 <= MAX_LINE_OCTETS:
        return text
    lines: list[str] = []
    for line in text.split("\n"):
        if len(line.encode("utf-8", "replace")) <= MAX_LINE_OCTETS:
            lines.append(line)
        else:
            lines += textwrap.wrap(line, _WRAP_AT, break_long_words=False, break_on_hyphens=False)
    return "\n".join(lines)


class _LinkWriter(HTMLParser):
    """Copies markup and writes each link's address behind its words."""

    def __init__(self, remark: Callable[[str], str]) -> None:
        super().__init__(convert_charrefs=False)
        self.pieces: list[str] = []
        self._remark = remark
        self._address = ""
        self._link_from = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember a link's address; show an image by its alternative text."""
        given = {name: value or "" for name, value in attrs}
        if tag == "img":
            self.pieces.append(html.escape(given.get("alt", "")))
            return
        if tag == "a":
            self._address = given.get("href", "").strip()
            self._link_from = len(self.pieces) + 1
        self.pieces.append(self.get_starttag_text() or "")

    def handle_endtag(self, tag: str) -> None:
        """Write the address, unless the words already are the address."""
        if tag == "a" and self._address and not self._address.startswith("#"):
            words = html.unescape("".join(self.pieces[self._link_from :])).strip()
            shown = self._address.removeprefix("mailto:").removeprefix("tel:")
            if words not in (self._address, shown):
                self.pieces.append(html.escape(f" ({self._remark(shown)})" if words else self._remark(shown)))
            self._address = ""
        self.pieces.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        """Words stay."""
        self.pieces.append(data)

    def handle_entityref(self, name: str) -> None:
        """Entities stay as they are written."""
        self.pieces.append(f"&{name};")

    def handle_charref(self, name: str) -> None:
        """Entities stay as they are written."""
        self.pieces.append(f"&#{name};")
