"""Addresses: what is one, what it looks like stored, what a log may show of it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.addresses import (
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
        ("ann@example.org", "ann@example.org"),
        ("  Ann.Archer+news@Example.ORG ", "Ann.Archer+news@example.org"),
        ("müller@exämple.org", "müller@xn--exmple-cua.org"),
        ("o'brien@example.co.uk", "o'brien@example.co.uk"),
    ],
)
def test_an_email_address_is_stored_in_one_form(typed: str, stored: str) -> None:
    assert normalise_email(typed) == stored


@pytest.mark.parametrize(
    "typed",
    [
        "", "ann", "ann@", "@example.org", "ann@example", "ann..b@example.org", ".ann@example.org", "ann@-x.org",
        "ann@example.org\r\nBcc: x@example.org", "ann@exa\0mple.org", "a b@example.org", "ann@[127.0.0.1]",
        "ann@example.123", f"{'a' * 65}@example.org", f"ann@{'a' * 64}.org", "ann@example..org", '"a b"@example.org',
        "ann\u200b@example.org", "ann@example.org,ben@example.org", "<ann@example.org>",
    ],
)  # fmt: skip
def test_what_is_no_email_address_is_refused(typed: str) -> None:
    assert normalise_email(typed) is None


@given(st.text(max_size=60))
@settings(max_examples=200, derandomize=True)
def test_no_stored_address_can_carry_a_line_break(typed: str) -> None:
    stored = normalise_email(typed + "@example.org")
    assert stored is None or not has_control_characters(stored)


def test_case_makes_no_second_mailbox() -> None:
    assert email_key("Ann@example.org") == email_key("ann@example.org")


@pytest.mark.parametrize(
    ("typed", "stored"),
    [("+49 170 1234567", "+491701234567"), ("0049 (170) 123-4567", "+491701234567"),
     ("+1\u2011555\u20110100\u20110", "+155501000")],
)  # fmt: skip
def test_a_phone_number_is_stored_as_e164(typed: str, stored: str) -> None:
    assert normalise_phone(typed) == stored


@pytest.mark.parametrize(
    "typed", ["", "170 1234567", "+0170123456", "+49", "+49170123456789012", "+49 CALL ME", "+49\n1701234567x"]
)
def test_what_is_no_international_number_is_refused(typed: str) -> None:
    assert normalise_phone(typed) is None


@pytest.mark.parametrize(
    ("token", "fits"),
    [("abc:DEF-1_2", True), ("", False), ("a b", False), ("a\nb", False), ("é", False), ("x" * 2049, False)],
)
def test_a_push_token_is_printable_without_spaces(token: str, fits: bool) -> None:
    assert (normalise_token(token) is not None) is fits


def test_a_mask_shows_enough_to_recognise_and_not_enough_to_use() -> None:
    assert mask("ann@example.org") == "a…@example.org"
    assert mask("+491701234567") == "+49…67"
