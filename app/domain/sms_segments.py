"""How a text travels as SMS: its encoding, what it costs, and where it is cut (GSM 03.38, 3GPP TS 23.040)."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

# 3GPP TS 23.038, 6.2.1 without the escape itself; and 6.2.1.1, whose characters cost two septets.
BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENDED = frozenset("\f^{}\\[~]|€")
MOST_OFFENDERS = 100  # more of them help nobody
_PLAIN = re.compile(f"[{re.escape(''.join(sorted(BASIC | EXTENDED)))}]*")

# Look-alikes within GSM-7; an empty one can be left out. Accented letters fall back to their base letter.
_LOOK_ALIKES = {
    "–": "-", "—": "-", "‑": "-", "‐": "-", "−": "-", "…": "...", "‘": "'", "’": "'", "‚": "'", "`": "'", "´": "'",
    "“": '"', "”": '"', "„": '"', "\u00a0": " ", "\u202f": " ", "\t": " ", "\u200b": "", "\u200c": "", "\u200d": "",
    "\u2060": "", "\ufeff": "", "\u00ad": "", "\u200e": "", "\u200f": "", "\u2028": "\n", "\u2029": "\n", "•": "-",
    "·": ".", "‣": "-", "▪": "-", "●": "-", "‹": "'", "›": "'", "′": "'", "‛": "'", "«": '"', "»": '"', "″": '"',
    "‟": '"', "→": "->", "←": "<-", "⇒": "=>", "×": "x", "÷": "/", "±": "+/-", "≤": "<=", "≥": ">=", "⁄": "/",
    "¼": "1/4", "½": "1/2", "¾": "3/4", "©": "(c)", "®": "(r)", "¢": "c", "Ł": "L", "ł": "l", "Đ": "D", "đ": "d",
    "Ð": "D", "ð": "d", "Þ": "Th", "þ": "th", "Œ": "OE", "œ": "oe", "Ħ": "H", "ħ": "h", "ı": "i", "Ŋ": "N", "ŋ": "n",
    "Ŧ": "T", "ŧ": "t", "ẞ": "ß",
}  # fmt: skip


class Encoding(StrEnum):
    """How characters are written. One that GSM-7 lacks turns the whole text into UCS-2."""

    GSM7 = "GSM-7"
    UCS2 = "UCS-2"

    @property
    def single(self) -> int:
        """Units that a text of one part can have: septets or UTF-16 code units."""
        return 160 if self is Encoding.GSM7 else 70

    @property
    def joined(self) -> int:
        """Units in each part of several; six octets of every part say how they belong together."""
        return 153 if self is Encoding.GSM7 else 67


@dataclass(frozen=True, slots=True)
class Offender:
    """A character that forces UCS-2. `position` counts characters from 0; `replacement` is None when there is none."""

    position: int
    character: str
    replacement: str | None


@dataclass(frozen=True, slots=True)
class Segments:
    """A text as SMS. `parts` are its pieces in order, as the network carries and charges them; none when empty.

    `units` are septets (GSM-7) or UTF-16 code units (UCS-2) of the whole text. `offenders` are the first characters
    that GSM-7 lacks; empty in GSM-7.
    """

    encoding: Encoding
    units: int
    parts: tuple[str, ...]
    offenders: tuple[Offender, ...] = ()

    @property
    def count(self) -> int:
        """How many messages are charged."""
        return len(self.parts)

    @property
    def per_part(self) -> int:
        """The units that each of these parts can have."""
        return self.encoding.single if self.count <= 1 else self.encoding.joined

    @property
    def room(self) -> int:
        """The units that as many parts can have; one part when there is none yet."""
        return self.per_part * max(self.count, 1)

    @property
    def units_of_parts(self) -> tuple[int, ...]:
        """The units that each part has."""
        return tuple(_units(part, self.encoding) for part in self.parts)


def encoding_of(text: str) -> Encoding:
    """The cheapest encoding that holds every character."""
    return Encoding.GSM7 if _PLAIN.fullmatch(text) else Encoding.UCS2


def segment(text: str, *, names_offenders: bool = True) -> Segments:
    """Encode and cut a text. CRLF counts as one line feed; no escape pair and no surrogate pair is ever split.

    Without `names_offenders` it is quicker: for who only counts, a million times.
    """
    text = text.replace("\r\n", "\n")
    encoding = encoding_of(text)
    units = _units(text, encoding)
    parts = (text,) if units <= encoding.single else tuple(_cut(text, encoding, units))
    parts = tuple(part for part in parts if part)
    asks = names_offenders and encoding is Encoding.UCS2
    return Segments(encoding, units, parts, _find_offenders(text) if asks else ())


def replacement_of(character: str) -> str | None:
    """What GSM-7 has in place of a character: a look-alike, its base letter, nothing (""), or None for no idea."""
    if character in _LOOK_ALIKES:
        return _LOOK_ALIKES[character]
    base = unicodedata.normalize("NFKD", character)
    plain = "".join(sign for sign in base if not unicodedata.combining(sign))
    return plain if plain and encoding_of(plain) is Encoding.GSM7 else None


def _units(text: str, encoding: Encoding) -> int:
    """The septets or UTF-16 code units of a text."""
    if encoding is Encoding.GSM7:
        return len(text) + sum(map(text.count, EXTENDED))
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _cut(text: str, encoding: Encoding, units: int) -> Iterator[str]:
    """Fill one part after the other."""
    room = encoding.joined
    if units == len(text):  # no pair could be split
        yield from (text[start : start + room] for start in range(0, len(text), room))
        return
    start = 0
    while start < len(text):
        end = min(start + room, len(text))
        excess = _units(text[start:end], encoding) - room
        while excess > 0:
            end -= 1
            excess -= _units(text[end], encoding)
        yield text[start:end]
        start = end


def _find_offenders(text: str) -> tuple[Offender, ...]:
    found: list[Offender] = []
    for position, character in enumerate(text):
        if character not in BASIC and character not in EXTENDED:
            found.append(Offender(position, character, replacement_of(character)))
            if len(found) == MOST_OFFENDERS:
                break
    return tuple(found)
