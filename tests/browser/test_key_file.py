"""A key file is dropped on its field instead of being opened, copied and pasted."""

import json
from collections.abc import Callable

import pytest
from selenium.webdriver.support.wait import WebDriverWait

from tests.browser.conftest import Home
from tests.browser.person import Person
from tests.browser.steps import enter

pytestmark = pytest.mark.browser
ACCOUNT = json.dumps({"type": "service_account", "project_id": "bells", "private_key": "…"})
DROP = """
const [name, text, field] = [arguments[0], arguments[1], document.querySelector("[data-file-drop]")];
const carried = new DataTransfer();
carried.items.add(new File([text], name, { type: "application/json" }));
const fall = (kind) => new DragEvent(kind, { dataTransfer: carried, bubbles: true, cancelable: true });
return [!field.dispatchEvent(fall("dragover")), !field.dispatchEvent(fall("drop"))];
"""


def test_a_service_account_is_dropped_on_its_field(home: Home, open_browser: Callable[..., Person]) -> None:
    ann = open_browser(home.url)
    enter(ann, home)
    ann.go("/providers/new/fcm")
    field = ann.field("Service account JSON")
    assert "drop the file" in (field.get_attribute("placeholder") or "")

    assert ann.driver.execute_script(DROP, "bells.json", ACCOUNT) == [True, True]
    WebDriverWait(ann.driver, 10).until(lambda _: field.get_property("value") == ACCOUNT)

    ann.driver.execute_script(DROP, "film.mov", "x" * 100_001)
    ann.see("film.mov is too large for a key file.")
    assert field.get_property("value") == ACCOUNT


def test_the_name_of_a_key_file_fills_its_id_and_what_it_holds_is_said(
    home: Home, open_browser: Callable[..., Person]
) -> None:
    ann = open_browser(home.url)
    enter(ann, home)
    ann.go("/providers/new/apns")
    ann.driver.execute_script(DROP, "AuthKey_2X9R4HXF34.p8", "-----BEGIN PRIVATE KEY-----")
    ann.see("AuthKey_2X9R4HXF34.p8 was read: Key ID 2X9R4HXF34.")
    assert ann.field("Key ID").get_property("value") == "2X9R4HXF34"

    ann.go("/providers/new/fcm")
    ann.driver.execute_script(DROP, "bells.json", ACCOUNT)
    ann.see("bells.json was read: bells.")
    ann.driver.execute_script(DROP, "bells.txt", "no JSON")
    ann.see("bells.txt holds no JSON object.")
