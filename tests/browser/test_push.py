"""A push with an image from storage, written in the browser and read by Google's and Apple's pretend services."""

import io
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from selenium.webdriver.common.keys import Keys

from app.domain.permissions import Role, system
from app.emulators.outbox import Outbox
from app.engine import dispatch, fanout
from app.engine.machine import Machine
from app.infra.settings import Settings
from app.models.messages import Message
from app.services.providers import provider_sandbox
from app.services.storage import buckets, uploads
from app.services.storage.buckets import BucketRules
from app.services.storage.upload_admission import Incoming
from app.services.team import members
from app.services.work import Workshop
from tests import factories
from tests.browser.conftest import PASSWORD
from tests.browser.keyboard import Keyboard
from tests.browser.person import Person
from tests.browser.serving import served
from tests.browser.steps import add_to_audience, send, sign_in
from tests.browser.touch import Finger
from tests.browser.visits import change_look
from tests.conftest import SECRET, FakeClock, member, open_workshop
from tests.emulators.test_roundtrip import outbox, running

__all__ = ["outbox", "running"]  # fixtures
pytestmark = pytest.mark.browser
PICTURES = os.environ.get("CARILLON_PICTURES", "")  # a folder: every page seen is kept there as a picture
APPLE, GOOGLE = "a1" * 32, "fcm:a-phone"
EMAIL = "ed@acme.example"


@dataclass(frozen=True)
class Studio:
    """Where Ed writes pushes: an address that answers, and what lies behind it."""

    address: str
    workshop: Workshop

    def carry(self) -> None:
        """What the workers of a house would do now."""
        shop = self.workshop
        machine = Machine(shop.settings, shop.database, shop.broker, shop.clock, shop.vault)
        with shop.database.read() as session:
            pk = session.query(Message.pk).order_by(Message.pk.desc()).limit(1).scalar()
        fanout.expand(machine, pk)
        dispatch.drain(machine, pk)
        machine.close()


@pytest.fixture(scope="module")
def studio(
    running: Path, valkey: str, empty_database: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Studio]:
    """One house for all of them: two phones, their pretend services, and an image in storage."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("push"), redis_url=valkey, secret_keys=SECRET)
    (settings.data_dir / "carillon.sqlite3").write_bytes(empty_database.read_bytes())
    settings.run_dir.mkdir(parents=True, exist_ok=True)
    (settings.run_dir / "emulators.json").write_bytes((running / "run" / "emulators.json").read_bytes())
    with contextmanager(open_workshop)(settings, FakeClock()) as workshop:
        furnish(workshop)
        with served(workshop) as address:
            yield Studio(address, workshop)


def furnish(workshop: Workshop) -> None:
    picture = io.BytesIO()
    Image.new("RGB", (400, 200), (60, 110, 160)).save(picture, "PNG")
    with workshop.open(system()) as work:
        members.create_member(work, EMAIL, PASSWORD, role="composer", project_id="default", name="Ed")
    with workshop.open(member(Role.ADMIN, "Olga")) as work:
        for kind in ("apns", "fcm"):
            provider_sandbox.connect_emulated(work, kind)
        phones = [
            factories.make_target(
                work.session, factories.make_contact(work.session, name=name), address=token, channel="push"
            )
            for name, token in (("Ann", APPLE), ("Ben", GOOGLE))
        ]
        factories.make_topic(work.session, name="Storm warnings", targets=phones)
        buckets.create_bucket(work, BucketRules("Pictures"), bucket_id="pictures")
    uploads.receive(workshop, system(1), Incoming("pictures", io.BytesIO(picture.getvalue()), "rain.png", "rain"))


def request_bodies(person: Person) -> list[str]:
    """What the view of the exact request shows, once it does."""
    person.see("Goes through this one")
    return [each.text for each in person.driver.find_elements("css selector", ".request-body")]


def assert_it_arrived(studio: Studio, outbox: Outbox, shown: list[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Both platforms got what was written, as it was shown; the two payloads, Apple's first."""
    studio.carry()
    arrived = {row.recipient: json.loads(outbox.get(row.id).raw) for row in outbox.newest()}
    assert arrived.keys() == {APPLE, GOOGLE}
    apple, google = arrived[APPLE], arrived[GOOGLE]
    assert json.loads(shown[0])["aps"] == apple["aps"]
    assert apple["aps"]["alert"] == {"title": "Storm tonight, Ann", "body": "Stay in. 🌧️"}
    assert "/files/rain/push?" in apple["image"]
    message = google.get("message", google)
    assert message["notification"]["title"] == "Storm tonight, Ben"
    assert "/files/rain/push?" in message["notification"]["image"]
    return apple, message


