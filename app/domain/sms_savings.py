"""What makes a text message dear: the signs that force UCS-2, and the text without them."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from app.domain.sms_segments import BASIC, EXTENDED, Encoding, encoding_of, replacement_of, segment

EVERYTHING = "all"  # asks for every sign to be replaced
MOST_SIGNS = 40  # different ones that are named
_LONGEST_CODE = 200
_CODE = re.compile(r"[0-9a-f]{1,6}(-[0-9a-f]{1,6})*")
_JOINER = "\u200d"
_DEAR = re.compile(f"[^{re.escape(''.join(sorted(BASIC | EXTENDED)))}]")


@dataclass(frozen=True, slots=True)
class Sign:
    """Something that people see as one sign and that GSM-7 lacks, such as a dash or an emoji of several code points.

    `positions` are the characters at which it begins, counted from 0. `replacement` is what stands in its place, ""
    where it can only be left out, None for a letter of another alphabet, without which no word would be left.
    """

    text: str
    positions: tuple[int, ...]
    replacement: str | None

    @property
    def code(self) -> str:
        """Its code points as a form sends them: `2013`, `2764-fe0f`."""
        return "-".join(f"{ord(character):x}" for character in self.text)

    @property
    def name(self) -> str:
        """What Unicode calls its first character, in small letters; U+… where it has no name."""
        first = unicodedata.normalize("NFC", self.text)[0]
        if _is_flag_letter(first):
            return "flag"
        name = unicodedata.name(first, "").lower()
        return name or f"U+{ord(first):04X}"

    @property
    def is_seen(self) -> bool:
        """Whether there is anything to see of it; spaces, joiners and marks without a letter are not."""
        return any(unicodedata.category(each)[0] not in "ZCM" for each in self.text)


def signs_of(text: str) -> list[Sign]:
    """The signs that GSM-7 lacks, each once, in the order in which they come; at most 40."""
    found: dict[str, list[int]] = {}
    for position, cluster in _clusters(text):
        if cluster in found or len(found) < MOST_SIGNS:
            found.setdefault(cluster, []).append(position)
    return [Sign(cluster, tuple(positions), _in_place_of(cluster)) for cluster, positions in found.items()]


def cheapened(text: str, which: str = EVERYTHING) -> str:
    """The text with a sign's replacement in its place: of the one with that `code`, or of all that have one.

    A sign that is left out takes a space beside it along, where two would be left. What is no code of a sign changes
    nothing. Names of {{ variables }} are plain letters, so they stay as they are.
    """
    if which == EVERYTHING:
        return _replaced(text, None)
    if len(which) > _LONGEST_CODE or not _CODE.fullmatch(which):
        return text
    return _replaced(text, {sign.text for sign in signs_of(text) if sign.code == which})


def without(text: str, signs: Iterable[Sign]) -> str:
    """The text with the replacements of these signs, as far as they have some."""
    return _replaced(text, {sign.text for sign in signs})


def _replaced(text: str, wanted: set[str] | None) -> str:
    done, end = "", 0
    for position, cluster in _clusters(text):
        replacement = _in_place_of(cluster) if wanted is None or cluster in wanted else None
        if replacement is None:
            continue
        done += text[end:position] + replacement
        end = position + len(cluster)
        if not replacement and (not done or done[-1].isspace()):
            if text[end : end + 1] == " ":
                end += 1
            elif end == len(text):
                done = done.removesuffix(" ")
    return done + text[end:]


@dataclass(frozen=True, slots=True)
class Saving:
    """What replacing signs would save: parts before and after; `signs` are those that must go for that."""

    before: int
    after: int
    signs: tuple[Sign, ...]

    @property
    def is_worth_it(self) -> bool:
        """Whether there would be fewer parts."""
        return self.after < self.before


def saving_of(text: str) -> Saving:
    """What the text costs as it stands, and with everything replaced that can be."""
    signs = tuple(sign for sign in signs_of(text) if sign.replacement is not None)
    return Saving(segment(text).count, segment(cheapened(text)).count, signs)


def _clusters(text: str) -> Iterator[tuple[int, str]]:
    """Each sign that GSM-7 lacks, with its position: base, marks and what is joined to it stay together."""
    position = 0
    while found := _DEAR.search(text, position):
        start = found.start()
        if start > position and _extends(text[start]):
            start -= 1
        position = _end_of_cluster(text, start)
        yield start, text[start:position]


def _end_of_cluster(text: str, start: int) -> int:
    """Where the sign that begins at `start` ends; a simple reading of UAX 29 that suffices for what phones write."""
    end = start + 1
    if _is_flag_letter(text[start]) and end < len(text) and _is_flag_letter(text[end]):
        end += 1
    while end < len(text):
        if _extends(text[end]):
            end += 1
        elif text[end] == _JOINER and end + 1 < len(text) and unicodedata.category(text[start]) == "So":
            end += 2
        else:
            break
    return end


def _is_flag_letter(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def _extends(character: str) -> bool:
    """Whether it belongs to what stands before it: a mark, a variation, a skin colour, a letter of a flag's tag."""
    is_tag = "\U000e0020" <= character <= "\U000e007f"
    return is_tag or "\U0001f3fb" <= character <= "\U0001f3ff" or unicodedata.category(character) in {"Mn", "Me", "Mc"}


@lru_cache(maxsize=4096)
def _in_place_of(cluster: str) -> str | None:
    composed = unicodedata.normalize("NFC", cluster)
    if encoding_of(composed) is Encoding.GSM7:
        return composed
    found = [replacement_of(each) if encoding_of(each) is not Encoding.GSM7 else each for each in composed]
    if found[0] is None and unicodedata.category(composed[0]).startswith("L"):
        return None
    return "".join(each or "" for each in found)
