"""Files come in by drag and by choice, go on after a broken connection, and are picked for a message in a dialog."""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from random import Random

import pytest
from PIL import Image
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

from tests.browser.conftest import Home
from tests.browser.person import Person
from tests.browser.steps import enter, make_bucket

pytestmark = pytest.mark.browser
MEGABYTE = 1024 * 1024
DROP = """
const [name, size] = arguments;
const carried = new DataTransfer();
carried.items.add(new File([new Uint8Array(size).fill(7)], name, { type: "application/octet-stream" }));
const place = document.querySelector("#files");
const fall = (kind) => new DragEvent(kind, { dataTransfer: carried, bubbles: true, cancelable: true });
place.dispatchEvent(fall("dragenter"));
const isMarked = document.querySelector("[data-drop-zone]").classList.contains("is-over");
return [isMarked, !place.dispatchEvent(fall("dragover")), !place.dispatchEvent(fall("drop"))];
"""
PASTE = """
const carried = new DataTransfer();
carried.items.add(new File(["x"], "image.png", { type: "image/png" }));
document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: carried, bubbles: true, cancelable: true }));
"""
SENT = """
return performance.getEntriesByType("resource")
  .filter((each) => each.name.endsWith("/-/chunks") && each.responseStatus === 200).length
"""


def line_of(person: Person, name: str) -> str:
    """What stands in the line of that upload."""
    found = person.driver.find_elements(By.XPATH, f"//ul[@data-uploads]/li[contains(., '{name}')]")
    return found[-1].text if found else ""


def wait_for(person: Person, name: str, *texts: str) -> None:
    person.wait_until(lambda: any(text in line_of(person, name) for text in texts), f"for {texts} with {name}", 20)


def test_an_upload_shows_how_far_it_is_survives_a_broken_line_and_can_be_cancelled(
    home: Home, open_browser: Callable[..., Person], tmp_path: Path
) -> None:
    ann = open_browser(home.url)
    enter(ann, home)
    bucket = make_bucket(ann)

    ann.draw_line(upload=4 * MEGABYTE)
    assert ann.driver.execute_script(DROP, "film.bin", 12 * MEGABYTE) == [True, True, True]
    wait_for(ann, "film.bin", " of 12 MB")
    ann.draw_line(offline=True)
    wait_for(ann, "film.bin", "The connection was lost. Goes on in")
    ann.draw_line()
    wait_for(ann, "film.bin", "12 MB, uploaded")
    ann.see("1 file, 12 MB")
    assert ann.driver.find_element(By.CSS_SELECTOR, "#files .first a").text == "film.bin"

    ann.draw_line(upload=2 * MEGABYTE)
    ann.driver.execute_script(DROP, "wrong.bin", 12 * MEGABYTE)
    wait_for(ann, "wrong.bin", " of 12 MB")
    ann.press("Cancel the upload of wrong.bin")
    wait_for(ann, "wrong.bin", "Cancelled; nothing of it was kept")

    content = Random(1).randbytes(11 * MEGABYTE)
    (tmp_path / "tower.bin").write_bytes(content)
    ann.draw_line(upload=MEGABYTE)  # so slow that the page is left before the second part is there
    ann.field("Upload files").send_keys(str(tmp_path / "tower.bin"))
    wait_for(ann, "tower.bin", *(f"\n{size}." for size in (6, 7, 8, 9)))
    ann.open(bucket)
    ann.see("1 upload is not complete")
    ann.draw_line()
    ann.field("Upload files").send_keys(str(tmp_path / "tower.bin"))
    wait_for(ann, "tower.bin", "11 MB, uploaded")
    assert ann.driver.execute_script(SENT) == 2, "what had come was sent again"
    ann.follow("tower.bin")
    ann.see("(11,534,336 bytes)")
    fetched = ann.driver.execute_async_script(FETCHED, ann.driver.current_url + "/download")
    assert fetched == sha256(content).hexdigest()
    assert [line for line in ann.complaints() if "ERR_INTERNET_DISCONNECTED" not in line] == []


FETCHED = """
const [address, done] = arguments;
fetch(address).then((answer) => answer.arrayBuffer()).then((bytes) => crypto.subtle.digest("SHA-256", bytes))
  .then((hash) => done([...new Uint8Array(hash)].map((one) => one.toString(16).padStart(2, "0")).join("")));
"""


def test_a_picture_is_picked_in_a_dialog_that_keeps_what_was_typed(
    home: Home, open_browser: Callable[..., Person], tmp_path: Path
) -> None:
    ann = open_browser(home.url)
    enter(ann, home)
    make_bucket(ann)
    Image.new("RGB", (900, 400), "teal").save(tmp_path / "header.png")
    (tmp_path / "prices.pdf").write_bytes(b"%PDF-1.4")
    ann.field("Upload files").send_keys(f"{tmp_path / 'header.png'}\n{tmp_path / 'prices.pdf'}")
    ann.see("2 files, ")
    ann.driver.execute_script(PASTE)
    ann.see("3 files, ")
    assert ann.driver.find_element(By.CSS_SELECTOR, "#files .first a").text.startswith("pasted-")

    ann.go("/messages/new")
    ann.press("Write an email")
    ann.see("Subject")
    ann.fill("Subject", "Autumn at the tower")
    WebDriverWait(ann.driver, 20).until(lambda driver: "Saved" in driver.find_element(By.ID, "saved").text)
    ann.driver.find_element(By.ID, "pick-attachment").send_keys(Keys.ENTER)
    ann.see("Attach files")
    WebDriverWait(ann.driver, 10).until(lambda driver: driver.switch_to.active_element.text == "Attach files")
    assert ann.barriers() == []
    ann.driver.switch_to.active_element.send_keys(Keys.ESCAPE)
    WebDriverWait(ann.driver, 10).until(
        lambda driver: driver.switch_to.active_element.get_attribute("id") == "pick-attachment"
    )
    ann.driver.switch_to.active_element.send_keys(Keys.ENTER)
    ann.see("Nothing attached yet")
    ann.driver.find_element(By.CSS_SELECTOR, "#picker [type='search']").send_keys("pric")
    WebDriverWait(ann.driver, 10).until(
        lambda driver: len(driver.find_elements(By.CSS_SELECTOR, ".picker-grid li")) == 1
    )
    ann.press("Attach prices.pdf")
    WebDriverWait(ann.driver, 10).until(lambda driver: "prices.pdf" in driver.find_element(By.ID, "main").text)
    assert ann.field("Subject").get_property("value") == "Autumn at the tower"
    assert ann.complaints() == []
