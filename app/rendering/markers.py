"""Marks that carry variables unharmed through Markdown, CSS and sanitising, and stencils that fill them in after."""

import html
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from app.domain.personalise import Pattern, Slot

Escape = Callable[[str], str]

_CANDIDATES = (*range(0xE000, 0xE200), *range(0xF0000, 0xF0200))  # private use
_BREAK = re.compile(r"[\r\n\0]")
_TAG = re.compile(r"""<[a-zA-Z!/](?:[^"'>]|"[^"]*"|'[^']*')*>""")
_ATTRIBUTE = re.compile(r"""([^\s"'<>/=]+)="([^"]*)\"""")


class Markers:
    """Numbers the slots of an email and writes each as two private-use characters around its number.

    The two characters are chosen so that the author's own text cannot spell them, neither plainly nor as an HTML or
    CSS escape; so a private-use character of the author's (an icon font) stays what it is. `copies` are the numbers
    that `remark` gave.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self.slots: list[Slot] = []
        self.copies: set[int] = set()
        self.opening, self.closing = _unused_characters("\n".join(texts))
        self.pattern = re.compile(f"{self.opening}([0-9]{{1,7}}){self.closing}")

    def mark(self, pattern: Pattern, literal: Escape = str, fallback: Escape = str) -> str:
        """The pattern's text with a mark for each slot; `literal` and `fallback` rewrite what the author typed."""
        pieces = []
        for part in pattern.parts:
            if isinstance(part, str):
                pieces.append(literal(part))
                continue
            pieces.append(f"{self.opening}{len(self.slots)}{self.closing}")
            self.slots.append(part if part.fallback is None else replace(part, fallback=fallback(part.fallback)))
        return "".join(pieces)

    def remark(self, text: str) -> str:
        """The same text with its marks renumbered as copies, so that they can be told from the first ones."""
        return self.pattern.sub(lambda mark: f"{self.opening}{self._copy(int(mark[1]))}{self.closing}", text)

    def _copy(self, number: int) -> int:
        if number >= len(self.slots):
            return number
        self.slots.append(self.slots[number])
        self.copies.add(len(self.slots) - 1)
        return len(self.slots) - 1

    def stencil(self, text: str, escape_at: Callable[[re.Match[str]], Escape]) -> "Stencil":
        """The finished text taken apart at its marks; `escape_at` says how the value at a mark is made fit."""
        parts: list[str] = []
        fields: list[tuple[int, Slot, Escape]] = []
        at = 0
        for mark in self.pattern.finditer(text):
            if int(mark[1]) >= len(self.slots):
                continue
            parts += [text[at : mark.start()], ""]
            fields.append((len(parts) - 1, self.slots[int(mark[1])], escape_at(mark)))
            at = mark.end()
        parts.append(text[at:])
        return Stencil(parts, fields)

    def html_stencil(
        self, page: str, escape_attribute: Callable[[str, bool], Escape], escape_text: Escape
    ) -> "Stencil":
        """The stencil of a well-formed HTML page.

        `escape_attribute(name, leads)` chooses by attribute; `leads` is true when the value starts with this slot.
        A mark inside a tag but outside a quoted value is never filled.
        """
        escapes: dict[int, Escape] = {}
        for tag in _TAG.finditer(page):
            if self.opening not in tag[0]:
                continue
            escapes.update((tag.start() + mark.start(), _nothing) for mark in self.pattern.finditer(tag[0]))
            for attribute in _ATTRIBUTE.finditer(page, tag.start(), tag.end()):
                name, value_at = attribute[1].lower(), attribute.start(2)
                for mark in self.pattern.finditer(page, value_at, attribute.end(2)):
                    leads = not page[value_at : mark.start()].strip()
                    escapes[mark.start()] = escape_attribute(name, leads)
        return self.stencil(page, lambda mark: escapes.get(mark.start(), escape_text))