@pytest.mark.parametrize("scripts", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_a_push_with_an_image_reaches_both_platforms_as_it_was_shown(
    studio: Studio, outbox: Outbox, open_browser: Callable[..., Person], scripts: bool
) -> None:
    ed = open_browser(studio.address, scripts=scripts)
    sign_in(ed, EMAIL)
    ed.follow("Messages")
    ed.follow("New message")
    ed.press("Write a push")
    ed.fill("Title", "Storm tonight, {{ name }}")
    ed.fill("Words", "Stay in. 🌧️")
    ed.fill("Opens", "acme://storm")
    ed.press("Choose an image")
    ed.press("Choose rain.png")
    ed.see("Choose another image")
    add_to_audience(ed, "Storm warnings")
    ed.see("iPhone, locked")
    assert ed.driver.find_elements("css selector", ".screen img[src$='/f/rain/picture']")
    ed.press("Request")
    shown = request_bodies(ed)
    send(ed, "2 people")
    ed.see("Exact request to the provider")
    assert_it_arrived(studio, outbox, shown)
    if scripts:
        assert ed.complaints() == []


def test_a_push_with_an_image_by_keys_alone(
    studio: Studio, outbox: Outbox, open_browser: Callable[..., Person]
) -> None:
    ed = open_browser(studio.address)
    keys = Keyboard(ed)
    ed.open("/sign-in")
    keys.go_to("Email")
    keys.type(EMAIL)
    keys.go_to("Password")
    keys.type(PASSWORD)
    keys.press(Keys.ENTER)
    ed.see("Ed")
    keys.begin("Write a push", "What people see")
    write_by_keys(keys)
    choose_an_image_by_keys(ed, keys)
    keys.add_to_audience("Storm")
    keys.use("Request", "button")
    shown = request_bodies(ed)
    keys.look()
    keys.send("2 people")
    ed.see("Exact request to the provider")
    apple, google = assert_it_arrived(studio, outbox, shown)
    assert (apple["aps"]["sound"], google["android"]["notification"]["color"]) == ("bell", "#0f766e")
    assert (apple["city"], google["data"]["city"]) == ("Bonn", "Bonn")
    assert ed.complaints() == []


def write_by_keys(keys: Keyboard) -> None:
    """Words, then what is folded away: a pair for the app, a sound, a colour."""
    for label, text in (("Title", "Storm tonight, {{ name }}"), ("Words", "Stay in. 🌧️"), ("Opens", "acme://storm")):
        keys.go_to(label)
        keys.type(text)
    keys.use("Data for the app")
    keys.go_to("Key 1")
    keys.type("city")
    keys.go_to("Value 1")
    keys.type("Bonn")
    keys.use("Add a pair", "button")
    assert keys.is_on("Key 2", "textbox")
    keys.type("street")
    keys.use("Add a pair", "button")
    keys.use("Remove the pair", "button", back=True)  # the second one goes
    assert keys.is_on("Key 2", "textbox")
    keys.use("On iPhone")
    keys.go_to("Sound")
    keys.type("bell")
    keys.use("On Android")
    keys.go_to("Colour")
    keys.type("#0f766e")


def choose_an_image_by_keys(person: Person, keys: Keyboard) -> None:
    """Out of the dialog and in again; what was chosen is taken away, and chosen once more."""
    keys.skip()
    keys.use("Choose an image", "button")
    person.wait_until(lambda: keys.is_on("Choose the image", "heading"), "to be in the dialog")
    keys.press(Keys.ESCAPE)
    person.wait_until(lambda: keys.is_on("Choose an image", "button"), "to be back where it opened")
    keys.press(Keys.ENTER)
    person.wait_until(lambda: keys.is_on("Choose the image", "heading"), "to be in the dialog again")
    keys.use("Choose rain.png", "button")
    person.see("Choose another image")
    keys.look()
    keys.use("Remove the image", "button")
    person.wait_until(lambda: "Choose another image" not in person.text(), "to see it go")
    keys.look()
    keys.use("Choose an image", "button")
    person.wait_until(lambda: keys.is_on("Choose the image", "heading"), "to be in the dialog once more")
    keys.go_to("Search")
    keys.type("rain")
    keys.use("Choose rain.png", "button")
    person.see("Choose another image")
    keys.look()


def test_a_push_with_an_image_by_touch_on_a_telephone(
    studio: Studio, outbox: Outbox, open_browser: Callable[..., Person]
) -> None:
    ed = open_browser(studio.address)
    with Finger(ed) as finger:
        ed.open("/sign-in")
        finger.write("Email", EMAIL)
        finger.write("Password", PASSWORD)
        finger.tap("Sign in", "button")
        finger.begin("Write a push", "What people see")
        write_by_touch(ed, finger)
        finger.tap("Choose an image")
        ed.see("rain.png")
        assert finger.too_small() == []
        finger.tap("Choose rain.png")
        ed.see("Choose another image")
        finger.add_to_audience("Storm", "Storm warnings")
        finger.tap("Request", "button")
        shown = request_bodies(ed)
        assert finger.too_small() == []
        finger.tap("Send to 2 people")
        ed.see("Through")
        assert finger.too_small() == []
        finger.tap("Send to 2 people now")
        ed.see("Exact request to the provider")
        assert finger.too_small() == []
    apple, google = assert_it_arrived(studio, outbox, shown)
    assert (apple["aps"]["badge"], google["android"]["notification"]["color"]) == (4, "#0f766e")
    assert ed.complaints() == []


def write_by_touch(person: Person, finger: Finger) -> None:
    """Words, then what is folded away for each platform."""
    finger.write("Title", "Storm tonight, {{ name }}")
    finger.write("Words", "Stay in. 🌧️")
    finger.write("Opens", "acme://storm")
    finger.tap("On iPhone", "summary")
    finger.tap("Set it to a number", "label")
    finger.write("Number", "4")
    person.see("On iPhone: badge 4")  # the line that folds these away says what is set, and may grow by that
    finger.tap("On Android", "summary")
    finger.write("Colour", "#0f766e")
    assert finger.too_small() == []


def test_no_view_of_the_sheet_has_a_barrier_and_its_hands_work(
    studio: Studio, open_browser: Callable[..., Person]
) -> None:
    content = {
        "title": "Storm tonight", "body": "Stay in, all of you. " * 20, "priority": "high", "badge": 4,
        "image": ["pictures", "rain"], "sound": "siren", "critical": True, "data": {"deep": {"a": 1}},
    }  # fmt: skip
    with studio.workshop.open(system(1)) as work:
        message = factories.make_message(work.session, channel="push", subject="Storm", content=content)
        key, pk = message.id, message.pk
    ed = open_browser(studio.address)
    sign_in(ed, EMAIL)
    found: list[str] = []
    for view, width, dark in (
        ("request", 1440, False), ("iphone", 1440, True), ("android", 360, True), ("browser", 360, False),
        ("devices", 1440, False),
    ):  # fmt: skip
        change_look(ed, width, dark=dark)
        ed.open(f"/p/default/messages/{key}/edit?view={view}&wall={'dark' if dark else 'light'}")
        ed.driver.execute_script("document.querySelectorAll('details').forEach(each => { each.open = true; })")
        found += [f"{view}: {line}" for line in (*ed.complaints(), *ed.barriers())]
        if ed.driver.execute_script("return document.documentElement.scrollWidth > window.innerWidth"):
            found.append(f"{view} sticks out")
        if PICTURES:
            name = f"push-{view}-{width}-{'dark' if dark else 'light'}.png"
            ed.screenshot(Path(PICTURES) / name, whole=True)
    assert found == []
    write_pairs_and_pick_a_colour(ed)

    def stored() -> dict[str, Any]:
        with studio.workshop.database.read() as session:
            return dict(session.get_one(Message, pk).content)

    ends = time.monotonic() + 15
    while stored().get("color") != "#b3261e" and time.monotonic() < ends:
        time.sleep(0.1)
    assert stored()["color"] == "#b3261e"
    assert stored()["data"] == {"deep": {"a": 1}, "city": "Bonn", "house": "7"}
    assert ed.complaints() == []


def write_pairs_and_pick_a_colour(ed: Person) -> None:
    for number, (name, value) in enumerate((("city", "Bonn"), ("street", "Elm"), ("house", "7")), start=2):
        ed.driver.find_element("css selector", f"[aria-label='Key {number}']").send_keys(name)
        ed.driver.find_element("css selector", f"[aria-label='Value {number}']").send_keys(value)
        ed.press("Add a pair")
        assert ed.driver.switch_to.active_element.get_attribute("aria-label") == f"Key {number + 1}"
    ed.driver.find_elements("css selector", "[data-drop]")[2].click()
    ed.driver.execute_script(
        "const pick = document.querySelector('input[type=color]'); pick.value = '#b3261e';"
        "pick.dispatchEvent(new Event('input', {bubbles: true}));"
    )
