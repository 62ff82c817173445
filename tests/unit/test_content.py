"""What messages may hold: limits, sentences, and the way to and from JSON."""

import time
from typing import Any

import pytest

from app.domain.channels import Channel
from app.domain.content import (
    Content,
    EmailContent,
    PushContent,
    SmsContent,
    channel_of,
    content_of,
    title_of,
)

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
        (EmailContent(body="x" * 100_001), "body", "Content has 100,001 characters; at most 100,000 can be stored."),
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
        "Content has 10,485,760 characters; at most 1,000,000 can be stored. Shorten it, or link to the rest."
    ]


def test_tabs_and_line_breaks_are_welcome_in_a_body() -> None:
    assert EmailContent(body="a\tb\r\nc").problems() == {}


def test_what_travels_with_an_email_survives_the_way_too() -> None:
    email = EmailContent("a", reply_to="help@example.org", reply_to_name="Help", attachments=(("b", "f"), ("b", "g")))
    assert email.to_json()["attachments"] == [["b", "f"], ["b", "g"]]
    assert EmailContent.from_json(email.to_json()) == email
    assert "attachments" not in GOOD.to_json()


def test_the_sender_the_own_text_and_the_images_survive_the_way_and_programs_see_none_of_them_by_default() -> None:
    email = EmailContent("a", from_name="Ann", from_address="ann@example.org", text="In plain", images=(("b", "f"),))
    stored = email.to_json()
    assert (stored["from_name"], stored["text"], stored["images"]) == ("Ann", "In plain", [["b", "f"]])
    assert EmailContent.from_json(stored) == email
    assert GOOD.to_json().keys() == {"subject", "preheader", "format", "body"}


SHOWN = [
    ("markdown", "![Hat](cid:f)"), ("markdown", "![Hat]( <cid:f> 'A hat')"), ("markdown", "![Hat][1]\n\n[1]: cid:f"),
    ("markdown", "[![Hat](cid:f)](https://example.org)"), ("html", "<img alt='' src='cid:f'>"),
    ("html", '<IMG SRC = "CID:f">'), ("html", "<img src=cid:f>"), ("markdown", '<img src="cid:f">'),
]  # fmt: skip


@pytest.mark.parametrize(("written_as", "body"), SHOWN)
def test_an_image_that_the_body_shows_travels_with_its_content_id(written_as: str, body: str) -> None:
    email = EmailContent("a", format=written_as, body=body, attachments=(("b", "g"),), images=(("b", "f"), ("b", "h")))
    assert email.shown == {"f": ("b", "f")}
    assert email.enclosed == ((("b", "g"), ""), (("b", "f"), "f"))
    assert email.files == (("b", "g"), ("b", "f"), ("b", "h"))


@pytest.mark.parametrize(
    ("written_as", "body"),
    [("text", "![Hat](cid:f)"), ("markdown", "Write cid:f to show it"), ("html", "<p>cid:f</p>"), ("html", "")],
)
def test_an_image_that_the_body_does_not_show_stays_at_home(written_as: str, body: str) -> None:
    email = EmailContent("a", format=written_as, body=body, images=(("b", "f"),))
    assert (email.shown, email.enclosed, email.files) == ({}, (), (("b", "f"),))


def test_an_attachment_that_the_body_shows_travels_once_as_an_image() -> None:
    email = EmailContent("a", body="![x](cid:f)", attachments=(("b", "f"),), images=(("b", "f"), ("c", "f")))
    assert email.shown == {"f": ("b", "f")}
    assert email.enclosed == ((("b", "f"), "f"),)


