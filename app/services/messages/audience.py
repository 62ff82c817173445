"""Who gets a message: search and choose, name what was chosen, and the equation of how many will receive it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import ColumnElement, func, select

from app.domain.addresses import email_key, normalise_email
from app.engine.audience import branches, chosen_targets, topic_pks
from app.models.contacts import Contact
from app.models.suppressions import Suppression
from app.models.targets import Target
from app.models.topics import Subscriber, Topic
from app.services.messages.audience_counts import (
    Picked,
    by_id,
    count_distinct,
    count_expired,
    count_suppressed,
    is_member,
    same_address,
    together,
)
from app.services.people import topic_members
from app.services.people.topic_totals import total_of
from app.services.work import Work

SMALL = 5_000  # up to here every recipient is counted one by one; above, the topics' own totals carry the sum
FEW_BESIDE = 5_000  # up to here the other topics are held against the largest one row by row; above, set against set
PER_KIND = 6  # results of each kind in the picker
_END = "\U0010ffff"

Audience = Mapping[str, Sequence[str]]  # engine.audience says what it may hold


@dataclass(frozen=True, slots=True)
class Choice:
    """A topic, contact or target that is or may be chosen; `kind` is topics, contacts, targets, cc, bcc or emails.

    `is_gone` marks an id that was chosen and does not exist any more: it blocks sending. `copy_id` is the target that
    gets the copy when this is put in cc or bcc; empty for what cannot be.
    """

    kind: str
    id: str
    name: str
    note: str = ""
    is_gone: bool = False
    copy_id: str = ""

    @property
    def value(self) -> str:
        """What a form sends for it."""
        return f"{self.kind}:{self.id}"


@dataclass(frozen=True, slots=True)
class Equation:
    """How many will receive a message, and why the others will not; `total` is exactly the sum of the terms.

    `people` counts the addresses of contacts and targets that were chosen one by one, to and in copy, and the raw ones
    of a program (a person without an address counts as one, and is taken away again by `without_address`). A suppressed
    address that expired too counts as suppressed, as in the delivery.
    """

    topics: int = 0
    in_topics: int = 0
    people: int = 0
    duplicates: int = 0
    suppressed: Mapping[str, int] = field(default_factory=dict)
    expired: int = 0
    without_address: int = 0

    @property
    def suppressed_total(self) -> int:
        """Suppressed addresses, whatever the reason."""
        return sum(self.suppressed.values())

    @property
    def reachable(self) -> int:
        """Distinct addresses, before suppressed and expired ones are taken away."""
        return self.in_topics + self.people - self.duplicates - self.without_address

    @property
    def total(self) -> int:
        """How many will receive it."""
        return self.reachable - self.suppressed_total - self.expired

    @property
    def is_empty(self) -> bool:
        """Whether nothing was chosen at all."""
        return not (self.topics or self.people)


def search(work: Work, channel: str, text: str, audience: Audience) -> list[Choice]:
    """What the picker offers for a text: topics by any part of the name, people by the beginning of name or address.

    What is chosen already is left out; an empty text offers the first topics.
    """
    work.require("contacts.read")
    text = text.strip()[:128]
    found = _find_topics(work, channel, text)
    if text:
        found += _find_people(work, channel, text) + _find_targets(work, channel, text)
    chosen = {(kind, public_id) for kind, ids in audience.items() for public_id in ids}
    return [choice for choice in found if (choice.kind, choice.id) not in chosen]


def _find_topics(work: Work, channel: str, text: str) -> list[Choice]:
    query = select(Topic).where(Topic.project_pk == work.project_pk).order_by(Topic.name).limit(PER_KIND + 4)
    if text:
        query = query.where(Topic.name.icontains(text, autoescape=True))
    return [_topic_choice(topic, channel) for topic in work.session.scalars(query)]


def _find_people(work: Work, channel: str, text: str) -> list[Choice]:
    key = text.casefold()
    query = (
        select(Contact.id, Contact.name, _first_address(channel))
        .where(Contact.project_pk == work.project_pk, Contact.name_key >= key, Contact.name_key < key + _END)
        .order_by(Contact.name_key, Contact.pk)
        .limit(PER_KIND)
    )
    return [_contact_choice(*row) for row in work.session.execute(query)]


def _find_targets(work: Work, channel: str, text: str) -> list[Choice]:
    key = text.lower()
    query = (
        select(Target.id, Target.address, Contact.name)
        .join(Contact, Contact.pk == Target.contact_pk)
        .where(
            Target.project_pk == work.project_pk, Target.channel == channel,
            Target.address_key >= key, Target.address_key < key + _END,
        )
        .order_by(Target.address_key)
        .limit(PER_KIND)
    )  # fmt: skip
    return [Choice("targets", public_id, address, name) for public_id, address, name in work.session.execute(query)]


def chosen(work: Work, channel: str, audience: Audience) -> list[Choice]:
    """What was chosen, by name, in the order of choosing; ids that vanished are among them, marked."""
    topics = by_id(work, Topic, audience.get("topics", ()))
    contacts = by_id(work, Contact, audience.get("contacts", ()))
    targets = by_id(work, Target, audience.get("targets", ()))
    result = [
        _topic_choice(topics[key], channel) if key in topics else _gone("topics", key, "topic")
        for key in audience.get("topics", ())
    ]
    addresses = _addresses(work, channel, [contact.pk for contact in contacts.values()])
    result += [
        _contact_choice(key, contacts[key].name, addresses.get(contacts[key].pk))
        if key in contacts
        else _gone("contacts", key, "contact")
        for key in audience.get("contacts", ())
    ]
    return result + [
        Choice("targets", key, targets[key].address) if key in targets else _gone("targets", key, "address")
        for key in audience.get("targets", ())
    ]


def _addresses(work: Work, channel: str, contact_pks: Sequence[int]) -> dict[int, str]:
    query = select(Target.contact_pk, func.min(Target.address)).where(
        Target.contact_pk.in_(contact_pks), Target.channel == channel
    )
    rows = work.session.execute(query.group_by(Target.contact_pk)) if contact_pks else ()
    return {row[0]: row[1] for row in rows}


def _first_address(channel: str) -> ColumnElement[str | None]:
    query = select(Target.address).where(Target.contact_pk == Contact.pk, Target.channel == channel)
    return query.order_by(Target.pk).limit(1).scalar_subquery()


def _topic_choice(topic: Topic, channel: str) -> Choice:
    return Choice("topics", topic.id, topic.name, f"{total_of(topic, channel):,}")


def _contact_choice(public_id: str, name: str, address: str | None) -> Choice:
    return Choice("contacts", public_id, name or address or "A contact without a name", address or "no address")


def _gone(kind: str, public_id: str, noun: str) -> Choice:
    return Choice(kind, public_id, f"deleted {noun}", public_id, is_gone=True)


# --- the equation ----------------------------------------------------------------------------------------------------


def equation(work: Work, channel: str, audience: Audience) -> Equation:
    """How many will receive a message with that audience, exactly; bounded work at any size."""
    picked = Picked.read(work, channel, audience)
    topics = list(by_id(work, Topic, audience.get("topics", ())).values())
    found = _equation_of_targets(work, channel, audience, topics, picked)
    raw = list(audience.get("emails", ()))
    return _with_raw(work, channel, found, raw, is_member([topic.pk for topic in topics], picked)) if raw else found


def _with_raw(work: Work, channel: str, found: Equation, raw: Sequence[str], member: ColumnElement[bool]) -> Equation:
    """The equation with addresses that belong to nobody here; those of a chosen target are duplicates of it."""
    fresh = _fresh(work, channel, raw, member)
    suppressed = dict(found.suppressed)
    blocked = select(Suppression.reason, func.count()).where(
        Suppression.project_pk == work.project_pk, Suppression.channel == channel, Suppression.address_key.in_(fresh)
    )
    for reason, number in work.session.execute(blocked.group_by(Suppression.reason)):
        suppressed[reason] = suppressed.get(reason, 0) + number
    return replace(
        found,
        people=found.people + len(raw),
        duplicates=found.duplicates + len(raw) - len(fresh),
        suppressed=dict(sorted(suppressed.items(), key=lambda item: -item[1])),
    )


def _fresh(work: Work, channel: str, raw: Sequence[str], member: ColumnElement[bool]) -> dict[str, str]:
    """The raw addresses that are no chosen target's, each once; by their keys."""
    read = [address for text in raw if (address := normalise_email(text)) is not None]
    found = {email_key(address): address for address in reversed(read)}
    taken = select(Target.address_key).where(
        Target.project_pk == work.project_pk, Target.channel == channel, Target.address_key.in_(found), member
    )
    for key in work.session.scalars(taken):
        del found[key]
    return found


