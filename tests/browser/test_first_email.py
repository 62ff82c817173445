"""A newcomer's first minutes: from nothing to an email in the Sandbox, by the browser alone."""

import time
from collections.abc import Callable

import pytest

from tests.browser.conftest import House
from tests.browser.person import Person
from tests.browser.steps import add_a_contact, add_to_audience, become_the_first_member, make_a_topic, send

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("scripts", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_from_nothing_to_an_email_in_the_sandbox(
    house: House, open_browser: Callable[..., Person], scripts: bool
) -> None:
    began = time.monotonic()
    ann = open_browser(house.url, scripts=scripts)
    become_the_first_member(ann, house)
    ann.press_like("Use the Sandbox")
    add_a_contact(ann)
    make_a_topic(ann)
    write_and_send(ann)
    (ann.see if scripts else ann.reload_until)("1 of 1 person")
    ann.follow("Sandbox")
    ann.see("Autumn news for Ben")
    assert time.monotonic() - began < 120
    if scripts:
        assert ann.complaints() == []


def write_and_send(person: Person) -> None:
    person.follow("Messages")
    person.follow("New message")
    person.press("Write an email")
    person.fill("Subject", "Autumn news for {{ first_name | you }}")
    person.fill("Content", "Hello {{ first_name | there }}, the leaves are falling.")
    add_to_audience(person, "Newsletter")
    send(person, "1 person")
