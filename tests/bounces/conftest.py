"""A receiver that listens on a port, and a delivery that was sent, of which mail may come back."""

import asyncio
import smtplib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import select

from app.bounces import Receiver
from app.domain.return_paths import ReturnPaths, day_of
from app.engine import feedback
from app.engine.accounts import BOUNCES
from app.engine.machine import Machine
from app.infra.vault import Vault
from app.models.deliveries import Delivery
from app.services.work import Workshop
from tests.engine.test_feedback import Stage

DOMAIN = "bounces.acme.example"
SECRET = "a-test-key-without-blanks-that-is-long-enough"  # another process reads it from its environment


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Mailroom:
    """An installation with its receiver; `send` gives mail to it as any mail server would."""

    shop: Workshop
    receiver: Receiver
    loop: asyncio.AbstractEventLoop = field(repr=False)

    @property
    def port(self) -> int:
        return self.shop.settings.bounces_port

    def connect(self) -> smtplib.SMTP:
        client = smtplib.SMTP("127.0.0.1", self.port, local_hostname="mx.example.com", timeout=10)
        client.ehlo()
        return client

    def send(self, local: str, raw: bytes, sender: str = "") -> tuple[int, bytes]:
        """The answer to the final dot."""
        with self.connect() as client:
            assert client.mail(sender)[0] == 250
            assert client.rcpt(f"{local}@{DOMAIN}")[0] == 250
            return client.data(raw)

    def rows(self, table: type[Any]) -> list[Any]:
        with self.shop.database.read() as session:
            return list(session.scalars(select(table)))


@pytest.fixture
def shop(workshop: Workshop, request: pytest.FixtureRequest) -> Workshop:
    """With the receiver on; a test may mark which settings it wants beside that."""
    wanted = getattr(request, "param", {})
    workshop.settings = workshop.settings.but({"bounces_port": free_port(), "secret_keys": SECRET, **wanted})
    workshop.vault = Vault([SECRET])
    return workshop


@pytest.fixture
def mailroom(shop: Workshop) -> Iterator[Mailroom]:
    loop, ready = asyncio.new_event_loop(), threading.Event()

    def serve() -> None:
        asyncio.set_event_loop(loop)
        receiver = loop.run_until_complete(_started(shop))
        found.append(receiver)
        loop.call_soon(ready.set)
        loop.run_forever()
        loop.run_until_complete(receiver.stop())
        loop.run_until_complete(asyncio.sleep(0.05))
        loop.close()

    found: list[Receiver] = []
    thread = threading.Thread(target=serve)
    thread.start()
    assert ready.wait(10)
    yield Mailroom(shop, found[0], loop)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)


async def _started(shop: Workshop) -> Receiver:
    receiver = Receiver(shop)
    await receiver.start()
    return receiver


@dataclass
class Sent:
    """A delivery that a provider took, and the local parts to which word of it comes."""

    stage: Stage
    local: str
    complaints: str

    def state_after_all(self) -> str:
        """Where the delivery is when a worker has applied what came in."""
        feedback.apply_due(self.stage.machine)
        with self.stage.machine.database.read() as session:
            return str(session.scalars(select(Delivery.state)).one())


@pytest.fixture
def sent(shop: Workshop) -> Iterator[Sent]:
    machine = Machine(shop.settings, shop.database, shop.broker, shop.clock, shop.vault)
    stage = Stage(machine).sent()
    paths = ReturnPaths(shop.vault.signing_key(BOUNCES), stage.provider_pk)
    yield Sent(stage, paths.of(stage.key, day_of(shop.clock.now())), paths.for_complaints())
    machine.close()
