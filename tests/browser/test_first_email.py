"""A newcomer's first minutes: from nothing to an email in the Sandbox, by the browser alone."""

import time
from collections.abc import Callable

import pytest
from selenium.webdriver.support.wait import WebDriverWait

from tests.browser.conftest import House
from tests.browser.person import Person

pytestmark = pytest.mark.browser
PASSWORD = "correct horse battery"


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


def become_the_first_member(person: Person, house: House, *, demo: bool = False) -> None:
    person.open(house.first_address())
    person.fill("Name", "Ann Archer")
    person.fill("Email", "ann@example.org")
    person.fill("Password", PASSWORD)
    person.tick("Add sample data", on=demo)
    person.press("Create member and sign in")
    person.see("Ann Archer")


def sign_in(person: Person, email: str = "ann@example.org") -> None:
    """As a member that there is; ends once the browser has its session."""
    person.open("/sign-in")
    person.fill("Email", email)
    person.fill("Password", PASSWORD)
    person.press("Sign in")
    WebDriverWait(person.driver, 15).until(lambda driver: "/sign-in" not in driver.current_url)


def add_a_contact(person: Person) -> None:
    person.follow("Contacts")
    person.follow("Add contact")
    person.fill("Name", "Ben Baker")
    person.fill("Email", "ben@example.org")
    person.press("Add contact")
    person.see("ben@example.org")


def make_a_topic(person: Person) -> None:
    person.follow("Topics")
    person.follow("Add topic")
    person.fill("Name", "Newsletter")
    person.press("Add topic")
    person.follow("Add subscribers")
    person.fill("Addresses", "ben@example.org")
    person.press("Add addresses")
    person.see("ben@example.org")


def write_and_send(person: Person) -> None:
    person.follow("Messages")
    person.follow("New message")
    person.press("Write an email")
    person.fill("Subject", "Autumn news for {{ first_name | you }}")
    person.fill("Content", "Hello {{ first_name | there }}, the leaves are falling.")
    add_to_audience(person, "Newsletter")
    person.press_like("Send to 1 person")
    person.see("Through")
    person.press("Send to 1 person now")


def add_to_audience(person: Person, topic: str) -> None:
    person.fill("Add topics, people or addresses", topic)
    if not person.has_scripts:
        person.press("Search")
    person.press_like(topic)
    person.see("will receive it")
