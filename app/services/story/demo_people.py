"""Makes the people of the demo story: contacts, addresses, subscriptions, and who must not be written to.

Everything is drawn by a seeded chance, so that the story is the same each time. Addresses are only of domains and
number ranges that nobody can own: example.org, .com and .net (RFC 2606), +1 … 555 01xx, +44 7700 900xxx and
+33 6 39 98 xx xx, which the regulators of these countries keep for fiction.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from secrets import randbelow
from typing import Any

from sqlalchemy import insert, select

from app.domain.ids import unique
from app.infra import full_text
from app.models.base import to_milliseconds
from app.models.contacts import Contact
from app.models.suppressions import Suppression
from app.models.targets import Target
from app.models.topics import Subscriber, Topic
from app.services import word_index
from app.services.people import topic_totals
from app.services.people.contacts import name_key
from app.services.story.demo_names import TONGUES, Tongue, latin, spoken
from app.services.story.demo_scenes import CIRCLES, Circle
from app.services.work import Work

PEOPLE = 2_000
DOMAINS = ("example.org", "example.com", "example.net")
PLANS = ("Guest", "Friend", "Patron")
PLAN_WEIGHTS = (62, 29, 9)
EXPIRED = 18  # addresses that are not current any more
_AREAS = (202, 312, 415, 617, 646)
_CHANCES = {"unnamed": 0.03, "email": 0.96, "sms": 0.45, "push": 0.17}
_SUPPRESSED = (
    ("unsubscribed", 13, "Asked by email to get nothing more"),
    ("complaint", 5, "Reported one of our emails as spam"),
    ("by_hand", 5, "Added by the society's office"),
    ("hard_bounce", 5, "550 5.1.1 No such mailbox here"),
)
_INSERT = 500  # ids that are looked up at once


class Ids:
    """Public ids for many rows: they count on from a random start, so none comes twice."""

    def __init__(self) -> None:
        self._number = randbelow(1 << 28)

    def take(self, at: datetime) -> str:
        """The next one, of that moment."""
        self._number = (self._number + 1) % (1 << 28)
        return unique(to_milliseconds(at), (self._number << 12).to_bytes(5, "big"))


@dataclass(slots=True)
class Person:
    """Somebody of the story; `addresses` by channel, `targets` their numbers once they are rows."""

    name: str
    attributes: dict[str, Any]
    since: datetime
    addresses: dict[str, str] = field(default_factory=dict)
    targets: dict[str, int] = field(default_factory=dict)


def invent(now: datetime, chance: Random) -> list[Person]:
    """Two thousand people who came in the course of a year, the first ones first."""
    moments = sorted(
        now - timedelta(days=15) - timedelta(seconds=chance.random() * 350 * 86_400) for _ in range(PEOPLE)
    )
    tongues = chance.choices(TONGUES, [tongue.share for tongue in TONGUES], k=PEOPLE)
    seen: Counter[str] = Counter()
    return [_person(tongue, since, seen, chance) for tongue, since in zip(tongues, moments, strict=True)]


def _person(tongue: Tongue, since: datetime, seen: Counter[str], chance: Random) -> Person:
    given, family = chance.choice(tongue.given), chance.choice(tongue.family)
    is_unnamed = chance.random() < _CHANCES["unnamed"]
    is_last_first = tongue.code in {"ja", "vi"}
    name = " ".join(map(spoken, (family, given) if is_last_first else (given, family)))
    person = Person("" if is_unnamed else name, {"language": tongue.code}, since)
    if not is_unnamed:
        person.attributes |= {"city": chance.choice(tongue.towns), "plan": chance.choices(PLANS, PLAN_WEIGHTS)[0]}
    if is_last_first and not is_unnamed:
        person.attributes["first_name"] = spoken(given)
    if chance.random() < _CHANCES["email"]:
        local = _local_part(latin(given, tongue.code), latin(family, tongue.code), chance)
        seen[local] += 1
        person.addresses["email"] = f"{local}{seen[local] if seen[local] > 1 else ''}@{chance.choice(DOMAINS)}"
    if chance.random() < _CHANCES["sms"] and (number := _number(tongue.code, seen)):
        person.addresses["sms"] = number
    if chance.random() < _CHANCES["push"] or not person.addresses:
        person.addresses["push"] = f"sample-{chance.getrandbits(256):064x}"
    return person


def _local_part(given: str, family: str, chance: Random) -> str:
    forms = (f"{given}.{family}", f"{given}.{family}", f"{given}{family}", f"{given[0]}.{family}", f"{given}_{family}")
    return chance.choice(forms)


def _number(code: str, seen: Counter[str]) -> str:
    """The next number that the regulator keeps for fiction; empty where we know of no such range."""
    if code == "fr":
        return f"+3363998{_next(seen, 'fr'):04d}"
    if code != "en":
        return ""
    place = _next(seen, "en")
    if place % 2:
        return f"+447700900{place // 2 % 1000:03d}"
    area, line = divmod(place // 2, 100)
    return f"+1{_AREAS[area]}55501{line:02d}"


def _next(seen: Counter[str], code: str) -> int:
    seen[f"+{code}"] += 1
    return seen[f"+{code}"] - 1


def drop_taken(work: Work, people: Sequence[Person]) -> None:
    """Take away the addresses that are somebody's in this project already, or that must not be written to."""
    for channel in ("email", "sms", "push"):
        holders = [person for person in people if channel in person.addresses]
        taken: set[str] = set()
        for start in range(0, len(holders), _INSERT):
            keys = [person.addresses[channel] for person in holders[start : start + _INSERT]]
            for table in (Target, Suppression):
                found = select(table.address_key).where(
                    table.project_pk == work.project_pk, table.channel == channel, table.address_key.in_(keys)
                )
                taken.update(work.session.scalars(found))
        for person in holders:
            if person.addresses[channel] in taken:
                del person.addresses[channel]


