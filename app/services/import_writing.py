"""Writes the plan of a stretch of rows with a handful of bulk statements."""

from collections import Counter
from collections.abc import Sequence
from secrets import randbelow
from typing import Any, cast

from sqlalchemy import Table, insert, update

from app.domain.ids import unique
from app.models.base import to_milliseconds
from app.models.contacts import Contact
from app.models.targets import Target
from app.models.topics import Subscriber
from app.services import topic_totals
from app.services.contacts import name_key
from app.services.import_plan import Person, Plan, Spot
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
        _insert_people(work, plan.new_people, ids)
    if plan.changed_people:
        _update_people(work, plan.changed_people)
    if plan.new_spots:
        _insert_spots(work, plan.new_spots, ids, with_pk={spot for _, spot in plan.new_links})
    if plan.new_links:
        _insert_links(work, plan.new_links, ids)
        topic_totals.shift(work, Counter((topic, spot.channel) for topic, spot in plan.new_links))


def _insert_people(work: Work, people: Sequence[Person], ids: _Ids) -> None:
    by_id: dict[str, Person] = {}
    for person in people:
        person.id = person.id or ids.take()
        by_id[person.id] = person
    rows = [
        {
            "id": person.id, "project_pk": work.project_pk, "name": person.name, "name_key": name_key(person.name),
            "attributes": person.attributes, "is_demo": False, **work.stamp(),
        }
        for person in people
    ]  # fmt: skip
    for pk, contact_id in work.session.execute(insert(_CONTACTS).returning(_CONTACTS.c.pk, _CONTACTS.c.id), rows):
        by_id[contact_id].pk = pk


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
