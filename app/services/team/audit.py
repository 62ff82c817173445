"""The audit trail, read: who did what, when, from where."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import func, literal, select

from app.domain.permissions import ActorKind
from app.models.audit import AuditEntry
from app.models.contacts import Contact
from app.models.keys import ApiKey
from app.models.members import Member
from app.services.accounts.user_agents import UserAgent, describe
from app.services.lists.listing import Cursor, Page, page_of
from app.services.lists.queries import MOST_COUNTED
from app.services.team import subjects
from app.services.team.subjects import CONTACT_NAME, Ref, Subject
from app.services.work import Work

SHOWN = 200  # signs of a name that an entry keeps at least
# Details that hold the id of a thing, under its noun.
REFERENCES = ("contact", "target", "topic", "message", "template", "bucket")


@dataclass(frozen=True, slots=True)
class TrailLine:
    """One entry of the trail for people: who did it, and to what by its name.

    `doer` is empty for a contact that was deleted since. `called` is what the subject was called then, where that is
    another name. `others` are the things that the details mention, by the name of the detail.
    """

    entry: AuditEntry
    doer: str
    subject: Subject
    called: str
    others: Mapping[str, Subject]


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


class _Doer(NamedTuple):
    """Who did something: public id, email of a member, name of a contact."""

    id: str = ""
    email: str = ""
    name: str = ""


_NOBODY = _Doer()
Actors = Mapping[tuple[str, int | None], _Doer]


def list_lines(work: Work, cursor: Cursor, resource: str = "") -> Page[TrailLine]:
    """The trail of the project, the newest first; `resource` (noun/id) shows that of one thing alone."""
    work.require("audit.read")
    query = select(AuditEntry).where(AuditEntry.project_pk == work.project_pk)
    if resource:
        query = query.where(AuditEntry.resource == resource)
    page: Page[AuditEntry] = page_of(work.session, query, AuditEntry.pk, cursor)
    others = {entry.pk: _mentioned(entry) for entry in page.items}
    refs = {_ref_of(entry) for entry in page.items}.union(*(some.values() for some in others.values()))
    found, actors = subjects.find(work, refs), _find_actors(work, page.items)
    lines = [_tell(entry, found, others[entry.pk], actors) for entry in page.items]
    return Page(lines, page.older, page.newer)


def _ref_of(entry: AuditEntry) -> Ref:
    noun, _, id = entry.resource.partition("/")
    return Ref(noun, id, str(entry.details.get("bucket", "")) if noun == "file" else "")


def _mentioned(entry: AuditEntry) -> dict[str, Ref]:
    return {name: Ref(name, str(id)) for name in REFERENCES if (id := entry.details.get(name))}


def _tell(entry: AuditEntry, found: Mapping[Ref, Subject], mentioned: Mapping[str, Ref], actors: Actors) -> TrailLine:
    others = {name: found[ref] for name, ref in mentioned.items()}
    subject = found[_ref_of(entry)]
    if subject.noun in {"subscriber", "suppression"} and not subject.is_there and "target" in others:
        subject = others["target"]  # it is about an address, by which people know it
    told, called = subjects.told_name(subject.noun, entry.details), ""
    if told and subject.noun in subjects.RENAMED and told[:SHOWN] != subject.name[:SHOWN]:
        called = told
    if not subject.is_there:
        subject, called = replace(subject, name=called or subject.name or told), ""
    return TrailLine(entry, _doer(entry, actors), subject, called, others)


def _doer(entry: AuditEntry, actors: Actors) -> str:
    return entry.actor_name or actors.get((entry.actor_kind, entry.actor_pk), _NOBODY).name


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


def _draw(work: Work, entry: AuditEntry, actors: Actors) -> LogLine:
    kind, doer = ActorKind(entry.actor_kind), (entry.actor_kind, entry.actor_pk)
    if not work.actor.is_privileged and doer != (work.actor.kind, work.actor.pk):
        return LogLine(entry.event, entry.at, "", kind, "", "", "", UserAgent())
    who = actors.get(doer, _NOBODY)
    name = entry.actor_name or who.name
    return LogLine(entry.event, entry.at, entry.ip, kind, who.id, name, who.email, describe(entry.user_agent))


def _find_actors(work: Work, entries: Iterable[AuditEntry]) -> Actors:
    """Those who did it, by kind and number: one query for each kind that occurs."""
    none = literal("")
    columns: dict[ActorKind, tuple[Any, ...]] = {
        ActorKind.KEY: (ApiKey.pk, ApiKey.id, none, none), ActorKind.MEMBER: (Member.pk, Member.id, Member.email, none),
        ActorKind.CONTACT: (Contact.pk, Contact.id, none, CONTACT_NAME),
    }  # fmt: skip
    found: dict[tuple[str, int | None], _Doer] = {}
    for kind, (pk, *told) in columns.items():
        if pks := {entry.actor_pk for entry in entries if entry.actor_kind == kind}:
            rows = work.session.execute(select(pk, *told).where(pk.in_(pks)))
            found |= {(kind.value, number): _Doer(*facts) for number, *facts in rows}
    return found
