"""The audit trail, read: who did what, when, from where."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, literal, select

from app.domain.permissions import ActorKind
from app.models.audit import AuditEntry
from app.models.contacts import Contact
from app.models.keys import ApiKey
from app.models.members import Member
from app.services.accounts.user_agents import UserAgent, describe
from app.services.lists.listing import Cursor, Page, page_of
from app.services.lists.queries import MOST_COUNTED
from app.services.work import Work


@dataclass(frozen=True, slots=True)
class LogLine:
    """One entry of the trail with its actor by public id, and the device it came from.

    `actor_id` is empty for the machine, for guests, and for a key, member or contact that was deleted since;
    `actor_email` for all but members.
    """

    event: str
    at: datetime
    ip: str
    actor_kind: ActorKind
    actor_id: str
    actor_name: str
    actor_email: str
    device: UserAgent


@dataclass(frozen=True, slots=True)
class Log:
    """A page of the trail, newest first, and how many entries there are (5,000 at most are counted)."""

    lines: Sequence[LogLine]
    total: int = 0


def list_entries(work: Work, cursor: Cursor, resource: str = "") -> Page[AuditEntry]:
    """The trail of the project, the newest first; `resource` (noun/id) shows that of one thing alone."""
    work.require("audit.read")
    query = select(AuditEntry).where(AuditEntry.project_pk == work.project_pk)
    if resource:
        query = query.where(AuditEntry.resource == resource)
    return page_of(work.session, query, AuditEntry.pk, cursor)


def read_log(work: Work, resource: str, *, limit: int, offset: int = 0, wants_total: bool = True) -> Log:
    """What was done to one thing (`resource` is noun/id, as it was audited), the newest first.

    Whoever calls this has found the thing, and so may read it: no permission of its own is asked for. But a contact
    learns of others only what they did and when, not who they are and where from.
    """
    mine = (AuditEntry.project_pk == work.project_pk, AuditEntry.resource == resource)
    wanted = select(AuditEntry).where(*mine).order_by(AuditEntry.pk.desc()).limit(limit).offset(offset)
    entries = work.session.scalars(wanted).all()
    some = select(AuditEntry.pk).where(*mine).limit(MOST_COUNTED).subquery()
    total = work.session.scalar(select(func.count()).select_from(some)) if wants_total else 0
    actors = _find_actors(work, entries)
    return Log([_draw(work, entry, actors) for entry in entries], total or 0)


Actors = Mapping[tuple[str, int | None], tuple[str, str]]


def _draw(work: Work, entry: AuditEntry, actors: Actors) -> LogLine:
    kind, doer = ActorKind(entry.actor_kind), (entry.actor_kind, entry.actor_pk)
    if not work.actor.is_privileged and doer != (work.actor.kind, work.actor.pk):
        return LogLine(entry.event, entry.at, "", kind, "", "", "", UserAgent())
    id, email = actors.get(doer, ("", ""))
    return LogLine(entry.event, entry.at, entry.ip, kind, id, entry.actor_name, email, describe(entry.user_agent))


def _find_actors(work: Work, entries: Iterable[AuditEntry]) -> Actors:
    """Public id and email of those who did it, by kind and number: one query for each kind that occurs."""
    columns: dict[ActorKind, tuple[Any, Any, Any]] = {
        ActorKind.KEY: (ApiKey.pk, ApiKey.id, literal("")), ActorKind.MEMBER: (Member.pk, Member.id, Member.email),
        ActorKind.CONTACT: (Contact.pk, Contact.id, literal("")),
    }  # fmt: skip
    found: dict[tuple[str, int | None], tuple[str, str]] = {}
    for kind, (pk, id, email) in columns.items():
        if pks := {entry.actor_pk for entry in entries if entry.actor_kind == kind}:
            rows = work.session.execute(select(pk, id, email).where(pk.in_(pks)))
            found |= {(kind.value, number): (public_id, address) for number, public_id, address in rows}
    return found
