"""User agents in words: systems, programs and devices; junk says nothing, and never raises."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.services.accounts.user_agents import LONGEST, UserAgent, describe

SAFARI = "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.1"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 "
            "Safari/537.36",
            UserAgent(
                "WIN", "Windows", "10", "browser", "CH", "Chrome", "120.0.0", "Blink", "120.0.0.0", "desktop", "", ""
            ),
        ),
        (
            "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
            UserAgent(
                "LIN", "GNU/Linux", "", "browser", "FF", "Firefox", "128.0", "Gecko", "128.0", "desktop", "", ""
            ),
        ),
        (
            f"Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) {SAFARI} Mobile/15E148 Safari/604.1",
            UserAgent(
                "IOS", "iOS", "17.1", "browser", "MF", "Mobile Safari", "17.1", "WebKit", "605.1.15", "smartphone",
                "Apple", "iPhone",
            ),
        ),
        (
            "Mozilla/5.0 (Linux; Android 13; SM-T870) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 "
            "Safari/537.36",
            UserAgent(
                "AND", "Android", "13", "browser", "CH", "Chrome", "120.0.0", "Blink", "120.0.0.0", "tablet", "",
                "SM-T870",
            ),
        ),
        ("curl/8.5.0", UserAgent(client_type="library", client_name="curl", client_version="8.5.0")),
        (
            "AppwriteNodeJSSDK/14.0.0 (linux; 6.1)",
            UserAgent(
                "LIN", "GNU/Linux", client_type="library", client_name="AppwriteNodeJSSDK", client_version="14.0.0"
            ),
        ),
        (
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            UserAgent(client_type="bot", client_name="Googlebot", client_version="2.1"),
        ),
        ("node", UserAgent()),
        ("", UserAgent()),
        (" \t", UserAgent()),
    ],
)  # fmt: skip
def test_a_header_says_what_it_came_from(header: str, expected: UserAgent) -> None:
    assert describe(header) == expected


def test_a_tablet_of_apple_is_a_tablet() -> None:
    found = describe(f"Mozilla/5.0 (iPad; CPU OS 16_1 like Mac OS X) {SAFARI} Mobile/15E148 Safari/604.1")
    assert (found.device_name, found.device_brand, found.device_model) == ("tablet", "Apple", "iPad")


def test_what_follows_the_longest_header_is_not_looked_at() -> None:
    assert describe(" " * LONGEST + "curl/8.5.0") == UserAgent()


@given(st.text(max_size=80))
def test_junk_never_raises(header: str) -> None:
    assert isinstance(describe(header), UserAgent)
