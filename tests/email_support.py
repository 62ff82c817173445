"""Can I email's tables, condensed to what an email of ours can use, for `rendering/support.py`; part of `make vendor`.

The tables name a feature as people do ("left, right, top, bottom"). Here each gets the keys by which it is found in a
finished email: `<table>` an element, `[align]` an attribute, `width:` a property, `display:flex` a declaration,
`min()` a function, `5em` a unit, `initial` a word of a value, `.webp` the end of an image's address.
"""

import json
import re
from typing import Any

FEWEST = 200  # features; clients that were tested for fewer would be praised for what nobody looked at
_PLACES = {
    "macos": "macOS", "ios": "iPhone and iPad", "android": "Android", "windows": "Windows",
    "desktop-webmail": "in a browser", "mobile-webmail": "in a phone's browser", "windows-mail": "Windows Mail",
    "outlook-com": "Outlook.com",
}  # fmt: skip
_LISTED = {
    "address": ["<address>"],
    "<h1> to <h6> elements": [f"<h{level}>" for level in range(1, 7)],
    "<ul>, <ol> and <dl>": ["<ul>", "<ol>", "<dl>"],
    "HTML5 semantics": [
        "<article>", "<aside>", "<details>", "<figcaption>", "<figure>", "<footer>", "<header>", "<main>", "<mark>",
        "<nav>", "<section>", "<summary>", "<time>",
    ],
    "HTML5 doctype": ["<!doctype>"],
    "Local anchors": ["a[href=#]"],
    "mailto: links": ["a[href=mailto:]"],
    "color-scheme meta tag": ["meta[color-scheme]"],
    "color-scheme CSS property": ["color-scheme:"],
    "CSS calc() function": ["calc()"],
    "!important keyword": ["!important"],
    "initial unit": ["initial"],
    "fit-content, min-content, max-content": ["fit-content", "min-content", "max-content"],
    "system-ui, ui-serif, ui-sans-serif, ui-rounded, ui-monospace": [
        "system-ui", "ui-serif", "ui-sans-serif", "ui-rounded", "ui-monospace",
    ],
    "gap, column-gap, row-gap": ["gap:", "column-gap:", "row-gap:"],
    "JPG image format": [".jpg", ".jpeg"],
    "Animated PNG image format": [".apng"],
    "TIFF image format": [".tif", ".tiff"],
    "HEIF image format": [".heif", ".heic"],
}  # fmt: skip
_IN_RULES = re.compile(r"^[:@]|combinator$|selector|^Chaining|^Grouping|^lang\(\)|^CSS (Variables|Nesting|comments)")
_PREFIX = re.compile(r"^(Partial|Partially supported|Not supported)[.:] ")  # the letter says so already
_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")


def keys_of(title: str, category: str) -> list[str]:
    """How a feature is found in an email whose styles stand in its elements; nothing for what only rules can use."""
    if title in _LISTED:
        return _LISTED[title]
    if category == "image":
        return [f".{name.lower()}" for name in re.findall(r"^(\w+) image format$", title)]
    if category == "html":
        element, attribute = re.match(r"<(\w+)> element$", title), re.match(r"([\w-]+) attribute$", title)
        return [f"<{element[1]}>"] if element else [f"[{attribute[1]}]"] if attribute else []
    if category != "css" or _IN_RULES.search(title):
        return []
    if unit := re.match(r"(\S+) unit$", title):
        return [f"5{unit[1]}"]
    if functions := re.findall(r"([a-z-]+)\(\)", title):
        return [f"{name}()" for name in functions]
    if declaration := re.match(r"([a-z-]+):\s*([a-z-]+)$", title):
        return [f"{declaration[1]}:{declaration[2]}"]
    names = re.split(r", | & ", re.sub(r" (property|shorthand)?$", "", title))
    return [f"{name}:" for name in names] if all(re.fullmatch(r"[a-z-]+", name) for name in names) else []


def condense(content: bytes) -> bytes:
    """The tables as one JSON object: their date, the clients, and each feature with one letter a client.

    The letters are Can I email's: y works, a partly, n not at all, u unknown. `notes` are remarks, by the client's
    number.
    """
    tables: dict[str, Any] = json.loads(content)
    families = tables["nicenames"]["family"]
    counted: dict[tuple[str, str], int] = {}
    for feature in tables["data"]:
        for family, places in feature["stats"].items():
            for place in places:
                counted[family, place] = counted.get((family, place), 0) + 1
    clients = [client for client in counted if counted[client] >= FEWEST]
    features = {}
    for feature in tables["data"]:
        if keys := keys_of(feature["title"], feature["category"]):
            features[feature["title"].strip()] = {"keys": keys, **_verdicts(feature, clients)}
    condensed = {
        "source": "caniemail.com, MIT License, Copyright (c) 2019 HTeuMeuLeu",
        "date": tables["last_update_date"][:10],
        "clients": [[families[family], _PLACES[place]] for family, place in clients],
        "features": features,
    }
    return json.dumps(condensed, ensure_ascii=False, indent=0, sort_keys=True).encode() + b"\n"


def _verdicts(feature: dict[str, Any], clients: list[tuple[str, str]]) -> dict[str, Any]:
    """One letter for each client's newest version, and what Can I email remarks of it."""
    letters, notes = "", {}
    for at, (family, place) in enumerate(clients):
        newest = [*feature["stats"].get(family, {}).get(place, {"": "u"}).values()][-1]
        letter, *numbers = newest.split()
        letters += letter
        said = [(feature["notes_by_num"] or {}).get(number.lstrip("#"), "") for number in numbers]
        if letter in "an" and any(said):
            notes[str(at)] = " ".join(_plain(each) for each in said if each)
    return {"support": letters, **({"notes": notes} if notes else {})}


def _plain(note: str) -> str:
    """A note without Markdown."""
    return _PREFIX.sub("", _LINK.sub(r"\1", note).replace("`", "").strip())
