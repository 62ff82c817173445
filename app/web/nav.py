"""The menu, as data."""

from collections.abc import Callable, Container
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """A place of the dashboard: its name, icon, endpoint, the permission to read it, and its key after `g`."""

    label: str
    icon: str
    endpoint: str
    permission: str
    key: str


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the menu as it is drawn."""

    label: str
    icon: str
    endpoint: str
    key: str
    active: bool


PLACES = (
    Place("Home", "home", "home.index", "home.read", "h"),
    Place("Messages", "send", "messages.index", "messages.read", "m"),
    Place("Calendar", "calendar", "calendar.index", "calendar.read", "c"),
    Place("Deliveries", "list-details", "deliveries.index", "deliveries.read", "d"),
    Place("Dead letters", "archive", "dead_letters.index", "deliveries.read", "l"),
    Place("Contacts", "users", "contacts.index", "contacts.read", "p"),
    Place("Topics", "tag", "topics.index", "topics.read", "t"),
    Place("Files", "folder", "files.index", "files.read", "f"),
    Place("Providers", "plug", "providers.index", "providers.read", "v"),
    Place("Sandbox", "flask", "sandbox.index", "sandbox.read", "b"),
    Place("Settings", "settings", "settings.index", "settings.read", "s"),
)
# pages that live under another place of the menu
HOMES = {
    "compose": "messages",
    "exact_request": "messages",
    "launch": "messages",
    "lint": "messages",
    "message_page": "messages",
    "templates": "messages",
    "template_versions": "messages",
    "calendar_moves": "calendar",
    "calendar_feed": "calendar",
    "picker": "messages",
    "file_uploads": "files",
    "file_bytes": "files",
    "imports": "contacts",
    "suppressions": "contacts",
    "installation": "settings",
    "sending": "home",
    "members": "settings",
    "keys": "settings",
    "prices": "providers",
    "provider_order": "providers",
    "projects": "settings",
    "audit": "settings",
}


def menu(endpoints: Container[str], can: Callable[[str], bool], current: str) -> list[Item]:
    """The lines to draw: places that exist (`endpoints`), that the actor may read (`can`), the current one marked.

    `current` is the endpoint of the page being drawn; any page of a blueprint belongs to that blueprint's place.
    """
    here = current.partition(".")[0]
    here = HOMES.get(here, here)
    return [
        Item(place.label, place.icon, place.endpoint, place.key, place.endpoint.partition(".")[0] == here)
        for place in PLACES
        if place.endpoint in endpoints and can(place.permission)
    ]
