"""What text messages cost through each provider, country by country.

Revision ID: 0020
Revises: 0019
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Empty: prices are the customer's own contracts."""
    op.create_table(
        "prices",
        sa.Column("provider_pk", _ID, nullable=False),
        sa.Column("country", sa.String(2), nullable=False),
        sa.Column("micros", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("project_pk", _ID, nullable=False),
        sa.Column("pk", _ID, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        *(
            sa.ForeignKeyConstraint(
                [f"{noun}_pk"], [f"{noun}s.pk"], name=op.f(f"fk_prices_{noun}_pk"), ondelete="CASCADE"
            )
            for noun in ("provider", "project")
        ),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_prices")),
        sa.UniqueConstraint("project_pk", "id", name=op.f("uq_prices_project_pk_id")),
        sa.UniqueConstraint(
            "provider_pk", "country", "valid_from", name=op.f("uq_prices_provider_pk_country_valid_from")
        ),
    )


def downgrade() -> None:
    """The tables of prices are gone; an export keeps them."""
    op.drop_table("prices")
