"""What every test may ask for: settings, a migrated database, a clock that stands still, actors."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import hypothesis
import pytest

from app.domain.permissions import Actor, ActorKind, Role, permissions_of
from app.infra.broker import Broker
from app.infra.db import Database
from app.infra.settings import Settings
from app.infra.valkey import Valkey
from app.infra.vault import Vault
from app.migrations import upgrade
from app.models.projects import Project
from app.services.work import Workshop
from tests import postgres

pytest_plugins = ("tests.closing", "tests.object_store", "tests.sharing_out", "tests.thrift")

# How long an example takes, or finding one, says something of the machine and nothing of the code.
hypothesis.settings.register_profile("untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("untimed")

START = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
SECRET = "a test key that is long enough for everything"


class FakeClock:
    """A clock that moves only when it is told to."""

    def __init__(self, start: datetime = START) -> None:
        self.moment = start

    def now(self) -> datetime:
        return self.moment

    def sleep(self, seconds: float) -> None:
        self.move(seconds)

    def move(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real, embedded Valkey that all tests of a session share."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("valkey"), secret_keys=SECRET)
    server = Valkey(settings)
    server.start()
    yield settings.broker_url
    server.stop()


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file; each test gets a copy."""
    path = tmp_path_factory.mktemp("database") / "empty.sqlite3"
    upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgresql() -> Iterator[postgres.Server]:
    """A real PostgreSQL that lives as long as the tests; the tests that need it are named when there is none."""
    with postgres.server(is_vacuumed=False) as server:
        yield server


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def any_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A migrated database of each sort, for what two dialects say differently."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("empty_database"), tmp_path / "carillon.sqlite3")
        return f"sqlite:///{tmp_path / 'carillon.sqlite3'}"
    return str(request.getfixturevalue("postgresql").new_database())


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--database", choices=["sqlite", "postgresql"], default="sqlite", help="what the tests run on")


@pytest.fixture
def settings(tmp_path: Path, valkey: str, request: pytest.FixtureRequest) -> Settings:
    url = ""
    if request.config.getoption("--database") == "postgresql":
        url = request.getfixturevalue("postgresql").new_database()
    else:
        shutil.copy(request.getfixturevalue("empty_database"), tmp_path / "carillon.sqlite3")
    return Settings(data_dir=tmp_path, database_url=url, redis_url=valkey, secret_keys=SECRET, workers=2)


@pytest.fixture
def workshop(settings: Settings, clock: FakeClock) -> Iterator[Workshop]:
    """Everything a service needs, on a real SQLite database with one project, `default`."""
    yield from open_workshop(settings, clock)


@pytest.fixture
def any_workshop(any_database_url: str, tmp_path: Path, valkey: str, clock: FakeClock) -> Iterator[Workshop]:
    """The same on each sort of database."""
    settings = Settings(data_dir=tmp_path, database_url=any_database_url, redis_url=valkey, secret_keys=SECRET)
    yield from open_workshop(settings, clock)


@pytest.fixture
def sqlite_workshop(tmp_path: Path, valkey: str, empty_database: Path, clock: FakeClock) -> Iterator[Workshop]:
    """The same on SQLite, whatever the other tests run on."""
    shutil.copy(empty_database, tmp_path / "carillon.sqlite3")
    yield from open_workshop(Settings(data_dir=tmp_path, redis_url=valkey, secret_keys=SECRET), clock)


def open_workshop(settings: Settings, clock: FakeClock) -> Iterator[Workshop]:
    broker = Broker(settings.broker_url)
    broker.redis.flushdb()
    shop = Workshop(settings, Database(settings.sqlalchemy_url), broker, clock, Vault([SECRET]))
    with shop.database.begin() as session:
        now = clock.now()
        session.add(Project(id="default", name="Acme", time_zone="Europe/Berlin", created_at=now, updated_at=now))
    yield shop
    shop.database.close()
    broker.close()


def member(role: Role, name: str) -> Actor:
    return Actor(ActorKind.MEMBER, name, project_pk=1, pk=1, permissions=permissions_of(frozenset({role})))


@pytest.fixture
def actor() -> Actor:
    """Olga, the admin."""
    return member(Role.ADMIN, "Olga")


@pytest.fixture
def composer() -> Actor:
    """Ed, the composer."""
    return member(Role.COMPOSER, "Ed")


@pytest.fixture
def operator() -> Actor:
    """Otis, the operator."""
    return member(Role.OPERATOR, "Otis")


@pytest.fixture
def viewer() -> Actor:
    """Vera, the viewer."""
    return member(Role.VIEWER, "Vera")
