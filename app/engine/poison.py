"""Poison: what our own code fails at, or dies of. It is set apart from its batch, tried alone, and parked in the end.

What can be pinned to one recipient is (`infra.crashes`); this is for the rest. Three things may happen to a batch:

- The adapter raises. What was not begun is tried again in halves, down to one; who raises alone is tried again later,
  `TRIES` times in all.
- A recipient's values cannot be read when the batch is claimed. Whoever asks for them finds that out, for this one.
- The worker dies. Who was in hand twice when it did is a suspect: sent alone, with a line in the journal before, so
  that the next death says whose it was. After `DEATHS` of them it is parked.

See docs/adr/0036-poison-and-verify.md.
"""

from collections import deque
from collections.abc import Callable, Collection, Coroutine, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.domain.outcomes import Outcome, OutcomeKind, Reason
from app.domain.poison import Poisoned, doubtful, poison
from app.domain.rendered import Recipient
from app.engine.journal import Story
from app.engine.ledger import Claimed, Lease, LeaseLost
from app.engine.recipients import recipients_of
from app.engine.watch import LedgerWatch
from app.infra.clock import monotonic
from app.infra.crashes import log_trace
from app.models.deliveries import Attempt, Batch
from app.providers.base import Envelope, PartWatch, Watch

TRIES = 5  # of a delivery that raises alone, with the waits of `domain.retry`: about eight minutes
DEATHS = 4  # workers that a delivery may cost: two beside others, two alone
SUSPECT_AFTER = 2  # of them it is sent alone
MOST_ALONE = 10  # deliveries of a batch that may raise alone before it rests: then it is hardly theirs to answer for
REST = timedelta(minutes=1)
RECENT = timedelta(hours=1)  # in which a message lost another worker before it began anything

Sending = Callable[[Sequence[Envelope], Watch], Coroutine[Any, Any, None]]


class Rescue:
    """A batch on its way through an adapter that may raise, though it never should."""

    def __init__(self, send: Sending, envelopes: Sequence[Envelope], watch: LedgerWatch) -> None:
        self.has_given_up = False  # it raised over and over: what was not begun should rest for a while
        self._send = send
        self._envelopes = envelopes
        self._watch = watch
        self._is_said = False

    async def carry(self, suspects: Collection[int]) -> None:
        """Send everybody but the suspects (positions) together, then these one by one. LeaseLost goes through."""
        together = [place for place in range(len(self._envelopes)) if place not in suspects]
        groups = deque([together] if together else [])
        groups.extend([place] for place in sorted(suspects))
        alone = 0
        while groups and not self._is_over:
            group = groups.popleft()
            if group[0] in suspects:
                self._watch.book.in_hand(group[0])
            try:
                await self._send(*self._part(group))
            except LeaseLost:
                raise
            except Exception as error:  # noqa: BLE001 - found out whose fault it is, which is all that can be done here
                self._say(error)
                if len(group) > 1:
                    groups.extendleft(reversed(list(_halves([p for p in group if p not in self._watch.begun]))))
                    continue
                self._blame(group[0], error)
                alone += 1
                if alone >= MOST_ALONE:
                    self.has_given_up = True
                    return

    @property
    def _is_over(self) -> bool:
        return self._watch.is_over or monotonic() >= self._watch.end

    def _part(self, group: Sequence[int]) -> tuple[Sequence[Envelope], Watch]:
        if len(group) == len(self._envelopes):
            return self._envelopes, self._watch
        return [self._envelopes[place] for place in group], PartWatch(self._watch, group)

    def _blame(self, place: int, error: Exception) -> None:
        if place in self._watch.outcomes:
            return
        if place in self._watch.begun:
            self._watch.answered(place, doubtful(error))
        else:
            self._watch.answered(place, replace(poison(error), kind=OutcomeKind.TRANSIENT))

    def _say(self, error: Exception) -> None:
        if not self._is_said:
            self._is_said = True
            log_trace("The provider's adapter failed; what it was given is tried in parts", error)


def _halves(places: list[int]) -> Iterator[list[int]]:
    middle = len(places) // 2
    for half in (places[:middle], places[middle:]):
        if half:
            yield half


def readable(session: Session, deliveries: Sequence[Claimed], names: frozenset[str]) -> list[Recipient]:
    """Who they are now, as `recipients_of` says; one whose values cannot be read says so to whoever asks for them.

    Raises SQLAlchemyError: a database that fails says nothing about anybody.
    """
    try:
        return recipients_of(session, deliveries, names)
    except SQLAlchemyError:
        raise
    except Exception as error:  # noqa: BLE001 - it belongs to one of them, and is told when that one is rendered
        log_trace("Somebody's values cannot be read; each is read alone", error)
    return [_read_alone(session, delivery, names) for delivery in deliveries]


