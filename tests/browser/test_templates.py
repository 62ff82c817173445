"""From a message to a template and back: kept by mouse, changed at 360 px without a script, compared by keys."""

from collections.abc import Callable

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select

from tests.browser.conftest import House
from tests.browser.person import Person
from tests.browser.test_first_email import become_the_first_member, sign_in

pytestmark = pytest.mark.browser


def test_from_a_message_to_a_template_to_a_message(house: House, open_browser: Callable[..., Person]) -> None:
    ann = open_browser(house.url)
    become_the_first_member(ann, house)
    ann.open("/p/default/messages/new")
    ann.press("Write an email")
    ann.fill("Subject", "Bells at noon")
    ann.fill("Content", "Hello {{ first_name | there }}, come at noon.")
    ann.press("Save as template")
    ann.fill("Name", "Monthly letter")
    ann.press("Save as template")
    ann.see("Saved as the template “Monthly letter”.")
    ann.see("Version 1")

    bob = open_browser(house.url, scripts=False, width=360)
    sign_in(bob)
    bob.open("/p/default/messages/new?at=2035-11-24T09:00&zone=Europe/Berlin")
    bob.see("more than two years ahead")
    bob.press("Use the template Monthly letter")
    bob.fill("Content", "Hello {{ first_name | there }}, come at one.")
    bob.press_like("Save as new version")
    bob.see("As a new version of “Monthly letter”")
    bob.fill("What changed", "Later")
    bob.press("Save as new version")
    bob.see("Saved as version 2.")
    bob.see("Bells at noon")  # the message that was made from it
    assert bob.driver.execute_script("return document.documentElement.scrollWidth") <= 360

    ann.driver.refresh()
    ann.see("Later")
    ann.driver.find_element(By.XPATH, "//a[@aria-label='What changed in version 2']").send_keys(Keys.ENTER)
    ann.see("Compare versions of Monthly letter")
    marked = ann.driver.find_elements(By.CSS_SELECTOR, ".diff del, .diff ins")
    assert [" ".join(each.text.split()[:2]) for each in marked] == ["gone: noon", "new: one"]
    assert ann.barriers() == []
    Select(ann.driver.find_element(By.NAME, "new")).select_by_value("1")  # it compares without a button
    ann.see("The same version twice")
    assert ann.complaints() == []
