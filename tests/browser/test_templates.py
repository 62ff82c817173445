"""From a message to a template and back: by mouse, by keys alone, by touch, and without a script on a telephone."""

from collections.abc import Callable, Iterator

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select

from tests.browser.conftest import Home, start_browser
from tests.browser.keyboard import Keyboard
from tests.browser.person import Person
from tests.browser.steps import enter
from tests.browser.touch import Finger

pytestmark = pytest.mark.browser
NOON = "Hello {{ first_name | there }}, come at noon."
ONE = "Hello {{ first_name | there }}, come at one."


@pytest.fixture(scope="module")
def shop(make_home: Callable[[], Home]) -> Home:
    return make_home()


@pytest.fixture(scope="module")
def ann(shop: Home) -> Iterator[Person]:
    """Signed in."""
    person = start_browser(shop.url)
    enter(person, shop)
    yield person
    person.driver.quit()


def test_from_a_message_to_a_template_to_a_message(
    shop: Home, ann: Person, open_browser: Callable[..., Person]
) -> None:
    ann.go("/messages/new")
    ann.press("Write an email")
    ann.fill("Subject", "Bells at noon")
    ann.fill("Content", NOON)
    ann.press("Save as template")
    ann.fill("Name", "Monthly letter")
    ann.press("Save as template")
    ann.see("Saved as the template “Monthly letter”.")
    ann.see("Version 1")

    bob = open_browser(shop.url, scripts=False, width=360)
    enter(bob, shop)
    bob.go("/messages/new?at=2035-11-24T09:00&zone=Europe/Berlin")
    bob.see("more than two years ahead")
    bob.press("Use the template Monthly letter")
    bob.fill("Content", ONE)
    bob.press_like("Save as new version")
    bob.see("As a new version of “Monthly letter”")
    bob.fill("What changed", "Later")
    bob.press("Save as new version")
    bob.see("Saved as version 2.")
    bob.see("Bells at noon")  # the message that was made from it
    assert bob.driver.execute_script("return document.documentElement.scrollWidth") <= 360

    ann.driver.refresh()
    ann.see("Later")
    ann.driver.find_element(By.XPATH, "//a[@aria-label='What changed in version 2']").click()
    ann.see("Compare versions of Monthly letter")
    assert differences(ann) == ["gone: noon", "new: one"]
    assert ann.barriers() == []
    Select(ann.driver.find_element(By.NAME, "new")).select_by_value("1")  # it compares without a button
    ann.see("The same version twice")
    assert ann.complaints() == []


def test_from_a_message_to_a_template_to_a_message_by_keys_alone(ann: Person) -> None:
    keys = Keyboard(ann)
    ann.open("/")
    keys.begin("Write an email", "Preview as")
    keys.go_to("Subject")
    keys.type("Bells at noon, by keys")
    keys.go_to("Content")
    keys.type(NOON)
    keys.use("Save as template", "button")
    ann.see("As a new template")
    keys.skip()
    keys.go_to("Name")
    keys.type("Weekly letter")
    keys.press(Keys.ENTER)
    ann.see("Saved as the template “Weekly letter”.")
    keys.skip()
    keys.use("New message from it", "button")
    ann.see("Preview as")
    keys.skip()
    keys.go_to("Content")
    keys.type(ONE)
    ann.see("Saved now")
    keys.look()
    keys.use("Save as new version", "button")
    ann.see("As a new version of “Weekly letter”")
    keys.skip()
    keys.go_to("What changed")
    keys.type("Later")
    keys.use("Save as new version", "button")
    ann.see("Saved as version 2.")
    keys.skip()
    keys.use("What changed in version 2", "link")
    ann.see("Compare versions of Weekly letter")
    assert differences(ann) == ["gone: noon", "new: one"]
    assert ann.complaints() == []


def test_from_a_message_to_a_template_to_a_message_by_touch(ann: Person) -> None:
    with Finger(ann) as finger:
        ann.open("/")
        finger.begin("Write an email", "Preview as")
        finger.write("Subject", "Bells at noon, by touch")
        finger.write("Content", NOON)
        finger.tap("Save as template", "button")
        ann.see("As a new template")
        assert finger.too_small() == []
        write_instead(ann, finger, "Name", "Daily letter")
        finger.tap("Save as template", "main button")
        ann.see("Saved as the template “Daily letter”.")
        assert finger.too_small() == []
        finger.tap("New message from it", "button")
        ann.see("Preview as")
        write_instead(ann, finger, "Content", ONE)
        ann.see("Saved now")
        finger.tap("Save as new version", "button")
        ann.see("As a new version of “Daily letter”")
        assert finger.too_small() == []
        finger.write("What changed", "Later")
        finger.tap("Save as new version", "main button")
        ann.see("Saved as version 2.")
        finger.tap("What changed in version 2", "a")
        ann.see("Compare versions of Daily letter")
        assert finger.too_small() == []
        assert differences(ann) == ["gone: noon", "new: one"]
    assert ann.complaints() == []


def write_instead(person: Person, finger: Finger, label: str, text: str) -> None:
    """Instead of what stands there, which the menu of the keyboard on the screen selects."""
    finger.tap_on(person.field(label))
    person.wait_until(lambda: person.driver.switch_to.active_element == person.field(label), f"to write into {label}")
    chosen = {"type": "rawKeyDown", "commands": ["selectAll"]}
    person.driver.execute_cdp_cmd("Input.dispatchKeyEvent", chosen)
    finger.type(text)


def differences(person: Person) -> list[str]:
    """What is marked as gone or new, with its first word."""
    marked = person.driver.find_elements(By.CSS_SELECTOR, ".diff del, .diff ins")
    return [" ".join(each.text.split()[:2]) for each in marked]
