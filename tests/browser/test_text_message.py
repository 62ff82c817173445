"""A text with an emoji that costs a second part: taken out and sent; by mouse, by keys, by touch, with no script."""

from collections.abc import Callable, Iterator

import pytest

from tests.browser.conftest import Home, start_browser
from tests.browser.keyboard import Keyboard
from tests.browser.person import Person
from tests.browser.steps import add_to_audience, enter, send
from tests.browser.touch import Finger

pytestmark = pytest.mark.browser
WORDS = "the tower opens at noon on Saturday. There is soup, there are bells, bring a friend"
CUP = "\N{HOT BEVERAGE}"
DEAR = "With these replaced it is 1 part instead of 2"


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


def test_a_text_with_an_emoji_becomes_one_part(ann: Person) -> None:
    words = f"By mouse: {WORDS}"
    begin(ann, words)
    ann.see(DEAR)
    assert ann.barriers() == []
    ann.press("Remove: hot beverage")
    wait_for_text(ann, words)
    add_to_audience(ann, "Ben Baker")
    ann.press("Cost")
    ann.see("Everybody was counted.")
    send(ann, "1 person")
    ann.see("1 of 1 person")
    ann.follow("Sandbox")
    ann.follow_like(words[:20])
    assert_one_segment(ann)
    assert ann.complaints() == []


def test_it_becomes_one_part_by_keys_alone(ann: Person) -> None:
    words, keys = f"By keys: {WORDS}", Keyboard(ann)
    ann.open("/")
    keys.begin("Write an SMS", "Preview as")
    keys.go_to("Text")
    keys.type(f"{words} {CUP}")
    ann.see(DEAR)
    keys.use("Remove: hot beverage", "button")
    wait_for_text(ann, words)
    ann.wait_until(lambda: "Remove: hot beverage" not in ann.driver.page_source, "for the button to go")
    keys.look()
    keys.add_to_audience("Ben")
    keys.send("1 person")
    ann.see("1 of 1 person")
    keys.press("g", "b")
    ann.see("What arrived")
    keys.skip()
    keys.use(words[:20], "link")
    assert_one_segment(ann)
    assert ann.complaints() == []


def test_it_becomes_one_part_by_touch_on_a_telephone(ann: Person) -> None:
    words = f"By touch: {WORDS}"
    with Finger(ann) as finger:
        ann.open("/")
        finger.go("Messages", "New message")
        assert finger.too_small() == []
        finger.tap("New message")
        finger.tap("Write an SMS")
        ann.see("Preview as")
        finger.write("Text", f"{words} {CUP}")
        ann.see(DEAR)
        assert finger.too_small() == []
        finger.tap("Remove: hot beverage")
        wait_for_text(ann, words)
        finger.add_to_audience("Ben", "Ben Baker")
        assert finger.too_small() == []
        finger.tap("Send to 1 person")
        ann.see("Through")
        finger.tap("Send to 1 person now")
        ann.see("1 of 1 person")
        finger.go("Sandbox", "What arrived")
        assert finger.too_small() == []
        finger.tap(words[:20])
        assert_one_segment(ann)
    assert ann.complaints() == []


def test_it_becomes_one_part_without_scripts(shop: Home, ann: Person, open_browser: Callable[..., Person]) -> None:
    words = f"With no script: {WORDS}"
    bob = open_browser(shop.url, scripts=False, width=360, height=3600)
    enter(bob, shop)
    begin(bob, words)
    bob.press("Remove: hot beverage")
    bob.see("1 part")
    wait_for_text(bob, words)
    add_to_audience(bob, "Ben Baker")
    send(bob, "1 person")
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
    person.see("2 parts")


def wait_for_text(person: Person, text: str) -> None:
    person.wait_until(lambda: person.field("Text").get_attribute("value") == text, f"for the text {text!r}")


def assert_one_segment(person: Person) -> None:
    """In the Sandbox, where what arrived stands open."""
    person.see("Segments")
    assert "Segments\n1" in person.text()
