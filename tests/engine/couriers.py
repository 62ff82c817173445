"""Two push services that a test drops into the catalog, whose device tokens belong to one account each."""

from collections.abc import Sequence
from typing import Any

import pytest

from app import providers
from app.domain.channels import Channel
from app.domain.outcomes import Outcome, accepted
from app.domain.provider_spec import ProviderSpec
from app.engine.machine import Machine
from app.models.messages import Message
from app.models.providers import Provider
from app.models.targets import Target
from app.providers.base import Account, Envelope, Watch
from tests import factories
from tests.conftest import START

HEX = "[0-9a-fA-F]{64,}"
PUSH = {"title": "Hello", "body": "Your order is on its way"}


class Courier:
    """A service that takes everything, but for the tokens it was told to answer otherwise."""

    def __init__(self, kind: str, pattern: str = "") -> None:
        self.spec = ProviderSpec(
            kind, kind.title(), Channel.PUSH, "", (), max_batch=100, owns_addresses=True, address_pattern=pattern
        )
        self.sent: list[tuple[int, str]] = []  # number of the provider, token
        self.answers: dict[str, Outcome] = {}

    async def send(self, account: Account, prepared: Any, envelopes: Sequence[Envelope], watch: Watch) -> None:
        provider_pk = int(account.key.partition(".")[0])
        for index, envelope in enumerate(envelopes):
            if not watch.may_start(1):
                return
            watch.started([index])
            prepared.render(envelope.recipient)
            token = envelope.recipient.address
            self.sent.append((provider_pk, token))
            watch.answered(index, self.answers.get(token, accepted(f"id-{token}")))


class Couriers:
    """Rocket's tokens are hexadecimal; Glider takes whatever else there is."""

    def __init__(self) -> None:
        self.rocket = Courier("rocket", HEX)
        self.glider = Courier("glider")

    def tokens(self, courier: Courier) -> list[str]:
        return sorted(token for _, token in courier.sent)


@pytest.fixture
def couriers(monkeypatch: pytest.MonkeyPatch) -> Couriers:
    """Both services, in the catalog for this test."""
    both = Couriers()
    known = {**providers.catalog(), "rocket": both.rocket, "glider": both.glider}
    monkeypatch.setattr(providers, "catalog", lambda: known)
    return both


def connect(machine: Machine, kind: str, **columns: Any) -> int:
    """A push provider of that kind; its number."""
    with machine.database.begin() as session:
        row = Provider(
            id=factories.number(), project_pk=1, name=f"My {kind}", kind=kind, channel="push", options={},
            created_at=START, updated_at=START, **columns,
        )  # fmt: skip
        session.add(row)
        session.flush()
        return int(row.pk)


def device(session: Any, token: str, provider_pk: int | None = None) -> Target:
    """A device with that token, bound to a provider or to none."""
    target = factories.make_target(session, factories.make_contact(session), address=token, channel="push")
    target.address_key, target.provider_pk = token, provider_pk
    session.flush()
    return target


def push_message(session: Any, targets: Sequence[Target], **columns: Any) -> Message:
    """A push message to these devices, a draft."""
    message = factories.make_message(session, audience={"targets": [target.id for target in targets]}, **columns)
    message.channel, message.content = "push", PUSH
    session.flush()
    return message
