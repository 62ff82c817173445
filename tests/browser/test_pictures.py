"""The pictures of the product in the README and the documents: made by a browser, from the demo story."""

import os
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.browser.conftest import ROOT, House
from tests.browser.person import Person
from tests.browser.steps import become_the_first_member

pytestmark = pytest.mark.browser
MAKES_THEM = os.environ.get("CARILLON_PICTURES_OF_PRODUCT") == "1"
SCREENS = ROOT / "docs" / "screens"
NAMES = ("home", "compose", "message", "sandbox")
LARGEST = 250 * 1024  # bytes
PNG = b"\x89PNG\r\n\x1a\n"


def test_the_pictures_of_the_product_are_made_or_there(request: pytest.FixtureRequest) -> None:
    if MAKES_THEM:
        take_pictures(request.getfixturevalue("house"), request.getfixturevalue("open_browser"))
    for name in NAMES:
        content = (SCREENS / f"{name}.png").read_bytes()
        assert content.startswith(PNG), name
        assert len(content) <= LARGEST, f"{name}.png has {len(content):,} bytes"
        assert (int.from_bytes(content[16:20]), int.from_bytes(content[20:24])) == (1440, 900), name


def test_every_picture_that_the_readme_shows_exists() -> None:
    shown = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", (ROOT / "README.md").read_text())
    assert "docs/screens/message.png" in shown
    assert [path for path in shown if not (ROOT / path).is_file()] == []


def take_pictures(house: House, open_browser: Callable[..., Person]) -> None:
    """Walk through the demo story and keep what is on the screen, 1440 by 900, light."""
    ann = open_browser(house.url)
    become_the_first_member(ann, house, demo=True)
    ann.open("/p/default")
    ann.see("Goes out next")
    keep(ann, "home")
    ann.open("/p/default/messages?phase=draft")
    ann.follow("Candlelight concert: the programme")
    ann.see("will receive it")
    keep(ann, "compose")
    ann.open("/p/default/messages?phase=failed")
    ann.follow("Advent bells: dates and places")
    ann.see("What people got")
    keep(ann, "message")
    ann.open("/p/default/sandbox")
    ann.follow("Tonight we sing at six")
    ann.see("Headers")
    keep(ann, "sandbox")


def keep(person: Person, name: str) -> None:
    """One picture, once frames inside the page have been painted."""
    time.sleep(1)
    person.screenshot(Path(SCREENS) / f"{name}.png")
