"""Who is in large topics, kept as sets of bits, and who left since; a template's versions in their order.

Revision ID: 0022
Revises: 0021
"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _belongs(table: str) -> list[sa.ForeignKeyConstraint]:
    return [
        sa.ForeignKeyConstraint([f"{noun}_pk"], [f"{noun}s.pk"], name=op.f(f"fk_{table}_{noun}_pk"), ondelete="CASCADE")
        for noun in ("topic", "project")
    ]


def upgrade() -> None:
    """Empty: sets are made by whoever looks at an audience next."""
    op.create_table(
        "topic_sets",
        sa.Column("topic_pk", _ID, autoincrement=False, nullable=False),
        sa.Column("channel", sa.String(16), nullable=False),
        sa.Column("project_pk", _ID, nullable=False),
        sa.Column("left_total", sa.Integer(), nullable=False),
        sa.Column("last_pk", _ID, nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("members", sa.LargeBinary(), nullable=False),
        *_belongs("topic_sets"),
        sa.PrimaryKeyConstraint("topic_pk", "channel", name=op.f("pk_topic_sets")),
    )
    op.create_table(
        "topic_leavers",
        sa.Column("topic_pk", _ID, autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("project_pk", _ID, nullable=False),
        sa.Column("target_pk", _ID, nullable=False),
        *_belongs("topic_leavers"),
        sa.PrimaryKeyConstraint("topic_pk", "number", name=op.f("pk_topic_leavers")),
    )
    op.create_index(op.f("ix_template_versions_template_pk_pk"), "template_versions", ["template_pk", "pk"])


def downgrade() -> None:
    """Nothing is lost: the topics' subscribers are what counts."""
    op.drop_index(op.f("ix_template_versions_template_pk_pk"), "template_versions")
    op.drop_table("topic_leavers")
    op.drop_table("topic_sets")
