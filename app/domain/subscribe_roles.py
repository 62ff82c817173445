"""Who may subscribe themselves to a topic: role strings, `<role>[:<identifier>][/<dimension>]`."""

import re
from collections.abc import Iterable

from app.domain.ids import is_custom_id

MOST_ROLES = 100
_LABEL = re.compile(r"[A-Za-z0-9]{1,36}")
_VERIFICATION = ("", "verified", "unverified")
_OPEN = frozenset({"any", "guests", "users", "users/verified"})


def is_role(text: str) -> bool:
    """Whether it is a role of the REST contract: any, guests, users, user, team, member or label."""
    head, slash, dimension = text.partition("/")
    role, colon, identifier = head.partition(":")
    if (slash and not dimension) or (colon and not identifier):
        return False
    match role:
        case "any" | "guests":
            return not identifier and not dimension
        case "users":
            return not identifier and dimension in _VERIFICATION
        case "user":
            return is_custom_id(identifier) and dimension in _VERIFICATION
        case "team":
            return is_custom_id(identifier) and len(dimension) <= 81 and dimension.isprintable()
        case "member":
            return is_custom_id(identifier) and not dimension
        case "label":
            return _LABEL.fullmatch(identifier) is not None and not dimension
        case _:
            return False


def is_open(roles: Iterable[str]) -> bool:
    """Whether people in general may subscribe themselves to a topic with these roles, so that its name is no secret."""
    return not _OPEN.isdisjoint(roles)
