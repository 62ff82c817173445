"""How providers did, minute by minute, and when they were taken out of routing.

Revision ID: 0008
Revises: 0007
"""

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """How providers did, minute by minute, and when they were taken out of routing."""


def downgrade() -> None:
    """Without it."""
