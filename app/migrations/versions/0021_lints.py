"""Everybody in a draft's audience, rendered; and who left a topic, counted.

Revision ID: 0021
Revises: 0020
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_JSON = sa.JSON().with_variant(JSONB(), "postgresql")


def upgrade() -> None:
    """Drafts that stand there are looked at when they are saved next."""
    op.add_column("topics", sa.Column("left_total", sa.Integer(), nullable=False, server_default="0"))
    op.create_table(
        "lints",
        sa.Column("message_pk", _ID, autoincrement=False, nullable=False),
        sa.Column("project_pk", _ID, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("begun_at", sa.BigInteger(), nullable=True),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("checked", sa.Integer(), nullable=False),
        sa.Column("cursor", _ID, nullable=False),
        sa.Column("findings", _JSON, nullable=False),
        *(
            sa.ForeignKeyConstraint(
                [f"{noun}_pk"], [f"{noun}s.pk"], name=op.f(f"fk_lints_{noun}_pk"), ondelete="CASCADE"
            )
            for noun in ("message", "project")
        ),
        sa.PrimaryKeyConstraint("message_pk", name=op.f("pk_lints")),
    )
    op.create_index(op.f("ix_lints_state_due_at"), "lints", ["state", "due_at"])


def downgrade() -> None:
    """What was found is found again by the next save."""
    op.drop_table("lints")
    op.drop_column("topics", "left_total")
