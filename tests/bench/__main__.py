"""`make bench`: measures against yardsticks of the same run and prints a table; fails when a fifth was lost.

What could not be measured (a program is missing, something broke) is said, and the others go on.
"""

import argparse
import logging
import sys
import time
import traceback
from collections.abc import Callable, Iterator

import structlog

from tests.bench import (
    bench_api,
    bench_email,
    bench_equation,
    bench_fanout,
    bench_http,
    bench_import,
    bench_lint,
    bench_lists,
    bench_memory,
    bench_million,
    bench_pages,
    bench_peers,
    bench_preview,
    bench_receipts,
    bench_relays,
    bench_start,
    bench_workers,
)
from tests.bench.measure import Measurement, report

Bench = Callable[[int], Iterator[Measurement]]

BENCHES: dict[str, Bench] = {
    "P1": lambda rounds: bench_email.measure_many(100_000, rounds),
    "P2": lambda rounds: bench_peers.measure(100_000, rounds),
    "P3": lambda rounds: bench_http.measure(100_000, rounds),
    "P4": lambda rounds: bench_fanout.measure(200_000, rounds),
    "P5": lambda rounds: bench_memory.measure(1_000_000),
    "P6": bench_pages.measure,
    "P7": lambda rounds: bench_email.measure_single(),
    "P8": bench_api.measure,
    "P9": bench_receipts.measure,
    "P10": bench_start.measure,
    "P11": bench_preview.measure,
    "P12": lambda rounds: bench_lint.measure(10_000, rounds),
    "P13": lambda rounds: bench_equation.measure(1_000_000, rounds),
    "I1": lambda rounds: bench_import.measure(50_000, rounds),
    "W1": lambda rounds: bench_workers.measure(20_000, rounds),
    "M1": lambda rounds: bench_relays.measure("M1", 2_000, rounds),
    "M2": lambda rounds: bench_relays.measure("M2", 2_000, rounds),
    "M3": lambda rounds: bench_relays.measure("M3", 2_000, rounds),
    "L1": lambda rounds: bench_lists.measure(1_000_000, rounds),
}
LONG: dict[str, Bench] = {  # only when asked for: minutes each
    "P6p": lambda rounds: bench_pages.measure(rounds, on_postgresql=True),
    "P13p": lambda rounds: bench_equation.measure(1_000_000, rounds, on_postgresql=True),
    "R1": lambda rounds: bench_million.measure(1_000_000),
}


def main() -> int:
    """Run what was asked for; the exit code is 1 when a ratio lost more than a fifth of the accepted one."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"which ones (default: {' '.join(BENCHES)}; also: {' '.join(LONG)})"
    )
    parser.add_argument("--quick", action="store_true", help="three rounds instead of five")
    parser.add_argument("--accept", action="store_true", help="write the ratios into baseline.json")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(BENCHES | LONG):
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}; there are {', '.join(BENCHES | LONG)}")
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    rounds = 3 if arguments.quick else 5
    began, found, failed = time.monotonic(), list[Measurement](), list[str]()
    for name in arguments.names or BENCHES:
        if not _measure(name, rounds, found):
            failed.append(name)
    lost = report(found, accept=arguments.accept)
    print(f"It took {_duration(time.monotonic() - began)} in all.")
    if failed:
        print(f"Could not be measured, as said above: {', '.join(failed)}.")
    return 1 if lost or failed else 0


def _measure(name: str, rounds: int, found: list[Measurement]) -> bool:
    """Add what it comes to; false, with the reason printed, when it broke."""
    began = time.monotonic()
    try:
        found.extend((BENCHES | LONG)[name](rounds))
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever it is, the others are still worth their time
        traceback.print_exception(error)
        return False
    print(f"{name:4} took {_duration(time.monotonic() - began)}", flush=True)
    return True


def _duration(seconds: float) -> str:
    return f"{seconds // 60:.0f} min {seconds % 60:.0f} s" if seconds >= 60 else f"{seconds:.0f} s"


if __name__ == "__main__":
    sys.exit(main())
