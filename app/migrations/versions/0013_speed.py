"""Indexes for a ledger that is written fast and read at any size.

Revision ID: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_HELD = sa.text("batch_pk IS NOT NULL")


def upgrade() -> None:
    """Only what a worker holds has a batch, and a try is found by its delivery: smaller indexes, fewer writes."""
    op.drop_index(op.f("ix_attempts_message_pk"), "attempts")
    op.drop_index(op.f("ix_deliveries_batch_pk"), "deliveries")
    op.create_index("ix_deliveries_held", "deliveries", ["batch_pk"], sqlite_where=_HELD, postgresql_where=_HELD)


def downgrade() -> None:
    """As it was."""
    op.drop_index("ix_deliveries_held", "deliveries")
    op.create_index(op.f("ix_deliveries_batch_pk"), "deliveries", ["batch_pk"])
    op.create_index(op.f("ix_attempts_message_pk"), "attempts", ["message_pk"])
