"""Memory of every process while a message goes to many people (P5): it must not grow with how many they are."""

from collections.abc import Iterator
from pathlib import Path

from tests.bench.bench_email import BODY, office_for
from tests.bench.measure import Measurement
from tests.bench.postfix import running_sink
from tests.bench.sending import seconds_to_send
from tests.faults.story import Office

FEW = 10_000
PROCESSES = ("worker", "web", "ticker", "valkey-server", "up")  # as their command lines say it
MEBIBYTE = 1024.0  # in the kernel's unit


def measure(people: int) -> Iterator[Measurement]:
    """P5: the highest mark of each process after one send, in a fresh installation for each size."""
    yield from compare(_peaks(FEW), _peaks(people), FEW, people)


def compare(few: dict[str, float], many: dict[str, float], fewer: int, people: int) -> Iterator[Measurement]:
    """P5 out of the peaks of two sends, by sort of process in MiB."""
    grown = {name: many[name] - few[name] for name in few}
    worst = max(grown, key=grown.__getitem__)
    what = f"memory: {people:,} recipients against {fewer:,}, most grown: {worst}"
    yield Measurement("P5", what, "MiB", [grown[worst]], at_most=10)
    yield Measurement("P5b", f"peak of a worker at {people:,} recipients", "MiB", [many["worker"]], at_most=100)


def peaks_of(office: Office) -> dict[str, float]:
    """The most that any process of each sort has held so far, in MiB."""
    return {name: max(map(_peak_of, office.tree.pids(name)), default=0.0) for name in PROCESSES}


def _peaks(people: int) -> dict[str, float]:
    """The most that any process of each sort ever held while an email went to that many, in MiB."""
    with running_sink() as port, office_for(port) as office:
        message = office.write(people, body=BODY)
        seconds = seconds_to_send(office, message, people, most=3600)
        peaks = peaks_of(office)
    said = ", ".join(f"{name} {peak:.0f}" for name, peak in peaks.items())
    print(f"P5   {people:,} emails in {seconds:.1f} s; peaks in MiB: {said}", flush=True)
    return peaks


def _peak_of(pid: int) -> float:
    """VmHWM: what `ru_maxrss` says is the starter's as well."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / MEBIBYTE
