"""Addresses: what we take, how we write it, what we refuse, what a log may show."""

import pytest

from app.domain.addresses import (
    brief,
    email_key,
    has_control_characters,
    mask,
    normalise_email,
    normalise_phone,
    normalise_token,
)


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("name@example.org", "name@example.org"),
        ("  Name@EXAMPLE.Org ", "Name@example.org"),
        ("a.b+tag@sub.example.co", "a.b+tag@sub.example.co"),
        ("o'hara@example.org", "o'hara@example.org"),
        ("jörg@example.org", "jörg@example.org"),
        ("info@münchen.example", "info@xn--mnchen-3ya.example"),
        ("x@xn--mnchen-3ya.example", "x@xn--mnchen-3ya.example"),
    ],
)
def test_an_email_address_is_written_one_way(typed: str, stored: str) -> None:
    assert normalise_email(typed) == stored


@pytest.mark.parametrize(
    "typed",
    [
        "", "name", "@example.org", "name@", "name@localhost", "a b@example.org", "a@b@example.org", ".a@example.org",
        "a.@example.org", "a..b@example.org", "a@-b.org", "a@b-.org", "a@b..org", "a@1.2.3.4", "a@[1.2.3.4]",
        '"a b"@example.org', "a@example.org\r\nBcc: x@y.z", "a\0@example.org", "a@exa mple.org",
        f"{'a' * 65}@example.org",
        f"a@{'b' * 64}.org", f"a@{'b.' * 160}org", "a\u200b@example.org", "name@example.org,other@example.org",
    ],
)  # fmt: skip
def test_what_is_no_email_address_is_refused(typed: str) -> None:
    assert normalise_email(typed) is None


def test_two_spellings_of_one_mailbox_have_one_key() -> None:
    assert email_key("Ann@example.org") == email_key("aNN@example.org")


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("+49 170 1234567", "+491701234567"),
        ("0049 170/123-4567", "+491701234567"),
        ("+1 (202) 555-0123", "+12025550123"),
        ("+４９１７０１２３４５６７", "+491701234567"),
        ("0170 1234567", None),
        ("+0170 1234567", None),
        ("+49", None),
        ("+49170123456789012", None),
        ("call me", None),
        ("", None),
    ],
)
def test_a_phone_number_needs_its_country(typed: str, stored: str | None) -> None:
    assert normalise_phone(typed) == stored


@pytest.mark.parametrize(
    ("typed", "stored"),
    [(" abc:DEF_1 ", "abc:DEF_1"), ("", None), ("a b", None), ("ä", None), ("x" * 2049, None), ("a\nb", None)],
)
def test_a_push_token_is_visible_ascii(typed: str, stored: str | None) -> None:
    assert normalise_token(typed) == stored


@pytest.mark.parametrize("sign", ["\0", "\n", "\r", "\x1f", "\x7f", "\x85", "\u2028"])
def test_control_characters_are_seen(sign: str) -> None:
    assert has_control_characters(f"a{sign}b")
    assert not has_control_characters("a b")


@pytest.mark.parametrize(
    ("address", "shown"), [("ann@example.org", "a…@example.org"), ("+491701234567", "+49…67"), ("short", "…")]
)
def test_a_log_shows_enough_to_recognise_but_not_to_use(address: str, shown: str) -> None:
    assert mask(address) == shown


@pytest.mark.parametrize(
    ("address", "named", "shown"),
    [
        ("ann@example.org", "Work", "ann@example.org"),
        ("a-very-long-name-of-somebody@example.org", "", "a-very-long-name-of-somebody@example.org"),
        ("+491701234567", "", "+491701234567"),
        ("f3" * 30 + "19ab", "", "device …f319ab"),
        ("f3" * 32, "Ann's phone", "Ann's phone"),
    ],
)
def test_a_device_is_called_by_its_label_or_its_end(address: str, named: str, shown: str) -> None:
    assert brief(address, named) == shown
