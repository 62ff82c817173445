"""How long a send will take: from how many get it, what its provider did in its busy minutes, and its limit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import ceil

from sqlalchemy import func, select

from app.engine.provider_history import MINUTE, start_of
from app.models.provider_history import ProviderPeriod
from app.models.providers import Provider
from app.models.topics import Topic
from app.services.messages.audience import Audience
from app.services.people.topic_totals import total_of
from app.services.providers import provider_limits
from app.services.work import Work

LOOKS_BACK = timedelta(hours=24)
TELLING = 60  # messages in one minute from which on a provider was really busy, so that its pace tells something
_PEOPLE = ("contacts", "targets", "cc", "bcc", "emails")


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast the providers go that stand first for a message. `per_second` is None where nothing tells.

    `best_minute` is the most that they took in one minute of the last day. `limit` is what they may be handed in a
    second at most; None for no limit.
    """

    provider_pks: tuple[int, ...]
    names: tuple[str, ...]
    per_second: float | None
    best_minute: int
    limit: float | None = None

    def length_for(self, people: int) -> timedelta | None:
        """How long they take for so many people, in whole seconds; None when nobody knows."""
        if people <= 0:
            return timedelta()
        rates = [rate for rate in (self.per_second, self.limit) if rate]
        if self.per_second is None and self.limit is None:
            return timedelta(minutes=1) if people <= self.best_minute else None
        return timedelta(seconds=ceil(people / min(rates)))


class Speeds:
    """The speeds of a project's providers, each asked for once."""

    def __init__(self, work: Work) -> None:
        self._work = work
        providers = work.session.scalars(
            select(Provider)
            .where(Provider.project_pk == work.project_pk, Provider.enabled.is_(True))
            .order_by(Provider.rank, Provider.pk)
        )
        self._providers = list(providers)
        self._known: dict[tuple[str, int | None], Speed | None] = {}

    def of(self, channel: str, provider_pk: int | None) -> Speed | None:
        """Of the provider that a message is pinned to, else of those that stand first; None when there is none."""
        key = (channel, provider_pk)
        if key not in self._known:
            self._known[key] = self._measure(self._first(channel, provider_pk))
        return self._known[key]

    def _first(self, channel: str, provider_pk: int | None) -> list[Provider]:
        mine = [each for each in self._providers if each.channel == channel]
        pinned = [each for each in mine if each.pk == provider_pk]
        return pinned or [each for each in mine if each.rank == mine[0].rank]

    def _measure(self, providers: Sequence[Provider]) -> Speed | None:
        if not providers:
            return None
        rates, best, limits = [], 0, []
        for provider in providers:
            rate, most = self._busy_minutes(provider)
            limit = provider_limits.usage_of(self._work, provider).rate
            rates.append(min(rate, limit) if rate is not None and limit is not None else rate)
            limits.append(limit)
            best += most
        known = [rate for rate in rates if rate is not None]
        bounds = [limit for limit in limits if limit is not None]
        return Speed(
            tuple(each.pk for each in providers), tuple(each.name for each in providers), sum(known) or None, best,
            sum(bounds) if len(bounds) == len(limits) else None,
        )  # fmt: skip

    def _busy_minutes(self, provider: Provider) -> tuple[float | None, int]:
        """How many messages a second it took while it was busy (None: it never was), and its best minute.

        The mean of its minutes, each weighted by how much it took in it: what the average message lived through, so
        that a large send tells and single mails in quiet hours do not.
        """
        minutes = (
            select(func.sum(ProviderPeriod.accepted).label("taken"))
            .where(
                ProviderPeriod.provider_pk == provider.pk, ProviderPeriod.seconds == MINUTE,
                ProviderPeriod.begins_at >= start_of(self._work.now - LOOKS_BACK, MINUTE),
            )
            .group_by(ProviderPeriod.begins_at)
            .subquery()
        )  # fmt: skip
        taken, squares, best = self._work.session.execute(
            select(func.sum(minutes.c.taken), func.sum(minutes.c.taken * minutes.c.taken), func.max(minutes.c.taken))
        ).one()
        if not taken or best < TELLING:
            return None, int(best or 0)
        return float(squares) / float(taken) / MINUTE, int(best)


def people_of(work: Work, audiences: Mapping[int, tuple[str, Audience]]) -> dict[int, int]:
    """About how many people messages go to, by their numbers: (channel, audience) of each, read with one statement.

    It adds up what topics hold and who was chosen. Duplicates, suppressed and expired addresses are still among them,
    so it is the most there can be; `services.messages.audience.equation` counts exactly, at a price.
    """
    named = {public_id for _, audience in audiences.values() for public_id in audience.get("topics", ())}
    topics = {}
    if named:
        rows = work.session.scalars(select(Topic).where(Topic.project_pk == work.project_pk, Topic.id.in_(named)))
        topics = {topic.id: topic for topic in rows}
    return {
        pk: sum(total_of(topics[each], channel) for each in set(audience.get("topics", ())) if each in topics)
        + sum(len(audience.get(kind, ())) for kind in _PEOPLE)
        for pk, (channel, audience) in audiences.items()
    }
