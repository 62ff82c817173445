"""A newcomer's first minutes: from nothing to an email in the Sandbox, by the browser alone."""

import time
from collections.abc import Callable

import pytest

from tests.browser.conftest import House
from tests.browser.person import Person

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
    write_and_send(ann)
    (ann.see if scripts else ann.reload_until)("1 of 1")
    ann.open("/p/default/sandbox/")
    ann.see("Autumn news for Ben")
    assert time.monotonic() - began < 120
    if scripts:
        assert ann.complaints() == []


def become_the_first_member(person: Person, house: House, *, demo: bool = False) -> None:
    person.open(house.first_address())
    person.fill("Name", "Ann Archer")
    person.fill("Email", "ann@example.org")
    person.fill("Password", "correct horse battery")
    person.tick("Add sample data", on=demo)
    person.press("Create member and sign in")
    person.see("Ann Archer")


def add_a_contact(person: Person) -> None:
    person.open("/p/default/contacts/")
    person.follow_like("Add")
    person.fill("Name", "Ben Baker")
    person.fill("Email", "ben@example.org")
    person.press_like("Add")
    person.see("Ben Baker")


def write_and_send(person: Person) -> None:
    person.open("/p/default/messages/")
    person.follow_like("New message")
    person.press_like("Email")
    person.fill("Subject", "Autumn news for {{ first_name | you }}")
    person.fill("Content", "Hello {{ first_name | there }}, the leaves are falling.")
    person.press_like("Send")
