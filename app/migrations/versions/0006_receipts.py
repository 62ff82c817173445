"""What services say afterwards.

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_WAITING = sa.text("applied_at IS NULL")


def upgrade() -> None:
    """Receipts as they come in, each once, and which of them still wait for their delivery."""
    op.create_table(
        "feedback_events",
        sa.Column("pk", _ID, nullable=False),
        sa.Column("project_pk", _ID, nullable=False),
        sa.Column("provider_pk", _ID, nullable=False),
        sa.Column("event_id", sa.String(length=255), nullable=False),
        sa.Column("event", sa.String(length=16), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("delivery_key", sa.String(length=255), nullable=False),
        sa.Column("provider_message_id", sa.String(length=255), nullable=False),
        sa.Column("address", sa.String(length=2048), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("code", sa.String(length=32), nullable=False),
        sa.Column("detail", sa.String(length=512), nullable=False),
        sa.Column("raw", sa.Text(), nullable=False),
        sa.Column("is_proven", sa.Boolean(), nullable=False),
        sa.Column("look_at", sa.BigInteger(), nullable=False),
        sa.Column("applied_at", sa.BigInteger(), nullable=True),
        sa.Column("delivery_pk", _ID, nullable=True),
        sa.Column("message_pk", _ID, nullable=True),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_feedback_events")),
        sa.UniqueConstraint("provider_pk", "event_id", name=op.f("uq_feedback_events_provider_pk_event_id")),
    )
    op.create_index(
        "ix_feedback_events_waiting",
        "feedback_events",
        ["look_at", "pk"],
        sqlite_where=_WAITING,
        postgresql_where=_WAITING,
    )
    for columns in (["message_pk", "delivery_pk", "pk"], ["provider_pk", "pk"]):
        op.create_index(op.f(f"ix_feedback_events_{'_'.join(columns)}"), "feedback_events", columns, unique=False)


def downgrade() -> None:
    """Without receipts; what they did to deliveries stays."""
    op.drop_table("feedback_events")
