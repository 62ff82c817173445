"""What one push or text costs a worker: CPU time of one process that sends to a local nginx, beside a bare client.

    .venv/bin/python -m tests.bench.http_cost [--profile] [--people=N] [fcm|twilio|…]

Three figures of each kind, the best of several rounds that take turns: everything a worker does (claim, send, record),
the sending alone (the kit and the adapter under a watch that only counts), and the bare loop of the same client with a
body as ours. CPU time, not wall time: other work on the machine moves it little. nginx runs in a process of its own.
"""

import cProfile
import pstats
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from app.domain.content import content_of
from app.domain.message_states import MessageEvent
from app.domain.outcomes import Outcome, OutcomeKind
from app.domain.rendered import Recipient
from app.engine import dispatch, fanout, lifecycle
from app.engine.accounts import account_of
from app.engine.machine import Machine
from app.engine.recipients import variables_of
from app.models.contacts import Contact
from app.models.providers import Provider
from app.providers import get
from app.providers.base import Account, Envelope
from app.rendering import prepare
from app.services.providers import providers
from app.services.work import Workshop
from tests.bench.bench_fanout import workshop_of_its_own
from tests.bench.bench_http import KINDS, TOKEN, Kind, bare_rate
from tests.bench.nginx import running_nginx
from tests.faults.story import OLGA, write_message

ROUNDS, PEOPLE, BATCH = 5, 20_000, 1000


@dataclass(slots=True)
class Counting:
    """A watch that lets everything go and counts what was accepted."""

    at_once: int | None = None
    is_paced: bool = False
    accepted: int = 0

    def may_start(self, count: int) -> int:
        """All of them."""
        return count

    def started(self, indexes: Sequence[int]) -> None:
        """Nothing is written down."""

    def answered(self, index: int, outcome: Outcome) -> None:
        """One more."""
        assert outcome.kind is OutcomeKind.ACCEPTED, outcome
        self.accepted += 1


def main(*arguments: str) -> None:
    """Print the microseconds of each kind; with --profile also where they go."""
    names = [word for word in arguments if not word.startswith("-")]
    people = next((int(word.partition("=")[2]) for word in arguments if word.startswith("--people=")), PEOPLE)
    for kind in KINDS:
        if not names or kind.name in names:
            _measure(kind, people, is_profiled="--profile" in arguments)


def _measure(kind: Kind, people: int, *, is_profiled: bool) -> None:
    with (
        running_nginx(kind.answers, http2=kind.http2) as address,
        running_nginx({"/": (200, TOKEN)}) as sign_in,
        workshop_of_its_own(provider_endpoints={kind.name: address, f"{kind.name}_token": sign_in}) as shop,
    ):
        with shop.open(OLGA) as work:
            providers.connect(work, kind.name, name=kind.name, values=kind.values())
        machine = Machine(shop.settings, shop.database, shop.broker, shop.clock, shop.vault)
        with shop.database.read() as session:
            account = account_of(shop.vault, shop.settings, session.query(Provider).one())
        ours: dict[str, Callable[[], float]] = {
            "a worker, ledger and all": partial(_drain, shop, machine, kind, people),
            "sending alone": _sender(machine, kind, account, people),
            "a bare client": lambda: _timed(partial(bare_rate, address, kind, people)),
        }
        figures: dict[str, list[float]] = {name: [] for name in ours}
        for ask in ours.values():
            ask()  # warm: connections, token, caches, pages of the database
        for _ in range(ROUNDS):
            for name, ask in ours.items():
                figures[name].append(ask() / people * 1e6)
        print(f"{kind.name:8}", "; ".join(f"{name} {min(found):.1f} µs" for name, found in figures.items()), flush=True)
        if is_profiled:
            profile = cProfile.Profile()
            profile.runcall(ours["a worker, ledger and all"])
            pstats.Stats(profile).sort_stats("tottime").print_stats(50)
        machine.close()


def _timed(work: Callable[[], object]) -> float:
    """Seconds of CPU that this process, all its threads, spent on it."""
    began = time.process_time()
    work()
    return time.process_time() - began


def _drain(shop: Workshop, machine: Machine, kind: Kind, people: int) -> float:
    """Seconds of CPU to drain one message to that many people."""
    with shop.database.begin() as session:
        message = write_message(session, people, channel=kind.channel, content=kind.content)
        lifecycle.start(session, message, MessageEvent.SEND, shop.clock.now())
        pk = message.pk
    fanout.expand(machine, pk)
    done: list[int] = []

    def drain() -> None:
        while tried := dispatch.drain(machine, pk):
            done.append(tried)

    seconds = _timed(drain)
    assert sum(done) == people, f"{sum(done)} of {people} were tried"
    return seconds


def _sender(machine: Machine, kind: Kind, account: Account, people: int) -> Callable[[], float]:
    """What sends to that many in batches as large as a worker's, and says how many seconds of CPU it took."""
    prepared, adapter = prepare(content_of(kind.channel, kind.content)), get(kind.name)
    batches = [
        [Envelope(f"{pk}.message", _person(kind, pk)) for pk in range(first, first + BATCH)]
        for first in range(0, people, BATCH)
    ]

    def send() -> None:
        watch = Counting()
        for batch in batches:
            machine.loop.run_until_complete(adapter.send(account, prepared, batch, watch))
        assert watch.accepted == len(batches) * BATCH

    return lambda: _timed(send) * people / (len(batches) * BATCH)


def _person(kind: Kind, pk: int) -> Recipient:
    address = f"+1202{pk:07}" if kind.channel == "sms" else f"device-token-of-c{pk}"
    contact = Contact(name=f"Person {pk}", attributes={"city": "Berlin"})
    return Recipient(address, contact.name, variables_of(contact, address))


if __name__ == "__main__":
    main(*sys.argv[1:])
