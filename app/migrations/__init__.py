"""Bring a database to the newest shape."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

import app.infra.db  # noqa: F401 - it reads what an address says of PostgreSQL's drivers and pools

HERE = Path(__file__).parent


def config(url: str) -> Config:
    """Alembic's settings for that database."""
    alembic = Config()
    alembic.set_main_option("script_location", str(HERE))
    alembic.attributes["url"] = url
    return alembic


def upgrade(url: str, revision: str = "head") -> None:
    """Run every migration that is missing, each in a transaction."""
    command.upgrade(config(url), revision)


def downgrade(url: str, revision: str) -> None:
    """Go back to that revision."""
    command.downgrade(config(url), revision)


def is_current(url: str) -> bool:
    """Whether the database has the newest shape."""
    return revision_of(url) == newest()


def revision_of(url: str) -> str | None:
    """The number of the database's shape; None when it has no tables yet."""
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    finally:
        engine.dispose()


def newest() -> str:
    """The number of the newest shape."""
    return str(ScriptDirectory(str(HERE)).get_current_head())


def is_known(revision: str) -> bool:
    """Whether this Carillon knows that shape: false for one that a newer Carillon made."""
    return any(script.revision == revision for script in ScriptDirectory(str(HERE)).walk_revisions())
