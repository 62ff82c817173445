"""Sends on what a provider could not carry: to the next one at once, once around, then after a while from the start.

A delivery goes on only when it is known that it was not sent. What this provider alone can never carry goes to another
for good. See docs/adr/0019-failover-and-shares.md and docs/adr/0050-what-a-provider-can-carry.md.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from random import random

from sqlalchemy.orm import Session

from app.domain.delivery_states import DeliveryState
from app.domain.failover import Move, move_after
from app.domain.outcomes import Outcome
from app.domain.retry import next_attempt_at
from app.engine import capacity, detours, queued, routing
from app.engine.detours import Way
from app.engine.ledger import Lease, Result
from app.engine.pace import limits_of
from app.infra.pacing import Pacing
from app.models.messages import Message
from app.models.providers import Provider


@dataclass(frozen=True)
class Failover:
    """Where the deliveries of one batch go that its provider did not carry, in the transaction that records it.

    `provider` is who tried them, as it was set then; None when nobody did, or when it is gone.
    """

    session: Session
    message: Message
    lease: Lease
    provider: Provider | None
    now: datetime

    def may_leave(self, outcome: Outcome) -> bool:
        """Whether a delivery with that outcome goes to another provider, because only this one can never carry it.

        Asked of each before the batch is recorded; the database is asked once, when there is one of that sort.
        """
        return move_after(outcome) is Move.ELSEWHERE and self._has_exit

    @property
    def is_in_doubt(self) -> bool:
        """Whether an earlier try of all of them may have arrived: that is why no other provider may have them."""
        return self._way.only_pk != 0

    def send_on(self, pacing: Pacing, results: Sequence[Result]) -> None:
        """Choose the lane of every delivery that is to be tried again, after `ledger.record`.

        `pacing` says who has room for those that were asked to wait.
        """
        again = _again(results)
        if self.lease.provider_pk is None or not any(again.values()):
            return
        if self._way.only_pk:
            return  # nobody else may try these, whatever the new answer was
        if stays := again[Move.STAY]:
            way = Way(self._way.wish_pk, only_pk=self.lease.provider_pk)
            self._into(way, {result.delivery.pk: None for result in stays})
        self._send_elsewhere(again[Move.ELSEWHERE])
        if not (again[Move.ON] or again[Move.ON_IF_ROOM]):
            return
        others = {each.pk: each for each in routing.stand_ins(self.session, self.message, self._tried, self.now)}
        self._send_onward(again[Move.ON], frozenset(others))
        if again[Move.ON_IF_ROOM]:
            free = {pk for pk, each in others.items() if pacing.look(limits_of(each), 1).count != 0}
            self._send_onward(again[Move.ON_IF_ROOM], frozenset(free), around=others.keys() - free)

    @cached_property
    def _way(self) -> Way:
        return detours.ways_of(self.session, [self.lease.wish_pk])[self.lease.wish_pk]

    @property
    def _tried(self) -> Way:
        """The lane's way, with this provider among those that were tried in this round."""
        assert self.lease.provider_pk is not None  # noqa: S101 - somebody tried them
        return replace(self._way, avoids=self._way.avoids | {self.lease.provider_pk})

    @property
    def _left(self) -> Way:
        """The lane's way past this provider, for good."""
        assert self.provider is not None  # noqa: S101 - who is gone has no exit
        return replace(self._way, unfit=self._way.unfit | {capacity.mark_of(self.provider)})

    @cached_property
    def _has_exit(self) -> bool:
        if self.provider is None or self._way.only_pk:
            return False
        return routing.can_leave(self.session, self.message, self._left, self.now)

    def _send_elsewhere(self, results: Sequence[Result]) -> None:
        """To another one at once; if all of those were tried in this round, in a while; if they rest, they wait."""
        if not results:
            return
        if self._left.avoids and not routing.stand_ins(self.session, self.message, self._left, self.now):
            way = replace(self._left, avoids=frozenset())
            self._into(way, {result.delivery.pk: self._next_round(result) for result in results})
        else:
            self._into(self._left, {result.delivery.pk: self.now for result in results})

    def _send_onward(self, results: Sequence[Result], others: frozenset[int], around: Iterable[int] = ()) -> None:
        """To one of the others at once, but to none of those that are to be gone around; without others, in a while."""
        if not results:
            return
        if others:
            way = replace(self._tried, avoids=self._tried.avoids.union(around))
            self._into(way, {result.delivery.pk: self.now for result in results})
        elif self._way.avoids:  # from the start; who never left it keeps its place, due as the ledger has it
            way = replace(self._way, avoids=frozenset())
            self._into(way, {result.delivery.pk: self._next_round(result) for result in results})

    def _into(self, way: Way, dues: Mapping[int, datetime | None]) -> None:
        """Put deliveries, by number, into the lane of a way."""
        queued.send_on(self.session, detours.lane_of(self.session, self.message.project_pk, way), dues)

    def _next_round(self, result: Result) -> datetime:
        """When a delivery that everybody was tried for begins again; each round wears patience as one try does."""
        assert result.outcome is not None  # noqa: S101 - only what was tried comes here
        rounds = max(1, result.delivery.attempts // len(self._tried.avoids))
        return next_attempt_at(result.outcome, rounds, self.now, random())  # noqa: S311 - jitter, not a secret


def _again(results: Sequence[Result]) -> dict[Move, list[Result]]:
    """What is to be tried again, by where it goes."""
    again: dict[Move, list[Result]] = {move: [] for move in Move}
    for result in results:
        if result.state is DeliveryState.QUEUED and result.outcome is not None:
            again[move_after(result.outcome)].append(result)
    return again
