"""Every table, imported so that migrations see them; import a table from its own file, not from here."""

from app.models import (
    audit,
    contacts,
    deliveries,
    idempotency,
    imports,
    keys,
    members,
    messages,
    projects,
    providers,
    suppressions,
    targets,
    topics,
)

__all__ = [
    "audit",
    "contacts",
    "deliveries",
    "idempotency",
    "imports",
    "keys",
    "members",
    "messages",
    "projects",
    "providers",
    "suppressions",
    "targets",
    "topics",
]