def add_people(work: Work, people: Sequence[Person], ids: Ids, chance: Random) -> None:
    """Write contacts and their targets; a few addresses have expired."""
    rows: list[dict[str, Any]] = [
        {
            "id": ids.take(person.since), "project_pk": work.project_pk, "name": person.name,
            "name_key": name_key(person.name), "attributes": person.attributes, "is_demo": True,
            **_dates(person.since),
        }
        for person in people
    ]  # fmt: skip
    for person, row in zip(people, rows, strict=True):
        row["words"] = word_index.of_contact(row["id"], person.name, (), person.addresses.items())
    found = work.session.execute(insert(Contact).returning(Contact.pk, Contact.id), rows)
    numbers = {public_id: pk for pk, public_id in found}
    full_text.enter(work.session, Contact.__tablename__, min(numbers.values()), max(numbers.values()))
    reachable = [index for index, person in enumerate(people) if "email" in person.addresses]
    expired = set(chance.sample(reachable, min(EXPIRED, len(reachable))))
    owners: dict[str, tuple[Person, str]] = {}
    targets = []
    for index, (person, row) in enumerate(zip(people, rows, strict=True)):
        for channel, address in person.addresses.items():
            target_id = ids.take(person.since)
            owners[target_id] = (person, channel)
            is_expired = channel == "email" and index in expired
            targets.append({
                "id": target_id, "project_pk": work.project_pk, "contact_pk": numbers[row["id"]], "channel": channel,
                "address": address, "address_key": address, "name": "", **_dates(person.since),
                "expired_at": work.now - timedelta(days=20) if is_expired else None,
            })  # fmt: skip
    if not targets:
        return
    for pk, target_id in work.session.execute(insert(Target).returning(Target.pk, Target.id), targets):
        person, channel = owners[target_id]
        person.targets[channel] = pk


def add_circles(work: Work, people: Sequence[Person], ids: Ids, chance: Random) -> dict[str, Topic]:
    """The topics by their key, with their subscribers and totals."""
    founded = work.now - timedelta(days=400)
    topics = {
        circle.key: Topic(
            id=ids.take(founded), project_pk=work.project_pk, name=circle.name, description=circle.description,
            subscribe=["users"], is_demo=True, **_dates(founded),
        )
        for circle in CIRCLES
    }  # fmt: skip
    work.session.add_all(topics.values())
    work.session.flush()
    links, totals = [], Counter[tuple[int, str]]()
    for circle in CIRCLES:
        topic = topics[circle.key]
        for person in _members(circle, people, chance):
            for channel, target_pk in person.targets.items():
                totals[topic.pk, channel] += 1
                links.append({
                    "id": ids.take(person.since), "project_pk": work.project_pk, "topic_pk": topic.pk,
                    "target_pk": target_pk, **_dates(person.since),
                })  # fmt: skip
    if links:
        work.session.execute(insert(Subscriber), links)
    topic_totals.shift(work, totals)
    return topics


def _members(circle: Circle, people: Iterable[Person], chance: Random) -> list[Person]:
    return [
        person
        for person in people
        if circle.town in {"", person.attributes.get("city")} and chance.random() * 100 < circle.share
    ]


def add_suppressions(work: Work, people: Sequence[Person], ids: Ids, chance: Random) -> None:
    """Some of them must not be written to, for every reason there is."""
    writable = [person for person in people if "email" in person.addresses]
    everybody = chance.sample(writable, min(100, len(writable)))
    texted = [person for person in people if "sms" in person.addresses and person not in everybody]
    rows: list[dict[str, Any]] = []
    for reason, count, source in _SUPPRESSED:
        for number in range(count):
            is_text = reason == "unsubscribed" and number < 3
            crowd, channel = (texted, "sms") if is_text else (everybody, "email")
            if not crowd:
                continue
            person = crowd.pop()
            since = work.now - timedelta(days=16 + chance.randint(0, 200), minutes=chance.randint(0, 600))
            rows.append({
                "id": ids.take(since), "project_pk": work.project_pk, "channel": channel, "reason": reason,
                "address_key": person.addresses[channel], "is_demo": True, **_dates(since),
                "source": "Answered STOP" if is_text else source,
            })  # fmt: skip
    rows.sort(key=lambda row: row["created_at"])
    if rows:
        work.session.execute(insert(Suppression), rows)


def _dates(at: datetime) -> dict[str, datetime]:
    return {"created_at": at, "updated_at": at}
