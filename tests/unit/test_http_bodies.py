"""The bodies of requests are, byte for byte, those of the standard library; a template's are those of its document."""

import json
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.infra.http_bodies import JsonTemplate, form_body, form_text, json_body

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


@given(st.lists(st.tuples(TEXTS, TEXTS), max_size=5))
def test_a_form_is_written_as_the_standard_library_writes_it(fields: list[tuple[str, str]]) -> None:
    assert form_body(fields) == urlencode(fields).encode()


def test_every_single_octet_of_a_form_is_escaped_or_left_alone_as_there() -> None:
    for number in (*range(0x100), 0x20AC, 0x1F389):
        assert form_text(f"a{chr(number)}b") == urlencode([("", f"a{chr(number)}b")])[1:]


@given(st.recursive(st.none() | st.booleans() | st.integers() | TEXTS, lambda inner: st.lists(inner, max_size=3)))
def test_a_document_is_written_without_blanks_in_utf_8(value: object) -> None:
    assert json_body(value) == json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


@pytest.mark.parametrize("wrong", ["\ud800", float("nan"), float("inf"), {"a": "\udfff"}])
def test_what_json_has_no_word_for_is_not_written(wrong: object) -> None:
    with pytest.raises(ValueError, match=r"surrogates|JSON"):
        json_body(wrong)


def document(first: str, second: str) -> dict[str, object]:
    return {"to": first, "again": [first, {"words": second, "count": 1, "quoted": 'say "hello" \\ '}], "end": "é"}


@given(TEXTS, TEXTS)
def test_a_template_filled_is_the_document_with_those_texts(first: str, second: str) -> None:
    template = JsonTemplate(document("mark-one", "mark-two"), ("mark-one", "mark-two"))
    assert template.fill({"mark-one": first, "mark-two": second}) == json_body(document(first, second))


def test_a_text_that_looks_like_another_mark_stays_a_text() -> None:
    template = JsonTemplate(document("mark-one", "mark-two"), ("mark-one", "mark-two"))
    assert template.fill({"mark-one": "mark-two", "mark-two": "x"}) == json_body(document("mark-two", "x"))


def test_a_template_without_a_mark_in_it_is_the_document() -> None:
    assert JsonTemplate({"aps": {}}, ("mark",)).fill({"mark": "x"}) == b'{"aps":{}}'


def test_half_a_character_is_not_filled_in() -> None:
    with pytest.raises(ValueError, match="surrogates"):
        JsonTemplate(["mark"], ("mark",)).fill({"mark": "\ud800"})
