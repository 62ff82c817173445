"""A newsletter with an image and a file, from the upload to the inbox: by keys alone, by touch, without JavaScript."""

import email
import email.policy
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path
from random import Random
from urllib.request import Request, urlopen

import pytest
from PIL import Image
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.browser.conftest import Home, start_browser
from tests.browser.keyboard import Keyboard
from tests.browser.person import Person
from tests.browser.steps import add_a_contact, add_to_audience, enter, make_a_topic, make_bucket, send
from tests.browser.touch import Finger

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def ann(make_home: Callable[[], Home]) -> Iterator[Person]:
    """Signed in, with the Sandbox, a topic with Ben in it and an empty bucket."""
    home = make_home()
    person = start_browser(home.url)
    enter(person, home)
    person.press_like("Use the Sandbox")
    add_a_contact(person)
    make_a_topic(person)
    make_bucket(person)
    yield person
    person.driver.quit()


def draw_up(folder: Path, name: str) -> tuple[Path, Path]:
    """An image and a PDF whose bytes nothing else has."""
    noise = Random(name)
    image, paper = folder / f"{name}_hat.png", folder / f"{name}-prices.pdf"
    Image.frombytes("RGB", (64, 24), noise.randbytes(64 * 24 * 3)).save(image)
    paper.write_bytes(b"%PDF-1.4\n" + noise.randbytes(30_000))
    return image, paper


def assert_it_arrived(person: Person, subject: str, image: Path, paper: Path) -> None:
    """The message that is open in the Sandbox holds both files, byte by byte, the image where the HTML shows it."""
    source = f"{person.driver.current_url.partition('?')[0]}/source.eml"
    cookies = "; ".join(f"{each['name']}={each['value']}" for each in person.driver.get_cookies())
    with urlopen(Request(source, headers={"Cookie": cookies}), timeout=20) as answer:
        letter = email.message_from_bytes(answer.read(), EmailMessage, policy=email.policy.default)
    assert (letter["Subject"], letter["To"]) == (subject, "Ben Baker <ben@example.org>")
    parts = {part.get_filename(): part for part in letter.walk() if part.get_filename()}
    assert set(parts) == {image.name, paper.name}
    for path, disposition in ((image, "inline"), (paper, "attachment")):
        assert parts[path.name].get_content_disposition() == disposition
        assert parts[path.name].get_payload(decode=True) == path.read_bytes()
    html = letter.get_body(("html",))
    assert html is not None
    assert f'src="cid:{parts[image.name]["Content-ID"].strip("<>")}"' in html.get_content()


def text_of(person: Person, selector: str) -> str:
    return person.driver.find_element(By.CSS_SELECTOR, selector).text


def wait_for_upload(person: Person, *files: Path) -> None:
    """Until the list of the bucket shows them."""

    def are_there() -> bool:
        listed = [each.text for each in person.driver.find_elements(By.CSS_SELECTOR, "#files .first a")]
        return all(file.name in listed for file in files)

    person.wait_until(are_there, f"for {files} to be in the bucket")


# --- by keys alone -----------------------------------------------------------------------------------------------


def test_a_newsletter_by_keys_alone(ann: Person, tmp_path: Path) -> None:
    image, paper = draw_up(tmp_path, "keys")
    keys = Keyboard(ann)
    ann.open("/")
    keys.press("g", "f")
    ann.see("Pictures")
    keys.skip()
    keys.use("Pictures", "link")
    ann.see("Any file up to")
    keys.skip()
    keys.go_to("Upload files")
    ann.driver.switch_to.active_element.send_keys(f"{image}\n{paper}")  # as the system's chooser brings them
    wait_for_upload(ann, image, paper)
    keys.look()
    write_by_keys(ann, keys)
    attach_by_keys(ann, keys, paper.name)
    show_by_keys(ann, keys, image.name)
    keys.add_to_audience("Newsl")
    ann.see("Fits Sandbox (")
    keys.look()
    keys.send("1 person")
    ann.see("1 of 1 person")
    keys.press("g", "b")
    ann.see("What arrived")
    keys.skip()
    keys.use("Keys for Ben")
    ann.see("Attachments")
    assert_it_arrived(ann, "Keys for Ben", image, paper)
    assert ann.complaints() == []


def write_by_keys(person: Person, keys: Keyboard) -> None:
    """Subject with a variable, and a heading and a bold word by their keys."""
    keys.begin("Write an email", "Subject")
    keys.go_to("Subject")
    keys.type("Keys for ")
    keys.choose("Insert a variable", "first_name")
    keys.press(Keys.ENTER)
    person.see("When a person has no first_name, write")
    keys.look()
    keys.press("you", Keys.ENTER)
    assert keys.is_on("Subject", "textbox")
    assert person.field("Subject").get_property("value") == "Keys for {{ first_name | you }}"
    keys.go_to("Content")
    keys.type("Autumn ")
    keys.press("b", held=Keys.CONTROL)
    keys.press("hats")
    person.see("Saved now")
    assert keys.is_on("Content", "textbox")
    assert person.field("Content").get_property("value") == "Autumn **hats**"


