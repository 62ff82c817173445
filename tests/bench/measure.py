"""What a benchmark comes to: its figure, its yardstick of the same run, their ratio, and whether that is a loss."""

import json
import platform
import statistics
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

FOLDER = Path(__file__).parent
BASELINE = FOLDER / "baseline.json"
RESULTS = FOLDER / "results"
LOSS = 0.2  # of the accepted ratio that may be lost


@dataclass(frozen=True)
class Measurement:
    """One line of the table. `ratio` is what counts; `at_least` and `at_most` are its targets, where there are any."""

    name: str
    what: str
    unit: str
    ours: list[float]
    yardstick: list[float] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)
    at_least: float | None = None
    at_most: float | None = None

    @property
    def ratio(self) -> float:
        """The median of the ratios, each of two neighbours in time; without a yardstick the median of the figures."""
        return statistics.median(self.ratios or self.ours)

    @property
    def is_on_target(self) -> bool:
        """Whether the target is reached; true where there is none."""
        low = self.at_least is None or self.ratio >= self.at_least
        return low and (self.at_most is None or self.ratio <= self.at_most)

    def loss_against(self, accepted: float) -> float:
        """Which part of the accepted ratio is lost; negative when something was won."""
        if self.at_most is not None:
            return self.ratio / accepted - 1
        return 1 - self.ratio / accepted


def alternate(
    rounds: int, ours: Callable[[], float], yardstick: Callable[[], float]
) -> tuple[list[float], list[float]]:
    """Both, one after the other, as often as said."""
    mine, theirs = [], []
    for _ in range(rounds):
        theirs.append(yardstick())
        mine.append(ours())
    return mine, theirs


def report(measurements: Iterable[Measurement], *, accept: bool) -> int:
    """Print the table, write the results; how many ratios lost more than may be lost."""
    found = list(measurements)
    accepted = json.loads(BASELINE.read_text()) if BASELINE.exists() else {}
    print(f"\n{'':4} {'what':58} {'ours':>12} {'yardstick':>12} {'ratio':>8} {'target':>9} {'accepted':>9}")
    lost = 0
    for each in found:
        before = accepted.get(each.name) if each.ratios else None  # bare figures differ from machine to machine
        is_lost = before is not None and each.loss_against(before) > LOSS
        lost += is_lost
        print(_line(each, before) + ("  LOST" if is_lost else "") + ("" if each.is_on_target else "  target missed"))
    _write(found)
    if accept:
        BASELINE.write_text(
            json.dumps(accepted | {each.name: round(each.ratio, 3) for each in found if each.ratios}, indent=2) + "\n"
        )
        print(f"Accepted these ratios into {BASELINE.name}.")
    return lost


def _line(each: Measurement, before: float | None) -> str:
    most = f"≤ {each.at_most:g}" if each.at_most is not None else ""
    target = f"≥ {each.at_least:g}" if each.at_least is not None else most
    yardstick = _figure(statistics.median(each.yardstick)) if each.yardstick else ""
    ratio = f"{each.ratio:.3f}" if each.ratios else ""
    known = f"{before:g}" if before is not None else ""
    ours = f"{_figure(statistics.median(each.ours))} {each.unit}"
    return f"{each.name:4} {each.what:58} {ours:>12} {yardstick:>12} {ratio:>8} {target:>9} {known:>9}"


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _write(found: list[Measurement]) -> None:
    RESULTS.mkdir(exist_ok=True)
    now = datetime.now(UTC)
    about = {"at": now.isoformat(), "machine": platform.machine(), "python": platform.python_version()}
    lines = [asdict(each) | {"ratio": each.ratio} for each in found]
    (RESULTS / f"{now:%Y%m%dT%H%M%S}.json").write_text(json.dumps(about | {"measurements": lines}, indent=2) + "\n")
