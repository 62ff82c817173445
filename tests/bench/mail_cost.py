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
STAGES = ("take", "send", "record")  # of a batch, as `engine.batches` calls them
Part = tuple[str, Any, str]  # of which stage, whose attribute, and its name
PARTS: dict[str, Part] = {
    "claim": ("take", ledger, "claim"),
    "recipients": ("take", poison, "readable"),
    "rendering": ("send", PlainStencil, "fill"),
    "MIME": ("send", MimeTemplate, "write"),
    "journal": ("send", journal.Journal, "_append"),
    "results": ("record", batches, "results_of"),
    "history, breaker": ("record", lessons, "learn"),
    "record": ("record", ledger, "record"),
}


@dataclass
class Spent:
    """Seconds of CPU of full batches: of each stage as a whole, and of its parts; and when batches were on the wire."""

    stages: dict[str, list[dict[str, float]]] = field(default_factory=lambda: {stage: [] for stage in STAGES})
    on_wire: list[tuple[float, float]] = field(default_factory=list)

    def typical(self, stage: str, name: str = "all") -> float:
        """Microseconds of a recipient in a batch that was hardly disturbed."""
        each = sorted(found[name] for found in self.stages[stage])
        return each[len(each) // 10] / dispatch.MOST_BATCH * 1e6

    @property
    def whole(self) -> float:
        """Microseconds of a recipient, in all."""
        return sum(self.typical(stage) for stage in STAGES)

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
        print(f"all of it                  {bare.whole:6.1f} µs of CPU (of {len(bare.on_wire)} batches)", flush=True)
        print(f"nothing was on the wire for {bare.idle:.0%} of the time")
        parts = _batches(machine, _planned(machine, shop, people), PARTS)
        costs = {name: parts.typical(stage, name) for name, (stage, _, _) in PARTS.items()}
        costs["MIME"] -= costs["rendering"]
        costs["SMTP, sockets, the rest"] = parts.whole - sum(costs.values())
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
    wrapped = [(owner, name, _timed(spent, part, getattr(owner, name))) for part, (_, owner, name) in parts.items()]
    of_full_size = [(plans, "FIRST_BATCH", dispatch.MOST_BATCH), (dispatch, "SLICE", 60.0)]
    staged = [(batches, stage, _staged(found, spent, parts, stage)) for stage in STAGES]
    with _replaced([*wrapped, *of_full_size, *staged]):
        _drain(machine, message_pk)
    return found


def _staged(found: Spent, spent: dict[str, float], parts: Mapping[str, Part], stage: str) -> Callable[..., Any]:
    original = getattr(batches, stage)
    names = [name for name, (of, _, _) in parts.items() if of == stage]

    def timed(*given: Any, **named: Any) -> Any:
        before = {name: spent[name] for name in names}
        moment, begun = time.monotonic(), time.thread_time()
        came = original(*given, **named)
        taken = {"all": time.thread_time() - begun} | {name: spent[name] - before[name] for name in names}
        if stage == "send":
            found.on_wire.append((moment, time.monotonic()))
        if _size_of(given[1], came) == dispatch.MOST_BATCH:
            found.stages[stage].append(taken)
        return came

    return timed


def _size_of(given: Any, came: Any) -> int:
    """How many deliveries the batch of a stage holds: it is given, or what it makes."""
    batch = given if isinstance(given, batches.Batch) else getattr(given, "batch", came)
    return len(batch.lease.deliveries) if isinstance(batch, batches.Batch) else 0


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
