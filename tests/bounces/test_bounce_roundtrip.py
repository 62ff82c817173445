"""Bounces all the way, with real processes: API, engine, emulator, report by mail, receiver, the delivery's story."""

import json
import signal
import smtplib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from app.domain.permissions import Actor
from app.emulators.outbox import Outbox, outbox_path
from app.engine import dispatch, fanout, feedback
from app.engine.machine import Machine
from app.factory import create_app
from app.infra.clock import SystemClock
from app.infra.processes import end_with_parent
from app.infra.settings import ROOT, Settings
from app.models.deliveries import Delivery
from app.models.feedback import FeedbackEvent
from app.models.messages import Message
from app.models.suppressions import Suppression
from app.services.providers import provider_sandbox
from app.services.team import keys
from app.services.tracking import deliveries
from app.services.work import Workshop
from tests.api.caller import Caller
from tests.bounces.conftest import DOMAIN, Sent
from tests.bounces.test_bounce_reports import sample

PATIENCE = 30.0  # seconds
ENDS = {
    "ann+late-bounce@example.com": "bounced",
    "ben+late-refusal@example.com": "failed",
    "cem+complaint@example.com": "sent",
    "dora+delayed@example.com": "sent",
    "emma@example.com": "sent",
}
TOLD = {
    "ann+late-bounce@example.com": ["bounced"], "ben+late-refusal@example.com": ["failed"],
    "cem+complaint@example.com": ["complained"], "dora+delayed@example.com": ["deferred"], "emma@example.com": [],
}  # fmt: skip


