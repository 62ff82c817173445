"""Which installation a database belongs to, and whether it may send.

Revision ID: 0012
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """A row for the installation; Carillon writes it when it starts."""
    op.create_table(
        "installations",
        sa.Column("pk", _ID, nullable=False),
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("place", sa.String(128), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("beat", sa.BigInteger(), nullable=False),
        sa.Column("nonce", sa.String(32), nullable=False),
        sa.Column("fenced_at", sa.BigInteger(), nullable=True),
        sa.Column("fence_reason", sa.String(16), nullable=False),
        sa.Column("backup_at", sa.BigInteger(), nullable=True),
        sa.Column("confirmed_at", sa.BigInteger(), nullable=True),
        sa.Column("confirmed_by", sa.String(320), nullable=False),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_installations")),
    )


def downgrade() -> None:
    """An installation is not told from its copy."""
    op.drop_table("installations")