def raw_addresses(work: Work, channel: str, audience: Audience) -> list[str]:
    """The raw addresses that get a message of their own: no chosen target has them, and they are not suppressed."""
    raw = list(audience.get("emails", ()))
    if not raw:
        return []
    topics = topic_pks(work.session, work.project_pk, audience)
    found = _fresh(work, channel, raw, is_member(topics, Picked.read(work, channel, audience)))
    suppressed = select(Suppression.address_key).where(
        Suppression.project_pk == work.project_pk, Suppression.channel == channel, Suppression.address_key.in_(found)
    )
    for key in work.session.scalars(suppressed):
        del found[key]
    return list(found.values())


def _equation_of_targets(work: Work, channel: str, audience: Audience, topics: list[Topic], picked: Picked) -> Equation:
    """The same without raw addresses.

    Small audiences are counted one by one. Large ones are counted from what is exceptional: the largest topic brings
    its total, and suppressions and expired targets are looked up from their own indexes, so that the time does not
    grow with the number of subscribers of one topic. What is chosen beside it is compared with it through an index;
    where that is large too, or the members of all topics are kept as sets anyway, they are compared there.
    """
    everybody = sum(topic.email_total + topic.sms_total + topic.push_total for topic in topics)
    if everybody <= SMALL:
        return _count_each(work, channel, audience, topics, picked)
    topics.sort(key=lambda topic: total_of(topic, channel), reverse=True)
    pks = [topic.pk for topic in topics]
    in_topics = sum(total_of(topic, channel) for topic in topics)
    beside = in_topics - total_of(topics[0], channel)
    by_sets = beside > FEW_BESIDE or topic_members.are_kept(work, topics, channel)
    crowd = together(work, channel, topics, picked) if by_sets else None
    member = is_member(pks, picked)
    distinct = count_distinct(work, channel, topics, picked) if crowd is None else len(crowd)
    return Equation(
        topics=len(topics),
        in_topics=in_topics,
        people=picked.people,
        duplicates=in_topics + picked.people - picked.without_address - distinct,
        suppressed=count_suppressed(work, channel, member, crowd),
        expired=count_expired(work, channel, member, crowd),
        without_address=picked.without_address,
    )


