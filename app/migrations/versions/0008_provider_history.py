"""How providers did, minute by minute, when they were taken out of routing, and what routing remembers.

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_COUNTS = ("tried", "accepted", "refused", "throttled", "failed", "uncertain")
_CLASSES = 25


def upgrade() -> None:
    """Health is read from counts, so tries need no index by provider and time any more."""
    op.create_table(
        "provider_periods",
        sa.Column("provider_pk", _ID, autoincrement=False, nullable=False),
        sa.Column("seconds", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("begins_at", sa.BigInteger(), nullable=False),
        sa.Column("worker", sa.String(length=64), nullable=False),
        sa.Column("project_pk", _ID, nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in _COUNTS),
        *(sa.Column(f"took_{place}", sa.Integer(), nullable=False, server_default="0") for place in range(_CLASSES)),
        sa.PrimaryKeyConstraint("provider_pk", "seconds", "begins_at", "worker", name=op.f("pk_provider_periods")),
    )
    op.create_table(
        "breaker_openings",
        sa.Column("pk", _ID, nullable=False),
        sa.Column("project_pk", _ID, nullable=False),
        sa.Column("provider_pk", _ID, nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("detail", sa.String(length=512), nullable=False),
        sa.Column("probes", sa.Integer(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("closed_by", sa.String(length=16), nullable=False),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_breaker_openings")),
    )
    op.create_index(op.f("ix_breaker_openings_provider_pk_pk"), "breaker_openings", ["provider_pk", "pk"])
    op.create_table(
        "detours",
        sa.Column("pk", _ID, nullable=False),
        sa.Column("project_pk", _ID, nullable=False),
        sa.Column("wish_pk", _ID, nullable=False),
        sa.Column("avoids", sa.Text(), nullable=False),
        sa.Column("only_pk", _ID, nullable=False),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_detours")),
        sa.UniqueConstraint(
            "project_pk", "wish_pk", "avoids", "only_pk", name=op.f("uq_detours_project_pk_wish_pk_avoids_only_pk")
        ),
    )
    op.create_table(
        "turns",
        sa.Column("provider_pk", _ID, autoincrement=False, nullable=False),
        sa.Column("project_pk", _ID, nullable=False),
        sa.Column("balance", sa.Float(53), nullable=False),
        sa.PrimaryKeyConstraint("provider_pk", name=op.f("pk_turns")),
    )
    op.drop_index(op.f("ix_attempts_provider_pk_ended_at"), "attempts")


def downgrade() -> None:
    """Without history; every delivery goes where it wished again."""
    op.create_index(op.f("ix_attempts_provider_pk_ended_at"), "attempts", ["provider_pk", "ended_at"])
    op.execute(
        "UPDATE deliveries SET wish_pk = COALESCE("
        "(SELECT detours.wish_pk FROM detours WHERE detours.pk = -deliveries.wish_pk), 0) WHERE wish_pk < 0"
    )
    for name in ("turns", "detours", "breaker_openings", "provider_periods"):
        op.drop_table(name)
