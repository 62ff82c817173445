"""Which buckets are sample data.

Revision ID: 0024
Revises: 0023
"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """None of those that are there."""
    op.add_column("buckets", sa.Column("is_demo", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    """Sample buckets are ordinary ones then."""
    op.drop_column("buckets", "is_demo")
