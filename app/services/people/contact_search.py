"""Lists of contacts: newest first, or those whose name or address begins with what was typed; through indexes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, literal, select, tuple_
from sqlalchemy.orm import aliased

from app.domain.channels import Channel
from app.domain.errors import Invalid
from app.models.contacts import Contact
from app.models.targets import Target
from app.models.topics import Subscriber, Topic
from app.services.lists.listing import LOOKED_THROUGH, PAGE_SIZE, Cursor, Page, page_of
from app.services.people.contacts import name_key
from app.services.people.suppressions import LAST_SIGN
from app.services.people.targets import search_key
from app.services.work import Work

COUNTED = 10_000  # more than that is not counted, so that a list is as quick with a million contacts
SMALL_TOPIC = 2_000  # a topic of at most so many is searched from its own side
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
    """One page. Without a search newest first, both ways; with one by name, then by address, forwards.

    The contacts of a topic come by when they were added to it. A page may be short, or empty, and yet lead on.
    """
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
    if topic is not None:
        return _newest_of(work, topic, wanted.channel, cursor)
    query: Any = select(Contact.pk, Contact.project_pk).where(Contact.project_pk == work.project_pk)
    key = Contact.pk
    if wanted.channel:
        query = select(Target.contact_pk.label("pk"), Target.project_pk).distinct()
        query = query.where(Target.project_pk == work.project_pk, Target.channel == wanted.channel)
        key = Target.contact_pk
    page = page_of(work.session, query, key, cursor)
    return Page([row.pk for row in page.items], page.older, page.newer)


def _newest_of(work: Work, topic: Topic, channel: str, cursor: Cursor) -> Page[Any]:
    """By when they came to the topic, which its own index knows, however many contacts others have."""
    here, later = aliased(Target), aliased(Target)
    again = aliased(Subscriber)
    of_topic: Any = select(Subscriber.pk, here.contact_pk).join(here, here.pk == Subscriber.target_pk)
    of_topic = of_topic.where(Subscriber.topic_pk == topic.pk)
    shown = select(again.pk).join(later, later.pk == again.target_pk)
    shown = shown.where(later.contact_pk == here.contact_pk, again.topic_pk == topic.pk, again.pk > Subscriber.pk)
    query = of_topic
    if channel:
        query, shown = query.where(here.channel == channel), shown.where(later.channel == channel)
    query = query.where(~shown.correlate(here, Subscriber).exists())
    page = page_of(work.session, query, Subscriber.pk, cursor, within=of_topic if channel else None)
    return Page([row.contact_pk for row in page.items], page.older, page.newer)


def _in_topic(topic: Topic, channel: str) -> ColumnElement[bool]:
    """The condition that a contact has an address in the topic: by list for a small topic, else row by row."""
    target = aliased(Target)
    links = select(target.contact_pk).join(Subscriber, Subscriber.target_pk == target.pk)
    links = links.where(Subscriber.topic_pk == topic.pk)
    if channel:
        links = links.where(target.channel == channel)
    if _is_small(topic):
        return Contact.pk.in_(links)
    return links.where(target.contact_pk == Contact.pk).correlate(Contact).exists()


def _is_small(topic: Topic) -> bool:
    return topic.email_total + topic.sms_total + topic.push_total <= SMALL_TOPIC


def _search(work: Work, wanted: ContactFilter, topic: Topic | None, after: str) -> Page[ContactLine]:
    """Contacts whose name begins so, then those of whom an address does: one list of four stretches."""
    conditions: list[ColumnElement[bool]] = []
    if topic is not None:
        conditions.append(_in_topic(topic, wanted.channel))
    elif wanted.channel:
        other = aliased(Target)
        conditions.append(exists().where(other.contact_pk == Contact.pk, other.channel == wanted.channel))
    is_listed = topic is not None and _is_small(topic)  # its contacts are looked at, and no others
    first, begin = _read_place(after)
    found: list[tuple[int, str]] = []  # (contact's pk, its place in the list)
    for stretch in _STRETCHES[first:]:
        room = PAGE_SIZE + 1 - len(found)
        walk = _walk(work, wanted.search, stretch, begin, is_listed=is_listed)
        sieve = [*walk.sieve, *conditions]
        stop = None if is_listed or not sieve else _stop_of(work, walk)
        query = walk.query.where(*sieve) if stop is None else walk.query.where(*sieve, walk.up_to(stop))
        rows = work.session.execute(query.order_by(*walk.keys).limit(room))
        found += [(row.pk, _place(stretch, row)) for row in rows]
        if len(found) > PAGE_SIZE:
            break
        if stop is not None:
            return Page(_lines(work, [pk for pk, _ in found]), _place(stretch, stop), "" if after else None)
        begin = None
    older = found[PAGE_SIZE - 1][1] if len(found) > PAGE_SIZE else None
    return Page(_lines(work, [pk for pk, _ in found[:PAGE_SIZE]]), older, "" if after else None)


@dataclass(frozen=True, slots=True)
class _Walk:
    """One stretch of a search: what an index finds, ordered by `keys`, and what has to be looked at row by row.

    Rows are (pk, key): the contact's number, and what begins as was typed. `reach` are the same rows as far as their
    keys, out of the index alone.
    """

    query: Any
    reach: Any
    keys: tuple[Any, ...]
    sieve: tuple[ColumnElement[bool], ...] = ()

    def up_to(self, row: Any) -> ColumnElement[bool]:
        """The rows that are not behind this one."""
        if len(self.keys) == 1:
            return self.keys[0] <= row.key  # type: ignore[no-any-return]
        return tuple_(*self.keys) <= tuple_(row.key, row.pk)


def _stop_of(work: Work, walk: _Walk) -> Any:
    """The last row that one page may look at; None when there are not so many."""
    last = walk.reach.order_by(*walk.keys).offset(LOOKED_THROUGH - 1).limit(1)
    return work.session.execute(last).first()


def _place(stretch: str, row: Any) -> str:
    return f"{stretch}~{row.pk}~{row.key}"


_STRETCHES = ("name", *(channel.value for channel in Channel))


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


def _hidden(column: Any, nothing: Any) -> Any:
    """The column, but not as an index has it: a few contacts that are known are held against it, never all of it."""
    return func.coalesce(column, nothing)


def _walk(work: Work, search: str, stretch: str, begin: tuple[int, str] | None, *, is_listed: bool) -> _Walk:
    if stretch != "name":
        return _by_address(work, search, stretch, begin, is_listed=is_listed)
    project, name = Contact.project_pk, Contact.name_key
    if is_listed:
        project, name = _hidden(project, 0), _hidden(name, "")
    query: Any = select(Contact.pk, Contact.name_key.label("key")).where(
        project == work.project_pk, _begins(name, name_key(search))
    )
    if begin is not None:
        query = query.where(tuple_(Contact.name_key, Contact.pk) > tuple_(begin[1], begin[0]))
    return _Walk(query, query, (Contact.name_key, Contact.pk))


def _by_address(work: Work, search: str, channel: str, begin: tuple[int, str] | None, *, is_listed: bool) -> _Walk:
    """By address on one channel, without those that the stretches before have shown."""
    key = search_key(search)
    earlier = aliased(Target)
    shown_before = exists().where(
        earlier.contact_pk == Target.contact_pk,
        _begins(earlier.address_key, key),
        earlier.channel.in_(_STRETCHES[1 : _STRETCHES.index(channel)])
        | ((earlier.channel == channel) & (earlier.address_key < Target.address_key)),
    )
    project, address = Target.project_pk, Target.address_key
    if is_listed:
        project, address = _hidden(project, 0), _hidden(address, "")
    found = [project == work.project_pk, Target.channel == channel, _begins(address, key)]
    if begin is not None:
        found.append(address > begin[1])
    query: Any = select(Contact.pk, Target.address_key.label("key")).join(Contact, Contact.pk == Target.contact_pk)
    reach = select(literal(0).label("pk"), Target.address_key.label("key"))  # no two addresses are the same
    sieve = (~_begins(Contact.name_key, name_key(search)), ~shown_before)
    return _Walk(query.where(*found), reach.where(*found), (Target.address_key,), sieve)


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
