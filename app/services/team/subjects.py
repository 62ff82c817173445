"""What the trail tells of, by name: as it is called now, or was called when it was there last."""

from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Select, case, exists, func, literal, or_, select

from app.domain.channels import DEVICES
from app.models.audit import AuditEntry
from app.models.contacts import Contact
from app.models.files import Bucket, File
from app.models.imports import Import
from app.models.keys import ApiKey
from app.models.members import Member, Membership
from app.models.messages import Message
from app.models.prices import Price
from app.models.projects import Project
from app.models.providers import Provider
from app.models.suppressions import Suppression
from app.models.targets import Target
from app.models.templates import Template
from app.models.topics import Topic
from app.services.providers.prices import name_of
from app.services.work import Work


class Ref(NamedTuple):
    """A thing as the trail writes it down. `place` is the bucket of a file, whose id is its own only there."""

    noun: str
    id: str
    place: str = ""


@dataclass(frozen=True, slots=True)
class Subject:
    """A thing as people know it. `name` is empty where it has none, or nobody may know it (any more).

    A member is there as long as it is in the project.

    `place` is the id of what its page lies under: the contact of an address, the bucket of a file, the provider of a
    price.
    """

    noun: str
    id: str
    name: str = ""
    is_there: bool = False
    place: str = ""


# A contact without a name is known by its first address, as in the list of contacts.
CONTACT_NAME = func.coalesce(
    func.nullif(Contact.name, ""),
    select(Target.address)
    .where(Target.contact_pk == Contact.pk, Target.channel.not_in(DEVICES))
    .order_by(Target.channel, Target.pk)
    .limit(1)
    .scalar_subquery(),
    "",
)


Rows = Callable[[int, Set[Ref]], Select[Any]]  # what finds things of a project: id, name, place, is_there


@dataclass(frozen=True, slots=True)
class _Kind:
    """How things of a sort are found, and what one must be allowed to learn their names.

    `told` is the detail in which the trail keeps a name; empty where it does not. `say` makes words of what was found.
    """

    permission: str
    rows: Rows
    told: str = "name"
    say: Callable[[str], str] = str


_NO_PLACE, _YES = literal(""), literal(True)


def _rows(table: Any, name: Any, place: Any = _NO_PLACE) -> Rows:
    wanted = _columns(table, name, place)
    return lambda project_pk, refs: wanted.where(table.project_pk == project_pk, table.id.in_(_ids(refs)))


def _columns(table: Any, name: Any, place: Any = _NO_PLACE, is_there: Any = _YES) -> Select[Any]:
    return select(table.id, name.label("name"), place.label("place"), is_there.label("is_there"))


def _ids(refs: Set[Ref]) -> set[str]:
    return {ref.id for ref in refs}


def _id_of(table: Any, pk: Any) -> Any:
    return select(table.id).where(table.pk == pk).scalar_subquery()


def _files(project_pk: int, refs: Set[Ref]) -> Select[Any]:
    """By way of their buckets: no index knows the files of a project by their ids."""
    buckets = select(Bucket.pk).where(Bucket.project_pk == project_pk, Bucket.id.in_({ref.place for ref in refs}))
    wanted = _columns(File, File.name, _id_of(Bucket, File.bucket_pk))
    return wanted.where(File.bucket_pk.in_(buckets), File.id.in_(_ids(refs)))


def _members(project_pk: int, refs: Set[Ref]) -> Select[Any]:
    is_here = exists().where(Membership.member_pk == Member.pk, Membership.project_pk == project_pk)
    name = func.coalesce(func.nullif(Member.name, ""), Member.email)
    return _columns(Member, name, is_there=is_here).where(Member.id.in_(_ids(refs)))


def _project(project_pk: int, refs: Set[Ref]) -> Select[Any]:
    return _columns(Project, Project.name).where(Project.pk == project_pk, Project.id.in_(_ids(refs)))


