"""What the equation of an audience is made of: who was picked one by one, who is in several topics, who is left out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, exists, false, func, or_, select
from sqlalchemy.orm import aliased

from app.domain.number_sets import NumberSet
from app.engine.audience import direct_ids
from app.infra.asked_once import once
from app.infra.bulk import numbers_by_name, numbers_of
from app.models.contacts import Contact
from app.models.suppressions import Suppression
from app.models.targets import Target
from app.models.topics import Subscriber, Topic
from app.services.people.topic_members import members_of
from app.services.people.topic_totals import total_of
from app.services.work import Work


def by_id(work: Work, table: type[Any], ids: Sequence[str]) -> dict[str, Any]:
    """The rows of the project that have these public ids."""
    if not ids:
        return {}
    asked = select(table).where(table.project_pk == work.project_pk, table.id.in_(ids))
    rows = once(work.session, (table, work.project_pk, *ids), lambda: work.session.scalars(asked).all())
    return {row.id: row for row in rows}


@dataclass(frozen=True, slots=True)
class Picked:
    """Targets that were chosen one by one, directly or through their contact; a pk may stand in both lists."""

    of_contacts: tuple[int, ...]
    direct: tuple[int, ...]
    without_address: int

    @property
    def people(self) -> int:
        """How many were chosen, those without an address too."""
        return len(self.of_contacts) + len(self.direct) + self.without_address

    @property
    def pks(self) -> set[int]:
        """Their numbers, each once."""
        return {*self.of_contacts, *self.direct}

    @classmethod
    def read(cls, work: Work, channel: str, audience: Mapping[str, Sequence[str]]) -> "Picked":
        """From the database: chosen contacts and targets that exist."""
        contacts = by_id(work, Contact, audience.get("contacts", ()))
        direct = [target.pk for target in by_id(work, Target, direct_ids(audience)).values()
                  if target.channel == channel]  # fmt: skip
        rows = work.session.execute(
            select(Target.pk, Target.contact_pk).where(
                Target.contact_pk.in_([contact.pk for contact in contacts.values()]), Target.channel == channel
            )
        ).all()
        reached = {row.contact_pk for row in rows}
        return cls(tuple(row.pk for row in rows), tuple(direct), len(contacts) - len(reached))


def together(work: Work, channel: str, topics: Sequence[Topic], picked: Picked) -> NumberSet:
    """The numbers of everybody who was chosen, however often."""
    everybody = NumberSet.of([sorted(picked.pks)])
    for topic in topics:
        everybody |= members_of(work, topic, channel)
    return everybody


def count_distinct(work: Work, channel: str, topics: Sequence[Topic], picked: Picked) -> int:
    """Distinct targets: the largest topic's total, and of each further one only who is in none before it."""
    distinct = total_of(topics[0], channel)
    for position, topic in enumerate(topics[1:], start=1):
        before = [earlier.pk for earlier in topics[:position]]
        query = (
            select(func.count())
            .select_from(Subscriber)
            .where(Subscriber.topic_pk == topic.pk, ~_subscribes(before, Subscriber.target_pk))
        )
        if topic.email_total + topic.sms_total + topic.push_total != total_of(topic, channel):
            query = query.join(Target, Target.pk == Subscriber.target_pk).where(Target.channel == channel)
        distinct += work.session.scalar(query) or 0
    if picked.pks:
        outside = ~_subscribes([topic.pk for topic in topics], Target.pk)
        distinct += work.session.scalar(select(func.count()).where(Target.pk.in_(picked.pks), outside)) or 0
    return distinct


def _subscribes(topic_pks: Sequence[int], target_pk: Any) -> ColumnElement[bool]:
    """Whether that target subscribes to any of the topics; one look into an index for each topic."""
    other = aliased(Subscriber)
    return or_(false(), *[
        select(other.target_pk).where(other.topic_pk == topic_pk, other.target_pk == target_pk).exists()
        for topic_pk in topic_pks
    ])  # fmt: skip


def is_member(topic_pks: Sequence[int], picked: Picked) -> ColumnElement[bool]:
    """The condition on Target that it is in one of the topics, or was picked."""
    return or_(_subscribes(topic_pks, Target.pk), Target.pk.in_(picked.pks))


def same_address() -> ColumnElement[bool]:
    """The condition on Suppression and Target that one is about the other."""
    return (
        (Suppression.project_pk == Target.project_pk)
        & (Suppression.channel == Target.channel)
        & (Suppression.address_key == Target.address_key)
    )


def count_suppressed(
    work: Work, channel: str, member: ColumnElement[bool], everybody: NumberSet | None
) -> dict[str, int]:
    """By reason. Who is in the audience is told by a condition, or (where there is a set) by the numbers of the set.

    From the suppressions to their targets, however many others there are; who has no target is no member.
    """
    mine = Suppression.project_pk == work.project_pk, Suppression.channel == channel
    if everybody is None:  # the outer join keeps that order
        query = select(Suppression.reason, func.count()).outerjoin(Target, same_address()).where(*mine, member)
        found = {row[0]: row[1] for row in work.session.execute(query.group_by(Suppression.reason))}
    else:
        target = select(Target.pk).where(same_address()).correlate(Suppression).scalar_subquery()
        # PostgreSQL looks each one up only behind such a fence; else it would read all targets, or sort first
        known = select(Suppression.reason, target.label("pk")).where(*mine).offset(0).subquery().c
        pks = numbers_by_name(work.session, select(known.reason, known.pk).where(known.pk.is_not(None)))
        found = {reason: len(everybody.shared_with(numbers)) for reason, numbers in pks.items()}
    return {reason: found[reason] for reason in sorted(found, key=found.__getitem__, reverse=True) if found[reason]}


def count_expired(work: Work, channel: str, member: ColumnElement[bool], everybody: NumberSet | None) -> int:
    """Of those that are expired and not suppressed; both are told from the rest by their own indexes."""
    query = select(Target.pk).where(
        Target.project_pk == work.project_pk, Target.channel == channel, Target.expired_at.is_not(None),
        Target.pk > 0,  # their index is by number too; else SQLite would rather walk all addresses of the channel
        ~exists().where(same_address()),
    )  # fmt: skip
    if everybody is None:
        return work.session.scalar(query.with_only_columns(func.count()).where(member)) or 0
    return len(everybody.shared_with(numbers_of(work.session, query)))
