"""What people choose for themselves about what they get.

Revision ID: 0009
Revises: 0008
"""

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """What people choose for themselves about what they get."""


def downgrade() -> None:
    """Without it."""
