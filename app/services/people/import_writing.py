"""Writes the plan of a stretch of rows with a handful of bulk statements."""

from collections import Counter
from collections.abc import Sequence
from secrets import randbelow
from typing import Any, cast

from sqlalchemy import Table, insert, select, update

from app.domain.ids import unique
from app.infra import full_text
from app.models.base import to_milliseconds
from app.models.contacts import Contact
from app.models.targets import Target
from app.models.topics import Subscriber
from app.services import word_index
from app.services.people import topic_totals
from app.services.people.contacts import name_key
from app.services.people.import_plan import Person, Plan, Spot
from app.services.work import Work

# Tables rather than classes: the ORM would look at each of many thousand rows once more.
_CONTACTS = cast("Table", Contact.__table__)
_TARGETS = cast("Table", Target.__table__)
_SUBSCRIBERS = cast("Table", Subscriber.__table__)
_RANDOM = 1 << 28  # how many ids of one millisecond there are


class _Ids:
    """Public ids for many rows of one moment: they count on from a random start, so none comes twice."""

    def __init__(self, work: Work) -> None:
        self._milliseconds = to_milliseconds(work.now)
        self._number = randbelow(_RANDOM)

    def take(self) -> str:
        self._number = (self._number + 1) % _RANDOM
        return unique(self._milliseconds, (self._number << 12).to_bytes(5, "big"))


def write_plan(work: Work, plan: Plan) -> None:
    """Write it all, totals of the topics included; IntegrityError when somebody else was quicker with an address."""
    ids = _Ids(work)
    if plan.new_people:
        _insert_people(work, plan, ids)
    if plan.changed_people:
        _update_people(work, plan.changed_people)
    if plan.new_spots:
        _insert_spots(work, plan.new_spots, ids, with_pk={spot for _, spot in plan.new_links})
    _refresh_words(work, plan)
    if plan.new_links:
        _insert_links(work, plan.new_links, ids)
        topic_totals.shift(work, Counter((topic, spot.channel) for topic, spot in plan.new_links))


def _insert_people(work: Work, plan: Plan, ids: _Ids) -> None:
    people, by_id, addresses = plan.new_people, {}, _addresses(plan.new_spots)
    for person in people:
        person.id = person.id or ids.take()
        by_id[person.id] = person
    rows = [
        {
            "id": person.id, "project_pk": work.project_pk, "name": person.name, "name_key": name_key(person.name),
            "attributes": person.attributes, "is_demo": False, **work.stamp(),
            "words": word_index.of_contact(person.id, person.name, (), addresses.get(person, ())),
        }
        for person in people
    ]  # fmt: skip
    for pk, contact_id in work.session.execute(insert(_CONTACTS).returning(_CONTACTS.c.pk, _CONTACTS.c.id), rows):
        by_id[contact_id].pk = pk
    numbers = [person.pk for person in people if person.pk is not None]
    full_text.enter(work.session, _CONTACTS.name, min(numbers), max(numbers))


def _addresses(spots: Sequence[Spot]) -> dict[Person, list[tuple[str, str]]]:
    """By person (channel, address), in the order of the file."""
    found: dict[Person, list[tuple[str, str]]] = {}
    for spot in spots:
        found.setdefault(spot.person, []).append((spot.channel, spot.address))
    return found


def _refresh_words(work: Work, plan: Plan) -> None:
    """The words of contacts that were there before and changed, or got an address more."""
    new = set(map(id, plan.new_people))
    touched = [*plan.changed_people, *(spot.person for spot in plan.new_spots)]
    numbers = {person.pk for person in touched if id(person) not in new and person.pk is not None}
    if not numbers:
        return
    addresses: dict[int, list[tuple[str, str]]] = {}
    reached = select(_TARGETS.c.contact_pk, _TARGETS.c.channel, _TARGETS.c.address)
    for pk, *address in work.session.execute(reached.where(_TARGETS.c.contact_pk.in_(numbers)).order_by(_TARGETS.c.pk)):
        addresses.setdefault(pk, []).append((address[0], address[1]))
    mine = select(_CONTACTS.c.pk, _CONTACTS.c.id, _CONTACTS.c.name, _CONTACTS.c.labels)
    rows = [
        {"pk": pk, "words": word_index.of_contact(public_id, name, labels, addresses.get(pk, ()))}
        for pk, public_id, name, labels in work.session.execute(mine.where(_CONTACTS.c.pk.in_(numbers)))
    ]
    work.session.execute(update(Contact), rows)


def _update_people(work: Work, people: Sequence[Person]) -> None:
    rows: list[dict[str, Any]] = [
        {
            "pk": person.pk, "name": person.name, "name_key": name_key(person.name), "attributes": person.attributes,
            "updated_at": work.now,
        }
        for person in people
    ]  # fmt: skip
    work.session.execute(update(Contact), rows)


def _insert_spots(work: Work, spots: Sequence[Spot], ids: _Ids, *, with_pk: set[Spot]) -> None:
    by_id = {ids.take(): spot for spot in spots}
    rows = [
        {
            "id": target_id, "project_pk": work.project_pk, "contact_pk": spot.person.pk, "channel": spot.channel,
            "address": spot.address, "address_key": spot.key, "name": "", **work.stamp(),
        }
        for target_id, spot in by_id.items()
    ]  # fmt: skip
    if not with_pk:
        work.session.execute(insert(_TARGETS), rows)
        return
    for pk, target_id in work.session.execute(insert(_TARGETS).returning(_TARGETS.c.pk, _TARGETS.c.id), rows):
        by_id[target_id].pk = pk


def _insert_links(work: Work, links: Sequence[tuple[int, Spot]], ids: _Ids) -> None:
    rows = [
        {
            "id": ids.take(), "project_pk": work.project_pk, "topic_pk": topic, "target_pk": spot.pk,
            **work.stamp(),
        }
        for topic, spot in links
    ]  # fmt: skip
    work.session.execute(insert(_SUBSCRIBERS), rows)
