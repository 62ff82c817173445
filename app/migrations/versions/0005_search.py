"""Words that lists are searched by, the orders they are paged in, and ids of subscribers that are a project's own.

Revision ID: 0005
Revises: 0004
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from app.domain.words import words_of

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_SOURCES = {
    "contacts": ("id", "name"),
    "messages": ("id", "title", "channel"),
    "files": ("id", "name"),
    "topics": ("id", "name", "description"),
    "providers": ("id", "name", "kind", "channel"),
    "buckets": ("id", "name"),
}
_INDEXED = ("contacts", "messages", "files")
_ORDERS = (
    ("contacts", ("project_pk", "created_at", "pk")),
    ("contacts", ("project_pk", "updated_at", "pk")),
    ("subscribers", ("topic_pk", "created_at", "pk")),
    ("messages", ("project_pk", "created_at", "pk")),
    ("messages", ("project_pk", "updated_at", "pk")),
    ("messages", ("project_pk", "status", "pk")),
    ("files", ("bucket_pk", "created_at", "pk")),
    ("files", ("bucket_pk", "updated_at", "pk")),
    ("files", ("bucket_pk", "name", "pk")),
)
_BATCH = 5_000

# SQLite: a full-text table without a copy of the words; its rows are entered by whoever inserts
# (infra/full_text.py says why), changed and taken out by triggers. An empty `words` means: not entered.
_NUMBERED = "replace(rtrim({row}.words), ' ', ' ' || {row}.project_pk || 'x')"
_OUT = "INSERT INTO {name}_words ({name}_words, rowid, words) SELECT 'delete', old.pk, {old} WHERE old.words <> ''"
_IN = "INSERT INTO {name}_words (rowid, words) SELECT new.pk, {new} WHERE new.words <> ''"
_FTS5 = (
    "CREATE VIRTUAL TABLE {name}_words USING fts5(words, content='', detail=none, columnsize=0, tokenize='ascii')",
    "INSERT INTO {name}_words (rowid, words) SELECT pk, {row} FROM {name} WHERE words <> ''",
    "CREATE TRIGGER {name}_words_changed AFTER UPDATE OF words ON {name} WHEN old.words <> new.words"
    " BEGIN {out}; {into}; END",
    "CREATE TRIGGER {name}_words_gone AFTER DELETE ON {name} WHEN old.words <> '' BEGIN {out}; END",
)
_GIN = (
    "CREATE INDEX ix_{name}_words ON {name} USING gin (array_to_tsvector(string_to_array("
    "ltrim(replace(rtrim(words), ' ', ' ' || project_pk::text || 'x')), ' ')))"
)


def upgrade() -> None:
    """A column of words for every table that is searched, an index of them for the long ones, and orders."""
    for name in _SOURCES:
        op.add_column(name, sa.Column("words", sa.Text(), nullable=False, server_default=""))
        _fill(name)
    for name in _INDEXED:
        for statement in _statements(name):
            op.execute(statement)
    for name, columns in _ORDERS:
        op.create_index(op.f(f"ix_{name}_{'_'.join(columns)}"), name, list(columns))
    _make_subscriber_ids_unique()
    op.create_index(
        "ix_contacts_barred", "contacts", ["project_pk", "pk"],
        sqlite_where=sa.text("may_sign_in = 0"), postgresql_where=sa.text("may_sign_in = false"),
    )  # fmt: skip


def downgrade() -> None:
    """Searches look through names and ids as they stand."""
    op.drop_index("ix_contacts_barred", table_name="contacts")
    with op.batch_alter_table("subscribers") as table:
        table.drop_constraint(op.f("uq_subscribers_project_pk_id"), type_="unique")
        table.create_unique_constraint(op.f("uq_subscribers_project_pk_topic_pk_id"), ["project_pk", "topic_pk", "id"])
    for name, columns in reversed(_ORDERS):
        op.drop_index(op.f(f"ix_{name}_{'_'.join(columns)}"), table_name=name)
    for name in _INDEXED:
        if op.get_context().dialect.name == "sqlite":
            op.execute(f"DROP TRIGGER {name}_words_changed")
            op.execute(f"DROP TRIGGER {name}_words_gone")
            op.execute(f"DROP TABLE {name}_words")
        else:
            op.execute(f"DROP INDEX ix_{name}_words")
    for name in _SOURCES:
        op.drop_column(name, "words")


def _make_subscriber_ids_unique() -> None:
    """Within the project, as programs count on; where two topics have one id, the later one gets its number behind."""
    op.execute(
        "UPDATE subscribers SET id = substr(id, 1, 35 - length(CAST(pk AS TEXT))) || '-' || pk"
        " WHERE EXISTS (SELECT 1 FROM subscribers AS earlier WHERE earlier.project_pk = subscribers.project_pk"
        " AND earlier.id = subscribers.id AND earlier.topic_pk <> subscribers.topic_pk AND earlier.pk < subscribers.pk)"
    )
    with op.batch_alter_table("subscribers") as table:
        table.drop_constraint(op.f("uq_subscribers_project_pk_topic_pk_id"), type_="unique")
        table.create_unique_constraint(op.f("uq_subscribers_project_pk_id"), ["project_pk", "id"])


def _statements(name: str) -> list[str]:
    if op.get_context().dialect.name != "sqlite":
        return [_GIN.format(name=name)]
    out = _OUT.format(name=name, old=_NUMBERED.format(row="old"))
    into = _IN.format(name=name, new=_NUMBERED.format(row="new"))
    row = _NUMBERED.format(row=name)
    return [each.format(name=name, out=out, into=into, row=row) for each in _FTS5]


def _fill(name: str) -> None:
    """The words of the rows there are, a batch at a time."""
    connection, last = op.get_bind(), 0
    row = sa.table(name, *(sa.column(each) for each in ("pk", "words", *_SOURCES[name])))
    wanted = sa.select(row.c.pk, *(row.c[each] for each in _SOURCES[name])).order_by(row.c.pk).limit(_BATCH)
    change = sa.update(row).where(row.c.pk == sa.bindparam("number")).values(words=sa.bindparam("found"))
    while rows := connection.execute(wanted.where(row.c.pk > last)).all():
        last = rows[-1].pk
        more = _more_of_contacts(connection, rows[0].pk, last) if name == "contacts" else {}
        found = [{"number": each.pk, "found": words_of(*each[1:], *more.get(each.pk, ()))} for each in rows]
        connection.execute(change, found)


def _more_of_contacts(connection: sa.Connection, first: int, last: int) -> dict[int, list[str]]:
    """Labels and addresses of these contacts."""
    more: dict[int, list[str]] = {}
    contact: Any = sa.table("contacts", sa.column("pk"), sa.column("labels", sa.JSON))
    labelled = sa.select(contact.c.pk, contact.c.labels).where(contact.c.pk.between(first, last))
    for pk, labels in connection.execute(labelled):
        more[pk] = [f"label {label}" for label in labels]
    target: Any = sa.table("targets", *(sa.column(each) for each in ("pk", "contact_pk", "channel", "address")))
    reached = sa.select(target.c.contact_pk, target.c.address).where(
        target.c.contact_pk.between(first, last), target.c.channel.in_(["email", "sms"])
    )
    for pk, address in connection.execute(reached.order_by(target.c.pk)):
        more[pk].append(address)
    return more
