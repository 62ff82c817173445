"""Times, numbers, attributes and badges as templates show them."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.domain.delivery_states import DeliveryState
from app.domain.message_states import MessageStatus, Phase
from app.domain.outcomes import Reason
from app.web import filters, wording
from tests.conftest import START, FakeClock

BERLIN = filters.Times(FakeClock(), lambda: ZoneInfo("Europe/Berlin"))


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "now"),
        (9, "now"),
        (-45, "45 seconds ago"),
        (-60, "1 minute ago"),
        (-3599, "59 minutes ago"),
        (7200, "in 2 hours"),
        (2 * 86400, "in 2 days"),
        (-8 * 86400, "13 Nov 2026"),
        (30 * 86400, "21 Dec 2026"),
    ],
)
def test_a_near_time_is_relative_and_a_far_one_is_a_date(seconds: int, words: str) -> None:
    assert BERLIN.when(START + timedelta(seconds=seconds)) == words


def test_an_exact_time_names_its_zone_and_follows_the_clocks() -> None:
    assert BERLIN.exact(datetime(2026, 11, 24, 8, 0, tzinfo=UTC)) == "Tue 24 Nov 2026, 09:00 CET"
    assert BERLIN.exact(datetime(2026, 7, 1, 7, 0, tzinfo=UTC)) == "Wed 1 Jul 2026, 09:00 CEST"
    lima = filters.Times(FakeClock(), lambda: ZoneInfo("America/Lima"))
    assert lima.exact(START) == "Sat 21 Nov 2026, 04:00 UTC-05:00"


def test_no_time_is_a_dash() -> None:
    assert {BERLIN.when(None), BERLIN.exact(None), BERLIN.day(None), BERLIN.clock(None)} == {"–"}


@pytest.mark.parametrize(("value", "text"), [(0, "0"), (999_999, "999,999"), (None, "–"), (2.5, "2.5")])
def test_numbers_are_exact_with_separators(value: float | None, text: str) -> None:
    assert filters.number(value) == text


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [
        (0, 0, "–"),
        (0, 9, "0.0%"),
        (1, 100_000, "< 0.1%"),
        (99_999, 100_000, "> 99.9%"),
        (1994, 2000, "99.7%"),
        (1, 2, "50%"),
        (5, 5, "100%"),
    ],
)
def test_a_share_is_never_rounded_to_all_or_nothing(part: int, whole: int, text: str) -> None:
    assert filters.percent(part, whole) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 bytes"), (1023, "1023 bytes"), (1024, "1.0 KB"), (134_144, "131 KB"), (10_485_760, "10 MB"), (None, "–")],
)
def test_sizes_stand_in_the_unit_people_use(count: int | None, text: str) -> None:
    assert filters.file_size(count) == text


@pytest.mark.parametrize(
    ("length", "text"),
    [(0, "0 seconds"), (0.25, "250 ms"), (1, "1 second"), (timedelta(minutes=3), "3 minutes"), (None, "–")],
)
def test_durations_are_words(length: timedelta | float | None, text: str) -> None:
    assert filters.duration(length) == text


def test_attributes_are_escaped_and_dashed() -> None:
    drawn = filters.attributes({"hx_get": '/x"><script>', "disabled": True, "hidden": False, "class_": "a", "id": None})
    assert str(drawn) == ' hx-get="/x&#34;&gt;&lt;script&gt;" disabled class="a"'


def test_shares_fill_the_bar_in_order() -> None:
    placed = filters.shares([("Sent", 3, "teal"), ("Failed", 1, "red", "/failed"), ("Queued", 0, "grey")])
    assert [(share.start, share.width) for share in placed] == [(0.0, 750.0), (750.0, 250.0), (1000.0, 0.0)]
    assert placed[1].href == "/failed"
    assert [share.width for share in filters.shares([("Sent", 0, "teal")])] == [0.0]


def test_every_state_has_a_badge_of_its_own() -> None:
    badges = {filters.delivery_badge(state) for state in DeliveryState}
    assert len(badges) == len(DeliveryState)
    phases = {Phase.of(status, paused=False, cancelled=False).word for status in MessageStatus}
    assert all(filters.message_badge(phase).word != "Unknown" for phase in phases | {"paused", "cancelled"})
    assert filters.delivery_badge("something else").word == "Unknown"


def test_every_reason_has_a_sentence() -> None:
    assert set(wording.REASONS) == set(Reason)
    for words in wording.REASONS.values():
        assert words.says.endswith(".")
        assert "!" not in words.says + words.advice
        assert "please" not in (words.says + words.advice).lower()
    assert wording.say_reason("mailbox_full") == "Inbox full."
    assert wording.explain("mailbox_full") == "We try again by ourselves."
    assert wording.say_reason("a_new_code") == "A new code."
    assert wording.say_reason(None) == ""


def test_every_status_has_a_page() -> None:
    assert wording.status_page(404).says == "There is nothing here"
    assert wording.status_page(418) == wording.status_page(400)
    assert wording.status_page(502) == wording.status_page(500)


@pytest.mark.parametrize(
    ("typed", "drawn"),
    [
        ("ann@example.org", "ann@<wbr>example.org"),
        ("<b>@x.org", "&lt;b&gt;@<wbr>x.org"),
        ("+491701234567", "+491701234567"),
        (
            '"' + "0a" * 20 + "2f4a1c",
            '<span class="one-line" title="&#34;' + "0a" * 20 + '2f4a1c">Device …2f4a1c</span>',
        ),
    ],
)
def test_an_address_may_break_after_its_at_and_a_token_is_short(typed: str, drawn: str) -> None:
    assert str(filters.address(typed)) == drawn