def _count_each(work: Work, channel: str, audience: Audience, topics: Sequence[Topic], picked: Picked) -> Equation:
    """The equation of a small audience, every recipient looked at."""
    everyone = chosen_targets(work.session, work.project_pk, channel, audience).subquery()
    rows = work.session.execute(
        select(Suppression.reason, Target.expired_at.is_not(None).label("has_expired"), func.count().label("number"))
        .select_from(everyone)
        .join(Target, Target.pk == everyone.c.target_pk)
        .outerjoin(Suppression, same_address())
        .where(Target.channel == channel)
        .group_by(Suppression.reason, Target.expired_at.is_not(None))
    ).all()
    in_topics = work.session.scalar(
        select(func.count())
        .select_from(Subscriber)
        .join(Target, Target.pk == Subscriber.target_pk)
        .where(Subscriber.topic_pk.in_([topic.pk for topic in topics]), Target.channel == channel)
    )
    suppressed: dict[str, int] = {}
    for row in rows:
        if row.reason is not None:
            suppressed[row.reason] = suppressed.get(row.reason, 0) + row.number
    distinct = sum(row.number for row in rows)
    return Equation(
        topics=len(topics),
        in_topics=in_topics or 0,
        people=picked.people,
        duplicates=(in_topics or 0) + picked.people - picked.without_address - distinct,
        suppressed=dict(sorted(suppressed.items(), key=lambda item: -item[1])),
        expired=sum(row.number for row in rows if row.reason is None and row.has_expired),
        without_address=picked.without_address,
    )


def sources(work: Work, channel: str, audience: Audience) -> list[Any]:
    """One statement per chosen thing, each giving target numbers from an index."""
    topics = [topic.pk for topic in by_id(work, Topic, audience.get("topics", ())).values()]
    return branches(work.project_pk, channel, audience, topics)
