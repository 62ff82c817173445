"""What one recipient of an email costs: CPU time of one process that drains a message to smtp-sink.

    .venv/bin/python -m tests.bench.mail_cost [--postgresql] [--profile] [PEOPLE]

CPU time of each batch of a thousand, not wall time, and of all batches the tenth part that was quickest: other programs
share the core's caches and units, and move a second of CPU by half. What the parts cost is measured in a run of its
own, by wrapping the functions named. PostgreSQL's own processes are not counted. Of the first run the time on the clock
is told too: how long the wire waited from one batch to the next.
"""

import cProfile
import pstats
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from app.domain.permissions import Actor, ActorKind
from app.engine import batches, dispatch, fanout, journal, ledger, lessons, plans, poison
from app.engine.machine import Machine
from app.infra.settings import Settings
from app.infra.valkey import Valkey
from app.migrations import upgrade
from app.providers.mime import MimeTemplate
from app.rendering.markers import PlainStencil
from app.services.sending import sending
from app.services.team import projects
from app.services.work import Workshop
from tests import factories, postgres
from tests.bench.bench_email import BODY
from tests.bench.postfix import running_sink
from tests.faults.story import OLGA, write_message

PEOPLE = 30_000
SECRET = "a-key-of-the-benchmark-that-is-long-enough-for-everything"
Part = tuple[Any, str]  # whose attribute, and its name
PARTS: dict[str, Part] = {
    "claim": (ledger, "claim"),
    "recipients": (poison, "readable"),
    "rendering": (PlainStencil, "fill"),
    "MIME": (MimeTemplate, "write"),
    "journal": (journal.Journal, "_append"),
    "results": (batches, "results_of"),
    "history, breaker": (lessons, "learn"),
    "record": (ledger, "record"),
}