class Stencil:
    """A finished text with holes; filling it is a few dictionary reads and one join.

    A value that stands in several places is looked up and made fit once for all of them.
    """

    __slots__ = ("_fields", "_parts", "_whole")

    def __init__(self, parts: list[str], fields: list[tuple[int, Slot, Escape]]) -> None:
        places: dict[tuple[Slot, Escape], list[int]] = {}
        for position, slot, escape in fields:
            places.setdefault((slot, escape), []).append(position)
        self._parts = parts
        self._fields = [(slot.name, slot, escape, positions) for (slot, escape), positions in places.items()]
        self._whole = "".join(parts)

    @classmethod
    def joined(cls, texts: "Iterable[Stencil | str]", line_end: str) -> "Stencil":
        """One stencil of several, with this end to each of their lines, and of what stands between them as it is."""
        parts: list[str] = []
        fields: list[tuple[int, Slot, Escape]] = []
        for text in texts:
            if isinstance(text, str):
                parts.append(text)
                continue
            for _, slot, escape, positions in text._fields:
                fields += [(len(parts) + position, slot, escape) for position in positions]
            parts += [part.replace("\n", line_end) for part in text._parts]
        return cls(parts, fields)

    @property
    def words(self) -> str:
        """The author's own words, with nothing in the holes."""
        return self._whole

    @property
    def ends_line(self) -> bool:
        """Whether the text ends with a line feed, whatever is filled in."""
        return self._parts[-1].endswith("\n")

    def written(self) -> str:
        """The text as an author would write it, with a variable in each hole."""
        pieces = [part.replace("{{", "\\{{") for part in self._parts]
        for _, slot, _, positions in self._fields:
            source = f"{{{{ {slot.name} }}}}" if slot.fallback is None else f"{{{{ {slot.name} | {slot.fallback} }}}}"
            for position in positions:
                pieces[position] = source
        return "".join(pieces)

    def fill(self, variables: Mapping[str, str]) -> str:
        """The text for one person; a slot without value and fallback is filled with nothing."""
        return "".join(self.pieces(variables)) if self._fields else self._whole

    def pieces(self, variables: Mapping[str, str]) -> list[str]:
        """The text for one person, not yet put together."""
        pieces = self._parts.copy()
        for name, slot, escape, positions in self._fields:
            value = variables.get(name) or slot.value(variables)
            if value is not None:
                fit = escape(value)
                for position in positions:
                    pieces[position] = fit
        return pieces

    @property
    def holes(self) -> list[int]:
        """Where in `pieces` to find the values, each once."""
        return [positions[0] for _, _, _, positions in self._fields]


class PlainStencil:
    """A text with holes as it stands in an email that needs no encoding (RFC 5322, 2.1).

    The author's words are looked at once, then only the values. `is_possible` is false when the words alone need an
    encoding, whoever gets them.
    """

    __slots__ = ("_holes", "_most", "_stencil", "is_possible")

    def __init__(self, texts: Iterable[Stencil | str], line_length: int) -> None:
        """Of these texts, one after the other; a line has at most as many characters."""
        self._stencil = Stencil.joined(texts, "\r\n")
        self._holes = self._stencil.holes
        words = self._stencil.words
        lines = words.split("\r\n")
        longest = max(len(line) for line in lines)
        self.is_possible = longest <= line_length and words.isascii() and not any(map(_BREAK.search, lines))
        self._most = len(words) + line_length - longest  # then no line is too long, wherever the values stand

    def fill(self, variables: Mapping[str, str]) -> str | None:
        """The text for one person, lines ended by CRLF; None when a value breaks a line, is long or beyond ASCII."""
        pieces = self._stencil.pieces(variables)
        for hole in self._holes:
            if not pieces[hole].isprintable():
                return None
        text = "".join(pieces)
        return text if text.isascii() and len(text) <= self._most else None


def _nothing(_value: str) -> str:
    """For places where no value may ever stand."""
    return ""


def _unused_characters(text: str) -> tuple[str, str]:
    """Two private-use characters that the text does not hold, plainly or escaped (`&#xE000;`, `\\E000`).

    A text made to spell a thousand of them gets the last two anyway: at worst its author sees a variable's value.
    """
    if text.isascii() and "&#" not in text and "\\" not in text:  # no named reference means such a character
        return chr(0xE000), chr(0xE001)
    plain, lowered = set(html.unescape(text)) | set(text), text.lower()
    free = (
        chr(code)
        for code in _CANDIDATES
        if chr(code) not in plain and f"{code:x}" not in lowered and str(code) not in lowered
    )
    return next(free, chr(0x10FFFC)), next(free, chr(0x10FFFD))
