"""Lists of contacts: newest first, or those whose name or address begins with what was typed; through indexes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, select, tuple_
from sqlalchemy.orm import aliased

from app.domain.channels import Channel
from app.domain.errors import Invalid
from app.models.contacts import Contact
from app.models.targets import Target
from app.models.topics import Subscriber, Topic
from app.services.contacts import name_key
from app.services.listing import PAGE_SIZE, Cursor, Page, page_of
from app.services.suppressions import LAST_SIGN
from app.services.targets import search_key
from app.services.work import Work

COUNTED = 10_000  # more than that is not counted, so that a list is as quick with a million contacts
SMALL_TOPIC = 2_000  # a topic of at most so many is listed from its own side
SHOWN_ADDRESSES = 3


@dataclass(frozen=True, slots=True)
class ContactFilter:
    """What a list shows; empty means any. `search` is the beginning of a name or an address, `topic` an id."""

    search: str = ""
    topic: str = ""
    channel: str = ""


@dataclass(frozen=True, slots=True)
class ContactLine:
    """A contact as a list shows it: the first of its addresses, and how many more there are."""

    id: str
    name: str
    created_at: datetime
    addresses: tuple[tuple[str, str], ...]  # (channel, address)
    more: int


def count_contacts(work: Work) -> int:
    """How many contacts there are, counted up to one more than COUNTED."""
    work.require("contacts.read")
    some = select(Contact.pk).where(Contact.project_pk == work.project_pk).limit(COUNTED + 1).subquery()
    return work.session.scalar(select(func.count()).select_from(some)) or 0


def list_contacts(work: Work, wanted: ContactFilter, *, after: str = "", before: str = "") -> Page[ContactLine]:
    """One page. Without a search newest first, both ways; with one by name, then by address, forwards."""
    work.require("contacts.read")
    if wanted.channel and wanted.channel not in set(Channel):
        raise Invalid({"channel": [f"Channel is one of {', '.join(Channel)}."]})
    topic = _topic(work, wanted.topic)
    if wanted.search.strip():
        return _search(work, wanted, topic, after)
    page = _newest(work, wanted, topic, Cursor.parse(after, before))
    return Page(_lines(work, page.items), page.older, page.newer)


def _topic(work: Work, topic_id: str) -> Topic | None:
    if not topic_id:
        return None
    topic: Topic = work.find(Topic, topic_id, noun="topic", type="topic_not_found")
    return topic


def _newest(work: Work, wanted: ContactFilter, topic: Topic | None, cursor: Cursor) -> Page[Any]:
    query: Any
    if wanted.channel and topic is None:
        query = select(Target.contact_pk.label("pk"), Target.project_pk).distinct()
        query = query.where(Target.project_pk == work.project_pk, Target.channel == wanted.channel)
        page = page_of(work.session, query, Target.contact_pk, cursor)
        return Page([row.pk for row in page.items], page.older, page.newer)
    query = select(Contact.pk, Contact.project_pk).where(Contact.project_pk == work.project_pk)
    if topic is not None:
        query = query.where(_in_topic(topic, wanted.channel))
    page = page_of(work.session, query, Contact.pk, cursor)
    return Page([row.pk for row in page.items], page.older, page.newer)


def _in_topic(topic: Topic, channel: str) -> ColumnElement[bool]:
    """The condition that a contact has an address in the topic: by list for a small topic, else row by row."""
    target = aliased(Target)
    links = select(target.contact_pk).join(Subscriber, Subscriber.target_pk == target.pk)
    links = links.where(Subscriber.topic_pk == topic.pk)
    if channel:
        links = links.where(target.channel == channel)
    if topic.email_total + topic.sms_total + topic.push_total <= SMALL_TOPIC:
        return Contact.pk.in_(links)
    return links.where(target.contact_pk == Contact.pk).correlate(Contact).exists()


def _search(work: Work, wanted: ContactFilter, topic: Topic | None, after: str) -> Page[ContactLine]:
    """Contacts whose name begins so, then those of whom an address does: one list of four stretches."""
    conditions: list[ColumnElement[bool]] = []
    if topic is not None:
        conditions.append(_in_topic(topic, wanted.channel))
    elif wanted.channel:
        other = aliased(Target)
        conditions.append(exists().where(other.contact_pk == Contact.pk, other.channel == wanted.channel))
    first, begin = _read_place(after)
    found: list[tuple[int, str]] = []  # (contact's pk, its place in the list)
    for stretch in _STRETCHES[first:]:
        room = PAGE_SIZE + 1 - len(found)
        if stretch == "name":
            query, keys = _by_name(work, wanted.search, begin)
        else:
            query, keys = _by_address(work, wanted.search, stretch, begin)
        rows = work.session.execute(query.where(*conditions).order_by(*keys).limit(room))
        found += [(row.pk, f"{stretch}~{row.pk}~{row.key}") for row in rows]
        if len(found) > PAGE_SIZE:
            break
        begin = None
    older = found[PAGE_SIZE - 1][1] if len(found) > PAGE_SIZE else None
    return Page(_lines(work, [pk for pk, _ in found[:PAGE_SIZE]]), older, "" if after else None)


_STRETCHES = ("name", *(channel.value for channel in Channel))
_Keys = tuple[Any, ...]


def _read_place(after: str) -> tuple[int, tuple[int, str] | None]:
    """Where a search goes on: the stretch, and the row's number and key behind which to begin."""
    if not after:
        return 0, None
    stretch, _, rest = after.partition("~")
    number, _, key = rest.partition("~")
    if stretch not in _STRETCHES or not (number.isascii() and number.isdigit() and len(number) < 19):
        raise Invalid({"page": ["This page's address is damaged; go back to the first page."]})
    return _STRETCHES.index(stretch), (int(number), key)


