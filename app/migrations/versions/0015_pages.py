"""Indexes for pages over a long past.

Revision ID: 0015
Revises: 0014
"""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Days are added up from an index alone, and what is scheduled is found among all that ever was."""
    op.drop_index(op.f("ix_messages_project_pk_started_at"), "messages")
    started = ["project_pk", "started_at", "channel", "pk"]
    op.create_index(op.f("ix_messages_project_pk_started_at_channel_pk"), "messages", started)
    scheduled = ["project_pk", "status", "scheduled_at"]
    op.create_index(op.f("ix_messages_project_pk_status_scheduled_at"), "messages", scheduled)


def downgrade() -> None:
    """As it was."""
    op.drop_index(op.f("ix_messages_project_pk_status_scheduled_at"), "messages")
    op.drop_index(op.f("ix_messages_project_pk_started_at_channel_pk"), "messages")
    op.create_index(op.f("ix_messages_project_pk_started_at"), "messages", ["project_pk", "started_at"])