@dataclass
class Spent:
    """Seconds of CPU of each full batch from claim to record, in "all" and by part; and when it was on the wire."""

    batches: list[dict[str, float]] = field(default_factory=list)
    on_wire: list[tuple[float, float]] = field(default_factory=list)

    def typical(self, name: str = "all") -> float:
        """Microseconds of a recipient in a batch that was hardly disturbed."""
        each = sorted(found[name] for found in self.batches)
        return each[len(each) // 10] / dispatch.MOST_BATCH * 1e6

    @property
    def idle(self) -> float:
        """Which part of the time nothing was sent, between the first batch and the last."""
        sent = sum(ended - begun for begun, ended in self.on_wire)
        return 1 - sent / (self.on_wire[-1][1] - self.on_wire[0][0])


def main(*arguments: str) -> None:
    """Print the microseconds of a recipient, in all and by part; with --profile also the costly functions."""
    people = next((int(word) for word in arguments if word.isdigit()), PEOPLE)
    with _machine(on_postgresql="--postgresql" in arguments) as (machine, shop):
        _drain(machine, _planned(machine, shop, people // 10))  # warm: connections, caches, pages of the database
        bare = _batches(machine, _planned(machine, shop, people), {})
        print(
            f"all of it                  {bare.typical():6.1f} µs of CPU (of {len(bare.on_wire)} batches)", flush=True
        )
        print(f"nothing was on the wire for {bare.idle:.0%} of the time")
        parts = _batches(machine, _planned(machine, shop, people), PARTS)
        costs = {name: parts.typical(name) for name in PARTS}
        costs["MIME"] -= costs["rendering"]
        costs["SMTP, sockets, the rest"] = parts.typical() - sum(costs.values())
        for name, cost in sorted(costs.items(), key=lambda each: -each[1]):
            print(f"  {name:24} {cost:6.1f} µs")
        if "--profile" in arguments:
            _profile(machine, _planned(machine, shop, people))


def _drain(machine: Machine, message_pk: int) -> None:
    """Send what is planned."""
    while dispatch.drain(machine, message_pk):
        pass


def _batches(machine: Machine, message_pk: int, parts: Mapping[str, Part]) -> Spent:
    """What each full batch spends that sends a message: in all, and in each of these parts."""
    found, spent = Spent(), dict.fromkeys(parts, 0.0)
    wrapped = [(owner, name, _timed(spent, part, getattr(owner, name))) for part, (owner, name) in parts.items()]
    in_one_go = [(dispatch, "SLICE", 60.0), (dispatch, "PATIENCE", 60.0)]
    of_full_size = [(plans, "FIRST_BATCH", dispatch.MOST_BATCH), *in_one_go]
    watched = [(batches, "send", _on_wire(found)), (dispatch, "_carry", _from_claim_to_record(found, spent))]
    with _replaced([*wrapped, *of_full_size, *watched]):
        _drain(machine, message_pk)
    return found


def _on_wire(found: Spent) -> Callable[..., Any]:
    send = batches.send

    def timed(machine: Machine, batch: batches.Batch, end: float) -> batches.Sent:
        moment = time.monotonic()
        sent = send(machine, batch, end)
        if len(batch.lease.deliveries) == dispatch.MOST_BATCH:
            found.on_wire.append((moment, time.monotonic()))
        return sent

    return timed


def _from_claim_to_record(found: Spent, spent: dict[str, float]) -> Callable[..., Any]:
    carry = dispatch._carry

    def timed(*given: Any) -> Any:
        before, sent, begun = dict(spent), len(found.on_wire), time.thread_time()
        came = carry(*given)
        taken = {"all": time.thread_time() - begun} | {name: spent[name] - before[name] for name in spent}
        if len(found.on_wire) > sent:
            found.batches.append(taken)
        return came

    return timed


@contextmanager
def _replaced(replacements: Iterable[tuple[Any, str, Any]]) -> Iterator[None]:
    kept = [(owner, name, getattr(owner, name)) for owner, name, _ in replacements]
    for owner, name, replacement in replacements:
        setattr(owner, name, replacement)
    try:
        yield
    finally:
        for owner, name, original in kept:
            setattr(owner, name, original)


def _timed(spent: dict[str, float], name: str, original: Callable[..., Any]) -> Callable[..., Any]:
    clock = time.thread_time

    def timed(*given: Any, **named: Any) -> Any:
        begun = clock()
        try:
            return original(*given, **named)
        finally:
            spent[name] += clock() - begun

    return timed


def _profile(machine: Machine, message_pk: int) -> None:
    profile = cProfile.Profile()
    profile.enable()
    _drain(machine, message_pk)
    profile.disable()
    pstats.Stats(profile).sort_stats("tottime").print_stats(70)


def _planned(machine: Machine, shop: Workshop, people: int) -> int:
    """A message to that many new people that is being sent, all its deliveries planned; its number."""
    with shop.database.begin() as session:
        message = write_message(session, people, body=BODY)
    with shop.open(OLGA) as work:
        sending.send(work, message.id)
    fanout.expand(machine, message.pk)
    return message.pk


@contextmanager
def _machine(*, on_postgresql: bool) -> Iterator[tuple[Machine, Workshop]]:
    """A furnished engine with one SMTP provider, which leads to a sink that keeps nothing."""
    with TemporaryDirectory() as folder, running_sink() as port, _database(on_postgresql=on_postgresql) as url:
        path = Path(folder)
        settings = Settings(data_dir=path, database_url=url, secret_keys=SECRET, workers=1, allow_private_hosts=True)
        valkey = Valkey(settings)
        valkey.start()
        upgrade(settings.sqlalchemy_url)
        shop = Workshop.equip(settings)
        machine = Machine(settings, shop.database, shop.broker, shop.clock, shop.vault)
        try:
            with shop.open(Actor(ActorKind.SYSTEM, "system", permissions=OLGA.permissions)) as work:
                projects.create_project(work, "default", name="Acme")
            with shop.open(OLGA) as work:
                factories.make_provider(work, port=port)
            yield machine, shop
        finally:
            machine.close()
            shop.close()
            valkey.stop()


@contextmanager
def _database(*, on_postgresql: bool) -> Iterator[str]:
    if not on_postgresql:
        yield ""
        return
    with postgres.server() as server:
        yield server.new_database()


if __name__ == "__main__":
    main(*sys.argv[1:])
