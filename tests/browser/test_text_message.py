"""A text with an emoji that costs a second message: taken out and sent; by mouse, by keys, by touch, with no script."""

from collections.abc import Callable, Iterator

import pytest
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

from tests.browser.conftest import Home, start_browser
from tests.browser.keyboard import Keyboard
from tests.browser.person import PATIENCE, Person
from tests.browser.steps import enter
from tests.browser.touch import Finger

pytestmark = pytest.mark.browser
WORDS = "the tower opens at noon on Saturday. There is soup, there are bells, bring a friend"
CUP = "\N{HOT BEVERAGE}"
DEAR = "With these replaced it is 1 message instead of 2"


@pytest.fixture(scope="module")
def shop(make_home: Callable[[], Home]) -> Home:
    return make_home()


@pytest.fixture(scope="module")
def ann(shop: Home) -> Iterator[Person]:
    """Signed in, with a provider in the Sandbox and somebody with a phone."""
    person = start_browser(shop.url, height=1400)  # high enough that nothing stands behind the bar at the bottom
    enter(person, shop)
    person.go("/providers/new")
    person.press("Try Twilio in the Sandbox")
    person.see("The Sandbox is connected.")
    person.follow("Contacts")
    person.follow("Add contact")
    person.fill("Name", "Ben Baker")
    person.fill("Phone number", "+4915112345678")
    person.press("Add contact")
    person.see("+4915112345678")
    yield person
    person.driver.quit()


def test_a_text_with_an_emoji_becomes_one_message(ann: Person) -> None:
    words = f"By mouse: {WORDS}"
    begin(ann, words)
    ann.see(DEAR)
    assert ann.barriers() == []
    ann.press("Remove: hot beverage")
    wait_for_text(ann, words)
    ann.fill("Add topics, people or addresses", "Ben")
    ann.press_like("Ben Baker")
    ann.see("will receive it")
    ann.press("Cost")
    ann.see("Everybody was counted.")
    ann.press_like("Send to 1 person")
    ann.press("Send to 1 person now")
    ann.see("1 of 1 person")
    ann.follow("Sandbox")
    ann.follow_like(words[:20])
    assert_one_segment(ann)
    assert ann.complaints() == []


def test_it_becomes_one_message_by_keys_alone(ann: Person) -> None:
    words, keys = f"By keys: {WORDS}", Keyboard(ann)
    ann.open("/")
    keys.press("g", "m")
    ann.see("New message")
    keys.skip()
    keys.use("New message")
    ann.see("How should it reach people?")
    keys.skip()
    keys.use("Write an SMS", "button")
    ann.see("Preview as")
    keys.skip()
    keys.go_to("Text")
    keys.type(f"{words} {CUP}")
    ann.see(DEAR)
    keys.use("Remove: hot beverage", "button")
    wait_for_text(ann, words)
    ann.wait_until(lambda: "Remove: hot beverage" not in ann.driver.page_source, "for the button to go")
    keys.look()
    keys.skip()
    keys.go_to("Add topics, people or addresses")
    keys.type("Ben")
    ann.wait_until(lambda: len(ann.driver.find_elements("css selector", ".found-choice")) == 1, "for Ben alone")
    keys.press(Keys.ENTER)
    ann.see("will receive it")
    keys.look()
    keys.use("Send to 1 person", "button")
    ann.see("Through")
    keys.skip()
    keys.use("Send to 1 person now", "button")
    ann.see("1 of 1 person")
    keys.press("g", "b")
    ann.see("What arrived")
    keys.skip()
    keys.use(words[:20], "link")
    assert_one_segment(ann)
    assert ann.complaints() == []


def test_it_becomes_one_message_by_touch_on_a_telephone(ann: Person) -> None:
    words = f"By touch: {WORDS}"
    with Finger(ann) as finger:
        ann.open("/")
        go_by_touch(ann, finger, "Messages", "New message")
        finger.tap("New message")
        finger.tap("Write an SMS")
        ann.see("Preview as")
        finger.write("Text", f"{words} {CUP}")
        ann.see(DEAR)
        assert finger.too_small() == []
        finger.tap("Remove: hot beverage")
        wait_for_text(ann, words)
        finger.write("Add topics, people or addresses", "Ben")
        finger.tap("Ben Baker", ".found-choice")
        ann.see("will receive it")
        assert finger.too_small() == []
        finger.tap("Send to 1 person")
        ann.see("Through")
        finger.tap("Send to 1 person now")
        ann.see("1 of 1 person")
        go_by_touch(ann, finger, "Sandbox", "What arrived")
        finger.tap(words[:20])
        assert_one_segment(ann)
    assert ann.complaints() == []


def test_it_becomes_one_message_without_scripts(shop: Home, ann: Person, open_browser: Callable[..., Person]) -> None:
    words = f"With no script: {WORDS}"
    bob = open_browser(shop.url, scripts=False, width=360, height=3600)
    enter(bob, shop)
    begin(bob, words)
    bob.press("Remove: hot beverage")
    bob.see("1 message")
    wait_for_text(bob, words)
    bob.fill("Add topics, people or addresses", "Ben")
    bob.press("Search")
    bob.press_like("Ben Baker")
    bob.see("will receive it")
    bob.press_like("Send to 1 person")
    bob.press("Send to 1 person now")
    bob.reload_until("1 of 1 person")
    bob.go("/sandbox")
    bob.follow_like(words[:20])
    assert_one_segment(bob)


def begin(person: Person, words: str) -> None:
    person.go("/messages/new")
    person.press("Write an SMS")
    person.fill("Text", f"{words} {CUP}")
    if not person.has_scripts:
        person.press("Refresh preview")
    person.see("2 messages")


def go_by_touch(person: Person, finger: Finger, place: str, sign: str) -> None:
    finger.tap("Menu", "summary")
    finger.tap(place, "nav a")
    person.see(sign)
    assert finger.too_small() == []


def wait_for_text(person: Person, text: str) -> None:
    patience = WebDriverWait(person.driver, PATIENCE, ignored_exceptions=[StaleElementReferenceException])
    patience.until(lambda _: person.field("Text").get_attribute("value") == text)


def assert_one_segment(person: Person) -> None:
    """In the Sandbox, where what arrived stands open."""
    person.see("Segments")
    assert "Segments\n1" in person.text()
