"""Words: what a text is found by."""

import pytest

from app.domain.words import LONGEST_WORD, MOST_WORDS_ASKED, MOST_WORDS_KEPT, Search, read_search, words_of


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (("Ada Lovelace",), " ada lovelace "),
        (("c-1", "ada.king@example.org"), " c 1 ada king example org "),
        (("JOSÉ", "Straße", "ÅNGSTRÖM"), " jose strasse angstrom "),
        (("snake_case",), " snake case "),
        (("Дмитрий 東京",), " дмитрии 東京 "),
        (("-?-", ""), ""),
        (("x" * 99,), f" {'x' * LONGEST_WORD} "),
    ],
)
def test_a_text_is_cut_into_plain_words(texts: tuple[str, ...], expected: str) -> None:
    assert words_of(*texts) == expected


def test_a_text_without_end_keeps_its_first_words() -> None:
    assert len(words_of("a " * 1_000).split()) == MOST_WORDS_KEPT


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("ada", Search(beginning="ada")),
        ("Ada  Love", Search(words=("ada",), beginning="love")),
        ('"Ada King"', Search(phrases=("ada king",))),
        ('king "Ada L." x', Search(words=("king",), phrases=("ada l",), beginning="x")),
        ('x "ada"', Search(words=("x",), phrases=("ada",))),
        ('"ada', Search(beginning="ada")),
        ("ada@example.org", Search(words=("ada", "example"), beginning="org")),
        ("100%_", Search(beginning="100")),
        ('-?- "" "..."', Search()),
    ],
)
def test_a_search_is_words_phrases_and_the_beginning_of_its_last_word(typed: str, expected: Search) -> None:
    assert read_search(typed) == expected
    assert expected.is_empty == (expected == Search())


def test_only_so_many_words_of_a_search_count() -> None:
    asked = read_search(" ".join(f"w{number}" for number in range(50)))
    assert len(asked.words) + 1 == MOST_WORDS_ASKED
