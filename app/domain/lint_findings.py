"""What rendering a draft for everybody brings to light: who gets something broken, who gets the longest, what it costs.

Nothing here grows with the number of people: of each finding a handful is named, and the rest is counted.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

ABOUT_VALUES = frozenset({"blank", "broken"})  # findings about what somebody has for a variable
MOST_NAMED = 5  # people of one finding that are kept
MOST_FOUND = 100  # findings of one message; who writes more variables than that has read enough by then
MOST_NOTE = 300  # characters of what a provider says

Found = tuple[str, str]  # a code, and the variable, the reason or the nothing that it is about


class Verdict(NamedTuple):
    """What one person's copy came to.

    `length` counts the characters that people read, `missing` the variables without value and fallback, `segments` the
    parts of a text message. `filled` are the variables that this person has a value for.
    """

    found: Sequence[Found] = ()
    length: int = 0
    missing: int = 0
    segments: int = 0
    filled: Sequence[str] = ()


@dataclass(slots=True)
class _Heap:
    count: int = 0
    people: list[str] = field(default_factory=list)
    note: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong for `count` people; `people` are the targets' public ids of the first few of them.

    `note` is what the provider says that would not take it.
    """

    code: str
    name: str
    count: int
    people: tuple[str, ...] = ()
    note: str = ""

    @property
    def key(self) -> str:
        """What an address calls it; `read_key` is the inverse."""
        return f"{self.code}:{self.name}"

    @property
    def sentence(self) -> str:
        """What is wrong and what follows from it."""
        noun, verb = ("person", "has") if self.count == 1 else ("people", "have")
        who = f"{self.count:,} {noun}"
        return _SENTENCES[self.code].format(who=who, verb=verb, name=self.name, note=self.note).strip()


_SENTENCES: Mapping[str, str] = {
    "missing": "{who} {verb} no value for “{name}”, which leaves a gap.",
    "blank": "{who} {verb} only spaces as “{name}”, which leaves a gap.",
    "broken": "{who} {verb} a “{name}” that looks like a program’s mistake, such as null.",
    "subject_empty": "{who} would get an email without a subject.",
    "subject_long": "{who} would get a subject of more than 70 characters, of which inboxes cut the end.",
    "large": "{who} would get an email of more than 102 KB, which Gmail cuts.",
    "empty": "{who} would get nothing to read.",
    "unicode": "{who} {verb} a value with signs that plain SMS lacks: their text takes more segments.",
    "refused": "{who} would not get it. {note}",
}


def read_key(text: str) -> Found | None:
    """The code and name of `Finding.key`; None for what is none."""
    code, colon, name = text.partition(":")
    return (code, name) if colon and code in _SENTENCES else None


class Findings:
    """What was found so far. It goes through JSON and back, so that another process can go on with it."""

    def __init__(self, stored: Mapping[str, Any] | None = None) -> None:
        stored = stored or {}
        self._heaps: dict[Found, _Heap] = {
            (code, name): _Heap(count, list(people), note)
            for code, name, count, people, note in stored.get("found", ())
        }
        self._worst: dict[str, tuple[int, str]] = {
            why: (measure, person) for why, (measure, person) in stored.get("worst", {}).items()
        }
        self._segments: dict[str, dict[int, int]] = {
            country: {int(number): count for number, count in counts.items()}
            for country, counts in stored.get("segments", {}).items()
        }
        self._filled = set(stored.get("filled", ()))

    def add(self, person: str, verdict: Verdict, country: str = "", refusal: tuple[str, str] | None = None) -> None:
        """Count one copy. `person` is the target's public id, empty for a raw address, which nobody can be shown as.

        `country` is where a text message goes; `refusal` a reason's code and what the provider says that refuses it.
        """
        for found in verdict.found:
            self._count(found, person)
        self._filled.update(verdict.filled)
        if refusal is not None:
            self._count(("refused", refusal[0]), person, refusal[1])
        if verdict.segments:
            counts = self._segments.setdefault(country, {})
            counts[verdict.segments] = counts.get(verdict.segments, 0) + 1
        if person:
            self._compare("longest", verdict.length, person)
            self._compare("emptiest", verdict.missing, person)
            self._compare("segments", verdict.segments if verdict.segments > 1 else 0, person)

    def _count(self, found: Found, person: str, note: str = "") -> None:
        heap = self._heaps.get(found)
        if heap is None:
            if len(self._heaps) >= MOST_FOUND:
                return
            heap = self._heaps[found] = _Heap(note=note[:MOST_NOTE])
        heap.count += 1
        if person and len(heap.people) < MOST_NAMED:
            heap.people.append(person)

    def _compare(self, why: str, measure: int, person: str) -> None:
        known = self._worst.get(why)
        if measure > (known[0] if known else 0):
            self._worst[why] = (measure, person)

    def __iter__(self) -> Iterator[Finding]:
        """Every finding, that of most people first."""
        found = [
            Finding(code, name, heap.count, tuple(heap.people), heap.note) for (code, name), heap in self._heaps.items()
        ]
        return iter(sorted(found, key=lambda finding: (-finding.count, finding.key)))

    @property
    def worst(self) -> Mapping[str, tuple[int, str]]:
        """By why (longest, emptiest, segments): the measure and the public id of the target that has it first."""
        return self._worst

    @property
    def segments(self) -> Mapping[str, Mapping[int, int]]:
        """Of text messages, by country (ISO 3166, "" for none): how many people get that number of segments."""
        return self._segments

    @property
    def filled(self) -> frozenset[str]:
        """The variables that somebody has a value for."""
        return frozenset(self._filled)

    def to_json(self) -> dict[str, Any]:
        """As a JSON object; building one of it gives the same findings."""
        return {
            "found": [[code, name, heap.count, heap.people, heap.note] for (code, name), heap in self._heaps.items()],
            "worst": {why: list(each) for why, each in self._worst.items()},
            "segments": {
                country: {str(number): count for number, count in counts.items()}
                for country, counts in self._segments.items()
            },
            "filled": sorted(self._filled),
        }  # fmt: skip
