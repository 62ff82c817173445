"""What a finished page holds for people to see: its words, its images, its links.

A page of ours is well formed: no bare `<` but of tags, every value in quotes. So tags are found by patterns, in a fifth
of the time of a parser; the composer does it with every save.
"""

import html
import re
from functools import cached_property
from typing import NamedTuple

_VALUES = r"""[^"'>]*(?:"[^"]*"[^"'>]*|'[^']*'[^"'>]*)*"""
_TAG = re.compile(rf"<[a-zA-Z/!]{_VALUES}>")
LINK_OR_IMAGE = re.compile(rf"<(/?a|img)((?:\s{_VALUES})?)>")
_ATTRIBUTE = re.compile(r"""\s([^\s"'<>/=]+)(?:=(?:"([^"]*)"|'([^']*)'))?""")
PREHEADER = re.compile(r'<div style="[^"]*mso-hide:all[^"]*">(.*?)</div>', re.DOTALL)
_BODY = re.compile(rf"<body(?:\s{_VALUES})?>")


class SeenLink(NamedTuple):
    """One link: its address ("" for none), its words (or those of its images), and whether it only marks a place."""

    address: str
    words: str
    is_place: bool


class Survey:
    """A page looked over once. `images` are the addresses of images; `without_alt` of those that nothing speaks for."""

    def __init__(self, page: str) -> None:
        start = _BODY.search(page)
        body = page[start.end() :] if start else ""
        self._body = PREHEADER.sub("", body, count=1)
        self.images: list[str] = []
        self.without_alt: list[str] = []
        self.links: list[SeenLink] = []
        self._look()

    @cached_property
    def words(self) -> list[str]:
        """All words that can be read, in their order; what stands in a tag's values is not read."""
        return html.unescape(_TAG.sub("", self._body)).split()

    @cached_property
    def said(self) -> str:
        """The same as one text with a blank for each tag, so that no two words run together."""
        return html.unescape(_TAG.sub(" ", self._body))

    def _look(self) -> None:
        body, opened, is_place, at, words = self._body, "", False, -1, ""
        for tag in LINK_OR_IMAGE.finditer(body):
            match tag[1]:
                case "img":
                    given = attributes_of(tag[2])
                    self._note_image(given)
                    words += f" {given.get('alt', '')} "
                case "a":
                    given = attributes_of(tag[2])
                    opened, at, words = given.get("href", "").strip(), tag.end(), ""
                    # An anchor (name or id without an address) is a place, not a link.
                    is_place = not opened and bool(given.keys() & {"name", "id"})
                case _ if at >= 0:
                    said = html.unescape(_TAG.sub("", body[at : tag.start()])) or words
                    self.links.append(SeenLink(opened, " ".join(said.split()), is_place))
                    at = -1

    def _note_image(self, given: dict[str, str]) -> None:
        address = given.get("src", "").strip()
        self.images.append(address)
        if "alt" not in given:
            self.without_alt.append(address[:60] or "no address")


def attributes_of(text: str) -> dict[str, str]:
    """The attributes in a tag, decoded; an attribute without a value is empty."""
    return {
        each[1]: html.unescape(each[2] if each[2] is not None else each[3] or "") for each in _ATTRIBUTE.finditer(text)
    }
