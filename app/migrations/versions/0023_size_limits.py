"""What providers said of the size they take, and which of them cannot carry a delivery.

Revision ID: 0023
Revises: 0022
"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_BEFORE = ("project_pk", "wish_pk", "avoids", "only_pk")
_AFTER = ("project_pk", "wish_pk", "avoids", "unfit", "only_pk")


def upgrade() -> None:
    """Nothing is known of any of them yet."""
    op.add_column("providers", sa.Column("size_limit", sa.BigInteger(), nullable=True))
    op.add_column("providers", sa.Column("size_limit_at", sa.BigInteger(), nullable=True))
    with op.batch_alter_table("detours") as table:
        table.add_column(sa.Column("unfit", sa.Text(), nullable=False, server_default=""))
        table.drop_constraint(_name(_BEFORE), type_="unique")
        table.create_unique_constraint(_name(_AFTER), list(_AFTER))


def downgrade() -> None:
    """What some provider cannot carry goes where it wished again, and is refused there."""
    op.execute(
        "UPDATE deliveries SET wish_pk = COALESCE("
        "(SELECT detours.wish_pk FROM detours WHERE detours.pk = -deliveries.wish_pk), 0)"
        " WHERE wish_pk < 0 AND EXISTS (SELECT 1 FROM detours WHERE detours.pk = -deliveries.wish_pk AND unfit <> '')"
    )
    op.execute("DELETE FROM detours WHERE unfit <> ''")
    with op.batch_alter_table("detours") as table:
        table.drop_constraint(_name(_AFTER), type_="unique")
        table.drop_column("unfit")
        table.create_unique_constraint(_name(_BEFORE), list(_BEFORE))
    for name in ("size_limit_at", "size_limit"):
        op.drop_column("providers", name)


def _name(columns: tuple[str, ...]) -> str:
    return str(op.f(f"uq_detours_{'_'.join(columns)}"))
