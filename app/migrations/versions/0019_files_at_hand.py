"""Kinds and ordered names of files, and which messages and templates use them.

Revision ID: 0019
Revises: 0018
"""

import sqlalchemy as sa
from alembic import op

from app.domain.content import content_of
from app.domain.file_kinds import kind_of, name_key

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_KEY = sa.String(512).with_variant(sa.String(512, collation="C"), "postgresql")
_ORDERS = (
    ["bucket_pk", "kind", "pk"],
    ["bucket_pk", "kind", "name_key", "pk"],
    ["bucket_pk", "kind", "size_original", "pk"],
)
_USES = (["project_pk", "bucket_id", "file_id", "message_pk"], ["message_pk"], ["template_pk"])
_BATCH = 5_000


def upgrade() -> None:
    """Two columns of files with the orders they are paged in, and a table of uses."""
    op.add_column("files", sa.Column("name_key", _KEY, nullable=False, server_default=""))
    op.add_column("files", sa.Column("kind", sa.String(8), nullable=False, server_default=""))
    _name_files()
    for columns in _ORDERS:
        op.create_index(op.f(f"ix_files_{'_'.join(columns)}"), "files", columns)
    op.create_table(
        "file_uses",
        sa.Column("pk", _ID, nullable=False),
        sa.Column("project_pk", _ID, nullable=False),
        sa.Column("bucket_id", sa.String(36), nullable=False),
        sa.Column("file_id", sa.String(36), nullable=False),
        sa.Column("message_pk", _ID, nullable=True),
        sa.Column("template_pk", _ID, nullable=True),
        *(
            sa.ForeignKeyConstraint(
                [f"{one}_pk"], [f"{one}s.pk"], name=op.f(f"fk_file_uses_{one}_pk"), ondelete="CASCADE"
            )
            for one in ("project", "message", "template")
        ),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_file_uses")),
    )
    for columns in _USES:
        op.create_index(op.f(f"ix_file_uses_{'_'.join(columns)}"), "file_uses", columns)
    _note_uses()


def downgrade() -> None:
    """As it was."""
    op.drop_table("file_uses")
    for columns in _ORDERS:
        op.drop_index(op.f(f"ix_files_{'_'.join(columns)}"), "files")
    op.drop_column("files", "kind")
    op.drop_column("files", "name_key")


def _name_files() -> None:
    """Kind and ordered name of the files there are, a batch at a time; a pending one has no kind yet."""
    connection, last = op.get_bind(), 0
    row = sa.table(
        "files", *(sa.column(each) for each in ("pk", "name", "name_key", "kind", "mime_type", "store_key"))
    )  # fmt: skip
    wanted = sa.select(row.c.pk, row.c.name, row.c.mime_type, row.c.store_key).order_by(row.c.pk).limit(_BATCH)
    change = sa.update(row).where(row.c.pk == sa.bindparam("number"))
    change = change.values(name_key=sa.bindparam("key"), kind=sa.bindparam("sort"))
    while rows := connection.execute(wanted.where(row.c.pk > last)).all():
        last = rows[-1].pk
        found = [
            {"number": each.pk, "key": name_key(each.name), "sort": kind_of(each.mime_type) if each.store_key else ""}
            for each in rows
        ]
        connection.execute(change, found)


def _note_uses() -> None:
    """What the messages there are need."""
    connection, last = op.get_bind(), 0
    row = sa.table(
        "messages", sa.column("pk"), sa.column("project_pk"), sa.column("channel"), sa.column("content", sa.JSON)
    )
    use = sa.table("file_uses", *(sa.column(each) for each in ("project_pk", "bucket_id", "file_id", "message_pk")))
    wanted = sa.select(row.c.pk, row.c.project_pk, row.c.channel, row.c.content).order_by(row.c.pk).limit(_BATCH)
    while rows := connection.execute(wanted.where(row.c.pk > last)).all():
        last = rows[-1].pk
        found = [
            {"project_pk": each.project_pk, "bucket_id": bucket_id, "file_id": file_id, "message_pk": each.pk}
            for each in rows
            for bucket_id, file_id in dict.fromkeys(content_of(each.channel, each.content).files)
        ]
        if found:
            connection.execute(sa.insert(use), found)
