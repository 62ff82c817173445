"""An SMS service that a test drops into the catalog: each account answers as it was told to."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from app import providers
from app.domain.channels import Channel
from app.domain.message_states import MessageEvent
from app.domain.outcomes import Outcome, OutcomeKind, Reason, accepted
from app.domain.provider_spec import ProviderSpec
from app.engine import fanout, lifecycle
from app.engine.machine import Machine
from app.models.providers import Provider
from app.providers.base import Account, Envelope, Watch
from tests import factories
from tests.conftest import START
from tests.engine import story

DOWN = Outcome(OutcomeKind.TRANSIENT, Reason.SERVER_ERROR, "Out of order", "503")
BUSY = Outcome(OutcomeKind.THROTTLED, Reason.RATE_LIMITED, "Slow down", "429")
WRONG = Outcome(OutcomeKind.CONFIG_PERMANENT, Reason.AUTHENTICATION_FAILED, "Wrong key", "401")
CUT = Outcome(OutcomeKind.UNCERTAIN, Reason.CONNECTION_LOST, "The connection ended")
REFUSED = Outcome(OutcomeKind.MESSAGE_PERMANENT, Reason.CONTENT_REJECTED, "Not like that", "400")
LARGE = Outcome(OutcomeKind.MESSAGE_PERMANENT, Reason.TOO_LARGE, "Too long", "413")
DEAD = Outcome(OutcomeKind.RECIPIENT_PERMANENT, Reason.INVALID_ADDRESS, "No such number", "404")
STOPPED = Outcome(OutcomeKind.RECIPIENT_OPTED_OUT, Reason.OPTED_OUT, "STOP", "403")
FULL = Outcome(OutcomeKind.TRANSIENT, Reason.MAILBOX_FULL, "Full", "452")


class Runner:
    """Takes everything, but at the accounts whose mood says otherwise; `sent` is (number of the provider, address)."""

    spec = ProviderSpec("runner", "Runner", Channel.SMS, "", (), max_batch=100)

    def __init__(self) -> None:
        self.sent: list[tuple[int, str]] = []
        self.moods: dict[int, Outcome] = {}
        self.short: set[int] = set()  # accounts at which only the first of a batch is started
        self.meanwhile: Callable[[], None] | None = None  # happens once, after a batch was sent, before it is recorded

    async def send(self, account: Account, prepared: Any, envelopes: Sequence[Envelope], watch: Watch) -> None:
        provider_pk = int(account.key.partition(".")[0])
        for index, envelope in enumerate(envelopes):
            if not watch.may_start(1) or (index and provider_pk in self.short):
                return
            watch.started([index])
            self.sent.append((provider_pk, envelope.recipient.address))
            watch.answered(index, self.moods.get(provider_pk, accepted(f"id-{len(self.sent)}")))
        happens, self.meanwhile = self.meanwhile, None
        if happens is not None:
            happens()

    def visits(self) -> Counter[int]:
        """How many requests each account got."""
        return Counter(pk for pk, _ in self.sent)


@pytest.fixture
def runner(monkeypatch: pytest.MonkeyPatch) -> Runner:
    """The service, in the catalog for this test."""
    found = Runner()
    known = {**providers.catalog(), "runner": found}
    monkeypatch.setattr(providers, "catalog", lambda: known)
    return found


def connect(machine: Machine, *ranks: int, **columns: Any) -> list[int]:
    """An account for each rank; their numbers."""
    made = []
    with machine.database.begin() as session:
        for place, rank in enumerate(ranks):
            row = Provider(
                id=factories.number(), project_pk=1, name=f"Runner {'ABCDEF'[place]}", kind="runner", channel="sms",
                options={}, rank=rank, created_at=START, updated_at=START, **columns,
            )  # fmt: skip
            session.add(row)
            session.flush()
            made.append(int(row.pk))
    return made


def change(machine: Machine, provider_pk: int, **columns: Any) -> None:
    with machine.database.begin() as session:
        row = session.get_one(Provider, provider_pk)
        for name, value in columns.items():
            setattr(row, name, value)


def start(machine: Machine, people: int = 1, *, bound: int | None = None, **columns: Any) -> int:
    """A text message to that many numbers, started and fanned out."""
    with machine.database.begin() as session:
        targets = []
        for _ in range(people):
            contact = factories.make_contact(session)
            number = f"+49151{contact.pk:08d}"
            target = factories.make_target(session, contact, address=number, channel="sms")
            target.provider_pk = bound
            targets.append(target)
        message = factories.make_message(
            session, channel="sms", content={"text": "Hello"}, audience={"targets": [each.id for each in targets]},
            **columns,
        )  # fmt: skip
        lifecycle.start(session, message, MessageEvent.SEND, machine.clock.now())
    fanout.expand(machine, message.pk)
    return int(message.pk)


def provider(machine: Machine, provider_pk: int) -> Provider:
    with machine.database.read() as session:
        return session.get_one(Provider, provider_pk)


def dues(machine: Machine, message_pk: int) -> list[tuple[int, float]]:
    """The lane of each queued delivery, and in how many seconds it is due."""
    now = int(machine.clock.now().timestamp() * 1000)
    found = story.rows(
        machine, "SELECT wish_pk, next_attempt_at FROM deliveries WHERE message_pk = :pk AND state = 'queued'",
        pk=message_pk,
    )  # fmt: skip
    return [(row.wish_pk, (row.next_attempt_at - now) / 1000) for row in found]
