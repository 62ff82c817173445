"""The trail holds no names and addresses of contacts: they are looked up as long as somebody is there.

Revision ID: 0025
Revises: 0024
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

_ENTRIES = sa.table(
    "audit_entries",
    sa.column("pk", sa.BigInteger()),
    sa.column("event", sa.String()),
    sa.column("actor_kind", sa.String()),
    sa.column("actor_pk", sa.BigInteger()),
    sa.column("actor_name", sa.String()),
    sa.column("details", sa.JSON().with_variant(JSONB(), "postgresql")),
)
_WITHOUT_NAME = {"sqlite": "json_remove(details, '$.name')", "postgresql": "details - 'name'"}


def upgrade() -> None:
    """Names go; of an address that was lifted only what recognises it stays."""
    link = op.get_bind()
    link.execute(
        sa.update(_ENTRIES)
        .where(_ENTRIES.c.event.in_(["contact.create", "contact.update"]))
        .values(details=sa.text(_WITHOUT_NAME[link.dialect.name]))
    )
    by_contact = sa.and_(_ENTRIES.c.actor_kind == "contact", _ENTRIES.c.actor_pk.is_not(None))
    link.execute(sa.update(_ENTRIES).where(by_contact).values(actor_name=""))
    lifted = sa.select(_ENTRIES.c.pk, _ENTRIES.c.details).where(_ENTRIES.c.event == "suppression.lift")
    for pk, details in link.execute(lifted).all():
        if address := details.get("address"):
            masked = details | {"address": _mask(address)}
            link.execute(sa.update(_ENTRIES).where(_ENTRIES.c.pk == pk).values(details=masked))


def _mask(address: str) -> str:
    local, at, domain = address.rpartition("@")
    if at:
        return f"{local[:1]}…@{domain}"
    return f"{address[:3]}…{address[-2:]}" if len(address) > 6 else "…"


def downgrade() -> None:
    """What is not there any more cannot come back."""
