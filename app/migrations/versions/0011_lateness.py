"""How late a message may start, and the stop of all sending.

Revision ID: 0011
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """What is scheduled already waits for a person when it is more than an hour late."""
    op.add_column("projects", sa.Column("max_lateness", sa.Integer(), nullable=False, server_default="3600"))
    op.add_column("projects", sa.Column("stopped_at", sa.BigInteger(), nullable=True))
    op.add_column("projects", sa.Column("stopped_by", sa.String(320), nullable=False, server_default=""))
    op.add_column("messages", sa.Column("max_lateness", sa.Integer(), nullable=True))
    op.add_column("messages", sa.Column("late_at", sa.BigInteger(), nullable=True))
    op.add_column("messages", sa.Column("scheduled_rules", sa.String(16), nullable=False, server_default=""))
    op.drop_index(op.f("ix_messages_status_scheduled_at"), table_name="messages")
    op.create_index(op.f("ix_messages_status_late_at_scheduled_at"), "messages", ["status", "late_at", "scheduled_at"])


def downgrade() -> None:
    """Whatever is late starts at once, and nothing is stopped."""
    op.drop_index(op.f("ix_messages_status_late_at_scheduled_at"), table_name="messages")
    op.create_index(op.f("ix_messages_status_scheduled_at"), "messages", ["status", "scheduled_at"])
    for name in ("scheduled_rules", "late_at", "max_lateness"):
        op.drop_column("messages", name)
    for name in ("stopped_by", "stopped_at", "max_lateness"):
        op.drop_column("projects", name)
