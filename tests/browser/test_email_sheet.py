"""A newsletter with an image and an attachment: from the upload to the inbox, by mouse and by keys."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.wait import WebDriverWait

from tests.browser.conftest import Home
from tests.browser.person import Person
from tests.browser.steps import add_a_contact, add_to_audience, enter, make_a_topic, make_bucket
from tests.browser.visits import change_look

pytestmark = pytest.mark.browser


def test_a_newsletter_with_an_image_and_an_attachment_from_upload_to_inbox(
    home: Home, open_browser: Callable[..., Person], tmp_path: Path
) -> None:
    ann = open_browser(home.url, height=1000)
    enter(ann, home)
    ann.press_like("Use the Sandbox")
    add_a_contact(ann)
    make_a_topic(ann)
    upload(ann, tmp_path)
    write(ann)
    put_in(ann, "Image", "autumn_hat.png")
    assert "*Hello*\n![autumn hat](cid:" in body_of(ann).get_attribute("value"), "where one wrote last"
    put_in(ann, "Attach files", "prices.txt")
    ann.see("Fits Sandbox (")
    set_the_sender(ann)
    for dark in (False, True):
        change_look(ann, 1440, dark=dark, height=1000)
        assert ann.barriers() == []
    add_to_audience(ann, "Newsletter")
    ann.press_like("Send to 1 person")
    ann.see("Ann Archer <ann@default.example>")
    ann.press("Send to 1 person now")
    ann.see("1 of 1 person")
    look_into_the_inbox(ann)
    assert ann.complaints() == []


def upload(person: Person, folder: Path) -> None:
    make_bucket(person)
    Image.new("RGB", (320, 120), (15, 118, 110)).save(folder / "autumn_hat.png")
    (folder / "prices.txt").write_text("Hats: 9")
    box = person.driver.find_element(By.CSS_SELECTOR, "input[type='file']")
    box.send_keys("\n".join(str(folder / name) for name in ("autumn_hat.png", "prices.txt")))
    person.see("autumn_hat.png")
    person.see("prices.txt")


def write(person: Person) -> None:
    """Bold by its key, and a variable of which is asked what stands there when a person has no value."""
    person.follow("Messages")
    person.follow("New message")
    person.press("Write an email")
    person.fill("Subject", "Hats for ")
    Select(person.driver.find_element(By.CSS_SELECTOR, "[data-variable]")).select_by_visible_text("first_name")
    person.see("When a person has no first_name, write")
    person.driver.switch_to.active_element.send_keys("you", Keys.ENTER)
    assert person.field("Subject").get_attribute("value") == "Hats for {{ first_name | you }}"
    body_of(person).send_keys(Keys.CONTROL, "i")
    body_of(person).send_keys("Hello", Keys.END, "\n")
    person.see("Saved")


def body_of(person: Person) -> WebElement:
    return person.field("Content")


def click(person: Person, element: WebElement) -> None:
    """Bring it into the middle first, away from the bar that stays at the bottom."""
    person.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
    element.click()


def put_in(person: Person, link: str, name: str) -> None:
    """Choose a file in the dialog; the page comes back with it."""
    click(person, person.driver.find_element(By.XPATH, f"//*[self::a or self::button][normalize-space(.)='{link}']"))
    person.press(("Choose " if link == "Image" else "Attach ") + name)
    WebDriverWait(person.driver, 15).until(
        lambda driver: name in "".join(each.text for each in driver.find_elements(By.CSS_SELECTOR, "#files .chip"))
    )


def set_the_sender(person: Person) -> None:
    click(person, person.driver.find_element(By.ID, "sender-words"))
    person.fill("From name", "Ann Archer")
    person.fill("From address", "ann@default.example")
    person.see("From Ann Archer <ann@default.example>")


def look_into_the_inbox(person: Person) -> None:
    person.follow("Sandbox")
    person.follow("Hats for Ben")
    patience = WebDriverWait(person.driver, 15)
    person.driver.switch_to.frame(patience.until(lambda driver: driver.find_element(By.CSS_SELECTOR, ".preview-frame")))
    image = patience.until(lambda driver: driver.find_element(By.CSS_SELECTOR, "img[alt='autumn hat']"))
    patience.until(lambda _: image.get_property("naturalWidth") == 320)
    person.driver.switch_to.default_content()
    person.follow_like("Attachments")
    person.see("prices.txt")
