"""A service whose adapter has faults of its own: at some addresses it raises, or ends its process.

`python -m tests.engine.stumblers` drains messages as a worker whose adapter dies: it takes the settings as JSON, the
messages' numbers as JSON, and for each address of which it dies when: `before` or `after` it has begun.
"""

import json
import os
import sys
from collections.abc import Sequence
from typing import Any

import pytest

from app import providers
from app.engine import dispatch
from app.engine.machine import Machine
from app.infra.broker import Broker
from app.infra.clock import SystemClock
from app.infra.db import Database
from app.infra.settings import Settings
from app.infra.vault import Vault
from app.providers.base import Account, Envelope, Watch
from tests.conftest import SECRET
from tests.engine.runners import Runner

SIGN = 9  # with which a worker ends that dies of a delivery


class Stumbler(Runner):
    """A runner that fails as a whole when it is given certain addresses."""

    def __init__(self) -> None:
        super().__init__()
        self.raises: dict[str, Exception] = {}  # as soon as it sees the address, before it has begun anything
        self.breaks: dict[str, Exception] = {}  # once the address has begun
        self.deaths: dict[str, str] = {}
        self.calls = 0

    async def send(self, account: Account, prepared: Any, envelopes: Sequence[Envelope], watch: Watch) -> None:
        self.calls += 1
        for envelope in envelopes:
            address = envelope.recipient.address
            dict(envelope.recipient.variables)  # as whoever renders does
            if address in self.raises:
                raise self.raises[address].with_traceback(None)
            if self.deaths.get(address) == "before":
                os._exit(SIGN)
        for index, envelope in enumerate(envelopes):
            address = envelope.recipient.address
            if not watch.may_start(1):
                return
            watch.started([index])
            if self.deaths.get(address) == "after":
                os._exit(SIGN)
            if address in self.breaks:
                raise self.breaks[address]
            await super().send(account, prepared, [envelope], _Answers(watch, index))


class _Answers:
    """A watch of one envelope that has begun already."""

    at_once = None
    is_paced = False

    def __init__(self, watch: Watch, index: int) -> None:
        self._watch, self._index = watch, index

    def may_start(self, count: int) -> int:
        return count

    def started(self, indexes: Sequence[int]) -> None:
        pass

    def answered(self, _: int, outcome: Any) -> None:
        self._watch.answered(self._index, outcome)


@pytest.fixture
def stumbler(monkeypatch: pytest.MonkeyPatch) -> Stumbler:
    """The service, in the catalog for this test as `runner`."""
    found = Stumbler()
    known = {**providers.catalog(), "runner": found}
    monkeypatch.setattr(providers, "catalog", lambda: known)
    return found


def main(facts: str, numbers: str, deaths: str) -> None:
    """Drain until nothing is due."""
    found = Stumbler()
    found.deaths = json.loads(deaths)
    known = {**providers.catalog(), "runner": found}
    providers.catalog = lambda: known  # type: ignore[assignment]
    settings = Settings(**json.loads(facts))
    database = Database(settings.sqlalchemy_url)
    machine = Machine(settings, database, Broker(settings.broker_url), SystemClock(), Vault([SECRET]))
    while sum(dispatch.drain(machine, number) for number in json.loads(numbers)):
        pass
    machine.close()
    database.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
