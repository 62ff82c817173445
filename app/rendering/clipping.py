"""Where Gmail cuts a long email: what stands before, what would be hidden, and the words that people read last."""

import html
import re
from dataclasses import dataclass

_TAG = re.compile(r"<[^<>]*>")
_OPEN_TAG = re.compile(r"<[^<>]*$")
_LOOKED_BACK = 4000  # characters before the cut that are searched for words
_WORDS_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Clip:
    """An email's HTML, cut. `last_words` are about the last ones that are still shown; empty when there are none."""

    before: str
    after: str
    last_words: str


def clip_of(page: str, limit: int) -> Clip | None:
    """The cut of a page with more than `limit` octets; None for any other."""
    if len(page) * 4 <= limit:
        return None
    octets = page.encode("utf-8", "replace")
    if len(octets) <= limit:
        return None
    before = octets[:limit].decode("utf-8", "ignore")  # never half a character
    tail = _OPEN_TAG.sub("", before[-_LOOKED_BACK:])
    words = " ".join(html.unescape(_TAG.sub(" ", tail.partition(">")[2] or tail)).split())
    return Clip(before, page[len(before) :], words[-_WORDS_SHOWN:])
