"""The people that a preview is made for: real recipients of an audience, or an example when there are none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Select, case, exists, func, literal, or_, select

from app.domain.addresses import brief
from app.domain.rendered import Recipient
from app.engine.audience import branches, page_of_targets, topic_pks
from app.engine.recipients import ADDRESS_NAMES, recipient_of
from app.infra.asked_once import once
from app.models.contacts import Contact
from app.models.suppressions import Suppression
from app.models.targets import Target
from app.services.messages.audience import Audience
from app.services.work import Work

FIRST_FEW = 8
COUNTED_AT_FIRST = 2_000  # recipients looked at for missing values on a page, until everybody's copy was looked at
MOST_COUNTED = 50_000  # and before sending; above, the first so many stand for all
_END = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class _Example:
    name: str
    attributes: dict[str, Any]


_ALEX = _Example("Alex Example", {})
# Addresses that nobody has: RFC 2606, and Ofcom's numbers for drama.
_ADDRESSES = {"email": "alex@example.org", "sms": "+447700900123", "push": "example-device"}


@dataclass(frozen=True, slots=True)
class Sample:
    """One real recipient. `id` is the target's public id; empty for the built-in example. `named` is its label."""

    id: str
    recipient: Recipient
    named: str = ""

    @property
    def label(self) -> str:
        """What a list of people shows: a device by its label, or by how its long token ends."""
        person = self.recipient
        address = brief(person.address, self.named)
        return f"{person.name}, {address}" if person.name else address


def example_of(channel: str) -> Sample:
    """The built-in example as somebody who is reached on that channel."""
    return Sample("", recipient_of(_ALEX, _ADDRESSES[channel]))


@dataclass(frozen=True, slots=True)
class Gaps:
    """How many of the `counted` recipients have no value for each variable; `is_all` when everybody was counted.

    `known` are the variables that somebody has, or may have: whom nobody looked at is given the benefit of the doubt.
    """

    counted: int
    lacking: Mapping[str, int]
    known: frozenset[str] = frozenset()
    is_all: bool = True


def first_samples(work: Work, channel: str, audience: Audience, size: int = FIRST_FEW) -> list[Sample]:
    """The first recipients of an audience; the example alone when there is nobody."""
    key = ("samples", work.project_pk, channel, *((kind, *named) for kind, named in sorted(audience.items())))
    few = max(size, FIRST_FEW)
    return once(work.session, (*key, few), lambda: _first_samples(work, channel, audience, few))[:size]


def _first_samples(work: Work, channel: str, audience: Audience, size: int) -> list[Sample]:
    page = _first_targets(work, channel, audience, size * 4)
    if page is None:
        return [example_of(channel)]
    query = _people().join(page, page.c.target_pk == Target.pk).where(Target.channel == channel)
    found = _read(work, query.order_by(Target.pk).limit(size))
    return found or [example_of(channel)]


def find_sample(work: Work, channel: str, target_id: str) -> Sample | None:
    """The person behind a target; None when there is none."""
    if not target_id:
        return None
    query = _people().where(Target.project_pk == work.project_pk, Target.id == target_id, Target.channel == channel)
    found = _read(work, query)
    return found[0] if found else None


def any_samples(work: Work, channel: str) -> list[Sample]:
    """A few people who can be reached on that channel, by their addresses; nobody when there are none."""
    mine = _people().where(Target.project_pk == work.project_pk, Target.channel == channel)
    return _read(work, mine.order_by(Target.address_key).limit(FIRST_FEW))


def search_samples(work: Work, channel: str, text: str) -> list[Sample]:
    """People whose name or address begins with the text."""
    key = text.strip().casefold()[:128]
    if not key:
        return []
    mine = _people().where(Target.project_pk == work.project_pk, Target.channel == channel)
    by_address = mine.where(Target.address_key >= key, Target.address_key < key + _END).order_by(Target.address_key)
    found = _read(work, by_address.limit(FIRST_FEW))
    by_name = mine.where(
        Contact.project_pk == work.project_pk, Contact.name_key >= key, Contact.name_key < key + _END
    ).order_by(Contact.name_key)
    known = {sample.id for sample in found}
    return found + [sample for sample in _read(work, by_name.limit(FIRST_FEW)) if sample.id not in known]


def count_gaps(work: Work, channel: str, audience: Audience, names: Sequence[str], most: int) -> Gaps:
    """How many of the first `most` recipients (suppressed and expired ones aside) have no value for these variables."""
    page, beyond = (_first_targets(work, channel, audience, size) for size in (most, most + 1))
    if page is None or not names:
        return Gaps(0, dict.fromkeys(names, 0))
    looked_at = work.session.scalar(select(func.count()).select_from(beyond)) or 0
    # One by one: PostgreSQL would rather read all targets there are than look a few thousand of them up. And behind a
    # fence (OFFSET 0), or SQLite looks each of them up twice.
    lacks = _lacks(channel, names).where(Target.pk == page.c.target_pk).scalar_subquery()
    each = select(lacks.label("bits")).select_from(page).offset(0).subquery().c
    rows = work.session.execute(select(each.bits, func.count()).group_by(each.bits)).all()
    people = [(bits, count) for bits, count in rows if bits is not None]
    counted, is_all = sum(count for _, count in people), looked_at <= most
    lacking = {name: sum(count for bits, count in people if bits >> place & 1) for place, name in enumerate(names)}
    known = frozenset(name for name in names if not is_all or lacking[name] < counted)
    return Gaps(counted, lacking, known, is_all)


def _lacks(channel: str, names: Sequence[str]) -> Select[Any]:
    """A bit for each of these variables that a target's person lacks; no row for who gets nothing."""
    own = ADDRESS_NAMES.get(channel)
    bits = [
        case((_has_no(name), literal(1 << place, BigInteger)), else_=literal(0, BigInteger))
        for place, name in enumerate(names)
        if name != own
    ]
    blocked = exists().where(
        Suppression.project_pk == Target.project_pk, Suppression.channel == Target.channel,
        Suppression.address_key == Target.address_key,
    )  # fmt: skip
    return (
        select(sum(bits, literal(0, BigInteger)))
        .select_from(Target)
        .join(Contact, Contact.pk == Target.contact_pk)
        .where(Target.channel == channel, Target.expired_at.is_(None), ~blocked)
    )


def _first_targets(work: Work, channel: str, audience: Audience, size: int) -> Any:
    """The first targets of an audience, whatever its size; None when it names nothing."""
    topics = topic_pks(work.session, work.project_pk, audience)
    sources = branches(work.project_pk, channel, audience, topics)
    return page_of_targets(sources, 0, size).subquery() if sources else None


def _people() -> Select[Any]:
    return select(Target.id, Target.address, Target.name.label("named"), Contact.name, Contact.attributes).join(
        Contact, Contact.pk == Target.contact_pk
    )


def _read(work: Work, query: Select[Any]) -> list[Sample]:
    return [Sample(row.id, recipient_of(row, row.address), row.named) for row in work.session.execute(query)]


def _has_no(name: str) -> ColumnElement[bool]:
    """Whether a contact has no value for a variable, as `variables_of` sees it."""
    value = Contact.attributes[name].as_string()
    is_missing = or_(value.is_(None), value == "")
    match name:
        case "name":
            return Contact.name == ""
        case "first_name":
            return is_missing & (Contact.name == "")
        case _:
            return is_missing
