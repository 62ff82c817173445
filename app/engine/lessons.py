"""What a batch teaches about the provider that carried it: its history and its breaker."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from app.domain.outcomes import Outcome
from app.engine import breaker, provider_history
from app.engine.breaker import Verdict
from app.engine.journal import Story
from app.engine.ledger import Lease, Result
from app.engine.turns import Turn


@dataclass(frozen=True, slots=True)
class Lesson:
    """What came of a batch: the answers, how long they took, and how many deliveries were never started."""

    outcomes: Sequence[Outcome]
    times: Sequence[timedelta] = field(default=())
    untouched: int = 0


def lesson_of(results: Sequence[Result], story: Story) -> Lesson:
    """What the results of a batch and its answers say; what was started and never answered counts as uncertain.

    Answers about the provider's settings are in the story alone: their deliveries wait as if they had not been tried.
    """
    lost = story.started - story.answered.keys()
    unanswered = [result.outcome for place in lost if (result := results[place]).outcome is not None]
    some = results[:: -(-len(results) // provider_history.MOST_TIMED) or 1]
    times = [each.ended_at - each.started_at for each in some if each.started_at and each.ended_at]
    untouched = sum(result.outcome is None for result in results)
    return Lesson([*story.answered.values(), *unanswered], times, untouched)


def learn(session: Session, lease: Lease, turn: Turn, lesson: Lesson, now: datetime) -> None:
    """Note all of it, before the ledger records the batch, and in the same transaction.

    Before, because everybody takes the locks of provider, tally and turns in this order.
    """
    if turn.is_probe and not lesson.outcomes:
        breaker.leave_probe(session, turn.provider_pk, now)
    note(session, lease.worker, lease, lesson, now)
    breaker.tell(session, turn.provider_pk, Verdict(lesson.outcomes, lease.claimed_at), now)


def note(session: Session, worker: str, lease: Lease, lesson: Lesson, now: datetime) -> None:
    """Write it into the provider's history, in the row of this worker.

    Of a batch that was taken over this is all: it was a worker of ours that failed, not the service.
    """
    if lease.provider_pk is not None:
        whose = (lease.provider_pk, lease.project_pk)
        provider_history.note(session, whose, worker, lesson.outcomes, lesson.times, now)
