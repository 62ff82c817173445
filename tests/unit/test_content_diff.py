"""What changed between two contents: fields, words, long and hostile texts."""

import random
import time

import pytest

from app.domain.content import EmailContent, PushContent
from app.domain.content_diff import LONGEST_CHANGE, Piece, compare, compare_texts


def marked(before: str, after: str) -> str:
    """The pieces as one line: [-gone-], {+new+}, ~cut~."""
    frames = {"same": "{}", "gone": "[-{}-]", "new": "{{+{}+}}", "cut": "~{}~"}
    return "".join(frames[kind].format(text or cut) for kind, text, cut in compare_texts(before, after))


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("the bells ring at noon", "the bells ring at one", "the bells ring at [-noon-]{+one+}"),
        ("", "a new text", "{+a new text+}"),
        ("gone", "", "[-gone-]"),
        ("one two three four", "one 2 3 four", "one [-two three-]{+2 3+} four"),
        ("one\n\nthree\n", "one\n\ntwo\n\nthree\n", "one\n\n{+two\n\n+}three\n"),
        ("<b>hi</b>", "<i>hi</i>", "<[-b-]{+i+}>hi</[-b-]{+i+}>"),
        ("kalt", "ganz und gar anders", "[-kalt-]{+ganz und gar anders+}"),
        ("ends\n", "ends", "ends[-\n-]"),
        ("grüße 👋", "grüße 🎉", "grüße [-👋-]{+🎉+}"),
    ],
)
def test_a_text_shows_what_is_gone_and_new_in_its_place(before: str, after: str, expected: str) -> None:
    assert marked(before, after) == expected


def test_two_texts_that_share_hardly_a_word_stand_whole_behind_each_other() -> None:
    before, after = "a bell of bronze rings over the town", "a discount for everybody who orders today"
    assert compare_texts(before, after) == (Piece("gone", before), Piece("new", after))


def test_of_what_stayed_the_same_only_what_stands_beside_a_change_is_shown() -> None:
    long = "word " * 400
    pieces = compare_texts(f"{long}noon {long}", f"{long}one {long}")
    assert [piece.kind for piece in pieces] == ["cut", "same", "gone", "new", "same", "cut"]
    assert sum(len(piece.text) + piece.cut for piece in pieces if piece.kind != "new") == 2 * len(long) + 5


def test_a_change_that_nobody_would_read_to_its_end_is_cut_and_says_by_how_much() -> None:
    gone, cut = compare_texts("x" * (LONGEST_CHANGE + 7), "")
    assert (gone.kind, len(gone.text), cut) == ("gone", LONGEST_CHANGE, Piece("cut", cut=7))


@pytest.mark.parametrize("between", ["\n", " ", "\n\n"])
def test_long_texts_without_anything_in_common_are_compared_in_bounded_time(between: str) -> None:
    chance = random.Random(7)
    before, after = (between.join(f"w{chance.randrange(90)}" for _ in range(60_000)) for _ in range(2))
    began = time.process_time()
    compare_texts(before, after)
    assert time.process_time() - began < 2


def test_whatever_is_compared_the_pieces_hold_both_texts() -> None:
    chance = random.Random(3)
    for _ in range(200):
        before, after = ("".join(chance.choice("ab c.\n") for _ in range(chance.randrange(60))) for _ in range(2))
        pieces = compare_texts(before, after)
        assert "".join(piece.text for piece in pieces if piece.kind != "new") == before
        assert "".join(piece.text for piece in pieces if piece.kind != "gone") == after


def test_fields_that_say_the_same_are_left_out() -> None:
    before = EmailContent(subject="Autumn", body="Hello").to_json()
    after = EmailContent(subject="Winter", body="Hello", reply_to="a@example.org").to_json()
    assert [(change.field, change.label) for change in compare(before, after, {})] == [
        ("subject", "Subject"), ("reply_to", "Reply-to")
    ]  # fmt: skip


def test_flags_files_and_data_are_told_in_words() -> None:
    before = PushContent(title="A", critical=True, image=("b", "f"), image_url="https://x/1", data={"k": 1})
    after = PushContent(title="A", image=("b", "g"), image_url="https://x/2", data={"k": 1, "on": True, "to": "x"})
    found = compare(before.to_json(), after.to_json(), {("b", "f"): "old.png", ("b", "g"): "new.png"})
    told = {change.field: change.pieces for change in found}
    assert told == {
        "critical": (Piece("gone", "Yes"), Piece("new", "No")),
        "image": (Piece("gone", "old"), Piece("new", "new"), Piece("same", ".png")),
        "data": (Piece("same", "k: 1"), Piece("new", "\non: true\nto: x")),
    }
