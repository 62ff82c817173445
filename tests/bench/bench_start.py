"""Cold start (P10): `carillon up` on a data dir that exists until /readyz answers, against bare imports."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.measure import Measurement, alternate
from tests.faults.tree import Tree


def measure(rounds: int) -> Iterator[Measurement]:
    """P10."""
    print(f"P10  cold start, {rounds} rounds", flush=True)
    with TemporaryDirectory() as folder:
        tree = Tree(Path(folder) / "tree")
        _start(tree)  # makes the data dir
        ours, yardstick = alternate(rounds, lambda: _start(tree), _import)
    ratios = [mine / theirs for mine, theirs in zip(ours, yardstick, strict=True)]
    yield Measurement("P10", "cold start to /readyz against bare imports", "s", ours, yardstick, ratios, at_most=8)


def _start(tree: Tree) -> float:
    began = time.perf_counter()
    tree.start()
    seconds = time.perf_counter() - began
    assert tree.stop() == 0, tree.said
    return seconds


def _import() -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import flask, sqlalchemy, rq"], check=True)
    return time.perf_counter() - began
