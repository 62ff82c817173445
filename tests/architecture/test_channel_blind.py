"""The engine is blind to channels: they are compared only where a channel really means something else."""

import ast

import pytest

from tests.architecture.source import PRODUCT, tree

ALLOWED = (
    "app/domain/channels.py", "app/domain/content.py", "app/domain/addresses.py", "app/rendering/", "app/providers/",
    "app/api/messages", "app/web/forms/compose.py",
)  # fmt: skip
# place -> why, since when. The list may only get shorter.
EXPLAINED: dict[str, str] = {}
CHANNELS = {"EMAIL", "SMS", "PUSH"}


def _compares_channels(node: ast.AST) -> bool:
    """Whether channels are compared one by one; a `match` may, because the type checker keeps it exhaustive."""
    return isinstance(node, ast.Compare) and any(_is_channel(side) for side in [node.left, *node.comparators])


def _is_channel(node: ast.AST) -> bool:
    if isinstance(node, ast.Attribute) and node.attr == "value":
        return _is_channel(node.value)
    return (
        isinstance(node, ast.Attribute)
        and node.attr in CHANNELS
        and isinstance(node.value, ast.Name)
        and node.value.id == "Channel"
    )


def _lines(name: str) -> list[int]:
    return [node.lineno for node in ast.walk(tree(name)) if isinstance(node, ast.Compare) and _compares_channels(node)]


@pytest.mark.parametrize("name", [name for name in PRODUCT if not name.startswith(ALLOWED) and name not in EXPLAINED])
def test_no_channel_is_compared_outside_its_places(name: str) -> None:
    assert _lines(name) == []


def test_every_explanation_is_still_needed() -> None:
    assert [name for name in EXPLAINED if not _lines(name)] == []
