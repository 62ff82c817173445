"""Every kind that has an emulator, all the way: the API, a worker's functions, a real socket, and the ledger."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes, policy
from mimetypes import guess_type
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from app.domain.channels import Channel
from app.domain.content import EmailContent
from app.domain.permissions import Actor
from app.emulators.__main__ import discover
from app.emulators.faults import Faults
from app.emulators.outbox import Outbox, outbox_path
from app.engine import dispatch, fanout
from app.engine.machine import Machine
from app.factory import create_app
from app.infra.settings import Settings
from app.models.messages import Message
from app.providers import catalog
from app.services.messages import messages
from app.services.providers import provider_sandbox
from app.services.sending import sending
from app.services.team import keys
from app.services.work import Workshop
from app.storage import contents, open_store
from tests.api.caller import Caller
from tests.factories import make_file

KINDS = sorted(set(discover()) & set(catalog()))
PEOPLE = 3
CONTENT = {
    "email": {"subject": "Good morning", "content": "Hello {{ name }}"},
    "sms": {"content": "Hello {{ name }}"},
    "push": {"title": "Good morning", "body": "Hello {{ name }}"},
}
HAT, PRICES = b"\x89PNG\r\n\x1a\n a hat", b"Hats: 9"
ADDRESSES = {"email": "p{}@example.com", "sms": "+49170100000{}", "push": "{:064x}"}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The emulators as a process of their own; the directory of their data."""
    folder = tmp_path_factory.mktemp("emulators")
    process = subprocess.Popen([sys.executable, "-m", "app.emulators", "--data-dir", str(folder)])
    end = time.monotonic() + 30
    while not (folder / "run" / "emulators.json").exists():
        assert process.poll() is None, "the emulators ended"
        assert time.monotonic() < end
        time.sleep(0.05)
    yield folder
    process.terminate()
    assert process.wait(10) == 0


@pytest.fixture
def announced(running: Path, settings: Settings) -> dict[str, dict]:
    """What runs, as this installation reads it."""
    text = (running / "run" / "emulators.json").read_text()
    settings.run_dir.mkdir(parents=True, exist_ok=True)
    (settings.run_dir / "emulators.json").write_text(text)
    found: dict[str, dict] = json.loads(text)
    return found


@pytest.fixture
def outbox(running: Path) -> Iterator[Outbox]:
    box = Outbox(outbox_path(running))
    box.clear()
    yield box
    box.close()


@pytest.fixture
def faults(running: Path) -> Iterator[Faults]:
    dials = Faults(outbox_path(running))
    dials.turn_off()
    yield dials
    dials.turn_off()
    dials.close()


@dataclass
class House:
    """An installation with its API and its engine, beside the emulators."""

    workshop: Workshop
    actor: Actor
    machine: Machine
    api: Caller
    outbox: Outbox
    faults: Faults

    def send(self, kind: str) -> str:
        """A message to three people through the Sandbox of that kind, created over the API, carried by the engine."""
        with self.workshop.open(self.actor) as work:
            provider = provider_sandbox.connect_emulated(work, kind)
            provider_id, channel = provider.id, provider.channel
        targets = []
        for number in range(PEOPLE):
            self.api.post("/users", userId=f"u{number}", name=f"Person {number}")
            address = {"providerType": channel, "identifier": ADDRESSES[channel].format(number)}
            made = self.api.post(f"/users/u{number}/targets", targetId=f"t{number}", providerId=provider_id, **address)
            targets.append(made["$id"])
        self.api.post(f"/messaging/messages/{channel}", messageId="m", targets=targets, **CONTENT[channel])
        with self.workshop.database.read() as session:
            pk = session.query(Message.pk).scalar()
        fanout.expand(self.machine, pk)
        dispatch.drain(self.machine, pk)
        return str(channel)

    def deliveries(self) -> list[dict[str, Any]]:
        """What the API says of each recipient."""
        found: list[dict[str, Any]] = self.api.get("/messaging/messages/m/deliveries")["deliveries"]
        return found


