"""Keeps the words that rows are searched by in step with the rows, whoever changes them through the session.

Bulk statements pass the session's events by: whoever uses them sets `words` too (`of_contact`) and calls
`full_text.enter` for what it inserted.
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, event, inspect, select, update
from sqlalchemy.orm import Mapper
from sqlalchemy.orm.attributes import set_committed_value

from app.domain.channels import Channel
from app.domain.words import words_of
from app.infra.full_text import INDEXED
from app.models.contacts import Contact
from app.models.files import Bucket, File
from app.models.messages import Message
from app.models.providers import Provider
from app.models.targets import Target
from app.models.templates import Template
from app.models.topics import Topic

_SOURCES: dict[type[Any], tuple[str, ...]] = {
    Topic: ("id", "name", "description"),
    Provider: ("id", "name", "kind", "channel"),
    Template: ("id", "name", "channel"),
    Bucket: ("id", "name"),
    File: ("id", "name"),
    Message: ("id", "title", "channel"),
    Contact: ("id", "name", "labels"),
}
_WRITTEN = (Channel.EMAIL.value, Channel.SMS.value)  # channels whose addresses people know by heart


def of_contact(contact_id: str, name: str, labels: Iterable[str], addresses: Iterable[tuple[str, str]]) -> str:
    """The words of a contact; `addresses` are (channel, address), and tokens of devices are left out."""
    known = [address for channel, address in addresses if channel in _WRITTEN]
    return words_of(contact_id, name, *(f"label {label}" for label in labels), *known)


def _words(connection: Connection, row: Any) -> str:
    if isinstance(row, Contact):
        return of_contact(row.id, row.name or "", row.labels or [], _addresses(connection, row.pk))
    return words_of(*(getattr(row, name) or "" for name in _SOURCES[type(row)]))


def _addresses(connection: Connection, contact_pk: int) -> list[tuple[str, str]]:
    found = select(Target.channel, Target.address).where(Target.contact_pk == contact_pk).order_by(Target.pk)
    return [(channel, address) for channel, address in connection.execute(found)]


def _enter(_mapper: Mapper[Any], connection: Connection, row: Any) -> None:
    """The row's number is known only now; setting its words fires the trigger that takes them into the index."""
    words = _words(connection, row)
    connection.execute(update(type(row)).where(type(row).pk == row.pk).values(words=words))
    set_committed_value(row, "words", words)


def _set(_mapper: Mapper[Any], connection: Connection, row: Any) -> None:
    row.words = _words(connection, row)


def _refresh(_mapper: Mapper[Any], connection: Connection, row: Any) -> None:
    if any(inspect(row).attrs[name].history.has_changes() for name in _SOURCES[type(row)]):
        row.words = _words(connection, row)


def _refresh_owner(_mapper: Mapper[Any], connection: Connection, target: Target) -> None:
    """An address came, changed or went: the words of its contact follow.

    The contact is locked first, so that of two addresses that come at the same moment the second sees the first.
    """
    if target.channel not in _WRITTEN:
        return
    mine = select(Contact.id, Contact.name, Contact.labels).where(Contact.pk == target.contact_pk)
    for contact_id, name, labels in connection.execute(mine.with_for_update(key_share=True)):
        words = of_contact(contact_id, name, labels, _addresses(connection, target.contact_pk))
        connection.execute(update(Contact).where(Contact.pk == target.contact_pk).values(words=words))


def _refresh_owner_of_changed(mapper: Mapper[Any], connection: Connection, target: Target) -> None:
    if inspect(target).attrs.address.history.has_changes():
        _refresh_owner(mapper, connection, target)


for _source in _SOURCES:
    if _source.__tablename__ in INDEXED:
        event.listen(_source, "after_insert", _enter)
    else:
        event.listen(_source, "before_insert", _set)
    event.listen(_source, "before_update", _refresh)
event.listen(Target, "after_insert", _refresh_owner)
event.listen(Target, "after_update", _refresh_owner_of_changed)
event.listen(Target, "after_delete", _refresh_owner)
