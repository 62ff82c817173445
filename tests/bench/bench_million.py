"""One message to a million people through a real `carillon up` (R1): time, memory, size, and whether nobody was lost.

It takes minutes, and so runs only when it is asked for. P5 (memory against a hundredth of the people) comes out of the
same runs.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import text

from tests.bench import bench_memory
from tests.bench.bench_email import BODY, office_for
from tests.bench.measure import Measurement
from tests.bench.postfix import accepted_by, running_sink
from tests.bench.sending import seconds_to_send
from tests.faults.storm import Auditor
from tests.faults.story import Office

MEBIBYTE = 1024 * 1024
_SENT = "SELECT count(*) FROM deliveries WHERE message_pk = :pk AND state = 'sent'"
_TRIES = "SELECT count(*) FROM attempts WHERE message_pk = :pk"


@dataclass(frozen=True)
class Run:
    """What became of one message to so many people. Seconds count from the service call."""

    people: int
    fan_out_seconds: float
    seconds: float
    accepted: int  # by the mail server
    sent: int  # as the ledger has it
    tries: int
    wrong_samples: int  # looks at the balance, one a second, at which it did not hold
    samples: int
    mebibytes: float  # of the database with its log
    peaks: dict[str, float]

    @property
    def never(self) -> int:
        """People who got nothing: not sent by the ledger, or accepted fewer times than it says."""
        return self.people - min(self.sent, self.accepted)

    @property
    def twice(self) -> int:
        """Letters beyond the first of each, by the mail server or by the ledger's tries."""
        return max(self.accepted, self.tries) - self.people


def measure(people: int) -> Iterator[Measurement]:
    """R1, and P5 of the same runs: a hundredth, a tenth and all of the people, each in a fresh installation."""
    hundredth, tenth, whole = (run(size) for size in (people // 100, people // 10, people))
    yield Measurement("R1", f"email to {people:,} people, 2 workers, SQLite", "/s", [people / whole.seconds])
    yield Measurement("R1f", f"fan-out of {people:,}", "s", [whole.fan_out_seconds])
    yield Measurement(
        "R1x", f"{people:,} people against {people // 10:,}: time", "s", [whole.seconds], [tenth.seconds],
        [whole.seconds / tenth.seconds], at_most=11,
    )  # fmt: skip
    yield Measurement("R1d", f"database after {people:,} people", "MiB", [whole.mebibytes])
    wrong = f"samples out of balance, of {whole.samples}"
    for name, what, found in (
        ("R1n", "never sent", whole.never), ("R1t", "sent twice", whole.twice), ("R1b", wrong, whole.wrong_samples)
    ):  # fmt: skip
        yield Measurement(name, what, "", [found], at_most=0)
    yield from bench_memory.compare(hundredth.peaks, whole.peaks, hundredth.people, people)


def run(people: int) -> Run:
    """Send to that many, looking at the balance from outside each second; AssertionError when it does not end."""
    with TemporaryDirectory() as folder:
        counter, looks = Path(folder) / "sink", Path(folder) / "looks"
        looks.touch()  # a few people may be over before the first
        with running_sink(counter) as port, office_for(port) as office:
            message_id = office.write(people, body=BODY)
            with Auditor(office, message_id, looks) as auditor:
                seconds = seconds_to_send(office, message_id, people, most=3600)
                samples = auditor.samples()
            done = _told(office, message_id, people, seconds)
            accepted = accepted_by(counter, at_least=people)
    wrong = sum(not sample.is_balanced for sample in samples)
    found = Run(**done, accepted=accepted, wrong_samples=wrong, samples=len(samples))
    _print(found)
    return found


def _told(office: Office, message_id: str, people: int, seconds: float) -> dict[str, Any]:
    """What the ledger and the processes say of a run that has ended."""
    message = office.message(message_id)
    assert message.started_at is not None
    assert message.fanned_out_at is not None
    with office.shop.database.read() as session:
        sent, tries = (session.scalar(text(asked), {"pk": message.pk}) for asked in (_SENT, _TRIES))
    size = sum(file.stat().st_size for file in office.tree.folder.glob("carillon.sqlite3*"))
    return {
        "people": people, "seconds": seconds, "sent": sent, "tries": tries, "mebibytes": size / MEBIBYTE,
        "fan_out_seconds": (message.fanned_out_at - message.started_at).total_seconds(),
        "peaks": bench_memory.peaks_of(office),
    }  # fmt: skip


def _print(run: Run) -> None:
    peaks = ", ".join(f"{name} {peak:.0f}" for name, peak in run.peaks.items())
    print(
        f"R1   {run.people:,} people: fan-out {run.fan_out_seconds:.1f} s, all {run.seconds:.1f} s,"
        f" {run.people / run.seconds:,.0f}/s, never sent {run.never}, sent twice {run.twice}, out of balance"
        f" {run.wrong_samples} of {run.samples} samples, database {run.mebibytes:,.0f} MiB; peaks in MiB: {peaks}",
        flush=True,
    )
