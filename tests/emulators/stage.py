"""One message to one person through the real engine, the real adapter and an emulator over a socket; time is ours."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.message_states import MessageEvent
from app.domain.permissions import Actor
from app.emulators.faults import EVERYONE, Dial, Faults
from app.emulators.outbox import Outbox
from app.engine import dispatch, fanout, lifecycle
from app.engine.machine import Machine
from app.models.deliveries import Attempt, Delivery
from app.models.messages import Message
from app.models.providers import Provider
from app.models.suppressions import Suppression
from app.models.targets import Target
from app.services.providers import provider_sandbox
from app.services.work import Workshop
from tests import factories
from tests.conftest import FakeClock
from tests.emulators.fault_table import SENT, End, Switch
from tests.emulators.test_roundtrip import ADDRESSES, announced, faults, outbox, running

__all__ = ["ADDRESSES", "announced", "faults", "outbox", "running"]  # the last four are fixtures for `sandbox`

CONTENT = {
    "email": {"subject": "Good morning", "preheader": "", "format": "markdown", "body": "Hello {{ name }}"},
    "sms": {"text": "Hello {{ name }}"},
    "push": {"title": "Good morning", "body": "Hello {{ name }}"},
}
# Addresses that ask for a fault by themselves: of somebody who does not exist.
NOBODY = {"email": "p+mailbox-unknown@example.com", "sms": "+15005550001", "push": "fault-mailbox-unknown"}
MOST_ROUNDS = 8
STEP = timedelta(
    minutes=1
)  # that pass at least between two rounds: a provider may be held back for longer than we wait
_numbers = count(1)


def connect(workshop: Workshop, actor: Actor, kind: str) -> int:
    """The Sandbox of that kind; the number of the provider.

    What adapters and emulators remember of an account must not reach from one test into the next.
    """
    with workshop.open(actor) as work:
        provider = provider_sandbox.connect_emulated(work, kind)
        provider.version = next(_numbers)
        if kind == "resend":
            values = work.vault.decrypt_json(provider.credentials) | {"apiKey": f"re_{provider.version}"}
            provider.credentials = work.vault.encrypt_json(values)
        return int(provider.pk)


class Stage:
    """An installation with a provider that everything goes through, and whose emulator runs."""

    def __init__(self, workshop: Workshop, outbox: Outbox, faults: Faults, provider_pk: int) -> None:
        assert isinstance(workshop.clock, FakeClock)
        self.workshop, self.outbox, self.faults, self.clock = workshop, outbox, faults, workshop.clock
        self.machine = Machine(workshop.settings, workshop.database, workshop.broker, workshop.clock, workshop.vault)
        self.provider_pk, self.channel = provider_pk, ""
        self.channel = self.provider().channel

    def close(self) -> None:
        self.faults.turn_off()
        self.machine.close()

    def hold_doubt(self) -> None:
        with self.machine.database.begin() as session:
            session.get_one(Provider, self.provider_pk).uncertain_policy = "hold"

    def write(self, *addresses: str) -> int:
        """A message to these addresses, on its way; its number."""
        with self.machine.database.begin() as session:
            targets = [self._target(session, address) for address in addresses]
            message = factories.make_message(session, audience={"targets": [target.id for target in targets]})
            message.channel, message.content = self.channel, CONTENT[self.channel]
            message.provider_pk = self.provider_pk
            lifecycle.start(session, message, MessageEvent.SEND, self.clock.now())
            pk = int(message.pk)
        fanout.expand(self.machine, pk)
        return pk

    def _target(self, session: Any, address: str) -> Target:
        contact = factories.make_contact(session, name="Ann")
        target = factories.make_target(session, contact, address=address, channel=self.channel)
        if self.channel == "push":
            target.provider_pk = self.provider_pk
            session.flush()
        return target

    def drain(self, message_pk: int) -> None:
        dispatch.drain(self.machine, message_pk)

    def carry(self, message_pk: int, pause: timedelta | None = None) -> None:
        """Send, and try again whenever it is time, until nothing is due any more or the provider is blocked."""
        for _ in range(MOST_ROUNDS):
            self.drain(message_pk)
            waiting = [each for each in self.deliveries(message_pk) if each.state == "queued"]
            if not waiting or self.provider().blocked_at is not None:
                return
            due = max(each.next_attempt_at for each in waiting)
            self.clock.moment = max(due if pause is None else self.clock.now() + pause, self.clock.now() + STEP)

    def deliveries(self, message_pk: int) -> list[Delivery]:
        with self.machine.database.read() as session:
            mine = select(Delivery).where(Delivery.message_pk == message_pk).order_by(Delivery.pk)
            return list(session.scalars(mine))

    def provider(self) -> Provider:
        with self.machine.database.read() as session:
            return session.get_one(Provider, self.provider_pk)

    def arrived(self, address: str) -> list[bytes]:
        """Each copy that the service took for that address: the request that it came with, and what it shows."""
        rows = [self.outbox.get(row.id) for row in self.outbox.newest(limit=100)]
        return [row.request + row.raw for row in rows if row is not None and row.recipient == address]

    def key_of(self, delivery: Delivery) -> bytes:
        """What travels with each try of that delivery, and makes a second copy known as one."""
        with self.machine.database.read() as session:
            return f"{delivery.pk}.{self.message_id(session, delivery.message_pk)}".encode()

    @staticmethod
    def message_id(session: Session, message_pk: int) -> str:
        """The id of that message, as pages and services know it."""
        return str(session.get_one(Message, message_pk).id)

    def end_of(self, delivery: Delivery) -> End:
        """Where that delivery stands, in the words of the table."""
        with self.machine.database.read() as session:
            tries = len(session.scalars(select(Attempt).where(Attempt.delivery_pk == delivery.pk)).all())
            reason = session.scalar(select(Suppression.reason).where(Suppression.address_key == delivery.address))
            target = session.get(Target, delivery.target_pk)
            blocked = session.get_one(Provider, self.provider_pk).blocked_reason
        is_expired = target is not None and target.expired_at is not None
        address = f"suppressed: {reason}" if reason else "expired" if is_expired else "fine"
        copies = len(self.arrived(delivery.address))
        return End(delivery.state, delivery.reason, tries, copies, address, blocked)


def play(stage: Stage, switch: Switch) -> End:
    """What the switch comes to for one person; then that what is decided stays so, and what waits goes out once."""
    address = ADDRESSES[stage.channel].format(1)
    if switch.after_success:
        stage.carry(stage.write(ADDRESSES[stage.channel].format(2)))
    if switch.holds:
        stage.hold_doubt()
    if switch.fault:
        stage.faults.turn(Dial(EVERYONE, switch.fault, remaining=switch.times, amount=switch.amount))
    message_pk = stage.write(address)
    stage.carry(message_pk, switch.pause)
    [delivery] = stage.deliveries(message_pk)
    found = stage.end_of(delivery)
    stage.faults.turn_off()
    stage.clock.move(timedelta(days=2).total_seconds())
    stage.carry(message_pk)
    [delivery] = stage.deliveries(message_pk)
    later = stage.end_of(delivery)
    if found.state == "queued":
        assert later == End("sent", "accepted", found.tries + 1, arrived=1), (
            "it waited for the repair, and went out once"
        )
    else:
        assert later == found, "what is decided stays so"
    copies = stage.arrived(address)
    assert len(copies) < 2 or all(stage.key_of(delivery) in copy for copy in copies), "a second copy is known as one"
    assert bool(delivery.provider_message_id) == (later.state == "sent"), "the service's own number is kept"
    return found


def judge_three(stage: Stage, dead: End) -> None:
    """Somebody who does not exist stands between two who do: that costs those two nothing."""
    first, last = (ADDRESSES[stage.channel].format(number) for number in (1, 2))
    message_pk = stage.write(first, NOBODY[stage.channel], last)
    stage.carry(message_pk)
    ends = {each.address: stage.end_of(each) for each in stage.deliveries(message_pk)}
    assert ends == {first: SENT, NOBODY[stage.channel]: dead, last: SENT}


@pytest.fixture
def sandbox(running: Path, announced: dict[str, dict], workshop: Workshop) -> Workshop:
    """An installation beside the emulators; its sign-ins are shared, for services count how often one signs in anew."""
    (running / "tokens").mkdir(exist_ok=True)
    (workshop.settings.run_dir / "tokens").symlink_to(running / "tokens")
    return workshop


@pytest.fixture
def stage(kind: str, sandbox: Workshop, actor: Actor, outbox: Outbox, faults: Faults) -> Iterator[Stage]:
    """The provider of the test's `kind`, connected to its emulator."""
    ready = Stage(sandbox, outbox, faults, connect(sandbox, actor, kind))
    yield ready
    ready.close()