def _read_alone(session: Session, delivery: Claimed, names: frozenset[str]) -> Recipient:
    try:
        return recipients_of(session, [delivery], names)[0]
    except SQLAlchemyError:
        raise
    except Exception as error:  # noqa: BLE001 - as above
        return Recipient(delivery.address, "", _Unreadable(Poisoned(poison(error))))


class _Unreadable(Mapping[str, str]):
    """The values of somebody whose values cannot be read."""

    def __init__(self, error: Poisoned) -> None:
        self._error = error

    def __getitem__(self, name: str) -> str:
        raise self._error

    def __iter__(self) -> Iterator[str]:
        raise self._error

    def __len__(self) -> int:
        raise self._error


def suspects(session: Session, lease: Lease) -> frozenset[int]:
    """The positions of a batch that were in hand when workers died, and are sent alone; asks only for retries."""
    tried = {delivery.pk: place for place, delivery in enumerate(lease.deliveries) if delivery.attempts > SUSPECT_AFTER}
    if not tried:
        return frozenset()
    return frozenset(tried[pk] for pk, deaths in _counts(session, tried, Reason.WORKER_LOST) if deaths >= SUSPECT_AFTER)


def weigh(session: Session, lease: Lease, story: Story) -> Story:
    """The story of a batch in which whoever raised alone too often is given up."""
    raised = {
        lease.deliveries[place].pk: place
        for place, outcome in story.answered.items()
        if outcome.reason is Reason.POISON and outcome.kind is OutcomeKind.TRANSIENT
    }
    if not raised:
        return story
    worn = {raised[pk] for pk, tries in _counts(session, raised, Reason.POISON) if tries + 1 >= TRIES}
    given_up = {place: replace(story.answered[place], kind=OutcomeKind.MESSAGE_PERMANENT) for place in worn}
    return replace(story, answered=story.answered | given_up)


def weigh_death(session: Session, lease: Lease, story: Story) -> Story:
    """The story of a batch whose worker died, with what that says of its deliveries.

    Whoever was alone in hand answers for it, and is parked after `DEATHS`: *failed* when nothing of it had begun, else
    *uncertain*. Where the worker died twice in a while before it began anything, everybody in hand has had a try.
    """
    place = story.in_hand
    if place is not None:
        return story if place in story.answered else _blamed(session, lease, story, place)
    if not story.is_found or story.started or story.answered or not _died_lately(session, lease):
        return story
    said = "The worker ended while it made this ready, before anything was sent."
    tried = Outcome(OutcomeKind.TRANSIENT, Reason.WORKER_LOST, said)
    return replace(story, answered=dict.fromkeys(range(len(lease.deliveries)), tried))


def _blamed(session: Session, lease: Lease, story: Story, place: int) -> Story:
    pk = lease.deliveries[place].pk
    deaths = 1 + sum(count for _, count in _counts(session, [pk], Reason.WORKER_LOST))
    said = f"The worker that had only this in hand ended, for the {deaths}th time."
    is_parked, has_begun = deaths >= DEATHS, place in story.started
    kind = OutcomeKind.MESSAGE_PERMANENT if is_parked else OutcomeKind.TRANSIENT
    outcome = Outcome(
        OutcomeKind.UNCERTAIN if has_begun else kind, Reason.POISON if is_parked else Reason.WORKER_LOST, said
    )
    return replace(story, answered=story.answered | {place: outcome})


def _counts(session: Session, pks: Collection[int], reason: Reason) -> Sequence[tuple[int, int]]:
    """How many tries of these deliveries came to that, for those with any."""
    found = session.execute(
        select(Attempt.delivery_pk, func.count())
        .where(Attempt.delivery_pk.in_(pks), Attempt.reason == reason.value)
        .group_by(Attempt.delivery_pk)
    )
    return [(pk, count) for pk, count in found]


def _died_lately(session: Session, lease: Lease) -> bool:
    """Whether another worker had died of this message when the batch was claimed, and not long before."""
    earlier = select(Batch.pk).where(
        Batch.message_pk == lease.message_pk, Batch.state == "lost", Batch.pk != lease.batch_pk,
        Batch.claimed_at >= lease.claimed_at - RECENT,
    )  # fmt: skip
    return session.scalar(earlier.limit(1)) is not None
