"""Feed addresses of the calendar, and the gap within which two messages to one topic are warned about.

Revision ID: 0018
Revises: 0017
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Every project warns about two messages to one topic within a day."""
    op.add_column("projects", sa.Column("topic_gap", sa.Integer(), nullable=False, server_default="86400"))
    op.create_table(
        "calendar_feeds",
        sa.Column("pk", _ID, nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("token_ending", sa.String(8), nullable=False),
        sa.Column("member_pk", _ID, nullable=False),
        sa.Column("project_pk", _ID, nullable=False),
        sa.Column("read_at", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        *(
            sa.ForeignKeyConstraint(
                [f"{noun}_pk"], [f"{noun}s.pk"], name=op.f(f"fk_calendar_feeds_{noun}_pk"), ondelete="CASCADE"
            )
            for noun in ("member", "project")
        ),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_calendar_feeds")),
        sa.UniqueConstraint("member_pk", "project_pk", name=op.f("uq_calendar_feeds_member_pk_project_pk")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_calendar_feeds_token_hash")),
    )
    op.create_index(op.f("ix_calendar_feeds_project_pk"), "calendar_feeds", ["project_pk"])


def downgrade() -> None:
    """Calendar programs find nothing at the addresses they were given."""
    op.drop_table("calendar_feeds")
    op.drop_column("projects", "topic_gap")
