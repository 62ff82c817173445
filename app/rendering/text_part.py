"""The plain-text part of an email, made from its HTML, with every link's address kept beside its words."""

import html
import re
import textwrap
from collections.abc import Callable
from typing import TYPE_CHECKING

from app.infra.loading import later
from app.rendering.survey import LINK_OR_IMAGE, attributes_of

if TYPE_CHECKING:
    import inscriptis
else:
    inscriptis = later("inscriptis")  # and with it lxml: 4 MiB

MAX_LINE_OCTETS = 800  # SMTP carries 998 (RFC 5321, 4.5.3.1.6); encodings and quoting want room
_WRAP_AT = 200
# Only tags are looked at: words may hold quotes, and a tag's values may hold anything.
_STYLED = re.compile(r"""(<[a-z][a-z0-9]*(?:\s(?:[^"'>]|"[^"]*"|'[^']*')*?)?)\sstyle="([^"]*)\"""")
# What inscriptis makes something of; it reads every other style declaration in vain, which took a third of its time.
_LAYOUT = re.compile(
    r"(?:^|;)\s*(?:display|white-space|margin-(?:top|bottom|before|after)|padding-(?:left|start)|"
    r"(?:vertical|horizontal)-align)\s*:"
)


def write_text(markup: str, remark: Callable[[str], str]) -> str:
    """Plain text of safe markup: tables as columns, `words (address)` for links, alternative texts for images.

    `remark` renames the variables' marks inside addresses, because they are escaped in another way than words.
    Lines end with a bare line feed, the last one too.
    """
    if not markup.strip():
        return ""
    written = _STYLED.sub(_keep_layout, _write_links(markup, remark))
    lines = [line.rstrip() for line in inscriptis.get_text(f"<body>{written}</body>").splitlines()]
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


def _write_links(markup: str, remark: Callable[[str], str]) -> str:
    """The markup with each link's address behind its words, and with alternative texts in place of images.

    A link's tags stay only where a style lays them out; inscriptis would take a fifth longer over them.
    The markup is as bleach writes it: no bare `<` but of tags, and every value in quotes.
    """
    pieces: list[str] = []
    address, link_from, at = "", 0, 0
    is_laid_out = False
    for tag in LINK_OR_IMAGE.finditer(markup):
        pieces.append(markup[at : tag.start()])
        at = tag.end()
        match tag[1]:
            case "img":
                pieces.append(html.escape(attributes_of(tag[2]).get("alt", "")))
            case "a":
                given = attributes_of(tag[2])
                address, is_laid_out = given.get("href", "").strip(), _LAYOUT.search(given.get("style", "")) is not None
                pieces.append(tag[0] if is_laid_out else "")
                link_from = len(pieces)
            case _:
                if address and not address.startswith("#"):
                    pieces.append(_behind(address, "".join(pieces[link_from:]), remark))
                    address = ""
                pieces.append(tag[0] if is_laid_out else "")
    pieces.append(markup[at:])
    return "".join(pieces)


def _keep_layout(tag: re.Match[str]) -> str:
    """A tag without a style that changes nothing in plain text."""
    return tag[0] if _LAYOUT.search(tag[2]) else tag[1]


def _behind(address: str, words: str, remark: Callable[[str], str]) -> str:
    """What stands after a link's words: nothing, when they already are its address."""
    words = html.unescape(words).strip()
    shown = address.removeprefix("mailto:").removeprefix("tel:")
    if words in (address, shown):
        return ""
    return html.escape(f" ({remark(shown)})" if words else remark(shown))
