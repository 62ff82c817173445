"""What fault tests may ask for: a sink that outlives everything, a tree to kill, the office that sends through it."""

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

from tests import needs, postgres
from tests.faults.story import Office
from tests.faults.tree import Sink, Tree
from tests.faults.wall_clock import WallClock

SEEDS = [int(word) for word in os.environ.get("CARILLON_FAULT_SEEDS", "1").split(",")]

Open = Callable[..., Office]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what is left to chance once for each seed of CARILLON_FAULT_SEEDS (numbers with commas between).

    Kills of one sort alone, which the storm has too, run for three of them at most.
    """
    if "seed" in metafunc.fixturenames:
        metafunc.parametrize("seed", SEEDS if metafunc.module.__name__.endswith("test_storm") else SEEDS[:3])


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[Sink]:
    """A mail server that writes everything down."""
    server = Sink(tmp_path / "sink")
    yield server
    server.stop()


@pytest.fixture
def wall_clock(tmp_path: Path) -> WallClock:
    """The time of day for a tree that is opened with its environment."""
    need = needs.NEEDS["libfaketime"]
    if not need.is_there():
        pytest.skip(f"there is no {need.name} here; {need.advice}")
    return WallClock(tmp_path / "clock")


@pytest.fixture
def open_office(tmp_path: Path, sink: Sink) -> Iterator[Open]:
    """Start a tree and furnish it; whatever is left of it in the end is killed."""
    opened: list[Office] = []

    def start(
        folder: Path = tmp_path / "tree",
        *,
        database_url: str = "",
        environment: Mapping[str, str] = MappingProxyType({}),
        **provider: object,
    ) -> Office:
        tree = Tree(folder, database_url=database_url)
        tree.environment.update(environment)
        opened.append(Office(tree.start(), sink))
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


@pytest.fixture
def own_postgresql() -> Iterator[postgres.Server]:
    """A database server that a test may kill."""
    with postgres.server() as server:
        yield server


@pytest.fixture(scope="module")
def lasting_office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """One that the tests of a module share, because none of them ends a worker."""
    yield from _shared(tmp_path_factory.mktemp("lasting"), lease_seconds=20)


@pytest.fixture(scope="module")
def sturdy_office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """One that the tests of a module share and kill in parts."""
    yield from _shared(tmp_path_factory.mktemp("sturdy"))


def _shared(folder: Path, **settings: object) -> Iterator[Office]:
    sink = Sink(folder / "sink")
    office = Office(Tree(folder / "tree", **settings).start(), sink)
    office.furnish()
    yield office
    office.close()
    office.tree.kill_all()
    sink.stop()
