"""Permissions of single rows (REST contract, 5.5): strings like `read("any")`, what they come to, whom they let in."""

import re
from collections.abc import Collection, Iterable, Sequence

from app.domain.subscribe_roles import is_role

MOST_PERMISSIONS = 100
BUCKET_ACTIONS = ("create", "update", "delete")  # what `write` stands for on a bucket
FILE_ACTIONS = ("update", "delete")  # and on a file
PERMISSION_RULE = 'Use permissions like read("any"), update("user:ID") or write("label:NAME").'
_FORM = re.compile(r'(read|create|update|delete|write)\("([^"]{1,160})"\)')


def parse(text: str) -> tuple[str, str] | None:
    """Action and role; None when it is no permission."""
    found = _FORM.fullmatch(text)
    return (found[1], found[2]) if found and is_role(found[2]) else None


def gather(permissions: Iterable[str], write: Sequence[str]) -> list[str]:
    """The same permissions with `write` spelt out as those actions, each once, in the order they came.

    ValueError for what is no permission.
    """
    gathered: dict[str, None] = {}
    for text in permissions:
        parsed = parse(text)
        if parsed is None:
            raise ValueError(text)
        action, role = parsed
        for each in write if action == "write" else (action,):
            gathered[f'{each}("{role}")'] = None
    return list(gathered)


def roles_for(permissions: Iterable[str], action: str) -> list[str]:
    """The roles that may do this, as they stand in gathered permissions."""
    parsed = (parse(text) for text in permissions)
    return [role for found in parsed if found is not None for named, role in [found] if named == action]


def allows(permissions: Iterable[str], action: str, roles: Collection[str]) -> bool:
    """Whether somebody with these roles may do this."""
    return any(role in roles for role in roles_for(permissions, action))


def holds_all(permissions: Iterable[str], roles: Collection[str]) -> bool:
    """Whether every role that these permissions name is among those."""
    parsed = (parse(text) for text in permissions)
    return all(found is not None and found[1] in roles for found in parsed)


def own_permissions(roles: Collection[str]) -> list[str]:
    """What somebody gets on a file of theirs when nothing else is said; nothing for those who are nobody."""
    mine = next((role for role in sorted(roles) if role.startswith("user:") and "/" not in role), "")
    return [f'{action}("{mine}")' for action in ("read", *FILE_ACTIONS)] if mine else []
