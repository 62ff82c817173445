"""A text with an emoji that costs a second message: seen, taken out and sent; by mouse, keys, and without a script."""

from collections.abc import Callable

import pytest
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from tests.browser.conftest import House
from tests.browser.person import Person
from tests.browser.test_first_email import become_the_first_member, sign_in

pytestmark = pytest.mark.browser
WORDS = "The tower opens at noon on Saturday. There is soup, there are bells, bring a friend"
CUP = "\N{HOT BEVERAGE}"


def test_a_text_with_an_emoji_becomes_one_message(house: House, open_browser: Callable[..., Person]) -> None:
    ann = open_browser(house.url, height=1400)  # high enough that nothing stands behind the bar at the bottom
    become_the_first_member(ann, house)
    prepare(ann)

    begin(ann)
    ann.see("With these replaced it is 1 message instead of 2")
    assert ann.barriers() == []
    ann.press("Remove: hot beverage")
    wait_for_text(ann, WORDS)
    choose_ben(ann)
    ann.press("Cost")
    ann.see("Everybody was counted.")
    ann.press_like("Send to 1 person")
    ann.press("Send to 1 person now")
    ann.see("1 of 1 person")
    ann.follow("Sandbox")
    ann.follow_like(WORDS[:20])
    ann.see("Segments")
    assert "Segments\n1" in ann.text()

    begin(ann)
    ann.see("With these replaced it is 1 message instead of 2")
    reach_with_tabs(ann, "Remove: hot beverage").send_keys(Keys.ENTER)
    wait_for_text(ann, WORDS)
    WebDriverWait(ann.driver, 15).until(lambda _: focus(ann) != "BODY")
    assert ann.complaints() == []

    bob = open_browser(house.url, scripts=False, width=360, height=3600)
    sign_in(bob)
    begin(bob)
    bob.press("Remove: hot beverage")
    bob.see("1 message")
    wait_for_text(bob, WORDS)


def prepare(person: Person) -> None:
    """A provider in the Sandbox and somebody with a phone."""
    person.open("/p/default/providers/new")
    person.press("Try Twilio in the Sandbox")
    person.see("The Sandbox is connected.")
    person.follow("Contacts")
    person.follow("Add contact")
    person.fill("Name", "Ben Baker")
    person.fill("Phone number", "+4915112345678")
    person.press("Add contact")
    person.see("+4915112345678")


def begin(person: Person) -> None:
    person.open("/p/default/messages/new")
    person.press("Write an SMS")
    person.fill("Text", f"{WORDS} {CUP}")
    if not person.has_scripts:
        person.press("Refresh preview")
    person.see("2 messages")


def choose_ben(person: Person) -> None:
    person.fill("Add topics, people or addresses", "Ben")
    person.press_like("Ben Baker")
    person.see("will receive it")


def wait_for_text(person: Person, text: str) -> None:
    patience = WebDriverWait(person.driver, 15, ignored_exceptions=[StaleElementReferenceException])
    patience.until(lambda _: person.field("Text").get_attribute("value") == text)


def focus(person: Person) -> str:
    return str(person.driver.switch_to.active_element.tag_name).upper()


def reach_with_tabs(person: Person, label: str) -> WebElement:
    person.field("Text").click()
    for _ in range(60):
        place = person.driver.switch_to.active_element
        if place.get_attribute("aria-label") == label:
            return place
        place.send_keys(Keys.TAB)
    pytest.fail(f"{label!r} cannot be reached with the tabulator")