def _begins(column: Any, key: str) -> ColumnElement[bool]:
    """That a column begins with the key, as a range so that an index finds it."""
    return and_(column >= key, column < key + LAST_SIGN)


def _by_name(work: Work, search: str, begin: tuple[int, str] | None) -> tuple[Any, _Keys]:
    query: Any = select(Contact.pk, Contact.name_key.label("key")).where(
        Contact.project_pk == work.project_pk, _begins(Contact.name_key, name_key(search))
    )
    if begin is not None:
        query = query.where(tuple_(Contact.name_key, Contact.pk) > tuple_(begin[1], begin[0]))
    return query, (Contact.name_key, Contact.pk)


def _by_address(work: Work, search: str, channel: str, begin: tuple[int, str] | None) -> tuple[Any, _Keys]:
    """By address on one channel, without those that the stretches before have shown."""
    key = search_key(search)
    earlier = aliased(Target)
    shown_before = exists().where(
        earlier.contact_pk == Target.contact_pk,
        _begins(earlier.address_key, key),
        earlier.channel.in_(_STRETCHES[1 : _STRETCHES.index(channel)])
        | ((earlier.channel == channel) & (earlier.address_key < Target.address_key)),
    )
    query: Any = (
        select(Contact.pk, Target.address_key.label("key"))
        .join(Contact, Contact.pk == Target.contact_pk)
        .where(
            Target.project_pk == work.project_pk, Target.channel == channel, _begins(Target.address_key, key),
            ~_begins(Contact.name_key, name_key(search)), ~shown_before,
        )
    )  # fmt: skip
    if begin is not None:
        query = query.where(Target.address_key > begin[1])
    return query, (Target.address_key,)


def _lines(work: Work, pks: Sequence[int]) -> list[ContactLine]:
    """These contacts in this order, each with the first of its addresses."""
    if not pks:
        return []
    rows = {row.pk: row for row in work.session.scalars(select(Contact).where(Contact.pk.in_(pks)))}
    addresses: dict[int, list[tuple[str, str]]] = {}
    query = select(Target.contact_pk, Target.channel, Target.address).where(Target.contact_pk.in_(pks))
    for pk, channel, address in work.session.execute(query.order_by(Target.contact_pk, Target.channel, Target.pk)):
        addresses.setdefault(pk, []).append((channel, address))
    lines: list[ContactLine] = []
    for contact in (rows[pk] for pk in pks if pk in rows):
        mine = addresses.get(contact.pk, [])
        shown = tuple(mine[:SHOWN_ADDRESSES])
        lines.append(ContactLine(contact.id, contact.name, contact.created_at, shown, len(mine) - len(shown)))
    return lines