def attach_by_keys(person: Person, keys: Keyboard, name: str) -> None:
    """Look into the dialog, leave it, open it again, tick the file."""
    keys.use("Attach files", "button")
    person.wait_until(lambda: keys.is_on("Attach files", "heading"), "to be in the dialog")
    keys.press(Keys.ESCAPE)
    person.wait_until(lambda: keys.is_on("Attach files", "button"), "to be back where it opened")
    keys.look()
    keys.press(Keys.ENTER)
    person.wait_until(lambda: keys.is_on("Attach files", "heading"), "to be in the dialog again")
    keys.go_to(f"Tick {name}")
    keys.press(Keys.SPACE)
    keys.use("Attach what is ticked", "button", back=True)
    wait_for_chip(person, name)
    keys.look()


def show_by_keys(person: Person, keys: Keyboard, name: str) -> None:
    keys.skip()
    keys.use("Insert an image", "button")
    person.wait_until(lambda: keys.is_on("Put an image", "heading"), "to be in the dialog")
    keys.go_to("Search")
    keys.type("hat")
    person.wait_until(lambda: ".pdf" not in text_of(person, "#picker-found"), "to see images alone")
    keys.look()
    keys.use(f"Choose {name}", "button")
    wait_for_chip(person, name)


def wait_for_chip(person: Person, name: str) -> None:
    person.wait_until(lambda: name in text_of(person, "#files .chips"), f"for {name} to be with the message")


# --- by touch ----------------------------------------------------------------------------------------------------


def test_a_newsletter_by_touch_on_a_telephone(ann: Person, tmp_path: Path) -> None:
    image, paper = draw_up(tmp_path, "touch")
    with Finger(ann) as finger:
        ann.open("/")
        finger.go("Files", "Add bucket")
        finger.tap("Pictures")
        ann.see("Any file up to")
        ann.field("Upload files").send_keys(f"{image}\n{paper}")
        wait_for_upload(ann, image, paper)
        assert finger.too_small() == []
        write_by_touch(ann, finger)
        attach_by_touch(ann, finger, image, paper)
        finger.add_to_audience("Newsl", "Newsletter")
        ann.see("Fits Sandbox (")
        assert finger.too_small() == []
        finger.tap("Send to 1 person")
        ann.see("Through")
        assert finger.too_small() == []
        finger.tap("Send to 1 person now")
        ann.see("1 of 1 person")
        assert finger.too_small() == []
        finger.go("Sandbox", "What arrived")
        finger.tap("Touch for Ben")
        ann.see("Attachments")
        assert_it_arrived(ann, "Touch for Ben", image, paper)
    assert ann.complaints() == []


def write_by_touch(person: Person, finger: Finger) -> None:
    finger.begin("Write an email", "Subject")
    finger.write("Subject", "Touch for {{ first_name | you }}")
    finger.tap("Bold")
    finger.type("Autumn")
    person.see("Saved now")
    assert person.field("Content").get_property("value") == "**Autumn**"


def attach_by_touch(person: Person, finger: Finger, image: Path, paper: Path) -> None:
    finger.tap("Attach files")
    person.see(paper.name)
    assert finger.too_small() == []
    finger.tap("Close", "dialog button")
    finger.tap("Attach files")
    finger.tap(f"Attach {paper.name}")
    wait_for_chip(person, paper.name)
    finger.tap("Insert an image")
    finger.tap(f"Choose {image.name}")
    wait_for_chip(person, image.name)


# --- without JavaScript ------------------------------------------------------------------------------------------


def test_a_newsletter_without_javascript(ann: Person, open_browser: Callable[..., Person], tmp_path: Path) -> None:
    image, paper = draw_up(tmp_path, "plain")
    eve = open_browser(ann.url, scripts=False)
    take_session(eve, ann)
    eve.open("/")
    eve.follow("Files")
    eve.follow("Pictures")
    eve.field("Upload files").send_keys(f"{image}\n{paper}")
    eve.press("Upload")
    eve.see(paper.name)
    write_in_plain_forms(eve, image, paper)
    send(eve, "1 person")
    eve.reload_until("1 of 1 person")
    eve.follow("Sandbox")
    eve.follow("Plain for Ben")
    assert_it_arrived(eve, "Plain for Ben", image, paper)


def take_session(person: Person, other: Person) -> None:
    """This browser is signed in as the other one is."""
    person.open("/sign-in")
    for cookie in other.driver.get_cookies():
        person.driver.add_cookie(cookie)


def write_in_plain_forms(person: Person, image: Path, paper: Path) -> None:
    """Each choice is a page of its own, and the words come along."""
    person.follow("Messages")
    person.follow("New message")
    person.press("Write an email")
    person.fill("Subject", "Plain for {{ first_name | you }}")
    person.fill("Content", "Autumn *hats*")
    press_enter(person, "pick-attachment")
    tick = f"[aria-label='Tick {paper.name}']"
    person.wait_until(lambda: bool(person.driver.find_elements(By.CSS_SELECTOR, tick)), "for the file in the picker")
    person.driver.find_element(By.CSS_SELECTOR, tick).click()
    person.press("Attach what is ticked")
    person.see("29 KB")
    press_enter(person, "pick-inline")
    person.press(f"Choose {image.name}")
    person.see("in the content")
    assert person.field("Subject").get_attribute("value") == "Plain for {{ first_name | you }}"
    assert person.field("Content").get_attribute("value").startswith("Autumn *hats*\n\n![plain hat](cid:")
    add_to_audience(person, "Newsletter")


def press_enter(person: Person, name: str) -> None:
    """On that button: the key brings it out from under the bar that stays."""
    person.driver.find_element(By.ID, name).send_keys(Keys.ENTER)
