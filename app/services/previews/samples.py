"""The people that a preview is made for: real recipients of an audience, or an example when there are none."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, case, exists, false, func, or_, select

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
MOST_COUNTED = 50_000  # recipients looked at for missing values; above, the first so many stand for all
MOST_OF_TOKEN = 24  # characters of an address without an @ that a list of people shows
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
    """One real recipient. `id` is the target's public id; empty for the built-in example."""

    id: str
    recipient: Recipient

    @property
    def label(self) -> str:
        """What a list of people shows: of the long token of a device only how it begins."""
        person = self.recipient
        is_token = len(person.address) > MOST_OF_TOKEN and "@" not in person.address
        address = f"{person.address[: MOST_OF_TOKEN - 1]}…" if is_token else person.address
        return f"{person.name}, {address}" if person.name else address


def example_of(channel: str) -> Sample:
    """The built-in example as somebody who is reached on that channel."""
    return Sample("", recipient_of(_ALEX, _ADDRESSES[channel]))


@dataclass(frozen=True, slots=True)
class Gaps:
    """How many of the `counted` recipients have no value for each variable; `is_all` when everybody was counted."""

    counted: int
    lacking: dict[str, int]
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


def count_gaps(work: Work, channel: str, audience: Audience, names: Sequence[str]) -> Gaps:
    """How many recipients (suppressed and expired ones aside) have no value for each of these variables."""
    page = _first_targets(work, channel, audience, MOST_COUNTED + 1)
    if page is None or not names:
        return Gaps(0, dict.fromkeys(names, 0))
    own = ADDRESS_NAMES.get(channel)
    columns = [func.sum(case((_has_no(name) if name != own else false(), 1), else_=0)) for name in names]
    blocked = exists().where(
        Suppression.project_pk == Target.project_pk, Suppression.channel == Target.channel,
        Suppression.address_key == Target.address_key,
    )  # fmt: skip
    looked_at = work.session.scalar(select(func.count()).select_from(page)) or 0
    counted, *sums = work.session.execute(
        select(func.count(), *columns)
        .select_from(page)
        .join(Target, Target.pk == page.c.target_pk)
        .join(Contact, Contact.pk == Target.contact_pk)
        .where(Target.channel == channel, Target.expired_at.is_(None), ~blocked)
    ).one()
    lacking = {name: int(number or 0) for name, number in zip(names, sums, strict=True)}
    return Gaps(counted, lacking, looked_at <= MOST_COUNTED)


def _first_targets(work: Work, channel: str, audience: Audience, size: int) -> Any:
    """The first targets of an audience, whatever its size; None when it names nothing."""
    topics = topic_pks(work.session, work.project_pk, audience)
    sources = branches(work.project_pk, channel, audience, topics)
    return page_of_targets(sources, 0, size).subquery() if sources else None


def _people() -> Select[Any]:
    return select(Target.id, Target.address, Contact.name, Contact.attributes).join(
        Contact, Contact.pk == Target.contact_pk
    )


def _read(work: Work, query: Select[Any]) -> list[Sample]:
    return [Sample(row.id, recipient_of(row, row.address)) for row in work.session.execute(query)]


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
