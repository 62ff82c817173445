"""What people choose for themselves about what they get.

Revision ID: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Which target left which topic of its own wish; where mail programs may send that wish by email."""
    op.add_column(
        "projects", sa.Column("unsubscribe_mailbox", sa.String(length=320), nullable=False, server_default="")
    )
    op.create_table(
        "opt_outs",
        sa.Column("pk", _ID, nullable=False),
        sa.Column("project_pk", _ID, nullable=False),
        sa.Column("topic_pk", _ID, nullable=False),
        sa.Column("target_pk", _ID, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("message_pk", _ID, nullable=False),
        *(
            sa.ForeignKeyConstraint(
                [f"{noun}_pk"], [f"{noun}s.pk"], name=op.f(f"fk_opt_outs_{noun}_pk"), ondelete="CASCADE"
            )
            for noun in ("project", "topic", "target")
        ),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_opt_outs")),
        sa.UniqueConstraint("topic_pk", "target_pk", name=op.f("uq_opt_outs_topic_pk_target_pk")),
    )
    op.create_index(op.f("ix_opt_outs_target_pk"), "opt_outs", ["target_pk"])
    op.create_index(op.f("ix_opt_outs_project_pk"), "opt_outs", ["project_pk"])


def downgrade() -> None:
    """Nobody knows any more who left, but those who did stay out."""
    op.drop_table("opt_outs")
    op.drop_column("projects", "unsubscribe_mailbox")
