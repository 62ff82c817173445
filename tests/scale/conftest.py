"""What the tests of many machines may ask for: a cluster that runs, the office that works through it."""

from collections.abc import Iterator

import pytest

from tests import postgres
from tests.faults.story import Office
from tests.faults.tree import Sink
from tests.scale.cluster import Cluster


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say what each test needs by what it asks for."""
    for item in items:
        asked_for = getattr(item, "fixturenames", ())
        if "/scale/" in str(item.path) and "own_postgresql" in asked_for:
            item.add_marker(pytest.mark.postgresql)
            if "cluster" in asked_for:
                item.add_marker(pytest.mark.needs("node", "S3 server"))


@pytest.fixture(scope="session")
def own_postgresql() -> Iterator[postgres.Server]:
    """A database server that a test may kill."""
    with postgres.server() as server:
        yield server


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory, own_postgresql: postgres.Server) -> Iterator[Cluster]:
    """Two machines on which everything runs."""
    made = Cluster(tmp_path_factory.mktemp("cluster"), own_postgresql)
    with pytest.MonkeyPatch.context() as surroundings:
        for name, value in made.store.surroundings.items():
            surroundings.setenv(name, value)
        try:
            yield made.start()
        finally:
            made.close()


@pytest.fixture(scope="session")
def sink(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sink]:
    """A mail server that writes everything down."""
    server = Sink(tmp_path_factory.mktemp("sink") / "sink")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def office(cluster: Cluster, sink: Sink) -> Iterator[Office]:
    """The dashboard's side of it, at the first machine, furnished."""
    opened = Office(cluster.ann, sink)  # type: ignore[arg-type]
    opened.furnish()
    yield opened
    opened.close()
