"""Roles and what they allow."""

import pytest

from app.domain.ids import is_custom_id, unique
from app.domain.permissions import EVERY_PERMISSION, Actor, ActorKind, Role, permissions_of, system


@pytest.mark.parametrize(
    ("role", "permission", "allowed"),
    [
        (Role.VIEWER, "messages.read", True),
        (Role.VIEWER, "messages.write", False),
        (Role.VIEWER, "messages.send", False),
        (Role.COMPOSER, "messages.send", True),
        (Role.COMPOSER, "messages.control", True),
        (Role.COMPOSER, "providers.write", False),
        (Role.COMPOSER, "suppressions.write", False),
        (Role.OPERATOR, "messages.control", True),
        (Role.OPERATOR, "deliveries.retry", True),
        (Role.OPERATOR, "messages.write", False),
        (Role.ADMIN, "keys.write", True),
    ],
)
def test_what_a_role_may(role: Role, permission: str, allowed: bool) -> None:
    assert (permission in permissions_of(frozenset({role}))) is allowed


def test_an_admin_may_everything() -> None:
    assert permissions_of(frozenset({Role.ADMIN})) == EVERY_PERMISSION


def test_two_roles_add_up() -> None:
    both = permissions_of(frozenset({Role.COMPOSER, Role.OPERATOR}))
    assert {"messages.send", "suppressions.write"} <= both


def test_the_machine_itself_may_everything_and_a_stranger_nothing() -> None:
    assert system().may("providers.write")
    assert not Actor(ActorKind.MEMBER, "").may("messages.read")


def test_ids_sort_by_time_and_differ() -> None:
    early, late = unique(1_000_000, b"abcde"), unique(1_000_001, b"abcde")
    assert early < late
    assert len(early) == 20
    assert unique(1, b"abcde") != unique(1, b"bbcde")


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("news", True),
        ("a.b-c_1", True),
        ("_news", False),
        ("", False),
        ("x" * 37, False),
        ("a/b", False),
        ("../x", False),
    ],
)
def test_which_ids_may_be_chosen(text: str, fits: bool) -> None:
    assert is_custom_id(text) is fits
