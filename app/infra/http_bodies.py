"""The bodies of requests: JSON documents and forms, and JSON of which all but a few texts is encoded only once."""

import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from json.encoder import encode_basestring
from typing import Any
from urllib.parse import quote_plus

_ENCODE = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
# What a form leaves as it is (the HTML standard's set and the tilde, as `urllib.parse.quote_plus` has it), and blanks.
_UNSAFE = re.compile(rb"[^A-Za-z0-9_.~ -]+")
_IN_FORMS = {code: quote_plus(chr(code)) for code in range(128)}


def json_text(value: Any) -> str:
    """A value as JSON without blanks. ValueError for what JSON has no word for: what is no number."""
    return _ENCODE(value)


def json_body(payload: Any) -> bytes:
    """A JSON document in UTF-8. ValueError for what it has no word for (NaN, half a character)."""
    return _ENCODE(payload).encode()


def form_body(fields: Sequence[tuple[str, str]]) -> bytes:
    """Form fields in their order (application/x-www-form-urlencoded), as `urllib.parse.urlencode` writes them.

    ValueError for half a character.
    """
    return "&".join([f"{_kept(name)}={form_text(value)}" for name, value in fields]).encode()


def form_text(text: str) -> str:
    """What `urllib.parse.quote_plus` makes of a text, in half the time or less: ASCII by a table, else by stretches."""
    if text.isascii():
        return text.translate(_IN_FORMS)
    return _UNSAFE.sub(_escape, text.encode()).replace(b" ", b"+").decode()


def _escape(found: re.Match[bytes]) -> bytes:
    return b"%" + found[0].hex("%").upper().encode()


@lru_cache(maxsize=256)
def _kept(name: str) -> str:
    return quote_plus(name)


class JsonTemplate:
    """A JSON document encoded once, with marks where texts go that differ from one request to the next.

    Make it of a document in which those texts are marks; `fill` gives the bytes that `json_body` would give for the
    same document with the texts themselves. A mark must stand for itself only: as a whole text, and in nothing else.
    """

    __slots__ = ("_pieces", "_places")

    def __init__(self, document: Any, marks: Sequence[str]) -> None:
        written = {json_text(mark): mark for mark in marks}
        self._pieces = re.split(f"({'|'.join(map(re.escape, written))})", json_text(document))
        self._places: dict[str, list[int]] = {}  # by mark, where its text goes
        for place, piece in enumerate(self._pieces):
            if place % 2:
                self._places.setdefault(written[piece], []).append(place)

    def fill(self, texts: Mapping[str, str]) -> bytes:
        """The document with a text for each mark, in UTF-8. ValueError for half a character, KeyError for none."""
        pieces = self._pieces.copy()
        for mark, places in self._places.items():
            text = encode_basestring(texts[mark])  # what `json_text` makes of a text
            for place in places:
                pieces[place] = text
        return "".join(pieces).encode()
