"""Providers side by side by share, and how much each is handed.

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A share among providers of one rank, and limits of rate and concurrency."""
    op.add_column("providers", sa.Column("share", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("providers", sa.Column("rate_count", sa.Integer(), nullable=True))
    op.add_column("providers", sa.Column("rate_seconds", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("providers", sa.Column("most_in_flight", sa.Integer(), nullable=True))


def downgrade() -> None:
    """Every provider on its own again, without limits."""
    for name in ("most_in_flight", "rate_seconds", "rate_count", "share"):
        op.drop_column("providers", name)
