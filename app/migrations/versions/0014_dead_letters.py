"""Dead letters: which deliveries are some, and what people decided about them.

Revision ID: 0014
Revises: 0013
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
_DEAD = sa.text(
    "COALESCE(state, '') IN ('failed', 'uncertain') AND dismissal_pk IS NULL AND reason NOT IN ('domain_unknown',"
    " 'invalid_address', 'mailbox_disabled', 'mailbox_unknown', 'opted_out', 'token_retired')"
)
_DISMISSED = sa.text("dismissal_pk IS NOT NULL")
_OPEN = sa.text("ended_at IS NULL")


def upgrade() -> None:
    """Indexes that only dead letters enter: whatever is sent well pays nothing for them."""
    op.add_column("deliveries", sa.Column("dismissal_pk", _ID, nullable=True))
    columns = ["project_pk", "message_pk", "reason", "state", "provider_pk", "updated_at", "pk", "dismissal_pk"]
    op.create_index("ix_deliveries_dead", "deliveries", columns, sqlite_where=_DEAD, postgresql_where=_DEAD)
    op.create_index(
        "ix_deliveries_dismissed",
        "deliveries",
        ["dismissal_pk", "pk"],
        sqlite_where=_DISMISSED,
        postgresql_where=_DISMISSED,
    )
    op.create_table(
        "dead_letter_orders",
        sa.Column("pk", _ID, nullable=False),
        sa.Column("project_pk", _ID, nullable=False),
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("author_name", sa.String(320), nullable=False),
        sa.Column("chosen", _JSON, nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("at_message_pk", _ID, nullable=False),
        sa.Column("touched", _JSON, nullable=False),
        sa.Column("undoes_pk", _ID, nullable=True),
        sa.Column("undone_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_pk"], ["projects.pk"], name=op.f("fk_dead_letter_orders_project_pk"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_dead_letter_orders")),
        sa.UniqueConstraint("project_pk", "id", name=op.f("uq_dead_letter_orders_project_pk_id")),
    )
    op.create_index(op.f("ix_dead_letter_orders_project_pk_pk"), "dead_letter_orders", ["project_pk", "pk"])
    op.create_index(
        "ix_dead_letter_orders_open", "dead_letter_orders", ["pk"], sqlite_where=_OPEN, postgresql_where=_OPEN
    )


def downgrade() -> None:
    """What was dismissed is forgotten."""
    op.drop_table("dead_letter_orders")
    op.drop_index("ix_deliveries_dismissed", "deliveries")
    op.drop_index("ix_deliveries_dead", "deliveries")
    op.drop_column("deliveries", "dismissal_pk")
