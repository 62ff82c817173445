"""Which email programs show what a finished email uses, by the tables of Can I email (static/vendor/caniemail).

What an email uses is read from the HTML that goes out, so rules that were spread over elements count where they ended.
What our own frame uses is not held against it: no email is without it, and it was chosen to do no harm where a program
does not know it. The tables say what a program does with one feature; nobody knows how many readers use which program,
so no share of readers is made of it.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from app.domain.email_content import EmailContent
from app.domain.rendered import Recipient
from app.infra.loading import later
from app.rendering.email import prepare_email
from app.rendering.sanitise import is_document

if TYPE_CHECKING:
    import tinycss2
else:
    tinycss2 = later("tinycss2")

_TABLES = Path(__file__).parents[2] / "static" / "vendor" / "caniemail" / "support.json"
_HIDDEN = "mso-hide:all"  # the preheader, which every email of ours hides in four ways because no program knows all
_ITSELF_ONLY = frozenset({"font"})  # a table of its own says nothing of `font-family` and its kin
_PICTURE = re.compile(r"\.[a-z0-9]{2,5}$")


@dataclass(frozen=True, slots=True)
class Remark:
    """What a program does with one feature: leaves it out, or shows it partly. `note` says how; often empty."""

    feature: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class ClientSupport:
    """One program and what it makes of an email: what it leaves out, shows partly, and what nobody has tried."""

    family: str
    place: str
    leaves_out: tuple[Remark, ...] = ()
    partly: tuple[Remark, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def verdict(self) -> str:
        """One word: `works`, `partly` (nothing is left out, something looks different) or `no`."""
        return "no" if self.leaves_out else "partly" if self.partly else "works"


@dataclass(frozen=True, slots=True)
class _Feature:
    title: str
    support: str  # a letter a client
    notes: dict[int, str]


@dataclass(frozen=True, slots=True)
class _Tables:
    date: str
    clients: list[tuple[str, str]]
    by_key: dict[str, _Feature]


def tables_date() -> str:
    """The day of the tables, as `2026-05-13`."""
    return _tables().date


def support_of(page: str, content: EmailContent) -> list[ClientSupport]:
    """Every program of the tables and what it does with this HTML, made of that content; families together."""
    tables, used = _tables(), _features_of(page, content)
    return [
        ClientSupport(
            family, place,
            tuple(_remarks(used, at, "n")), tuple(_remarks(used, at, "a")),
            tuple(feature.title for feature in used if feature.support[at] == "u"),
        )
        for at, (family, place) in enumerate(tables.clients)
    ]  # fmt: skip


def features_of(page: str, content: EmailContent) -> list[str]:
    """The titles of the features that this HTML uses beyond our frame, in the order of the alphabet."""
    return [feature.title for feature in _features_of(page, content)]


def _features_of(page: str, content: EmailContent) -> list[_Feature]:
    by_key = _tables().by_key
    is_whole = content.format == "html" and is_document(content.body)
    keys = _read(page) - _frame_keys(is_whole)
    found = {feature.title: feature for key in keys if (feature := by_key.get(key)) is not None}
    return sorted(found.values(), key=lambda feature: feature.title.casefold())


@cache
def _frame_keys(is_whole: bool) -> Counter[str]:
    """What an email without content uses, inside a document of the author's own or inside our column."""
    empty = EmailContent(format="html", body="<html></html>" if is_whole else "")
    return _read(prepare_email(empty).render(Recipient("")).html)


def _read(page: str) -> Counter[str]:
    reader = _Reader()
    reader.feed(page)
    reader.close()
    return reader.keys


def _remarks(used: list[_Feature], at: int, letter: str) -> Iterator[Remark]:
    return (Remark(each.title, each.notes.get(at, "")) for each in used if each.support[at] == letter)


@cache
def _tables() -> _Tables:
    stored: dict[str, Any] = json.loads(_TABLES.read_text(encoding="utf-8"))
    by_key: dict[str, _Feature] = {}
    for title, found in stored["features"].items():
        notes = {int(at): note for at, note in found.get("notes", {}).items()}
        by_key |= dict.fromkeys(found["keys"], _Feature(title, found["support"], notes))
    return _Tables(stored["date"], [(family, place) for family, place in stored["clients"]], by_key)


class _Reader(HTMLParser):
    """Counts the keys (tests/email_support.py) under which the tables would know what a page uses."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.keys: Counter[str] = Counter()
        self._styles: dict[str, list[str]] = {}

    def handle_decl(self, _decl: str) -> None:
        """The doctype."""
        self.keys["<!doctype>"] += 1

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """The element, its attributes, its style, and what its address says."""
        given = {name: value or "" for name, value in attrs}
        style = given.get("style", "")
        if _HIDDEN in style:
            return
        self.keys[f"<{tag}>"] += 1
        self.keys.update(f"[{name}]" for name in given)
        match tag:
            case "a":
                self._note_link(given.get("href", ""))
            case "img":
                self._note_picture(given.get("src", ""))
            case "meta":
                self.keys[f"meta[{given.get('name', '')}]"] += 1
            case _:
                pass
        if style not in self._styles:
            self._styles[style] = list(keys_of_style(style))
        self.keys.update(self._styles[style])

    def _note_link(self, address: str) -> None:
        if address.startswith("#") and len(address) > 1:
            self.keys["a[href=#]"] += 1
        elif address.lower().startswith("mailto:"):
            self.keys["a[href=mailto:]"] += 1

    def _note_picture(self, address: str) -> None:
        try:
            path = urlsplit(address).path
        except ValueError:
            return
        if ending := _PICTURE.search(path.lower()):
            self.keys[ending[0]] += 1


def keys_of_style(style: str) -> Iterator[str]:
    """The keys of a style attribute: its properties (and those they are part of), functions, units and words."""
    for node in tinycss2.parse_declaration_list(style, skip_comments=True, skip_whitespace=True):
        if node.type == "declaration":
            yield _known_property(node.lower_name)
            if node.important:
                yield "!important"
            for value in _flattened(node.value):
                yield from _keys_of_value(node.lower_name, value)


def _keys_of_value(name: str, value: Any) -> Iterator[str]:
    match value.type:
        case "function":
            yield f"{value.lower_name}()"
        case "dimension":
            yield f"5{value.lower_unit}"
        case "percentage":
            yield "5%"
        case "ident":
            yield value.lower_value
            yield f"{name}:{value.lower_value}"
        case _:
            pass


def _known_property(name: str) -> str:
    """The property's own key where the tables have one, else that of what it is a part of (`padding-left`: padding)."""
    known, shorter = _tables().by_key, name
    while f"{shorter}:" not in known and "-" in shorter:
        shorter = shorter.rpartition("-")[0]
    return f"{name}:" if shorter in _ITSELF_ONLY else f"{shorter}:"


def _flattened(nodes: list[Any]) -> Iterator[Any]:
    for node in nodes:
        yield node
        if node.type == "function":
            yield from _flattened(node.arguments)
