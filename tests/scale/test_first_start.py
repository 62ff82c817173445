"""Machines that meet an empty database at the same moment: one makes the tables, the others find them."""

import secrets
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from app.migrations import is_current
from tests import postgres
from tests.scale.cluster import Machine


@pytest.fixture
def empty_url(own_postgresql: postgres.Server) -> str:
    """A database in which there is nothing yet."""
    name = f"empty_{secrets.token_hex(4)}"
    engine = create_engine(own_postgresql.url("postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return own_postgresql.url(name)


def test_machines_that_start_together_make_the_tables_once(empty_url: str, tmp_path: Path) -> None:
    shared = {"database_url": empty_url, "secret_keys": secrets.token_hex(32), "redis_url": "unix:///nobody/listens"}
    machines = [Machine(tmp_path / name, shared, {}) for name in ("ann", "bob", "eve")]
    started = [machine.spawn("db", "upgrade") for machine in machines]
    said = [process.communicate(timeout=120)[0] for process in started]
    assert [process.returncode for process in started] == [0, 0, 0], "\n".join(said)
    assert is_current(empty_url)
