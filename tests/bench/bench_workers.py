"""W1: what each number of workers buys, on SQLite and on PostgreSQL, and whose processor time a recipient costs.

Wall-clock figures are of this machine alone. The processor time by part is what docs/scale.md computes further from.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests import postgres
from tests.bench.bench_email import BODY
from tests.bench.measure import Measurement, alternate
from tests.bench.postfix import running_sink, source_rate
from tests.bench.sending import seconds_to_send
from tests.faults.story import Office
from tests.faults.tree import Tree

WORKERS = (1, 2, 4)
PARTS = {"workers": "worker", "ticker": "carillon ticker", "web": "carillon web", "Valkey": "valkey-server"}
_TICKS = os.sysconf("SC_CLK_TCK")


def measure(people: int, rounds: int) -> Iterator[Measurement]:
    """Sends to that many people, for each database and each number of workers, against smtp-source."""
    print(f"W1   {people:,} personalised emails with {WORKERS} workers, {rounds} rounds", flush=True)
    with running_sink() as port:
        for database in ("SQLite", "PostgreSQL"):
            for workers in WORKERS:
                with _office(port, database, workers) as (office, server):
                    yield _measure(office, server, people, rounds, port, f"{database}, {workers} workers")


def _measure(
    office: Office, server: postgres.Server | None, people: int, rounds: int, port: int, name: str
) -> Measurement:
    def send(total: int) -> float:
        return seconds_to_send(office, office.write(total, body=BODY), total)

    send(people // 10)  # warm: connections, caches, pages of the database
    spent: dict[str, float] = {}

    def rate() -> float:
        message, before = office.write(people, body=BODY), processor_seconds(office, server)
        seconds = seconds_to_send(office, message, people)
        for part, total in processor_seconds(office, server).items():
            spent[part] = spent.get(part, 0.0) + total - before[part]
        return people / seconds

    ours, yardstick = alternate(rounds, rate, lambda: source_rate(port, people))
    each = {part: total / people / rounds * 1e6 for part, total in spent.items()}
    print(f"     {name}: processor µs a recipient: " + ", ".join(f"{part} {cost:.1f}" for part, cost in each.items()))
    ratios = [mine / theirs for mine, theirs in zip(ours, yardstick, strict=True)]
    code = f"W1{'s' if server is None else 'p'}{office.tree.settings.workers}"
    return Measurement(code, f"{people:,} emails, {name}", "/s", ours, yardstick, ratios)


def processor_seconds(office: Office, server: postgres.Server | None) -> dict[str, float]:
    """The processor time that each part has taken so far, in seconds."""
    parts = {part: _taken_by(office.tree.pids(word)) for part, word in PARTS.items()}
    return parts | ({"PostgreSQL": _taken_by(server.family())} if server is not None else {})


def _taken_by(pids: Sequence[int]) -> float:
    """Of these processes, and of children of theirs that have ended."""
    total = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except FileNotFoundError:
            continue  # it ended; its time is its parent's now
        total += sum(map(int, fields[11:15]))  # utime, stime, cutime, cstime: proc(5), counted from the third
    return total / _TICKS


Opened = tuple[Office, postgres.Server | None]


@contextmanager
def _office(port: int, database: str, workers: int) -> Iterator[Opened]:
    """A furnished installation on that database; PostgreSQL writes as it does outside of tests."""
    with ExitStack() as stack, TemporaryDirectory() as folder:
        server = stack.enter_context(postgres.server(is_durable=True)) if database == "PostgreSQL" else None
        url = server.new_database() if server is not None else ""
        tree = Tree(Path(folder) / "tree", lease_seconds=60, workers=workers, database_url=url)
        office = Office(tree.start(), None)
        try:
            office.furnish(port=port)
            yield office, server
        finally:
            office.close()
            office.tree.kill_all()