def wait_for(is_true: Callable[[], object], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not is_true():
        assert time.monotonic() < end, what
        time.sleep(0.02)


def listens(port: int) -> bool:
    try:
        with smtplib.SMTP("127.0.0.1", port, timeout=5) as client:
            return client.noop()[0] == 250
    except (OSError, smtplib.SMTPException):
        return False


class ReceiverProcess:
    """`carillon bounces`, which can be killed and started again."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "app.cli", "bounces", "--data-dir", str(self.settings.data_dir)]
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=self.settings.environment(),
            preexec_fn=end_with_parent,  # noqa: PLW1509 - one system call that takes no lock
        )  # fmt: skip
        wait_for(lambda: listens(self.settings.bounces_port) or self.process.poll() is not None, "it listens")
        assert self.process.poll() is None, "the receiver ended"

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)


@pytest.fixture
def receiver(shop: Workshop) -> Iterator[ReceiverProcess]:
    shop.clock = SystemClock()
    process = ReceiverProcess(shop.settings)
    yield process
    process.process.terminate()
    assert process.process.wait(10) == 0


@pytest.fixture
def outbox(shop: Workshop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outbox]:
    """The emulators as a process of their own, told where bounces go."""
    folder: Path = tmp_path_factory.mktemp("emulators")
    to = f"127.0.0.1:{shop.settings.bounces_port}"
    process = subprocess.Popen(
        [sys.executable, "-m", "app.emulators", "--data-dir", str(folder), "--bounces-to", to], cwd=ROOT
    )
    written = folder / "run" / "emulators.json"
    wait_for(written.exists, "the emulators listen")
    shop.settings.run_dir.mkdir(parents=True, exist_ok=True)
    (shop.settings.run_dir / "emulators.json").write_text(written.read_text())
    assert "late-refusal" in json.loads(written.read_text())["smtp"]["faults"]
    box = Outbox(outbox_path(folder))
    yield box
    box.close()
    process.terminate()
    assert process.wait(10) == 0


def send(shop: Workshop, actor: Actor, machine: Machine) -> Caller:
    """A message to all of them, created over the API, carried by the engine."""
    with shop.open(actor) as work:
        provider = provider_sandbox.connect_emulated(work, "smtp")
        secret = keys.create_key(work, name="Shop", scopes=["all"], expires_at=None)[1]
    api = Caller(create_app(shop.settings, workshop=shop), secret)
    targets = []
    for number, address in enumerate(ENDS):
        api.post("/users", userId=f"u{number}", name=f"Person {number}")
        named = {"providerType": "email", "identifier": address, "providerId": provider.id}
        targets.append(api.post(f"/users/u{number}/targets", targetId=f"t{number}", **named)["$id"])
    api.post("/messaging/messages/email", messageId="m", targets=targets, subject="Hello", content="Hello there")
    with shop.database.read() as session:
        pk = session.scalars(select(Message.pk)).one()
    fanout.expand(machine, pk)
    dispatch.drain(machine, pk)
    return api


def states(shop: Workshop) -> dict[str, str]:
    with shop.database.read() as session:
        return {address: str(state) for address, state in session.execute(select(Delivery.address, Delivery.state))}


def stories(shop: Workshop, actor: Actor) -> dict[str, list[str]]:
    with shop.read(actor) as work:
        found = work.session.execute(select(Delivery.pk, Delivery.address)).all()
        return {address: [row.event for row, _ in deliveries.story_of(work, pk).receipts] for pk, address in found}


def test_what_a_mail_server_finds_out_later_stands_in_the_story(
    shop: Workshop, actor: Actor, receiver: ReceiverProcess, outbox: Outbox
) -> None:
    machine = Machine(shop.settings, shop.database, shop.broker, shop.clock, shop.vault)
    api = send(shop, actor, machine)

    def is_told() -> bool:
        feedback.apply_due(machine)
        return stories(shop, actor) == TOLD

    wait_for(is_told, "every story is complete")
    machine.close()
    assert states(shop) == ENDS
    senders = [row.sender for row in outbox.newest()]
    assert len(set(senders)) == len(ENDS), "each delivery has an address of its own"
    assert all(sender.startswith("bounce+") and sender.endswith("@bounces.invalid") for sender in senders)
    with shop.database.read() as session:
        kept = {row.address_key: row.reason for row in session.scalars(select(Suppression))}
        raws = session.scalars(select(FeedbackEvent.raw)).all()
    assert kept == {"ann+late-bounce@example.com": "hard_bounce", "cem+complaint@example.com": "complaint"}
    assert any("Original-Envelope-Id: " in raw for raw in raws), "the server offered DSN and was told the delivery"
    answer = api.get("/messaging/messages/m/deliveries")["deliveries"]
    assert {each["state"] for each in answer} == {"bounced", "failed", "sent"}


@pytest.mark.faults
def test_a_receiver_that_is_killed_loses_nothing_that_it_said_250_to(
    shop: Workshop, receiver: ReceiverProcess, sent: Sent
) -> None:
    """Killed three times while reports pour in; whoever sends them tries again, as mail servers do."""
    taken: list[str] = []
    kills, number = 0, 0
    while kills < 3 or len(taken) < 40:
        number += 1
        mark = f"report-{number}@mx.example.com"
        raw = sample("postfix").replace(b"20261121090003.4F1B22C1A7@mail.acme.example", mark.encode())
        assert mark.encode() in raw
        try:
            with smtplib.SMTP("127.0.0.1", shop.settings.bounces_port, timeout=10) as client:
                client.ehlo()
                client.mail("")
                client.rcpt(f"{sent.local}@{DOMAIN}")
                client.docmd("DATA")
                client.send(raw + b"\r\n.\r\n")
                if kills < 3 and number % 12 == 0:
                    time.sleep(kills * 0.006)  # each time a little later: before it is read, kept, answered
                    kills += 1
                    receiver.kill()
                if client.getreply()[0] == 250:
                    taken.append(mark)
        except (OSError, smtplib.SMTPException):
            assert receiver.process.poll() is not None, "only a kill may break a session off"
        if receiver.process.poll() is not None:
            receiver.start()
    with shop.database.read() as session:
        kept = "\n".join(session.scalars(select(FeedbackEvent.raw)))
    assert kills == 3
    assert [mark for mark in taken if mark not in kept] == []
    assert sent.state_after_all() == "bounced"
