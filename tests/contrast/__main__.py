"""`make contrast`: the storm of tests/faults over other senders, counted by the same sink; prints a table.

Each is set up as its own documents recommend; no more than that is asked of it. `--people`, `--strikes` and `--seeds`
say how much of it, names say at whom. All of it goes to loopback and takes about an hour.
"""

import argparse
import logging
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import structlog

from tests import postgres
from tests.contrast.celery_tasks import CeleryTasks, SafeCeleryTasks
from tests.contrast.post_office import PostOffice
from tests.contrast.sender import WORKERS, Count, Gale, Sender, count
from tests.faults.storm import Storm, Strikes, delay_for
from tests.faults.story import Office
from tests.faults.tree import Sink, Tree
from tests.peers import PeerMissingError

SENDERS: dict[str, Callable[[Sink, Path], Sender]] = {
    "post_office": PostOffice, "celery": CeleryTasks, "celery-safe": SafeCeleryTasks,
}  # fmt: skip
OURS = "carillon"
CALM = 20.0  # seconds that a send would last without any kill
RESULTS = Path(__file__).parent / "results"
HEAD = """| sender, seed | killed | never sent | of these it knows | sent twice | of these it knows \
| on the wire of killed workers, at most | time |
| --- | --- | --: | --: | --: | --: | --: | --: |
"""


def main() -> int:
    """Run what was asked for, print the rows as they come, and keep them in results/."""
    parser = argparse.ArgumentParser(prog="make contrast", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join([*SENDERS, OURS])} (default: all)")
    parser.add_argument("--seeds", default="1,2,3", help="numbers with commas between (default: 1,2,3)")
    parser.add_argument("--people", type=int, default=5_000)
    parser.add_argument("--strikes", type=int, default=9)
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - {*SENDERS, OURS}:
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join([*SENDERS, OURS])}")
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    RESULTS.mkdir(exist_ok=True)
    print(HEAD, end="")
    for name in arguments.names or [*SENDERS, OURS]:
        fire = _at_ours if name == OURS else _at(SENDERS[name])
        for seed in map(int, arguments.seeds.split(",")):
            try:
                row = fire(seed, arguments.people, arguments.strikes)
            except PeerMissingError as error:
                print(f"{name}: {error}")
                return 1
            print(row, end="", flush=True)
            with (RESULTS / "contrast.md").open("a") as file:
                file.write(row)
    return 0


def _at(make: Callable[[Sink, Path], Sender]) -> Callable[[int, int, int], str]:
    """A storm over a sender of that kind: seed, people and strikes to a row of the table."""

    def fire(seed: int, people: int, strikes: int) -> str:
        with _sink() as (folder, sink):
            sender = make(sink, folder)
            try:
                sender.queue(people)
                sink.slow_down(WORKERS * sender.wires * CALM / people)
                gale = Gale(sender, seed, people=people, strikes=strikes)
                began = time.monotonic()
                sender.start()
                gale.rage()
                sender.wait_until_over()
                ended = sink.moments()[-1]
                name = f"{sender.name}, {seed}"
                if sender.ended_by_hand:
                    name += f" (hung, and was ended by hand, {sender.ended_by_hand}×)"
                return _row(name, gale, gale.on_the_wire, count(sender, people), ended - began)
            finally:
                sender.close()

    return fire


def _at_ours(seed: int, people: int, strikes: int) -> str:
    """The storm of `make faults` over Carillon on PostgreSQL, with as many people as the others have."""
    with _sink() as (folder, sink), postgres.server() as server:
        tree = Tree(folder / "tree", database_url=server.new_database(), workers=WORKERS)
        office = Office(tree.start(), sink)
        try:
            office.furnish()
            message = office.write(people)
            sink.slow_down(delay_for(office, people, CALM))
            storm = Storm(office, seed, people=people, strikes=strikes, server=server)
            began = time.monotonic()
            office.send(message)
            storm.rage()
            office.wait_until_settled(message, 400)
            truth, ended = office.truth(message), sink.moments()[-1]
        finally:
            office.close()
            tree.kill_all()
    found = Count(never=truth.never, never_known=0, twice=truth.twice, twice_known=truth.twice - truth.unmarked)
    return _row(f"Carillon, {seed}", storm, storm.in_flight, found, ended - began)


@contextmanager
def _sink() -> Iterator[tuple[Path, Sink]]:
    """A folder for one run, and the sink in it."""
    with TemporaryDirectory() as name:
        sink = Sink(Path(name) / "sink")
        try:
            yield Path(name), sink
        finally:
            sink.stop()


def _row(name: str, strikes: Strikes, on_the_wire: int, found: Count, seconds: float) -> str:
    killed = ", ".join(
        f"{total}× {victim}" if total > 1 else victim for victim, total in Counter(strikes.victims).items()
    )
    figures = [found.never, found.never_known, found.twice, found.twice_known, on_the_wire, f"{seconds:.0f} s"]
    return f"| {' | '.join(map(str, [name, killed, *figures]))} |\n"


if __name__ == "__main__":
    sys.exit(main())
