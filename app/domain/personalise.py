r"""Fill {{ variables }} into a text: names and fallbacks only, nothing is ever evaluated.

The whole language: `{{ name }}`, `{{ name | fallback }}`, `{{ name | }}` (left out when missing) and `\{{` for two
literal braces. A name starts with a letter and holds letters, digits, `_`, `.` and `-`, at most 64 of them; case does
not matter (`{{ Name }}` is `{{ name }}`), because people type what they remember.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

MAX_NAME = 64
MAX_SLOT = 400  # from {{ to }}: bounds the search, so that a text of nothing but braces stays quick
MAX_PROBLEMS = 20  # more sentences than this help nobody

_OPENING = re.compile(r"\\?\{\{")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True, slots=True)
class Slot:
    """One place to fill. `name` is lower-case; `fallback` is None when there is none, "" when it is to be left out."""

    name: str
    fallback: str | None = None

    def value(self, variables: Mapping[str, str]) -> str | None:
        """This person's value, else the fallback, else None. An empty value counts as none."""
        found = variables.get(self.name) or _find_in_any_case(self.name, variables)
        return found or self.fallback


@dataclass(frozen=True, slots=True)
class Problem:
    """A variable that cannot be read. `position` counts characters from 0, `line` and `column` from 1."""

    position: int
    line: int
    column: int
    source: str
    sentence: str


class Pattern:
    """A text taken apart once, to be filled in for each person.

    `parts` are literal texts and `Slot`s in order; `problems` are the places that could not be read: they stay in the
    text as they were typed, so that a half-typed variable still previews.
    """

    __slots__ = ("_fields", "_skeleton", "parts", "problems")

    def __init__(self, parts: tuple[str | Slot, ...], problems: tuple[Problem, ...] = ()) -> None:
        self.parts = parts
        self.problems = problems
        self._skeleton = [part if isinstance(part, str) else "" for part in parts]
        self._fields = [(position, part) for position, part in enumerate(parts) if isinstance(part, Slot)]

    @property
    def slots(self) -> tuple[Slot, ...]:
        """The places to fill, in order, repeated as often as they stand in the text."""
        return tuple(slot for _, slot in self._fields)

    def fill(self, variables: Mapping[str, str], escape: Callable[[str], str]) -> tuple[str, tuple[str, ...]]:
        """The text for one person, and the names that had neither a value nor a fallback (nothing stands there).

        `escape` makes a value or a fallback fit for where the text goes; literal text is left as it is.
        """
        pieces = self._skeleton.copy()
        missing: list[str] = []
        for position, slot in self._fields:
            value = slot.value(variables)
            if value is not None:
                pieces[position] = escape(value)
            elif slot.name not in missing:
                missing.append(slot.name)
        return "".join(pieces), tuple(missing)


def compile(text: str) -> Pattern:
    """Take a text apart. Never fails: what cannot be read is reported in `problems` and stays literal."""
    parts: list[str | Slot] = []
    problems: list[Problem] = []
    literal_from = at = 0
    while match := _OPENING.search(text, at):
        start, inside = match.start(), match.end()
        if match.group().startswith("\\"):
            parts += [text[literal_from:start], "{{"]
            literal_from = at = inside
            continue
        end = text.find("}}", inside, inside + MAX_SLOT)
        read = _read(text[inside:end] if end >= 0 else None)
        if isinstance(read, Slot):
            parts += [text[literal_from:start], read]
            literal_from = at = end + 2
            continue
        at = inside
        if len(problems) < MAX_PROBLEMS:
            problems.append(_problem(text, start, read))
    parts.append(text[literal_from:])
    return Pattern(tuple(part for part in parts if part != ""), tuple(problems))


def read_plainly(text: str) -> str:
    """The text as lists show it, to nobody in particular: for a variable stands its fallback, else its name."""
    parts = compile(text).parts
    return "".join(part if isinstance(part, str) else _in_words(part) for part in parts)


def _in_words(slot: Slot) -> str:
    return slot.name.replace("_", " ") if slot.fallback is None else slot.fallback


def _read(inner: str | None) -> Slot | str:
    """The slot between two pairs of braces, or what is wrong with it (`inner` is None when it never closes)."""
    if inner is None or "{{" in inner:
        return "is never closed. Write {{ name }}, or \\{{ to show the braces themselves."
    name, bar, fallback = inner.partition("|")
    name = name.strip()
    if not name:
        return "has no name. Write one between the braces, as in {{ name }}."
    if len(name) > MAX_NAME:
        return f"has a name of {len(name)} characters. A name has at most {MAX_NAME}."
    if _NAME.fullmatch(name) is None:
        return (
            "is not a variable. A name starts with a letter and has only letters, digits, dots, hyphens and "
            "underscores, as in {{ first_name }}."
        )
    return Slot(name.lower(), fallback.strip() if bar else None)


def _problem(text: str, position: int, wrong: str) -> Problem:
    """The sentence about one place, with the place."""
    line = text.count("\n", 0, position) + 1
    column = position - (text.rfind("\n", 0, position) + 1) + 1
    end_of_line = text.find("\n", position, position + 40)
    closing = text.find("}}", position, position + 40)
    end = min(e for e in (end_of_line, closing + 2 if closing >= 0 else -1, position + 40) if e >= 0)
    source = text[position:end].strip()
    return Problem(position, line, column, source, f"Line {line}, column {column}: “{source}” {wrong}")


def _find_in_any_case(name: str, variables: Mapping[str, str]) -> str | None:
    """The slow way, taken only when the lower-case name is not there."""
    for key, value in variables.items():
        if value and key.lower() == name:
            return value
    return None
