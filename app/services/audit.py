"""The audit trail, read: who did what, when, from where."""

from sqlalchemy import select

from app.models.audit import AuditEntry
from app.services.listing import Cursor, Page, page_of
from app.services.work import Work


def list_entries(work: Work, cursor: Cursor, resource: str = "") -> Page[AuditEntry]:
    """The trail of the project, the newest first; `resource` (noun/id) shows that of one thing alone."""
    work.require("audit.read")
    query = select(AuditEntry).where(AuditEntry.project_pk == work.project_pk)
    if resource:
        query = query.where(AuditEntry.resource == resource)
    return page_of(work.session, query, AuditEntry.pk, cursor)
