"""What the ledger shall write for a batch, from what was started and what was answered."""

from collections.abc import Callable
from datetime import datetime
from random import random
from typing import NamedTuple

from app.domain.delivery_states import DeliveryEvent, DeliveryState, event_of, next_state
from app.domain.outcomes import Outcome, OutcomeKind, Reason
from app.domain.retry import RetryRule, next_attempt_at
from app.engine import journal
from app.engine.ledger import Claimed, Lease, Result

RULE = RetryRule()


MayLeave = Callable[[Outcome], bool]


class _Terms(NamedTuple):
    hold_uncertain: bool
    in_doubt: bool
    may_leave: MayLeave


def _stays(_: Outcome) -> bool:
    return False


def results_of(
    lease: Lease,
    story: journal.Story,
    now: datetime,
    *,
    hold_uncertain: bool,
    may_leave: MayLeave = _stays,
    in_doubt: bool = False,
) -> list[Result]:
    """What the ledger shall write for each delivery of a batch, from what was started and what was answered.

    `may_leave` says whether another provider may carry what this one never can. `in_doubt`: earlier tries of them may
    have arrived.
    """
    results = []
    terms = _Terms(hold_uncertain, in_doubt, may_leave)
    answered, begun, ended = story.answered, story.begun, story.ended
    for position, delivery in enumerate(lease.deliveries):
        outcome = answered.get(position)
        if outcome is None and position in story.started:
            outcome = Outcome(OutcomeKind.UNCERTAIN, Reason.WORKER_LOST, "The worker ended before the answer was read.")
        if outcome is None or outcome.kind is OutcomeKind.CONFIG_PERMANENT:
            # Never started, or refused because the provider's settings are wrong: it waits, untouched.
            results.append(Result(delivery, DeliveryState.QUEUED, story.rest_until or now))
            continue
        started_at, ended_at = begun.get(position), ended.get(position)
        if outcome.kind is OutcomeKind.ACCEPTED:  # nearly all of them, and nothing else counts
            results.append(Result(delivery, _TAKEN, now, outcome, started_at, ended_at))
        else:
            results.append(_result(delivery, outcome, now, terms, (started_at, ended_at)))
    return results


def _state_after(
    kind: OutcomeKind, *, exhausted: bool, hold_uncertain: bool, may_leave: bool = False, in_doubt: bool = False
) -> tuple[DeliveryState, DeliveryEvent]:
    event = event_of(kind, exhausted=exhausted, hold_uncertain=hold_uncertain, may_leave=may_leave, in_doubt=in_doubt)
    state = next_state(DeliveryState.SENDING, event)
    assert state is not None  # noqa: S101 - event_of gives only events that a sending delivery knows
    return state, event


_TAKEN = _state_after(OutcomeKind.ACCEPTED, exhausted=False, hold_uncertain=False)[0]


def _result(
    delivery: Claimed,
    outcome: Outcome,
    now: datetime,
    terms: _Terms,
    times: tuple[datetime | None, datetime | None],
) -> Result:
    exhausted = RULE.is_exhausted(delivery.first_tried_at, now)
    holds = terms.hold_uncertain or outcome.reason is Reason.POISON  # the next try fails alike, and may be another copy
    state, event = _state_after(
        outcome.kind,
        exhausted=exhausted,
        hold_uncertain=holds,
        may_leave=terms.may_leave(outcome),
        in_doubt=terms.in_doubt,
    )
    again = _again(delivery, outcome, now) if event is DeliveryEvent.TRY_LATER else now
    return Result(delivery, state, again, outcome, *times)


def _again(delivery: Claimed, outcome: Outcome, now: datetime) -> datetime:
    return next_attempt_at(outcome, delivery.attempts, now, random())  # noqa: S311 - jitter, not a secret
