"""How texts are encoded, counted and cut as SMS; the vectors are those of the fact sheet (14.2)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.sms_segments import BASIC, EXTENDED, Encoding, encoding_of, replacement_of, segment

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"


@pytest.mark.parametrize(
    ("text", "encoding", "units", "parts"),
    [
        ("a" * 160, "GSM-7", 160, 1),
        ("a" * 161, "GSM-7", 161, 2),
        ("a" * 306, "GSM-7", 306, 2),
        ("a" * 307, "GSM-7", 307, 3),
        ("a" * 158 + "€", "GSM-7", 160, 1),
        ("a" * 159 + "€", "GSM-7", 161, 2),
        ("a" * 152 + "€" + "a" * 152, "GSM-7", 306, 3),
        ("я" * 70, "UCS-2", 70, 1),
        ("я" * 71, "UCS-2", 71, 2),
        ("я" * 134, "UCS-2", 134, 2),
        ("я" * 135, "UCS-2", 135, 3),
        ("😀" * 35, "UCS-2", 70, 1),
        ("😀" * 36, "UCS-2", 72, 2),
        ("😀" * 67, "UCS-2", 134, 3),
        ("я" * 66 + "😀" + "я" * 66, "UCS-2", 134, 3),
        (FAMILY, "UCS-2", 8, 1),
        ("Ça va", "GSM-7", 5, 1),
        ("ça va", "UCS-2", 5, 1),
        ("", "GSM-7", 0, 0),
        ("a\r\nb", "GSM-7", 3, 1),
    ],
)
def test_the_golden_vectors_hold(text: str, encoding: str, units: int, parts: int) -> None:
    found = segment(text)
    assert (found.encoding, found.units, found.count) == (encoding, units, parts)


def test_the_alphabet_has_127_characters_and_the_extension_ten() -> None:
    assert (len(BASIC), len(EXTENDED)) == (127, 10)
    assert not BASIC & EXTENDED


@pytest.mark.parametrize("character", list("`çáíóúâêîôûëï‘’“”–—…\t\u00a0\u200b😀"))
def test_the_common_traps_are_not_in_gsm(character: str) -> None:
    assert encoding_of(character) is Encoding.UCS2


def test_what_forces_ucs2_is_named_with_its_place_and_replacement() -> None:
    offenders = segment("Don’t wait… 😀").offenders
    assert [(each.position, each.character, each.replacement) for each in offenders] == [
        (3, "’", "'"), (10, "…", "..."), (12, "😀", None),
    ]  # fmt: skip
    assert segment("plain").offenders == ()


@pytest.mark.parametrize(("character", "expected"), [("á", "a"), ("ç", "c"), ("Ł", "L"), ("\u200b", ""), ("я", None)])
def test_a_replacement_is_a_look_alike_or_nothing_at_all(character: str, expected: str | None) -> None:
    assert replacement_of(character) == expected


def test_a_long_text_of_traps_names_only_the_first_hundred() -> None:
    assert len(segment("ç" * 5000).offenders) == 100


@given(st.text(alphabet=st.sampled_from([*BASIC, *EXTENDED, "я", "😀", "\u200d"]), max_size=500))
def test_parts_join_to_the_text_and_none_is_too_full(text: str) -> None:
    found = segment(text)
    assert "".join(found.parts) == text.replace("\r\n", "\n")
    assert sum(found.units_of_parts) == found.units
    assert all(0 < units <= found.per_part for units in found.units_of_parts)
    for part in found.parts:
        part.encode("utf-16-le")  # no half of a surrogate pair
