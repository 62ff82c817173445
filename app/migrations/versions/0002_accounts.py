"""What a contact signs in with: password, sessions, labels and settings of its account.

Revision ID: 0002
Revises: 0001
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def account_columns() -> list[sa.Column[Any]]:
    """What a contact's account adds, in place: rebuilding the table would copy every contact."""
    return [
        sa.Column("password_hash", sa.String(length=1024), nullable=False, server_default=""),
        sa.Column("password_kind", sa.String(length=16), nullable=False, server_default=""),
        sa.Column("password_options", JSON, nullable=False, server_default="{}"),
        sa.Column("password_at", sa.BigInteger(), nullable=True),
        sa.Column("may_sign_in", sa.Boolean(), nullable=False, server_default=sa.true()),
        sa.Column("email_verified", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("phone_verified", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("labels", JSON, nullable=False, server_default="[]"),
        sa.Column("accessed_at", sa.BigInteger(), nullable=True),
    ]


def upgrade() -> None:
    for column in account_columns():
        op.add_column("contacts", column)
    op.create_table(
        "contact_sessions",
        sa.Column("contact_pk", ID, nullable=False),
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("provider", sa.String(length=16), nullable=False),
        sa.Column("provider_uid", sa.String(length=320), nullable=False),
        sa.Column("lifetime", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("ip", sa.String(length=64), nullable=False),
        sa.Column("user_agent", sa.String(length=512), nullable=False),
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project_pk", ID, nullable=False),
        sa.Column("pk", ID, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["contact_pk"], ["contacts.pk"], name=op.f("fk_contact_sessions_contact_pk"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["project_pk"], ["projects.pk"], name=op.f("fk_contact_sessions_project_pk"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_contact_sessions")),
        sa.UniqueConstraint("project_pk", "id", name=op.f("uq_contact_sessions_project_pk_id")),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_contact_sessions_secret_hash")),
    )
    op.create_index(op.f("ix_contact_sessions_contact_pk_pk"), "contact_sessions", ["contact_pk", "pk"], unique=False)
    with op.batch_alter_table("targets") as table:
        table.add_column(sa.Column("session_pk", ID, nullable=True))
        table.create_foreign_key(
            op.f("fk_targets_session_pk"), "contact_sessions", ["session_pk"], ["pk"], ondelete="SET NULL"
        )
    bound = sa.text("session_pk IS NOT NULL")
    op.create_index("ix_targets_session", "targets", ["session_pk"], sqlite_where=bound, postgresql_where=bound)


def downgrade() -> None:
    op.drop_index("ix_targets_session", table_name="targets")
    with op.batch_alter_table("targets") as table:
        table.drop_column("session_pk")
    op.drop_table("contact_sessions")
    for column in reversed(account_columns()):
        op.drop_column("contacts", column.name)
