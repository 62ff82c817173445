"""What push and SMS messages, copies and attachments need.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_QUEUED = sa.text("state = 'queued'")


def upgrade() -> None:
    """Each delivery knows the provider its target is bound to; what is due is found by it."""
    op.add_column("deliveries", sa.Column("wish_pk", _ID, nullable=False, server_default="0"))
    op.drop_index("ix_deliveries_due", table_name="deliveries")
    op.create_index(
        "ix_deliveries_due",
        "deliveries",
        ["message_pk", "wish_pk", "next_attempt_at", "pk"],
        sqlite_where=_QUEUED,
        postgresql_where=_QUEUED,
    )


def downgrade() -> None:
    """Without the wish a delivery goes through the default provider."""
    op.drop_index("ix_deliveries_due", table_name="deliveries")
    op.create_index(
        "ix_deliveries_due",
        "deliveries",
        ["message_pk", "next_attempt_at", "pk"],
        sqlite_where=_QUEUED,
        postgresql_where=_QUEUED,
    )
    op.drop_column("deliveries", "wish_pk")
