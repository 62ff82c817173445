"""Alembic's environment: which tables there are and how migrations run."""

from alembic import context
from sqlalchemy import create_engine, event
from sqlalchemy.pool import NullPool

import app.models  # noqa: F401 - the tables register themselves
from app.infra.settings import Settings
from app.models.base import Base

url = context.config.attributes.get("url") or Settings.from_env().sqlalchemy_url
engine = create_engine(url, poolclass=NullPool)
if engine.dialect.name == "sqlite":

    @event.listens_for(engine, "connect")
    def _wal(connection, _record):  # type: ignore[no-untyped-def]
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA busy_timeout = 15000")


def _is_compared(name, kind, _parents):  # type: ignore[no-untyped-def]
    """Full-text indexes (migration 0005) are what their database alone knows; no model can say them."""
    return not (kind == "table" and "_words" in name) and not (kind == "index" and name.endswith("_words"))


with engine.connect() as connection:
    context.configure(
        connection=connection, target_metadata=Base.metadata, render_as_batch=True, compare_type=True,
        include_name=_is_compared,
    )  # fmt: skip
    with context.begin_transaction():
        context.run_migrations()
engine.dispose()
