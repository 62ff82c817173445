"""What a benchmark comes to: its figure, its yardstick of the same run, their ratio, and whether that is a loss."""

import json
import platform
import statistics
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

FOLDER = Path(__file__).parent
BASELINE = FOLDER / "baseline.json"
RESULTS = FOLDER / "results"
LOSS = 0.2  # of the accepted ratio that may be lost
HEADINGS = ("", "what", "ours", "yardstick", "ratio", "target", "accepted", "")
WORDS = (0, 1, 7)  # columns that hold words
LEGEND = """
ours       the median of all rounds
yardstick  the same of what it is held against, measured in turn with ours
ratio      ours / yardstick, the median of each round's: what counts, since rates differ from machine to machine
target     of the ratio, or of our figure where there is no yardstick
accepted   the ratio in tests/bench/baseline.json; LOST says that more than a fifth of it is gone
What each line measures stands in docs/performance.md."""

Cells = tuple[str, ...]


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
    before = {each.name: accepted[each.name] for each in found if each.ratios and each.name in accepted}
    lost = {each.name for each in found if each.name in before and each.loss_against(before[each.name]) > LOSS}
    rows = [_cells(each, before.get(each.name), is_lost=each.name in lost) for each in found]
    print("\n" + "\n".join(_table(rows)) + "\n" + LEGEND)
    _write(found)
    if accept:
        BASELINE.write_text(
            json.dumps(accepted | {each.name: round(each.ratio, 3) for each in found if each.ratios}, indent=2) + "\n"
        )
        print(f"Accepted these ratios into {BASELINE.name}.")
    return len(lost)


def _cells(each: Measurement, before: float | None, *, is_lost: bool) -> Cells:
    most = f"≤ {each.at_most:g}" if each.at_most is not None else ""
    verdict = "" if each.is_on_target else "target missed"
    return (
        each.name, each.what, f"{_figure(statistics.median(each.ours))} {each.unit}".strip(),
        _figure(statistics.median(each.yardstick)) if each.yardstick else "",
        f"{each.ratio:.3f}" if each.ratios else "",
        f"≥ {each.at_least:g}" if each.at_least is not None else most,
        f"{before:g}" if before is not None else "",  # bare figures differ from machine to machine: none is accepted
        " ".join(filter(None, ("LOST" if is_lost else "", verdict))),
    )  # fmt: skip


def _table(rows: Sequence[Cells]) -> Iterator[str]:
    """The headings and the rows, each column as wide as its widest cell; figures stand to the right."""
    lines = [HEADINGS, *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = [
            cell.ljust(width) if place in WORDS else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _write(found: list[Measurement]) -> None:
    RESULTS.mkdir(exist_ok=True)
    now = datetime.now(UTC)
    about = {"at": now.isoformat(), "machine": platform.machine(), "python": platform.python_version()}
    lines = [asdict(each) | {"ratio": each.ratio} for each in found]
    (RESULTS / f"{now:%Y%m%dT%H%M%S}.json").write_text(json.dumps(about | {"measurements": lines}, indent=2) + "\n")
