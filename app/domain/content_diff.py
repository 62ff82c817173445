"""What changed between two contents: field by field, and in each field word by word."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, NamedTuple

from app.domain.content_limits import File, read_file

# SequenceMatcher takes quadratic time for texts that repeat themselves; beyond these a part is replaced as a whole.
MOST_LINES = 1000
MOST_WORDS = 1000
MOST_WORDS_IN_ALL = 4000
LONGEST_SAME, KEPT_SAME = 600, 200  # of what stayed the same, only what stands beside a change is worth reading
LONGEST_CHANGE = 20_000
_WORD = re.compile(r"\w+|\n|[^\S\n]+|[^\w\s]")
_LABELS = {
    "cc": "Copy to", "bcc": "Blind copy to", "reply_to": "Reply-to", "reply_to_name": "Reply-to name",
    "body": "Content", "action": "Opens", "color": "Colour", "channel_id": "Android channel",
    "content_available": "Wakes the app",
}  # fmt: skip
_HIDDEN = frozenset({"image_url"})  # a signed address, made anew each time


class Piece(NamedTuple):
    """A part of a text: `same`, `gone`, `new`, or `cut` (so many characters of what stands before are not shown)."""

    kind: str
    text: str = ""
    cut: int = 0


@dataclass(frozen=True, slots=True)
class Change:
    """One field that differs, as one text in which the parts that are gone and new stand where they belong."""

    field: str
    label: str
    pieces: tuple[Piece, ...]


def compare(before: Mapping[str, Any], after: Mapping[str, Any], names: Mapping[File, str]) -> list[Change]:
    """The fields that differ between two contents of one channel, as JSON objects; `names` are those of the files."""
    found = []
    for field in dict.fromkeys((*before, *after)):
        none = "No" if isinstance(before.get(field, after.get(field)), bool) else ""
        old, new = (_text(content[field], names) if field in content else none for content in (before, after))
        if old != new and field not in _HIDDEN:
            found.append(Change(field, label_of(field), compare_texts(old, new)))
    return found


def label_of(field: str) -> str:
    """What people call a field of a content."""
    return _LABELS.get(field) or field.replace("_", " ").capitalize()


def compare_texts(before: str, after: str) -> tuple[Piece, ...]:
    """How one text became the other; long stretches of what stayed are cut."""
    return tuple(_shorten(_join(_compare_lines(_lines(before), _lines(after)))))


def _text(value: Any, names: Mapping[File, str]) -> str:
    """A value as people read it: one line for each file, and for each pair of data."""
    file = read_file(value)
    match value:
        case str():
            return value
        case bool():
            return "Yes" if value else "No"
        case _ if file is not None:
            return names.get(file, file[1])
        case list():
            return "\n".join(_text(each, names) for each in value)
        case dict():
            lines = {key: each if isinstance(each, str) else _json(each) for key, each in value.items()}
            return "\n".join(f"{key}: {text}" for key, text in lines.items())
        case _:
            return _json(value)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def _compare_lines(before: Sequence[str], after: Sequence[str]) -> Iterator[Piece]:
    budget = MOST_WORDS_IN_ALL
    for tag, old, new in _blocks(before, after, MOST_LINES):
        if tag != "replace":
            yield from _plain(tag, old, new)
            continue
        old_words, new_words = _WORD.findall("".join(old)), _WORD.findall("".join(new))
        budget -= len(old_words) + len(new_words)
        yield from _compare_words(old_words, new_words, MOST_WORDS if budget >= 0 else 0)


def _compare_words(before: Sequence[str], after: Sequence[str], most: int) -> list[Piece]:
    """Word by word, unless hardly a word stayed: then the one text and the other are easier to read."""
    blocks = list(_blocks(before, after, most))
    stayed = sum(len(word) for tag, old, _ in blocks if tag == "equal" for word in old if not word.isspace())
    shorter = min(sum(len(word) for word in words if not word.isspace()) for words in (before, after))
    if 0 < stayed * 5 < shorter * 2:
        return [Piece("gone", "".join(before)), Piece("new", "".join(after))]
    return [piece for tag, old, new in blocks for piece in _plain(tag, old, new)]


def _blocks(
    before: Sequence[str], after: Sequence[str], most: int
) -> Iterator[tuple[str, Sequence[str], Sequence[str]]]:
    """Stretches that are equal, replaced, deleted or inserted; what both begin and end with costs nothing."""
    head = _shared(before, after)
    tail = _shared(before[head:][::-1], after[head:][::-1])
    old, new = before[head : len(before) - tail], after[head : len(after) - tail]
    if head:
        yield "equal", before[:head], after[:head]
    if len(old) > most or len(new) > most:
        yield "replace", old, new
    else:
        for tag, i1, i2, j1, j2 in SequenceMatcher(None, old, new).get_opcodes():
            yield tag, old[i1:i2], new[j1:j2]
    if tail:
        yield "equal", before[len(before) - tail :], after[len(after) - tail :]


def _shared(one: Sequence[str], other: Sequence[str]) -> int:
    """How many at the beginning are the same."""
    most = min(len(one), len(other))
    return next((place for place in range(most) if one[place] != other[place]), most)


def _plain(tag: str, old: Sequence[str], new: Sequence[str]) -> list[Piece]:
    return _filled("", "", "".join(old)) if tag == "equal" else _filled("".join(old), "".join(new), "")


def _join(pieces: Iterator[Piece]) -> list[Piece]:
    """The same with neighbours of a kind made one, and blanks between two changes made a part of them."""
    joined: list[Piece] = []
    gone = new = same = ""
    for piece in pieces:
        if piece.kind == "same":
            same += piece.text
            continue
        if same and (not (gone or new) or not same.isspace() or "\n" in same):
            joined += _filled(gone, new, same)
            gone = new = ""
        else:
            gone, new = gone + same, new + same
        same = ""
        gone += piece.text if piece.kind == "gone" else ""
        new += piece.text if piece.kind == "new" else ""
    return joined + _filled(gone, new, same)


def _filled(gone: str, new: str, same: str) -> list[Piece]:
    return [piece for piece in (Piece("gone", gone), Piece("new", new), Piece("same", same)) if piece.text]


def _shorten(pieces: Sequence[Piece]) -> Iterator[Piece]:
    last = len(pieces) - 1
    for place, (kind, text, _) in enumerate(pieces):
        longest = LONGEST_SAME if kind == "same" else LONGEST_CHANGE
        if len(text) <= longest:
            yield Piece(kind, text)
        elif kind == "same":
            head, tail = KEPT_SAME if place else 0, KEPT_SAME if place < last else 0
            yield from ([Piece(kind, text[:head])] if head else [])
            yield Piece("cut", cut=len(text) - head - tail)
            yield from ([Piece(kind, text[-tail:])] if tail else [])
        else:
            yield Piece(kind, text[:longest])
            yield Piece("cut", cut=len(text) - longest)
