"""Places: a copy of a database is told from one that was only moved, or mounted elsewhere."""

import shutil
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from app.domain.fences import FenceReason
from app.engine import fence
from app.engine.fence import Watchman
from app.engine.machine import Machine
from app.infra.broker import Broker
from app.infra.db import Database
from app.infra.settings import Settings
from app.infra.snapshots import copy_sqlite
from app.infra.vault import Vault
from tests import postgres
from tests.conftest import SECRET, FakeClock


def machine_on(settings: Settings, **changed: object) -> Machine:
    own = settings.but(changed)
    return Machine(own, Database(own.sqlalchemy_url), Broker(own.broker_url), FakeClock(), Vault([SECRET]))


@pytest.fixture
def folder(tmp_path: Path, empty_database: Path) -> Path:
    """A data dir in which Carillon ran, and ended."""
    made = tmp_path / "data"
    made.mkdir()
    shutil.copy(empty_database, made / "carillon.sqlite3")
    return made


@pytest.fixture
def first(folder: Path, valkey: str) -> Settings:
    settings = Settings(data_dir=folder, redis_url=valkey, secret_keys=SECRET)
    assert look(settings, beats=True) is None
    return settings


def look(settings: Settings, *, beats: bool = False, **changed: object) -> FenceReason | None:
    """What a process that starts there finds; with `beats` it goes on for a minute."""
    machine = machine_on(settings, **changed)
    try:
        found = Watchman(machine).look()
        if beats:
            with machine.database.begin() as session:
                fence.beat(session)
            assert Watchman(machine).look() is found
        return found
    finally:
        machine.database.close()
        machine.broker.close()


def test_a_copied_data_dir_is_fenced_and_the_original_is_not(first: Settings, folder: Path) -> None:
    copy = folder.with_name("copy")
    shutil.copytree(folder, copy)
    assert look(first, data_dir=copy) is FenceReason.COPIED
    assert look(first) is None


def test_a_data_dir_that_was_moved_goes_on(first: Settings, folder: Path) -> None:
    moved = folder.rename(folder.with_name("moved"))
    assert look(first, data_dir=moved) is None


def test_a_container_made_anew_on_the_same_volume_goes_on(
    first: Settings, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its host name and its path may be new; the files are not."""
    mounted = folder.with_name("mounted")
    mounted.symlink_to(folder)
    monkeypatch.setattr("platform.node", lambda: "another-container")
    assert look(first, data_dir=mounted) is None


def test_an_older_state_put_into_the_same_file_is_found(first: Settings, folder: Path) -> None:
    old = folder.with_name("old.sqlite3")
    copy_sqlite(folder / "carillon.sqlite3", old)
    assert look(first, beats=True) is None
    copy_sqlite(old, folder / "carillon.sqlite3")  # what `sqlite3 FILE .restore` does: the file's number stays
    assert look(first) is FenceReason.ROLLED_BACK


@pytest.mark.postgresql
def test_a_copy_of_a_postgresql_database_is_fenced_and_the_original_is_not(
    postgresql: postgres.Server, tmp_path: Path, valkey: str
) -> None:
    url = postgresql.new_database()
    settings = Settings(data_dir=tmp_path, database_url=url, redis_url=valkey)
    assert look(settings, beats=True) is None
    name = make_url(url).database
    with psycopg.connect(f"host={postgresql.folder} user=carillon dbname=postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}_copy TEMPLATE {name}")
    assert look(settings, database_url=postgresql.url(f"{name}_copy")) is FenceReason.COPIED
    assert look(settings) is None
