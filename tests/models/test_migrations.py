"""Migrations: from nothing to the newest shape and back, on each sort of database."""

import pytest
from alembic import command
from sqlalchemy import create_engine, inspect

from app.migrations import config, downgrade, is_current, upgrade
from app.models.base import Base


def test_the_newest_shape_is_what_the_models_say(any_database_url: str) -> None:
    command.check(config(any_database_url))
    assert is_current(any_database_url)


def test_down_to_nothing_and_up_again(any_database_url: str) -> None:
    downgrade(any_database_url, "base")
    assert _tables(any_database_url) <= {"alembic_version"}
    assert not is_current(any_database_url)
    upgrade(any_database_url)
    assert set(Base.metadata.tables) <= _tables(any_database_url)


@pytest.mark.parametrize("table", sorted(set(Base.metadata.tables) - {
    "projects", "members", "member_sessions", "message_events", "attempts", "tallies", "installations"
}))  # fmt: skip
def test_every_table_of_a_project_says_which_project(table: str) -> None:
    assert "project_pk" in Base.metadata.tables[table].columns


def _tables(url: str) -> set[str]:
    engine = create_engine(url)
    try:
        return set(inspect(engine).get_table_names())
    finally:
        engine.dispose()
