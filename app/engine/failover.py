"""Sends on what a provider could not carry: to the next one at once, once around, then after a while from the start.

A delivery goes on only when it is known that it was not sent. See docs/adr/0019-failover-and-shares.md.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from random import random

from sqlalchemy.orm import Session

from app.domain.delivery_states import DeliveryState
from app.domain.failover import Move, move_after
from app.domain.retry import next_attempt_at
from app.engine import detours, queued, routing
from app.engine.detours import Way
from app.engine.ledger import Lease, Result
from app.engine.pace import limits_of
from app.infra.pacing import Pacing
from app.models.messages import Message


def send_on(
    session: Session, pacing: Pacing, message: Message, lease: Lease, results: Sequence[Result], now: datetime
) -> None:
    """Choose the lane of every delivery that is to be tried again; after `ledger.record`, in its transaction.

    `pacing` says who has room for those that were asked to wait.
    """
    again = _again(results)
    if lease.provider_pk is None or not any(again.values()):
        return
    way = detours.ways_of(session, [lease.wish_pk])[lease.wish_pk]
    if way.only_pk:
        return  # nobody else may try these, whatever the new answer was
    batch = _Batch(session, message, way, lease.provider_pk, now)
    if stays := again[Move.STAY]:
        batch.into(Way(way.wish_pk, only_pk=lease.provider_pk), {result.delivery.pk: None for result in stays})
    others = {each.pk: each for each in routing.stand_ins(session, message, batch.tried, now)}
    batch.onward(again[Move.ON], frozenset(others))
    if again[Move.ON_IF_ROOM]:
        free = {pk for pk, each in others.items() if pacing.look(limits_of(each), 1).count != 0}
        batch.onward(again[Move.ON_IF_ROOM], frozenset(free), around=others.keys() - free)


def _again(results: Sequence[Result]) -> dict[Move, list[Result]]:
    """What is to be tried again, by where it goes."""
    again: dict[Move, list[Result]] = {move: [] for move in Move}
    for result in results:
        if result.state is DeliveryState.QUEUED and result.outcome is not None:
            again[move_after(result.outcome)].append(result)
    return again


@dataclass(frozen=True, slots=True)
class _Batch:
    """What was tried at one provider, from one lane, and where it goes."""

    session: Session
    message: Message
    way: Way
    provider_pk: int
    now: datetime

    @property
    def tried(self) -> Way:
        """The lane's way, with this provider among those that were tried."""
        return Way(self.way.wish_pk, self.way.avoids | {self.provider_pk})

    def onward(self, results: Sequence[Result], others: frozenset[int], around: Iterable[int] = ()) -> None:
        """To one of the others at once, but to none of those that are to be gone around; without others, in a while."""
        if not results:
            return
        if others:
            way = Way(self.tried.wish_pk, self.tried.avoids.union(around))
            self.into(way, {result.delivery.pk: self.now for result in results})
        elif self.way.avoids:  # from the start; who never left it keeps its place, due as the ledger has it
            self.into(Way(self.way.wish_pk), {result.delivery.pk: self._next_round(result) for result in results})

    def into(self, way: Way, dues: Mapping[int, datetime | None]) -> None:
        """Put deliveries, by number, into the lane of a way."""
        queued.send_on(self.session, detours.lane_of(self.session, self.message.project_pk, way), dues)

    def _next_round(self, result: Result) -> datetime:
        """When a delivery that everybody was tried for begins again; each round wears patience as one try does."""
        assert result.outcome is not None  # noqa: S101 - only what was tried comes here
        rounds = max(1, result.delivery.attempts // len(self.tried.avoids))
        return next_attempt_at(result.outcome, rounds, self.now, random())  # noqa: S311 - jitter, not a secret
