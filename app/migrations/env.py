"""Alembic's environment: which tables there are and how migrations run."""

from alembic import context
from sqlalchemy import create_engine, event, text
from sqlalchemy.pool import NullPool

import app.models  # noqa: F401 - the tables register themselves
from app.infra.settings import Settings
from app.models.base import Base

LOCK = 0x63617269_6C6C6F6E  # "carillon", the number of PostgreSQL's advisory lock; it ends with the transaction

url = context.config.attributes.get("url") or Settings.from_env().sqlalchemy_url
engine = create_engine(url, poolclass=NullPool)
if engine.dialect.name == "sqlite":

    @event.listens_for(engine, "connect")
    def _wal(connection, _record):  # type: ignore[no-untyped-def]
        connection.isolation_level = None  # we say BEGIN ourselves: Python's driver would do without before a DDL
        connection.execute("PRAGMA busy_timeout = 15000")
        connection.execute("PRAGMA journal_mode = WAL")

    @event.listens_for(engine, "begin")
    def _begin(connection):  # type: ignore[no-untyped-def]
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _is_compared(name, kind, _parents):  # type: ignore[no-untyped-def]
    """Full-text indexes (migration 0005) are what their database alone knows; no model can say them."""
    return not (kind == "table" and "_words" in name) and not (kind == "index" and name.endswith("_words"))


with engine.connect() as connection:
    context.configure(
        connection=connection, target_metadata=Base.metadata, render_as_batch=True, compare_type=True,
        include_name=_is_compared, transactional_ddl=True,
    )  # fmt: skip
    with context.begin_transaction():
        if engine.dialect.name == "postgresql":  # machines that start together wait for the first, then find its work
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        context.run_migrations()
engine.dispose()
