"""Budgets: how long a file, a function, a class, a template may be; excuses stand here, with reason and date."""

import asyncio

import pytest

from tests.architecture.source import PAGES, PRODUCT, TESTS, Function, classes, functions, line_total, text, tree

FILE, PACKAGE_FILE, CONFTEST = 400, 60, 200
FUNCTION = 60
PUBLIC_METHODS = 10
PAGE, COMPONENT = 200, 80
CALLBACKS = {*dir(asyncio.Protocol), *dir(asyncio.SubprocessProtocol)}

# name -> (lines it may have, why, since when). The list may only get shorter.
EXCUSES: dict[str, tuple[int, str, str]] = {
    "app/web/__init__.py": (130, "the one place that wires pages, headers and error pages", "2026-11-21"),
}
MIGRATIONS = "app/migrations/versions/"  # written once, never changed, read from top to bottom


def _most(name: str) -> int:
    if name.startswith(MIGRATIONS):
        return line_total(name)
    return EXCUSES[name][0] if name in EXCUSES else _usual(name)


def _usual(name: str) -> int:
    file = name.rpartition("/")[2]
    if name.startswith("templates/"):
        return COMPONENT if "/components/" in name else PAGE
    return {"__init__.py": PACKAGE_FILE, "conftest.py": CONFTEST}.get(file, FILE)


@pytest.mark.parametrize("name", [*PRODUCT, *TESTS, *PAGES])
def test_a_file_is_short_enough_to_be_read_at_once(name: str) -> None:
    assert line_total(name) <= _most(name)


@pytest.mark.parametrize("name", [name for name in PRODUCT if not name.startswith(MIGRATIONS)])
def test_a_function_is_short_enough_to_be_seen_at_once(name: str) -> None:
    long = {node.name: node.end_lineno - node.lineno + 1 for node in functions(name) if node.end_lineno}
    assert {function: lines for function, lines in long.items() if lines > FUNCTION} == {}


@pytest.mark.parametrize("name", PRODUCT)
def test_a_class_offers_few_things(name: str) -> None:
    offered = {
        node.name: [
            method.name
            for method in node.body
            if isinstance(method, Function) and not method.name.startswith("_") and not _is_given(method)
        ]
        for node in classes(name)
    }
    assert {kind: methods for kind, methods in offered.items() if len(methods) > PUBLIC_METHODS} == {}


def _is_given(method: Function) -> bool:
    """Whether the method reads like a value, or is one that asyncio calls."""
    names = {getattr(mark, "id", getattr(mark, "attr", "")) for mark in method.decorator_list}
    return bool(names & {"property", "cached_property", "setter"}) or method.name in CALLBACKS


def test_the_package_itself_is_empty() -> None:
    """Importing app.domain must never start Flask."""
    assert tree("app/__init__.py").body == []
    assert text("app/domain/__init__.py").count("import ") == 0


def test_every_excuse_is_still_needed() -> None:
    assert {name for name in EXCUSES if line_total(name) <= _usual(name)} == set()
