"""What is said of a text before it is sent: each finding when there is cause, and none without."""

import pytest

from app.rendering.sms_checks import check_sms

NUMBER = "+4915112345678"


def codes(written: str, *read: str, sender: str = NUMBER, has_topic: bool = False) -> dict[str, str]:
    found = check_sms(written, read or (written,), sender, has_topic=has_topic)
    assert {(check.level, check.field) for check in found} <= {("advises", "text")}
    return {check.code: check.sentence for check in found}


def test_a_plain_short_text_is_left_in_peace() -> None:
    assert codes("The tower opens at noon.") == {}
    assert codes("") == {}
    assert check_sms("", (), "", has_topic=False) == []


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a" * 80 + "–", "Without “–” it is 1 part instead of 2."),
        ("a" * 80 + "😀", "Without “😀” it is 1 part instead of 2."),
        ("a" * 80 + "\u200b", "Without the zero width space it is 1 part instead of 2."),
        ("a" * 80 + "–…", "Without “–” and “…” it is 1 part instead of 2."),
        ("a" * 80 + "–…’“”", "Without “–”, “…”, “’” and 2 more it is 1 part instead of 2."),
    ],
)
def test_signs_that_cost_a_message_are_named_with_what_they_cost(text: str, sentence: str) -> None:
    assert codes(text) == {"text_unicode": sentence}


@pytest.mark.parametrize("text", ["Hi 😀", "я" * 80, "я" * 80 + "😀", "a" * 200 + "€"])
def test_signs_that_cost_nothing_are_not_blamed(text: str) -> None:
    assert codes(text) == {}


def test_values_are_blamed_apart_from_the_authors_words() -> None:
    written = "a" * 80 + "{{ name }}"
    assert codes(written, "a" * 80 + "Ann", "a" * 80 + "Paweł") == {
        "text_unicode_values": "Values of some people hold “ł”: their text is 2 parts instead of 1."
    }
    both = codes(written + "–", "a" * 80 + "Ann–", "a" * 80 + "Paweł–")
    assert both["text_unicode"] == "Without “–” it is 1 part instead of 2."
    assert "“ł”" in both["text_unicode_values"]


def test_a_long_text_is_advised_against_from_the_fourth_message_on() -> None:
    assert codes("a" * 459) == {}
    assert "charged as 4 parts for each person (460 characters)" in codes("a" * 460)["text_long"]


def test_somebody_who_would_read_nothing_is_noticed() -> None:
    assert "Somebody would get an empty text" in codes("{{ news }}", "", "Bells")["text_empty_for_some"]
    assert "Some people would get" in codes("{{ news }}", "", " ")["text_empty_for_some"]


@pytest.mark.parametrize(
    "text",
    [
        "News. Reply STOP to leave.",
        "Leave: {{ unsubscribe_url }}",
        "Abmelden: acme.example/x",
        "Pour se désinscrire",
        "opt-out: 1",
    ],
)
def test_a_way_out_is_seen_in_many_words(text: str) -> None:
    assert codes(text, has_topic=True) == {}


def test_a_topic_without_a_way_out_is_advised_one_that_works() -> None:
    assert "Reply STOP to leave." in codes("News", has_topic=True)["way_out_missing"]
    assert "{{ unsubscribe_url }}" in codes("News", sender="ACME", has_topic=True)["way_out_missing"]
    assert codes("News") == {}


def test_nobody_is_asked_to_answer_a_name() -> None:
    assert "a STOP to ACME is lost" in codes("News. Reply STOP to leave.", sender="ACME")["way_out_dead"]
    assert codes("Bus stop moved", sender="ACME") == {}


def test_links_that_networks_and_phones_distrust_are_named() -> None:
    assert "http://acme.example/x is not https" in codes("See http://acme.example/x")["link_http"]
    assert "(bit.ly)" in codes("See https://bit.ly/abc")["link_shortened"]
    assert codes("See https://acme.example/x and rabbit.ly/x") == {}
    assert "takes 80 characters of 2 parts" in codes("a" * 100 + " https://" + "b" * 72)["link_long"]
    assert codes("https://" + "b" * 72) == {}
