"""Templates: components take arguments and give HTML; fragments are named with an underscore; nothing runs inline."""

import re

import pytest

from tests.architecture.source import PAGES, TEMPLATES, text

COMPONENTS = [name for name in PAGES if name.startswith("templates/components/")]
INLINE_EVENT = re.compile(r"<[^>]*\son[a-z]+\s*=", re.IGNORECASE)
HTMX_SCRIPT = re.compile(r"\bhx-on|\bhx-vals\s*=\s*[\"']\s*js:|\bhx-vars\b|\bhx-ext\b|javascript:", re.IGNORECASE)
_COMMENT = re.compile(r"\{#.*?#\}", re.DOTALL)
IMPORT = re.compile(r"\{%-?\s*from\s+[\"'][^\"']+[\"']\s+import\s+([^%]+?)\s*(?:with context)?\s*-?%\}")


def _code(name: str) -> str:
    return _COMMENT.sub("", text(name))


@pytest.mark.parametrize("name", COMPONENTS)
def test_a_component_knows_neither_addresses_nor_who_asks(name: str) -> None:
    assert not re.search(r"\b(url_for|current_user|request|session|g)\b\s*[.(]", _code(name))


@pytest.mark.parametrize("name", COMPONENTS)
def test_a_component_is_made_of_macros(name: str) -> None:
    assert "{% macro" in text(name).replace("{%- macro", "{% macro")


@pytest.mark.parametrize("name", PAGES)
def test_nothing_runs_inline(name: str) -> None:
    code = _code(name)
    assert not re.search(r"<script(?![^>]*\ssrc=)", code, re.IGNORECASE)
    if not name.startswith("templates/emails/"):  # mail programs know no other way than inline style
        assert not re.search(r"<style\b|<[^>{]*\sstyle\s*=", code, re.IGNORECASE)
    assert not INLINE_EVENT.search(re.sub(r"\{\{.*?\}\}|\{%.*?%\}", "", code, flags=re.DOTALL))
    assert not HTMX_SCRIPT.search(code)


@pytest.mark.parametrize("name", PAGES)
def test_a_template_uses_every_macro_it_imports(name: str) -> None:
    code = _code(name)
    imported = [part.split(" as ")[-1].strip() for found in IMPORT.findall(code) for part in found.split(",")]
    rest = IMPORT.sub("", code)
    assert [macro for macro in imported if not re.search(rf"\b{re.escape(macro)}\b", rest)] == []


@pytest.mark.parametrize("name", PAGES)
def test_a_fragment_is_named_with_an_underscore_and_a_page_without(name: str) -> None:
    file = name.rpartition("/")[2]
    is_page = "{% extends" in text(name).replace("{%- extends", "{% extends")
    if file.startswith("_"):
        assert not is_page
    included = re.findall(r"\{%-?\s*include\s+[\"']([^\"']+)[\"']", _code(name))
    assert [one for one in included if not one.rpartition("/")[2].startswith("_")] == []


@pytest.mark.parametrize("name", PAGES)
def test_every_file_a_template_names_exists(name: str) -> None:
    named = re.findall(r"\{%-?\s*(?:include|extends|from|import)\s+[\"']([^\"']+)[\"']", _code(name))
    assert [one for one in named if not (TEMPLATES / one).is_file()] == []


@pytest.mark.parametrize("name", PAGES)
def test_a_page_never_compares_states(name: str) -> None:
    """Colours and words of states come from one filter."""
    assert not re.search(r"\.(state|status)\s*(==|!=|in\b)\s*[\"'(\[]", _code(name))


# Pages whose own address is the secret: a token in a cookie would protect nothing, and nobody has a cookie there.
SECRET_IN_ADDRESS = "templates/unsubscribe/"


@pytest.mark.parametrize("name", [name for name in PAGES if not name.startswith(SECRET_IN_ADDRESS)])
def test_every_form_that_changes_something_carries_the_token(name: str) -> None:
    for form in re.findall(r"<form\b.*?</form>", _code(name), re.DOTALL | re.IGNORECASE):
        if re.search(r"method\s*=\s*[\"']post", form, re.IGNORECASE):
            assert "csrf" in form or re.search(r"\bhidden\(|hidden_tag\(", form), form[:200]
