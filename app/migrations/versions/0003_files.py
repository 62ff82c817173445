"""Buckets, the files in them, and what is on its way in or out of the file store.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
PATH = sa.String(2048).with_variant(sa.String(2048, collation="C"), "postgresql")


def upgrade() -> None:
    """The tables of storage; numbers of buckets and files are never used twice."""
    op.create_table(
        "buckets",
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("description", sa.String(length=2048), nullable=False),
        sa.Column("permissions", JSON, nullable=False),
        sa.Column("file_security", sa.Boolean(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("maximum_file_size", sa.BigInteger(), nullable=False),
        sa.Column("allowed_extensions", JSON, nullable=False),
        sa.Column("compression", sa.String(length=8), nullable=False),
        sa.Column("encryption", sa.Boolean(), nullable=False),
        sa.Column("antivirus", sa.Boolean(), nullable=False),
        sa.Column("transformations", sa.Boolean(), nullable=False),
        sa.Column("strip_metadata", sa.Boolean(), nullable=False),
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project_pk", ID, nullable=False),
        sa.Column("pk", ID, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_pk"], ["projects.pk"], name=op.f("fk_buckets_project_pk"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_buckets")),
        sa.UniqueConstraint("project_pk", "id", name=op.f("uq_buckets_project_pk_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_buckets_project_pk_name"), "buckets", ["project_pk", "name"], unique=False)

    op.create_table(
        "files",
        sa.Column("bucket_pk", ID, nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("folder", PATH, nullable=False),
        sa.Column("permissions", JSON, nullable=False),
        sa.Column("signature", sa.String(length=32), nullable=False),
        sa.Column("mime_type", sa.String(length=127), nullable=False),
        sa.Column("size_original", sa.BigInteger(), nullable=False),
        sa.Column("size_actual", sa.BigInteger(), nullable=False),
        sa.Column("chunks_total", sa.Integer(), nullable=False),
        sa.Column("chunks_uploaded", sa.Integer(), nullable=False),
        sa.Column("encryption", sa.Boolean(), nullable=False),
        sa.Column("compression", sa.String(length=8), nullable=False),
        sa.Column("store_key", sa.String(length=255), nullable=False),
        sa.Column("sealed_key", sa.String(length=255), nullable=False),
        sa.Column("author", sa.String(length=64), nullable=False),
        sa.Column("assembled_until", sa.BigInteger(), nullable=True),
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project_pk", ID, nullable=False),
        sa.Column("pk", ID, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["bucket_pk"], ["buckets.pk"], name=op.f("fk_files_bucket_pk"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["project_pk"], ["projects.pk"], name=op.f("fk_files_project_pk"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_files")),
        sa.UniqueConstraint("bucket_pk", "id", name=op.f("uq_files_bucket_pk_id")),
        sqlite_autoincrement=True,
    )
    for columns in (
        ["bucket_pk", "pk"], ["bucket_pk", "folder"], ["bucket_pk", "size_actual"], ["store_key", "updated_at"],
    ):  # fmt: skip
        op.create_index(op.f(f"ix_files_{'_'.join(columns)}"), "files", columns, unique=False)

    for table, key, kept in (
        ("file_readers", sa.Column("role", sa.String(length=160), nullable=False), ()),
        (
            "file_chunks",
            sa.Column("number", sa.Integer(), nullable=False),
            (sa.Column("store_key", sa.String(length=255), nullable=False),),
        ),
    ):
        op.create_table(
            table,
            sa.Column("file_pk", ID, nullable=False),
            key,
            sa.Column("project_pk", ID, nullable=False),
            *kept,
            sa.ForeignKeyConstraint(["file_pk"], ["files.pk"], name=op.f(f"fk_{table}_file_pk"), ondelete="CASCADE"),
            sa.ForeignKeyConstraint(
                ["project_pk"], ["projects.pk"], name=op.f(f"fk_{table}_project_pk"), ondelete="CASCADE"
            ),
            sa.PrimaryKeyConstraint("file_pk", key.name, name=op.f(f"pk_{table}")),
        )

    op.create_table(
        "leftovers",
        sa.Column("pk", ID, nullable=False),
        sa.Column("project_pk", ID, nullable=False),
        sa.Column("folder", sa.String(length=255), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_leftovers")),
    )


def downgrade() -> None:
    """Without storage; the objects in the file store stay where they are."""
    for table in ("leftovers", "file_chunks", "file_readers", "files", "buckets"):
        op.drop_table(table)
