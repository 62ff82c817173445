"""The failover order by grip: carried with the keys, dragged with the mouse; and by buttons alone without scripts."""

from collections.abc import Callable

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

from tests.browser.conftest import Home
from tests.browser.person import Person
from tests.browser.steps import enter

pytestmark = pytest.mark.browser
LIST = "/providers"
NAMES = ("Sandbox", "Mailgun Sandbox", "SendGrid Sandbox")


def connect(person: Person) -> None:
    """Three mail providers of the Sandbox."""
    for words in ("Use the Sandbox", "Try Mailgun in the Sandbox", "Try SendGrid in the Sandbox"):
        person.go(f"{LIST}/new")
        person.press(words)
        person.see("The Sandbox is connected.")


def order(person: Person) -> list[list[str]]:
    script = (
        "return [...document.querySelectorAll('[data-tier]')].map(tier =>"
        " [...tier.querySelectorAll('[data-provider]')].map(card => card.dataset.name))"
    )
    found: list[list[str]] = person.driver.execute_script(script)
    return found


def wait_for(person: Person, tiers: list[list[str]]) -> None:
    WebDriverWait(person.driver, 15).until(lambda _: order(person) == tiers)


def test_the_order_is_carried_with_keys_dragged_and_moved_by_buttons(
    home: Home, open_browser: Callable[..., Person]
) -> None:
    ann = open_browser(home.url)
    enter(ann, home)
    connect(ann)
    first, second, third = NAMES
    ann.go(LIST)
    assert order(ann) == [[first], [second], [third]]

    grip = ann.driver.find_element("css selector", f"[aria-label='Move {third}']")
    grip.send_keys(Keys.SPACE)
    assert ann.spoken() == f"{third} is lifted. Place 3 of 3, on its own."
    grip.send_keys(Keys.ARROW_UP)
    assert ann.spoken() == f"Beside {second}, sharing."
    grip.send_keys(Keys.ESCAPE)
    assert ann.spoken() == f"{third} is back where it was."
    assert order(ann) == [[first], [second], [third]]
    grip.send_keys("m", Keys.ARROW_UP, Keys.ARROW_UP, Keys.ARROW_UP, Keys.ARROW_UP, Keys.ENTER)
    wait_for(ann, [[third], [first], [second]])
    assert ann.driver.switch_to.active_element.get_attribute("aria-label") == f"Move {third}", "the focus follows it"

    grip = ann.driver.find_element("css selector", f"[aria-label='Move {second}']")
    target = ann.driver.find_element("css selector", f"[data-name='{first}']")
    ActionChains(ann.driver).move_to_element(grip).click_and_hold().move_to_element(target).release().perform()
    wait_for(ann, [[third], [first, second]])
    ann.see("50%")

    plain = open_browser(home.url, scripts=False)
    enter(plain, home)
    plain.go(LIST)
    assert not plain.driver.find_element("css selector", "[data-grip]").is_displayed()
    plain.press(f"Put {second} on its own")
    plain.press(f"Move {third} down")
    ann.go(LIST)
    assert order(ann) == [[first], [third], [second]]
    assert ann.complaints() == []
