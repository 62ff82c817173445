"""Exports of contacts as CSV: streamed page by page, and made so that an import of the file changes nothing."""

import csv
import io
from collections.abc import Iterator, Sequence
from itertools import chain, zip_longest
from typing import Any

from sqlalchemy import select, text

from app.domain.channels import Channel
from app.domain.contact_fields import say_value
from app.domain.import_mapping import guard_cell
from app.domain.permissions import Actor
from app.models.contacts import Contact
from app.models.targets import Target
from app.models.topics import Subscriber, Topic
from app.services.work import Work, Workshop

PAGE = 500  # contacts read at a time
SEPARATOR = ";"  # between topics; the import's default
MOST_ATTRIBUTES = 500  # columns
_FIXED = ("contact_id", "name", "email", "phone", "push_token", "topics")
_CHANNELS = (Channel.EMAIL, Channel.SMS, Channel.PUSH)  # in the order of the columns above
_NAMES_IN = {
    "sqlite": "SELECT DISTINCT each.key FROM contacts, json_each(contacts.attributes) AS each "
    "WHERE contacts.project_pk = :project ORDER BY 1 LIMIT :most",
    "postgresql": "SELECT DISTINCT jsonb_object_keys(contacts.attributes) AS key FROM contacts "
    "WHERE contacts.project_pk = :project ORDER BY 1 LIMIT :most",
}

TargetTopics = tuple[str, str, frozenset[int]]  # channel, address, topics


def export_contacts(workshop: Workshop, actor: Actor) -> Iterator[bytes]:
    """All contacts with addresses, topics and attributes as CSV (UTF-8 with its mark), in pieces of about 500 rows.

    A contact takes one row where its addresses are in the same topics, and one row more for each that is not, so that
    nothing is lost. Forbidden at once when the actor may not; memory stays flat however many contacts there are.
    """
    with workshop.open(actor) as work:
        work.require("contacts.export")
        names = attribute_names(work)
        topics = _topic_words(work)
        work.audit("contact.export", "contacts")
    return _pieces(workshop, actor, names, topics)


def attribute_names(work: Work) -> list[str]:
    """The names of all attributes that contacts have, in order of the alphabet; at most 500."""
    statement = _NAMES_IN[work.session.get_bind().dialect.name]
    rows = work.session.execute(text(statement), {"project": work.project_pk, "most": MOST_ATTRIBUTES})
    return [row.key for row in rows]


def _topic_words(work: Work) -> dict[int, str]:
    """How a cell names each topic: by its name where that is clear, else by its id."""
    rows = work.session.execute(select(Topic.pk, Topic.id, Topic.name).where(Topic.project_pk == work.project_pk)).all()
    count: dict[str, int] = {}
    for row in rows:
        count[row.name.casefold()] = count.get(row.name.casefold(), 0) + 1
    ids = {row.id for row in rows}
    return {
        row.pk: row.name
        if count[row.name.casefold()] == 1 and row.name not in ids and SEPARATOR not in row.name and row.name.strip()
        else row.id
        for row in rows
    }


def _pieces(workshop: Workshop, actor: Actor, names: Sequence[str], topics: dict[int, str]) -> Iterator[bytes]:
    header = [*_FIXED, *(f"attribute.{name}" for name in names)]
    yield b"\xef\xbb\xbf" + _csv([header])
    last = 0
    while True:
        with workshop.read(actor) as work:
            contacts = work.session.execute(
                select(Contact.pk, Contact.id, Contact.name, Contact.attributes)
                .where(Contact.project_pk == work.project_pk, Contact.pk > last)
                .order_by(Contact.pk)
                .limit(PAGE)
            ).all()
            addresses = _addresses_of(work, [contact.pk for contact in contacts])
        if not contacts:
            return
        last = contacts[-1].pk
        sheets = (_rows(contact, addresses.get(contact.pk, []), names, topics) for contact in contacts)
        yield _csv(list(chain.from_iterable(sheets)))


def _addresses_of(work: Work, pks: Sequence[int]) -> dict[int, list[TargetTopics]]:
    found = work.session.execute(
        select(Target.pk, Target.contact_pk, Target.channel, Target.address)
        .where(Target.contact_pk.in_(pks))
        .order_by(Target.pk)
    ).all()
    links: dict[int, set[int]] = {}
    query = (
        select(Subscriber.target_pk, Subscriber.topic_pk)
        .join(Target, Target.pk == Subscriber.target_pk)
        .where(Target.contact_pk.in_(pks))
    )
    for target_pk, topic_pk in work.session.execute(query):
        links.setdefault(target_pk, set()).add(topic_pk)
    addresses: dict[int, list[TargetTopics]] = {}
    for pk, contact_pk, channel, address in found:
        addresses.setdefault(contact_pk, []).append((channel, address, frozenset(links.get(pk, ()))))
    return addresses


def _rows(
    contact: Any, addresses: Sequence[TargetTopics], names: Sequence[str], topics: dict[int, str]
) -> Iterator[list[str]]:
    """The rows of one contact: addresses stand side by side only where they are in the same topics."""
    attributes = [say_value(contact.attributes[name]) if name in contact.attributes else "" for name in names]
    groups: dict[frozenset[int], dict[str, list[str]]] = {}
    for channel, address, members in addresses:
        groups.setdefault(members, {}).setdefault(channel, []).append(address)
    for members, by_channel in (groups or {frozenset(): {"email": [""]}}).items():
        words = SEPARATOR.join(sorted(topics[pk] for pk in members if pk in topics))
        columns = [by_channel.get(channel, []) for channel in _CHANNELS]
        for cells in zip_longest(*columns, fillvalue=""):
            yield [contact.id, contact.name, *cells, words, *attributes]


def _csv(rows: Sequence[Sequence[str]]) -> bytes:
    sheet = io.StringIO(newline="")
    csv.writer(sheet).writerows([[guard_cell(cell) for cell in row] for row in rows])
    return sheet.getvalue().encode("utf-8", "replace")
