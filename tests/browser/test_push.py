"""A push with an image from storage, written in the browser and read by Google's and Apple's pretend services."""

import io
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from werkzeug.serving import make_server

from app.domain.permissions import Actor, system
from app.engine import dispatch, fanout
from app.engine.machine import Machine
from app.factory import create_app
from app.models.messages import Message
from app.services.providers import provider_sandbox
from app.services.storage import buckets, uploads
from app.services.storage.buckets import BucketRules
from app.services.storage.upload_admission import Incoming
from app.services.team import members
from app.services.work import Workshop
from tests import factories
from tests.browser.person import Person
from tests.emulators.test_roundtrip import announced, outbox, running

__all__ = ["announced", "outbox", "running"]  # fixtures
pytestmark = pytest.mark.browser
PICTURES = os.environ.get("CARILLON_PICTURES", "")  # a folder: every page seen is kept there as a picture
PASSWORD = "correct horse battery"
APPLE, GOOGLE = "a1" * 32, "fcm:a-phone"


@pytest.fixture
def address(running: Any, announced: Any, workshop: Workshop, actor: Actor) -> Iterator[str]:
    """A house at a web server that listens, with two phones, their pretend services, and an image in storage."""
    picture = io.BytesIO()
    Image.new("RGB", (400, 200), (60, 110, 160)).save(picture, "PNG")
    with workshop.open(system()) as work:
        members.create_member(work, "ed@acme.example", PASSWORD, role="composer", project_id="default", name="Ed")
    with workshop.open(actor) as work:
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
    app = create_app(workshop.settings, workshop=workshop)
    app.config["COMPRESS_STREAMS"] = False  # packed files are left open for the garbage collector, which warns
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def sign_in(person: Person) -> None:
    person.open("/sign-in")
    person.fill("Email", "ed@acme.example")
    person.fill("Password", PASSWORD)
    person.press("Sign in")
    person.see("Ed")


def carry(workshop: Workshop) -> None:
    """What the workers of a house would do now."""
    machine = Machine(workshop.settings, workshop.database, workshop.broker, workshop.clock, workshop.vault)
    with workshop.database.read() as session:
        pk = session.query(Message.pk).scalar()
    fanout.expand(machine, pk)
    dispatch.drain(machine, pk)
    machine.close()


@pytest.mark.parametrize("scripts", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_a_push_with_an_image_reaches_both_platforms_as_it_was_shown(
    address: str, workshop: Workshop, outbox: Any, open_browser: Callable[..., Person], scripts: bool
) -> None:
    ed = open_browser(address, scripts=scripts)
    sign_in(ed)
    ed.follow("Messages")
    ed.follow("New message")
    ed.press("Write a push")
    ed.fill("Title", "Storm tonight, {{ name }}")
    ed.fill("Words", "Stay in. 🌧️")
    ed.fill("Opens", "acme://storm")
    ed.press("Choose an image")
    ed.press("Choose rain.png")
    ed.see("Take away")
    ed.fill("Add topics, people or addresses", "Storm")
    if not scripts:
        ed.press("Search")
    ed.press_like("Storm warnings")
    ed.see("will receive it")
    ed.see("iPhone, locked")
    assert ed.driver.find_elements("css selector", ".screen img[src$='/f/rain/picture']")
    ed.press("Request")
    ed.see("carries this one")
    shown = [each.text for each in ed.driver.find_elements("css selector", ".request-body")]
    ed.press_like("Send to 2 people")
    ed.press("Send to 2 people now")
    ed.see("Exact request to the provider")
    carry(workshop)
    arrived = {row.recipient: json.loads(outbox.get(row.id).raw) for row in outbox.newest()}
    assert arrived.keys() == {APPLE, GOOGLE}
    apple, google = arrived[APPLE], arrived[GOOGLE]
    assert json.loads(shown[0])["aps"] == apple["aps"]
    assert apple["aps"]["alert"] == {"title": "Storm tonight, Ann", "body": "Stay in. 🌧️"}
    assert "/files/rain/push?" in apple["image"]
    message = google.get("message", google)
    assert message["notification"]["title"] == "Storm tonight, Ben"
    assert "/files/rain/push?" in message["notification"]["image"]
    if scripts:
        assert ed.complaints() == []


def test_no_view_of_the_sheet_has_a_barrier_and_its_hands_work(
    address: str, workshop: Workshop, open_browser: Callable[..., Person]
) -> None:
    content = {
        "title": "Storm tonight", "body": "Stay in, all of you. " * 20, "priority": "high", "badge": 4,
        "image": ["pictures", "rain"], "sound": "siren", "critical": True, "data": {"deep": {"a": 1}},
    }  # fmt: skip
    with workshop.open(system(1)) as work:
        message = factories.make_message(work.session, channel="push", subject="Storm", content=content)
        key, pk = message.id, message.pk
    ed = open_browser(address)
    sign_in(ed)
    found: list[str] = []
    for view, width, dark in (
        ("request", 1440, False), ("iphone", 1440, True), ("android", 360, True), ("browser", 360, False),
        ("devices", 1440, False),
    ):  # fmt: skip
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        ed.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        ed.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": scheme})
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
        with workshop.database.read() as session:
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
