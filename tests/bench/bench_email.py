"""Email end to end through a real `carillon up`: many at once (P1), and a single one on an idle system (P7)."""

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from app.domain.content import EmailContent
from app.domain.rendered import Recipient
from app.providers.mime import MimeTemplate, Sender
from app.rendering import prepare
from tests.bench.measure import Measurement, alternate
from tests.bench.postfix import running_sink, source_rate
from tests.bench.sending import seconds_to_send
from tests.faults.story import Office
from tests.faults.tree import Sink, Tree

BODY = "Hello {{ name | there }},\n\n" + "\n\n".join(
    f"Our autumn news from {{{{ city | town }}}} number {number} tells you what is new in the workshop and beyond it."
    for number in range(3)
)
SINGLES = 40


def measure_many(people: int, rounds: int) -> Iterator[Measurement]:
    """P1: from the press of the button to the last recipient settled in the ledger, against smtp-source."""
    print(f"P1   {people:,} personalised emails of {_size():,} bytes, {rounds} rounds", flush=True)
    with running_sink() as port, office_for(port) as office:
        _send(office, people // 10)  # warm: connections, caches, pages of the database
        ours, yardstick = alternate(rounds, lambda: people / _send(office, people), lambda: source_rate(port, people))
    ratios = [mine / theirs for mine, theirs in zip(ours, yardstick, strict=True)]
    yield Measurement(
        "P1",
        f"email end to end, {people:,} recipients, 2 workers, SQLite",
        "/s",
        ours,
        yardstick,
        ratios,
        at_least=1.0,
    )


def measure_single() -> Iterator[Measurement]:
    """P7: one email on an idle system, from before the service call until the sink accepted it."""
    print(f"P7   {SINGLES} single emails", flush=True)
    with TemporaryDirectory() as folder:
        sink = Sink(Path(folder) / "sink")
        try:
            with office_for(sink.port, sink) as office:
                waits = sorted(_single(office, sink) for _ in range(SINGLES + 1))[:-1]  # the first opens connections
        finally:
            sink.stop()
    p95 = statistics.quantiles(waits, n=20)[-1]
    yield Measurement("P7", "one email, services.send to accepted: p50", "ms", [statistics.median(waits)], at_most=150)
    yield Measurement("P7b", "one email, services.send to accepted: p95", "ms", [p95], at_most=500)


def _send(office: Office, people: int) -> float:
    """Seconds from the service call to the moment the ledger says it ended."""
    return seconds_to_send(office, office.write(people, body=BODY), people)


def _single(office: Office, sink: Sink) -> float:
    before, message = sink.total(), office.write(1, body=BODY)
    time.sleep(0.25)
    began = time.monotonic()
    office.send(message)
    while sink.total() == before:
        time.sleep(0.002)
    return (sink.moments()[-1] - began) * 1000


@contextmanager
def office_for(port: int, sink: Sink | None = None) -> Iterator[Office]:
    """A furnished installation of its own, with the defaults of a two-core machine."""
    with TemporaryDirectory() as folder:
        office = Office(Tree(Path(folder) / "tree", lease_seconds=60).start(), sink)
        try:
            office.furnish(port=port)
            yield office
        finally:
            office.close()
            office.tree.kill_all()


def _size() -> int:
    content = EmailContent.from_json({"subject": "Autumn news", "preheader": "", "format": "markdown", "body": BODY})
    template = MimeTemplate(prepare(content), Sender("news@acme.example", "Acme News"), datetime.now(UTC))
    person = Recipient("c1234@example.org", "Person 1234", {"name": "Person 1234", "city": "Berlin"})
    return len(template.write(person, "1234.message"))
