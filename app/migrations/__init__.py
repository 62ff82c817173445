"""Bring a database to the newest shape."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

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
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            found = MigrationContext.configure(connection).get_current_revision()
    finally:
        engine.dispose()
    return found == ScriptDirectory.from_config(config(url)).get_current_head()
