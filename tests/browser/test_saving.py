"""A draft that is still on its way to the server: what is typed or pressed meanwhile is no second person's work."""

from collections.abc import Callable

import pytest

from tests.browser.conftest import Home
from tests.browser.person import Person
from tests.browser.steps import enter

pytestmark = pytest.mark.browser
CONFLICT = "saved this draft at"


def says(person: Person) -> str:
    """What the bar says about the draft."""
    return person.driver.find_element("id", "saved").text


def begin_to_save(person: Person, subject: str) -> None:
    person.go("/messages/new")
    person.press("Write an email")
    person.see("Preview as")
    person.draw_line(latency=1500)
    person.fill("Subject", subject)
    person.wait_until(lambda: says(person) == "Saving…", "for the save to begin")


def test_what_is_typed_or_pressed_while_a_draft_is_saved_is_no_conflict(
    home: Home, open_browser: Callable[..., Person]
) -> None:
    ann = open_browser(home.url)
    enter(ann, home)

    begin_to_save(ann, "Bells")
    ann.field("Subject").send_keys(" at noon")
    ann.see("Not saved yet")
    ann.wait_until(lambda: says(ann) in {"Saved now", "Not saved"}, "for the first answer", 20)
    ann.wait_until(lambda: "Bells at noon" in ann.driver.find_element("id", "preview").text, "for all of it", 20)
    assert CONFLICT not in ann.text()

    ann.draw_line()
    begin_to_save(ann, "Bells at one")
    ann.press("Save as template")
    ann.see("As a new template")
    ann.see("Bells at one")

    ann.draw_line()
    begin_to_save(ann, "Bells at two")
    ann.field("Subject").send_keys(" or three")
    ann.press("Schedule")
    ann.see("Time zone")
    ann.see("Bells at two or three")
    assert ann.complaints() == []
