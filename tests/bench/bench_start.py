"""Cold start (P10): `carillon up` on a data dir that exists until /readyz answers, against bare imports."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from app.infra.settings import ROOT
from tests.bench.measure import Measurement, alternate
from tests.faults.tree import Tree

MEMBER = ["member", "create", "olga@acme.example", "--role", "admin", "--project", "acme", "--password-stdin"]
PASSWORD = "correct horse battery staple\n"


def measure(rounds: int) -> Iterator[Measurement]:
    """P10: a data dir in which somebody can sign in, as every one that is used; P10b: one that was left before that."""
    print(f"P10  cold start, {rounds} rounds", flush=True)
    # As pip does with the yardstick's libraries; where PYTHONDONTWRITEBYTECODE is set no start would do it.
    subprocess.run([sys.executable, "-m", "compileall", "-q", "app"], cwd=ROOT, check=True)
    with TemporaryDirectory() as folder:
        lived_in, empty = Tree(Path(folder) / "tree"), Tree(Path(folder) / "empty")
        for tree in (lived_in, empty):
            _start(tree)  # makes the data dir
        _carillon(lived_in, "project", "create", "acme", "--name", "Acme")
        _carillon(lived_in, *MEMBER)
        ours, yardstick = alternate(rounds, lambda: _start(lived_in), _import)
        without = [_start(empty) for _ in range(rounds)]
    ratios = [mine / theirs for mine, theirs in zip(ours, yardstick, strict=True)]
    yield Measurement("P10", "cold start to /readyz against bare imports", "s", ours, yardstick, ratios, at_most=8)
    yield Measurement("P10b", "the same where nobody can sign in yet", "s", without)


def _start(tree: Tree) -> float:
    began = time.perf_counter()
    tree.start()
    seconds = time.perf_counter() - began
    assert tree.stop() == 0, tree.said
    return seconds


def _carillon(tree: Tree, *words: str) -> None:
    command = [sys.executable, "-m", "app.cli", *words]
    subprocess.run(command, cwd=ROOT, env=tree.settings.environment(), input=PASSWORD, text=True, check=True)


def _import() -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import flask, sqlalchemy, rq"], check=True)
    return time.perf_counter() - began
