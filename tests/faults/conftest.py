"""What fault tests may ask for: a sink that outlives everything, a tree to kill, the office that sends through it."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.story import Office
from tests.faults.tree import Sink, Tree

SEEDS = [int(word) for word in os.environ.get("CARILLON_FAULT_SEEDS", "1").split(",")]

Open = Callable[..., Office]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what is left to chance once for each seed of CARILLON_FAULT_SEEDS (numbers with commas between)."""
    if "seed" in metafunc.fixturenames:
        metafunc.parametrize("seed", SEEDS)


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[Sink]:
    """A mail server that writes everything down."""
    server = Sink(tmp_path / "sink")
    yield server
    server.stop()


@pytest.fixture
def open_office(tmp_path: Path, sink: Sink) -> Iterator[Open]:
    """Start a tree and furnish it; whatever is left of it in the end is killed."""
    opened: list[Office] = []

    def start(folder: Path = tmp_path / "tree", **provider: object) -> Office:
        opened.append(Office(Tree(folder).start(), sink))
        opened[-1].furnish(**provider)
        return opened[-1]

    yield start
    for office in opened:
        office.close()
        office.tree.kill_all()


@pytest.fixture
def office(open_office: Open) -> Office:
    """A furnished installation that runs."""
    return open_office()


@pytest.fixture(scope="module")
def lasting_office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """One that several tests share, because none of them ends a process."""
    folder = tmp_path_factory.mktemp("lasting")
    sink = Sink(folder / "sink")
    office = Office(Tree(folder / "tree", lease_seconds=20).start(), sink)
    office.furnish()
    yield office
    office.close()
    office.tree.kill_all()
    sink.stop()
