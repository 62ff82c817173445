"""Every table, imported so that migrations see them; import a table from its own file, not from here."""

from app.models import (
    audit,
    contact_sessions,
    contacts,
    deliveries,
    feedback,
    files,
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
    "contact_sessions",
    "contacts",
    "deliveries",
    "feedback",
    "files",
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
