"""Every address that an email leads to, with its words; looked at as text, nobody is asked whether it answers."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from app.domain.rendered import RenderedEmail
from app.domain.unsubscribing import PREFERENCES
from app.rendering.survey import Survey

_IN_TEXT = re.compile(r"(?:https?://|mailto:)[^\s<>\"]+", re.IGNORECASE)
_TRAILING = ".,;:!?)]"
_BRACES = re.compile(r"\{\{|%7B%7B", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Link:
    """One place that the email leads to, and how often.

    `kind` is https, http (others can read along), mail, phone, place (within the email), leave (the unsubscribe
    link), choose (the page of all choices), unfilled (a variable stands in it unread) or nowhere.
    """

    address: str
    words: str
    kind: str
    count: int = 1


def list_links(rendered: RenderedEmail, leaving: str = "") -> list[Link]:
    """The links of an email in their order, each address with its first words once.

    `leaving` is how the links begin that people leave by; empty when there are none.
    """
    found: dict[str, Link] = {}
    for address, words in _links_of(rendered):
        before = found.get(address)
        count = before.count + 1 if before else 1
        shown = before.words if before and before.words else words
        found[address] = Link(address, shown, kind_of(address, leaving), count)
    return list(found.values())


def kind_of(address: str, leaving: str = "") -> str:
    """What sort of place it is; see `Link`."""
    lowered = address.strip().lower()
    if _BRACES.search(address):
        return "unfilled"
    if leaving and address.startswith(leaving):
        return "choose" if address.partition("?")[0].rstrip("/").endswith(PREFERENCES) else "leave"
    if len(lowered) > 1 and lowered.startswith("#"):
        return "place"
    kinds = {"https://": "https", "http://": "http", "mailto:": "mail", "tel:": "phone"}
    return next((kind for start, kind in kinds.items() if lowered.startswith(start)), "nowhere")


def _links_of(rendered: RenderedEmail) -> Iterator[tuple[str, str]]:
    if not rendered.html:
        yield from ((found[0].rstrip(_TRAILING), "") for found in _IN_TEXT.finditer(rendered.text))
        return
    yield from ((link.address, link.words[:120]) for link in Survey(rendered.html).links if not link.is_place)
