"""The signs that make a text dear, each as a person sees it, and the text without them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.sms_savings import Saving, cheapened, saving_of, signs_of
from app.domain.sms_segments import Encoding, encoding_of, segment

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"


@pytest.mark.parametrize(
    ("text", "signs"),
    [
        ("Don’t wait…", [("’", (3,), "'"), ("…", (10,), "...")]),
        ("a – b – c", [("–", (2, 6), "-")]),
        (f"Hi {FAMILY}!", [(FAMILY, (3,), "")]),
        ("I ❤️ you", [("❤️", (2,), "")]),
        ("👍🏽 🇩🇪", [("👍🏽", (0,), ""), ("🇩🇪", (3,), "")]),
        ("1️⃣", [("1️⃣", (0,), "1")]),
        ("cafe\u0301 c\u0327a", [("e\u0301", (3,), "é"), ("c\u0327", (6,), "c")]),
        ("Łódź", [("Ł", (0,), "L"), ("ó", (1,), "o"), ("ź", (3,), "z")]),
        ("a\u00a0b\u200b", [("\u00a0", (1,), " "), ("\u200b", (3,), "")]),
        ("plain text {} €", []),
    ],
)
def test_a_sign_is_what_people_see_as_one(text: str, signs: list[tuple[str, tuple[int, ...], str]]) -> None:
    assert [(sign.text, sign.positions, sign.replacement) for sign in signs_of(text)] == signs


def test_letters_of_another_alphabet_are_never_taken_away() -> None:
    assert {sign.replacement for sign in signs_of("Привет")} == {None}
    assert cheapened("Привет 😀") == "Привет"
    assert cheapened("مرحبا", "645") == "مرحبا"


def test_one_kind_of_sign_is_replaced_everywhere_and_no_other() -> None:
    assert cheapened("a – b – c …", "2013") == "a - b - c …"


@pytest.mark.parametrize("which", ["", "zz", "2014", "2013-", "-", "2013 2014", "0" * 5000, "110000000"])
def test_what_is_no_sign_of_the_text_changes_nothing(which: str) -> None:
    assert cheapened("a – b", which) == "a – b"


@pytest.mark.parametrize(
    ("text", "cheaper"),
    [("See you 😀", "See you"), ("😀 Hi", "Hi"), ("a 😀 b", "a b"), ("a 😀😀 b", "a b"), ("a😀b", "ab"), ("😀", ""),
     ("Hi 😀\nBen", "Hi \nBen")],
)  # fmt: skip
def test_a_sign_that_goes_leaves_no_hole(text: str, cheaper: str) -> None:
    assert cheapened(text) == cheaper


def test_variables_stay_as_they_are_and_fallbacks_are_mended() -> None:
    assert cheapened("Hi {{ first_name | René… }} – {{name}}") == "Hi {{ first_name | René... }} - {{name}}"


def test_a_saving_is_said_only_where_there_is_one() -> None:
    text = "a" * 100 + "–"
    assert saving_of(text) == Saving(2, 1, tuple(signs_of(text)))
    assert saving_of(text).is_worth_it
    assert not saving_of("Hi 😀").is_worth_it
    assert not saving_of("я" * 80 + "😀").is_worth_it


@pytest.mark.parametrize(
    ("sign", "name"), [("–", "en dash"), ("😀", "grinning face"), ("🇩🇪", "flag"), ("\ue000", "U+E000")]
)
def test_a_sign_has_a_name_for_those_who_cannot_tell_it_apart(sign: str, name: str) -> None:
    assert signs_of(sign)[0].name == name


def test_what_cannot_be_seen_is_said_so() -> None:
    assert [sign.is_seen for sign in signs_of("\u200b\u00a0😀")] == [False, False, True]


@given(st.text(max_size=300))
def test_replacing_all_never_costs_more_parts_and_leaves_only_letters(text: str) -> None:
    cheaper = cheapened(text)
    assert cheapened(cheaper) == cheaper or encoding_of(cheaper) is Encoding.UCS2
    assert all(sign.replacement is None for sign in signs_of(cheaper))
    assert encoding_of(text) is Encoding.UCS2 or cheaper == text
    if encoding_of(cheaper) is Encoding.GSM7:
        assert segment(cheaper).count <= segment(text).count


@given(st.text(max_size=200))
def test_signs_stand_where_they_are_said_to(text: str) -> None:
    for sign in signs_of(text):
        assert all(text.startswith(sign.text, position) for position in sign.positions)