# Nobody knows a device by its token.
_ADDRESS = case((Target.channel.in_(DEVICES), Target.name), else_=Target.address)
_KINDS: Mapping[str, _Kind] = {
    "message": _Kind("messages.read", _rows(Message, Message.title), told="title"),
    "template": _Kind("messages.read", _rows(Template, Template.name)),
    "contact": _Kind("contacts.read", _rows(Contact, CONTACT_NAME), told=""),
    "target": _Kind("contacts.read", _rows(Target, _ADDRESS, _id_of(Contact, Target.contact_pk)), told=""),
    "topic": _Kind("topics.read", _rows(Topic, Topic.name)),
    "suppression": _Kind("suppressions.read", _rows(Suppression, Suppression.address_key), told="address"),
    "provider": _Kind("providers.read", _rows(Provider, Provider.name)),
    "price": _Kind(
        "providers.read", _rows(Price, Price.country, _id_of(Provider, Price.provider_pk)), told="country", say=name_of
    ),
    "bucket": _Kind("files.read", _rows(Bucket, Bucket.name)),
    "file": _Kind("files.read", _files),
    "import": _Kind("contacts.read", _rows(Import, Import.file_name), told="file"),
    "member": _Kind("members.read", _members, told="email"),
    "key": _Kind("keys.read", _rows(ApiKey, ApiKey.name)),
    "project": _Kind("settings.read", _project),
}
# What can get another name, and whose entries say which it had.
RENAMED = frozenset(noun for noun, kind in _KINDS.items() if kind.told in {"name", "title"})
_TOLD = sorted({kind.told for kind in _KINDS.values() if kind.told})


def told_name(noun: str, details: Mapping[str, Any]) -> str:
    """What a thing was called at the moment of an entry with those details; empty when it does not say so."""
    kind = _KINDS.get(noun)
    return str(details.get(kind.told) or "") if kind is not None and kind.told else ""


def find(work: Work, refs: Set[Ref]) -> Mapping[Ref, Subject]:
    """All of these things: those that are there, and of those that are gone what the trail remembers.

    One statement for each sort of thing, and one for all that are gone, however many there are. Whoever may not read a
    sort of thing does not learn its names here either.
    """
    found: dict[Ref, Subject] = {}
    gone: set[Ref] = set()
    for noun, kind in _KINDS.items():
        some = {ref for ref in refs if ref.noun == noun}
        if some and work.actor.may(kind.permission):
            found |= _find_there(work, noun, some)
            gone |= some - found.keys() if kind.told else set()
    names = _last_names(work, gone)
    return found | {ref: Subject(ref.noun, ref.id, names.get(ref, "")) for ref in refs - found.keys()}


def _find_there(work: Work, noun: str, refs: Set[Ref]) -> dict[Ref, Subject]:
    kind = _KINDS[noun]
    rows = work.session.execute(kind.rows(work.project_pk, refs))
    known = {}
    for row in rows:
        ref = Ref(noun, row.id, row.place if noun == "file" else "")
        known[ref] = Subject(noun, row.id, kind.say(row.name), bool(row.is_there), row.place)
    return {ref: subject for ref, subject in known.items() if ref in refs}


def _last_names(work: Work, refs: Iterable[Ref]) -> dict[Ref, str]:
    """What these were called when the trail named them last, as it does when they are deleted."""
    by_resource = {f"{ref.noun}/{ref.id}": ref for ref in refs}
    if not by_resource:
        return {}
    newest = (
        select(func.max(AuditEntry.pk))
        .where(
            AuditEntry.project_pk == work.project_pk, AuditEntry.resource.in_(by_resource),
            or_(*(AuditEntry.details[name].as_string().is_not(None) for name in _TOLD)),
        )
        .group_by(AuditEntry.resource)
    )  # fmt: skip
    rows = work.session.execute(select(AuditEntry.resource, AuditEntry.details).where(AuditEntry.pk.in_(newest)))
    told = ((by_resource[row.resource], row.details) for row in rows)
    return {ref: told_name(ref.noun, details) for ref, details in told}
