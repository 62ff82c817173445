"""What a stretch of rows means for the contacts there are: who is new, who changes, what cannot be. Writes nothing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select

from app.domain.contact_fields import MAX_ATTRIBUTES, say_value
from app.domain.import_mapping import Problem, Row, shorten
from app.models.contacts import Contact
from app.models.targets import Target
from app.models.topics import Subscriber, Topic
from app.services.work import Work

AddressKey = tuple[str, str]  # channel and address key


@dataclass(slots=True, eq=False)
class Person:
    """A contact as the rows will leave it; `pk` is None for a new one."""

    id: str
    name: str
    attributes: dict[str, Any]
    pk: int | None = None
    is_ours: bool = True  # made by this very import
    is_changed: bool = False


@dataclass(slots=True, eq=False)
class Spot:
    """One address of a person; `pk` is None for a new one."""

    person: Person
    channel: str
    address: str
    key: str
    pk: int | None = None


@dataclass(slots=True)
class Plan:
    """What is to be written, and how each row ended (`created`, `updated`, `unchanged`, `rejected`)."""

    new_people: list[Person] = field(default_factory=list)
    changed_people: list[Person] = field(default_factory=list)
    new_spots: list[Spot] = field(default_factory=list)
    new_links: list[tuple[int, Spot]] = field(default_factory=list)  # (topic's pk, address)
    verdicts: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    claims: dict[str, int] = field(default_factory=dict)  # what accepted rows hold, with their numbers


@dataclass(slots=True)
class Topics:
    """The topics that rows may name, and those that every row gets."""

    by_name: dict[str, int]
    for_all: tuple[int, ...]


def load_topics(work: Work, for_all: Iterable[str]) -> Topics:
    """All topics of the project, by id and by name (a name that two topics share is left out)."""
    rows = work.session.execute(select(Topic.pk, Topic.id, Topic.name).where(Topic.project_pk == work.project_pk)).all()
    by_name: dict[str, int] = {}
    shared: set[str] = set()
    for row in rows:
        name = row.name.casefold()
        if name in by_name:
            shared.add(name)
        by_name[name] = row.pk
    for name in shared:
        del by_name[name]
    by_id = {row.id: row.pk for row in rows}
    return Topics({**by_name, **by_id}, tuple(by_id[topic] for topic in for_all if topic in by_id))


def claim_of(channel: str, key: str) -> str:
    """What a row holds when it names an address."""
    return f"{channel}:{key}"


class Planner:
    """Plans one stretch of rows. `earlier` are claims of rows before, `started_at` when the import began to run."""

    def __init__(
        self, work: Work, topics: Topics, earlier: Mapping[str, int], *, existing: str, started_at: datetime | None
    ) -> None:
        self._work = work
        self._topics = topics
        self._earlier = earlier
        self._skips = existing == "skip"
        self._started_at = started_at
        self._people: dict[str, Person] = {}  # by id
        self._spots: dict[AddressKey, Spot] = {}
        self._links: set[tuple[int, int | Spot]] = set()
        self._plan = Plan()

    def plan(self, rows: Sequence[Row]) -> Plan:
        """Decide about each row, in order; a row with a problem leaves no trace."""
        self._load([row for row in rows if not row.problems])
        for row in rows:
            verdict = "rejected" if row.problems else self._decide(row)
            self._plan.verdicts.append(verdict)
            self._plan.problems += row.problems
        self._plan.changed_people = [
            person for person in self._people.values() if person.is_changed and person.pk is not None
        ]
        return self._plan

    def _load(self, rows: Sequence[Row]) -> None:
        """Read whatever these rows may touch, in a handful of statements."""
        keys: dict[str, set[str]] = {}
        for row in rows:
            for channel, _, key in row.addresses:
                keys.setdefault(channel, set()).add(key)
        found = [target for channel, wanted in keys.items() for target in self._find_targets(channel, wanted)]
        people = self._find_people({target.contact_pk for target in found}, {row.id for row in rows if row.id})
        for target in found:
            person = people[target.contact_pk]
            self._spots[target.channel, target.address_key] = Spot(person, target.channel, "", "", target.pk)
        topics = {*self._topics.for_all, *(self._topics.by_name.get(n.casefold(), 0) for r in rows for n in r.topics)}
        topics |= {self._topics.by_name.get(name, 0) for row in rows for name in row.topics}
        if found and topics - {0}:
            links = select(Subscriber.topic_pk, Subscriber.target_pk).where(
                Subscriber.topic_pk.in_(topics), Subscriber.target_pk.in_([target.pk for target in found])
            )
            self._links = {(row.topic_pk, row.target_pk) for row in self._work.session.execute(links)}

    def _find_targets(self, channel: str, keys: set[str]) -> Sequence[Any]:
        query = select(Target.pk, Target.contact_pk, Target.channel, Target.address_key).where(
            Target.project_pk == self._work.project_pk, Target.channel == channel, Target.address_key.in_(keys)
        )
        return self._work.session.execute(query).all()

    def _find_people(self, pks: set[int], ids: set[str]) -> dict[int, Person]:
        columns = (Contact.pk, Contact.id, Contact.name, Contact.attributes, Contact.created_at)
        conditions: list[ColumnElement[bool]] = [Contact.pk.in_(pks)] if pks else []
        if ids:
            conditions.append((Contact.project_pk == self._work.project_pk) & Contact.id.in_(ids))
        people: dict[int, Person] = {}
        for condition in conditions:
            for row in self._work.session.execute(select(*columns).where(condition)):
                is_ours = self._started_at is not None and row.created_at > self._started_at
                person = people.setdefault(row.pk, Person(row.id, row.name, dict(row.attributes), row.pk, is_ours))
                self._people[row.id] = person
        return people

    def _decide(self, row: Row) -> str:
        topics = self._find_topics(row)
        person = self._find_person(row)
        if row.problems:
            return "rejected"
        is_later = bool(row.id) and claim_of("id", row.id) in self._earlier  # made by an earlier row of this file
        if person is not None and self._skips and not person.is_ours:
            verdict = "unchanged"
        elif person is not None:
            verdict = "updated" if self._change(person, row, topics) else "unchanged"
        elif is_later:
            verdict = "updated"  # only while trying out: in a run the earlier row has made the contact
        else:
            self._create(row, topics)
            verdict = "created"
        if row.problems:
            return "rejected"
        self._claim(row)
        return verdict

    def _find_topics(self, row: Row) -> list[int]:
        found = list(self._topics.for_all)
        for name in row.topics:
            pk = self._topics.by_name.get(name) or self._topics.by_name.get(name.casefold())
            if pk is None:
                sentence = f"Topics: there is no topic “{shorten(name)}”. Add it under Topics, or correct the name."
                row.problems.append(Problem(row.number, "", shorten(name), sentence))
            elif pk not in found:
                found.append(pk)
        return found

    def _find_person(self, row: Row) -> Person | None:
        """Whose row this is; a problem when an address was claimed before or belongs to somebody else."""
        person = self._people.get(row.id) if row.id else None
        for channel, address, key in row.addresses:
            claim = claim_of(channel, key)
            first = self._plan.claims.get(claim) or self._earlier.get(claim)
            if first is not None:
                self._refuse(row, address, f"{shorten(address)} is the same address as row {first}. Keep one of them.")
                continue
            spot = self._spots.get((channel, key))
            if spot is None:
                continue
            if person is None and not row.id:
                person = spot.person
            elif spot.person is not person:
                whose = spot.person.name or spot.person.id
                sentence = f"{shorten(address)} belongs to {shorten(whose)} already, and the row to somebody else."
                self._refuse(row, address, f"{sentence} An address can belong to one contact only.")
        return person

    @staticmethod
    def _refuse(row: Row, address: str, sentence: str) -> None:
        row.problems.append(Problem(row.number, "", shorten(address), sentence))

    def _change(self, person: Person, row: Row, topics: Sequence[int]) -> bool:
        attributes = {
            name: value
            for name, value in row.attributes.items()
            if name not in person.attributes or say_value(person.attributes[name]).strip() != value
        }
        if len({*person.attributes, *attributes}) > MAX_ATTRIBUTES:
            sentence = f"Row would give the contact more than {MAX_ATTRIBUTES} attributes. Map fewer columns."
            row.problems.append(Problem(row.number, "", "", sentence))
            return False
        is_renamed = bool(row.name) and row.name != person.name
        if attributes or is_renamed:
            person.name = row.name or person.name
            person.attributes.update(attributes)
            person.is_changed = True
        has_more = self._add_addresses(person, row, topics)
        return bool(attributes) or is_renamed or has_more

    def _create(self, row: Row, topics: Sequence[int]) -> None:
        person = Person(row.id, row.name, dict(row.attributes))
        if row.id:
            self._people[row.id] = person
        self._plan.new_people.append(person)
        self._add_addresses(person, row, topics)

    def _add_addresses(self, person: Person, row: Row, topics: Sequence[int]) -> bool:
        """Plan addresses and subscriptions that are missing; whether there were any."""
        has_more = False
        for channel, address, key in row.addresses:
            spot = self._spots.get((channel, key))
            if spot is None:
                spot = self._spots[channel, key] = Spot(person, channel, address, key)
                self._plan.new_spots.append(spot)
                has_more = True
            for topic in topics:
                link = (topic, spot.pk or spot)
                if link not in self._links:
                    self._links.add(link)
                    self._plan.new_links.append((topic, spot))
                    has_more = True
        return has_more

    def _claim(self, row: Row) -> None:
        for channel, _, key in row.addresses:
            self._plan.claims[claim_of(channel, key)] = row.number
        if row.id:
            self._plan.claims.setdefault(claim_of("id", row.id), row.number)


def claims_of(row: Row) -> dict[str, int]:
    """What an accepted row holds, for a run that goes on after it."""
    held = {claim_of(channel, key): row.number for channel, _, key in row.addresses}
    return {**held, claim_of("id", row.id): row.number} if row.id else held
