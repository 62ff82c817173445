"""Words: names that say nothing are not used, every room says what it is for, tests are sentences."""

import ast
import re

import pytest

from tests.architecture.source import APP, PAGES, PRODUCT, TESTS, classes, functions, text, tree

EMPTY_WORDS = {
    "util", "utils", "helper", "helpers", "common", "misc", "manager", "handler", "processor", "info", "obj",
}  # fmt: skip
EMPTY_STARTS = ("do_", "handle_", "process_")
KITS = {"app/models/base.py", "app/providers/base.py"}  # the two that may be called base
SMTP_HOOK = re.compile(r"handle_[A-Z]+")  # aiosmtpd calls these by name
LONGEST_HEAD = 160  # characters of the sentence a file begins with
RUDE = re.compile(r"\b(please|oops|whoops|sorry|invalid)\b|(?<=[a-z.])!(?=[\s<\"']|$)", re.IGNORECASE)


def _parts(name: str) -> set[str]:
    return set(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower().strip("_").split("_"))


@pytest.mark.parametrize("name", PRODUCT)
def test_no_file_has_an_empty_name(name: str) -> None:
    words = {word for part in name.removesuffix(".py").split("/") for word in _parts(part)}
    assert words & EMPTY_WORDS == set()
    assert "base" not in words or name in KITS


def _own_names(name: str) -> list[str]:
    """The names we chose ourselves: a method of a class with a parent may only be called what the parent calls it."""
    inherited = {method for kind in classes(name) if kind.bases for method in kind.body}
    chosen = [node.name for node in [*functions(name), *classes(name)] if node not in inherited]
    return [word for word in chosen if not SMTP_HOOK.fullmatch(word)]


@pytest.mark.parametrize("name", PRODUCT)
def test_no_function_or_class_has_an_empty_name(name: str) -> None:
    chosen = _own_names(name)
    assert [word for word in chosen if _parts(word) & EMPTY_WORDS or word.lstrip("_").startswith(EMPTY_STARTS)] == []


@pytest.mark.parametrize("name", [name for name in PRODUCT if not name.startswith("app/migrations/versions/")])
def test_a_file_says_in_its_first_line_what_the_room_is_for(name: str) -> None:
    if not tree(name).body:
        return  # empty on purpose
    said = ast.get_docstring(tree(name)) or ""
    assert said, "begin with a sentence"
    head = said.splitlines()[0]
    assert head.endswith((".", ":", "`")), head
    assert len(head) <= LONGEST_HEAD


@pytest.mark.parametrize("name", PAGES)
def test_a_template_says_in_its_first_line_what_it_is_for(name: str) -> None:
    lines = text(name).lstrip().splitlines()
    assert lines
    assert lines[0].startswith(("{#", "<!--" if name.startswith("templates/emails/") else "{#"))


@pytest.mark.parametrize("name", [name for name in TESTS if name.rpartition("/")[2].startswith("test_")])
def test_the_name_of_a_test_is_a_sentence(name: str) -> None:
    named = [node.name for node in functions(name) if node.name.startswith("test_")]
    assert [test for test in named if len(test.split("_")) < 4] == []


def test_no_private_name_is_imported_by_another_module() -> None:
    guilty = [
        f"{name}: {alias.name}"
        for name in PRODUCT
        for node in ast.walk(tree(name))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("app.")
        for alias in node.names
        if alias.name.startswith("_")
    ]
    assert guilty == []


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_polite_by_being_plain(name: str) -> None:
    seen = re.sub(r"\{#.*?#\}|\{%.*?%\}|<!.*?>|<svg.*?</svg>", " ", text(name), flags=re.DOTALL)
    assert (
        RUDE.search(re.sub(r"\{\{.*?\}\}|(?<=[ \"])(is-)?invalid(-feedback)?(?=[ \"])|aria-invalid", " ", seen)) is None
    )


def test_every_table_is_named_in_the_plural() -> None:
    tables = [
        constant.value
        for path in sorted((APP / "models").glob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__tablename__"
        and isinstance(constant := node.value, ast.Constant)
    ]  # fmt: skip
    assert [table for table in tables if not str(table).endswith("s")] == []