@pytest.mark.parametrize("piece", ["](", "src=", "](      ", "]: \n", "src  =  ", "cid:f "])
def test_looking_for_images_takes_no_more_than_proportional_time(piece: str) -> None:
    body = piece * (1_000_000 // len(piece))
    started = time.process_time()
    assert EmailContent("a", format="html", body=body, images=(("b", "g"),)).shown == {}
    assert time.process_time() - started < 2


def test_attachments_that_nobody_can_read_are_left_out() -> None:
    assert EmailContent.from_json({"attachments": [["b", "f"], "b:f", ["b"], [1, 2], None]}).attachments == (
        ("b", "f"),
    )


FULL = PushContent(
    "Title", "Body", {"a": [1, {"b": None}]}, "OPEN", ("b", "f"), "https://x.example/i", "icon", "ping", "#ff0000",
    "tag", 3, content_available=True, critical=True, priority="normal", channel_id="news",
)  # fmt: skip


@pytest.mark.parametrize("content", [SmsContent("Hello"), SmsContent(), FULL, PushContent(), PushContent(badge=0)])
def test_other_content_survives_the_way_to_json_and_back(content: SmsContent | PushContent) -> None:
    assert type(content).from_json(content.to_json()) == content


def test_content_knows_its_channel_and_the_channel_its_content() -> None:
    for channel in Channel:
        assert channel_of(content_of(channel, {})) is channel
    with pytest.raises(ValueError, match="fax"):
        content_of("fax", {})


@pytest.mark.parametrize(
    ("content", "field"),
    [
        (EmailContent(reply_to="nobody"), "reply_to"),
        (EmailContent(reply_to="a@example.org\r\nBcc: b@example.org"), "reply_to"),
        (EmailContent(reply_to_name="a\nb"), "reply_to_name"),
        (EmailContent(from_address="nobody"), "from_address"),
        (EmailContent(from_address="a@example.org\r\nBcc: b@example.org"), "from_address"),
        (EmailContent(from_name="a\nb"), "from_name"),
        (EmailContent(from_name="x" * 129), "from_name"),
        (EmailContent(text="x" * 1_000_001), "text"),
        (EmailContent(text="\x00"), "text"),
        (EmailContent(attachments=(("b", "f"),) * 60, images=(("b", "g"),) * 41), "attachments"),
        (EmailContent(reply_to_name="x" * 129), "reply_to_name"),
        (EmailContent(attachments=(("b", "f"),) * 101), "attachments"),
        (SmsContent("x" * 64_231), "text"),
        (SmsContent("\ud800"), "text"),
        (PushContent(title="x" * 257), "title"),
        (PushContent(body="x" * 64_231), "body"),
        (PushContent(icon="x" * 257), "icon"),
        (PushContent(tag="a\x00"), "tag"),
        (PushContent(data={"a": "x" * 64_231}), "data"),
        (PushContent(data={"a": float("inf")}), "data"),
        (PushContent(badge=2**31), "badge"),
        (PushContent(priority="urgent"), "priority"),
    ],
)
def test_what_cannot_be_stored_gets_a_sentence_on_each_channel(content: Content, field: str) -> None:
    problems = content.problems()
    assert list(problems) == [field]
    assert problems[field][0].endswith(".")


@pytest.mark.parametrize("depth", [21, 500, 100_000])
def test_data_that_nests_too_deeply_is_refused(depth: int) -> None:
    data: dict[str, Any] = {}
    for _ in range(depth):
        data = {"a": data}
    assert "levels deep" in PushContent(data=data).problems()["data"][0]


@pytest.mark.parametrize(
    ("content", "is_empty"),
    [
        (SmsContent(" "), True), (SmsContent("a"), False), (PushContent(), True), (PushContent(icon="a"), True),
        (PushContent(body="a"), False), (PushContent(data={"a": 1}), False), (PushContent(badge=0), False),
        (PushContent(content_available=True), False),
    ],
)  # fmt: skip
def test_an_empty_message_can_be_stored_but_not_sent(content: Content, is_empty: bool) -> None:
    assert content.problems() == {}
    assert bool(content.sending_problems()) is is_empty


@pytest.mark.parametrize(
    ("content", "title"),
    [
        (EmailContent(" News "), "News"), (EmailContent(), "Untitled email"), (SmsContent(" a\n b "), "a b"),
        (SmsContent("x" * 500), "x" * 120), (SmsContent(), "Untitled SMS"), (PushContent("T", "B"), "T"),
        (PushContent(" ", "B\nC"), "B C"), (PushContent(data={"a": 1}), "Untitled push"),
        (SmsContent("Dear {{ first_name | all }}, hello"), "Dear all, hello"),
        (EmailContent("{{ First_Name }}, your {{ kind | }} news"), "first name, your news"),
        (PushContent("{{ name | }}", "Hi {{ name | you }} \\{{"), "Hi you {{"),
        (SmsContent("{{ a | }}"), "Untitled SMS"), (SmsContent("Half {{ typed"), "Half {{ typed"),
    ],
)  # fmt: skip
def test_lists_call_a_message_by_its_first_words(content: Content, title: str) -> None:
    assert title_of(content) == title
