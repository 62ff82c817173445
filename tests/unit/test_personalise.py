"""Variables: their small language, its errors, and that nothing is ever evaluated."""

import time

import pytest

from app.domain.personalise import MAX_PROBLEMS, Slot, compile

ANN = {"name": "Ann", "contact.city": "Ulm", "empty": ""}


@pytest.mark.parametrize(
    ("text", "filled", "missing"),
    [
        ("Hello", "Hello", ()),
        ("", "", ()),
        ("Hello {{ name }}", "Hello Ann", ()),
        ("{{name}}{{  name}}{{name  }}", "AnnAnnAnn", ()),
        ("{{ NAME }} {{ Name | x }}", "Ann Ann", ()),
        ("{{ contact.city }}", "Ulm", ()),
        ("{{ first_name | there }}", "there", ()),
        ("{{ first-name |  two words }}", "two words", ()),
        ("{{ x | }}!", "!", ()),
        ("{{ x | a|b }}", "a|b", ()),
        ("{{ x | {b} }}", "{b}", ()),
        ("{{ x }}, {{ y }}, {{ x }}", ", , ", ("x", "y")),
        ("{{ empty }}", "", ("empty",)),
        ("{{ empty | nobody }}", "nobody", ()),
        (r"\{{ name }}", "{{ name }}", ()),
        ("} }} { a }", "} }} { a }", ()),
        ("{{\nname\n}}", "Ann", ()),
        ("{{ name.__class__ | no }}", "no", ()),
    ],
)
def test_a_text_is_filled_in(text: str, filled: str, missing: tuple[str, ...]) -> None:
    pattern = compile(text)
    assert pattern.fill(ANN, str) == (filled, missing)
    assert pattern.problems == ()


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ("Hi {{ name", 3, "Line 1, column 4: “{{ name” is never closed."),
        ("Hi\n {{ name } you", 4, "Line 2, column 2: “{{ name } you” is never closed."),
        ("{{ a {{ name }}", 0, "is never closed"),
        ("{{ }}", 0, "“{{ }}” has no name."),
        ("{{ | there }}", 0, "has no name"),
        ("{{ 1st }}", 0, "“{{ 1st }}” is not a variable."),
        ("{{ a b }}", 0, "is not a variable"),
        ("{{ name() }}", 0, "is not a variable"),
        ("{{ 7*7 }}", 0, "is not a variable"),
        ("{{ näme }}", 0, "is not a variable"),
        ("{{{ name }}}", 0, "is not a variable"),
        ("{{ " + "n" * 65 + " }}", 0, "has a name of 65 characters. A name has at most 64."),
        ("{{ a" + " " * 500 + "}}", 0, "is never closed"),
    ],
)
def test_what_cannot_be_read_is_reported_and_stays_as_typed(text: str, position: int, words: str) -> None:
    pattern = compile(text)
    assert pattern.problems[0].position == position
    assert words in pattern.problems[0].sentence
    assert pattern.fill({}, str)[0].startswith(text[: position + 2])


def test_a_variable_after_a_broken_one_still_works() -> None:
    assert compile("{{ a {{ name }}").fill(ANN, str)[0] == "{{ a Ann"


def test_values_are_escaped_and_never_read_again() -> None:
    pattern = compile("{{ a }} {{ b | <x> }} <lit>")
    assert pattern.fill({"a": "{{ b }}"}, lambda value: f"[{value}]")[0] == "[{{ b }}] [<x>] <lit>"


def test_slots_tell_names_and_fallbacks() -> None:
    assert compile("{{ A }}{{ b | }}{{ c|d }}").slots == (Slot("a"), Slot("b", ""), Slot("c", "d"))


def test_keys_of_variables_match_in_any_case() -> None:
    assert compile("{{ firstname }}").fill({"FirstName": "Ann"}, str)[0] == "Ann"


@pytest.mark.parametrize("text", ["{{" * 400_000, "{{ a" * 200_000, "{{ a |" * 150_000, "\\{{" * 300_000])
def test_a_text_of_nothing_but_braces_stays_quick(text: str) -> None:
    started = time.perf_counter()
    assert len(compile(text).problems) <= MAX_PROBLEMS
    assert time.perf_counter() - started < 5
