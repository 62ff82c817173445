"""Device tokens that providers called dead.

Revision ID: 0010
Revises: 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Which tokens died lately, and until when a person vouches for a provider's word on it."""
    op.create_table(
        "token_deaths",
        sa.Column("pk", _ID, nullable=False),
        sa.Column("project_pk", _ID, nullable=False),
        sa.Column("provider_pk", _ID, nullable=False),
        sa.Column("target_pk", _ID, nullable=True),
        sa.Column("told_at", sa.BigInteger(), nullable=False),
        sa.Column("is_held", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_token_deaths")),
    )
    op.create_index(op.f("ix_token_deaths_provider_pk_told_at"), "token_deaths", ["provider_pk", "told_at"])
    op.add_column("providers", sa.Column("deaths_believed_until", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    """Every dead token is believed again."""
    op.drop_column("providers", "deaths_believed_until")
    op.drop_table("token_deaths")
