"""What an email may hold: limits, sentences, and the way to and from JSON."""

import time

import pytest

from app.domain.content import EmailContent

GOOD = EmailContent("Autumn news", "What is new", "html", "<p>Hello</p>")


def test_content_survives_the_way_to_json_and_back() -> None:
    assert EmailContent.from_json(GOOD.to_json()) == GOOD


@pytest.mark.parametrize("stored", [{}, {"subject": None, "body": None}, {"cc": "x@example.org"}])
def test_missing_null_and_unknown_keys_are_tolerated(stored: dict[str, object]) -> None:
    assert EmailContent.from_json(stored) == EmailContent()


def test_good_content_has_no_problems() -> None:
    assert GOOD.problems() == {}
    assert GOOD.sending_problems() == {}


def test_an_empty_draft_can_be_stored_but_not_sent() -> None:
    draft = EmailContent(subject=" ", body="\n")
    assert draft.problems() == {}
    assert set(draft.sending_problems()) == {"subject", "body"}


@pytest.mark.parametrize(
    ("content", "field", "words"),
    [
        (EmailContent(subject="Hi\r\nBcc: x@example.org"), "subject", "Subject has a line break after 2 characters"),
        (EmailContent(subject="Hi\x00"), "subject", "control character after 2 characters (U+0000)"),
        (EmailContent(subject="Hi\ud800"), "subject", "U+D800"),
        (EmailContent(subject="x" * 999), "subject", "Subject has 999 characters; at most 998 can be stored."),
        (EmailContent(preheader="a\nb"), "preheader", "Write it on one line."),
        (EmailContent(preheader="x" * 501), "preheader", "at most 500"),
        (EmailContent(body="one\ntwo\x00"), "body", "in line 2 that cannot be stored (U+0000)"),
        (EmailContent(body="x" * 100_001), "body", "Body has 100,001 characters; at most 100,000 can be stored."),
        (EmailContent(format="rtf"), "format", "'rtf' is unknown. It is one of markdown, html or text."),
    ],
)
def test_what_cannot_be_stored_gets_a_sentence(content: EmailContent, field: str, words: str) -> None:
    problems = content.problems()
    assert list(problems) == [field]
    assert words in problems[field][0]


def test_ten_megabytes_are_refused_at_once_with_a_sentence() -> None:
    started = time.perf_counter()
    problems = EmailContent(format="html", body="<b>x</b>  " * 1_048_576).problems()
    assert time.perf_counter() - started < 1
    assert problems["body"] == [
        "Body has 10,485,760 characters; at most 1,000,000 can be stored. Shorten it, or link to the rest."
    ]


def test_tabs_and_line_breaks_are_welcome_in_a_body() -> None:
    assert EmailContent(body="a\tb\r\nc").problems() == {}