@pytest.fixture
def house(
    announced: dict[str, dict], workshop: Workshop, actor: Actor, outbox: Outbox, faults: Faults
) -> Iterator[House]:
    with workshop.open(actor) as work:
        secret = keys.create_key(work, name="Shop", scopes=["all"], expires_at=None)[1]
    machine = Machine(workshop.settings, workshop.database, workshop.broker, workshop.clock, workshop.vault)
    api = Caller(create_app(workshop.settings, workshop=workshop), secret)
    yield House(workshop, actor, machine, api, outbox, faults)
    machine.close()


@pytest.mark.parametrize("kind", KINDS)
def test_a_message_of_the_api_arrives_and_the_ledger_says_so(kind: str, house: House) -> None:
    channel = house.send(kind)
    rows = [house.outbox.get(row.id) for row in house.outbox.newest()]
    assert {row.recipient for row in rows} == {ADDRESSES[channel].format(number) for number in range(PEOPLE)}
    assert {(row.protocol, row.channel, row.account) for row in rows} == {(kind, channel, "default")}
    assert all(b"Hello Person" in row.raw for row in rows)
    message = house.api.get("/messaging/messages/m")
    assert (message["status"], message["deliveredTotal"]) == ("sent", PEOPLE)
    assert {each["state"] for each in house.deliveries()} == {"sent"}
    assert all(each["providerMessageId"] for each in house.deliveries()), "the service's own id is kept"


@pytest.mark.parametrize("kind", [kind for kind in KINDS if catalog()[kind].spec.channel is Channel.EMAIL])
def test_every_kind_of_email_writes_the_messages_own_sender_text_and_images(kind: str, house: House) -> None:
    with house.workshop.open(house.actor) as work:
        provider_sandbox.connect_emulated(work, kind)
        hat, prices = (put_file(house, work.session, *each) for each in (("hat.png", HAT), ("prices.txt", PRICES)))
        content = EmailContent(
            "Hats", "", "html", f'<p>A hat <img src="cid:{hat[1]}" alt="hat"></p>', "help@acme.example", "Help",
            attachments=(prices,), from_name="Ann Archer", from_address="ann@acme.example", text="A hat, {{ name | }}",
            images=(hat,),
        )  # fmt: skip
        message = messages.write(work, content, {"emails": ["p@example.com"]})
        sending.send_unchecked(work, message.id)
    fanout.expand(house.machine, message.pk)
    dispatch.drain(house.machine, message.pk)
    [row] = [house.outbox.get(row.id) for row in house.outbox.newest()]
    mail = message_from_bytes(row.raw, policy=policy.default)
    assert str(mail["From"]) == "Ann Archer <ann@acme.example>"
    assert str(mail["Reply-To"]) == "Help <help@acme.example>"
    parts = {
        part.get_content_type(): part for part in mail.walk() if not part.is_multipart() and not part.is_attachment()
    }
    assert parts["text/plain"].get_content().strip() == "A hat,"
    assert f'src="cid:{hat[1]}"' in parts["text/html"].get_content()
    assert parts["image/png"]["Content-ID"] == f"<{hat[1]}>"
    assert parts["image/png"].get_payload(decode=True) == HAT
    [attached] = [part for part in mail.walk() if part.is_attachment()]
    assert (attached.get_filename(), attached.get_payload(decode=True)) == ("prices.txt", PRICES)


def put_file(house: House, session: Session, name: str, content: bytes) -> tuple[str, str]:
    """A file with these bytes in the store: its bucket's id and its own."""
    row = make_file(session, name, id=name.partition(".")[0], mime_type=guess_type(name)[0] or "", size=len(content))
    row.sealed_key = contents.seal_new_key(house.workshop.vault)
    plan = contents.Plan(contents.folder_of(row), contents.encoding_of(row, house.workshop.vault))
    row.store_key = contents.write_contents(open_store(house.workshop.settings), [content], plan).key
    return "b", row.id


def test_everything_that_runs_says_where_and_how_to_connect(announced: dict[str, dict]) -> None:
    assert {"smtp", "mailgun", "twilio"} <= set(announced)
    for kind, each in announced.items():
        assert each["url"].startswith(("http://127.0.0.1:", "smtp://127.0.0.1:")), kind
        assert each["channel"] == catalog()[kind].spec.channel.value
        assert set(each["values"]) <= {field.name for field in catalog()[kind].spec.fields}
