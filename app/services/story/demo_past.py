"""Lets the past of the demo story happen: each email goes through the ledger as it would have, at its own moments."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from app.domain.message_states import MessageEvent, MessageStatus
from app.domain.outcomes import Outcome, OutcomeKind, Reason
from app.domain.smtp_replies import Reply, Stage, judge
from app.engine import aftermath, ledger, lessons, lifecycle, planning, queued, timeline
from app.engine.audience import chosen_targets
from app.engine.journal import Story
from app.engine.ledger import Claimed, Holder, Lane, Lease
from app.engine.results import results_of
from app.models.messages import Message
from app.services.work import Work

HOLDER = Holder("sample", timedelta(seconds=60))  # batches are claimed and recorded in one transaction
BATCH = 500
PACE = timedelta(milliseconds=4)  # for one recipient
FAN_OUT = timedelta(milliseconds=300)

_CUT = "The connection ended after the message was written and before the server answered"
# What can happen to somebody on the way, as the servers say it.
MISHAPS: dict[str, Outcome] = {
    "unknown": judge(Stage.RCPT, Reply(550, "5.1.1 No such mailbox here")),
    "disabled": judge(Stage.RCPT, Reply(550, "5.2.1 Mailbox disabled")),
    "domain": judge(Stage.RCPT, Reply(550, "5.1.2 No such domain")),
    "refused": judge(Stage.TEXT, Reply(554, "5.7.1 Message refused as spam")),
    "large": judge(Stage.TEXT, Reply(552, "5.3.4 Message too big for system")),
    "full": judge(Stage.RCPT, Reply(452, "4.2.2 Mailbox full")),
    "grey": judge(Stage.RCPT, Reply(450, "4.7.1 Greylisted, try again in 60 seconds")),
    "busy": judge(Stage.RCPT, Reply(450, "4.7.28 Rate limit, try again in 20 minutes")),
    "cut": Outcome(OutcomeKind.UNCERTAIN, Reason.CONNECTION_LOST, _CUT),
}
PASSING = frozenset({"grey"})  # gone at the second try


@dataclass(slots=True)
class Course:
    """How one email went: `mishaps` by the place of the recipient in the queue, `most` first tries, ended by then."""

    mishaps: dict[int, str]
    most: int
    chance: Random
    tried: int = 0
    struck: dict[int, str] = field(default_factory=dict)  # by number of each delivery that was tried; empty: nothing

    def outcome_of(self, delivery: Claimed) -> Outcome:
        """What this try comes to."""
        is_first = delivery.pk not in self.struck  # the ledger does not count a try that was throttled
        if is_first:
            self.struck[delivery.pk] = self.mishaps.get(self.tried, "")
            self.tried += 1
        mishap = self.struck[delivery.pk]
        if mishap and (is_first or mishap not in PASSING):
            return MISHAPS[mishap]
        return judge(Stage.TEXT, Reply(250, f"2.0.0 Ok: queued as {self.chance.getrandbits(40):010X}"))


def begin(work: Work, message: Message, event: MessageEvent, at: datetime, *, by: str) -> int:
    """Start the email and make its deliveries, at that moment; how many wait to be sent."""
    session = work.session
    lifecycle.start(session, message, event, at, by=by)
    ready = at + FAN_OUT
    planning.plan(session, message, chosen_targets(session, work.project_pk, message.channel, message.audience), ready)
    message.fanned_out_at = ready
    tally = ledger.tally_of(session, message.pk)
    assert tally is not None  # noqa: S101 - lifecycle.start opened it
    timeline.note(session, message.pk, "fanned_out", ready, audience=tally.audience, skipped=tally.skipped)
    return tally.queued


def carry(work: Work, message: Message, provider_pk: int, course: Course) -> datetime:
    """Send it, try after try, until all have ended, `course.most` were tried, or the next try lies in the future.

    The moment of the last thing that happened.
    """
    assert message.fanned_out_at is not None  # noqa: S101 - begin() set it
    ended, waits = message.fanned_out_at, set[datetime]()
    while course.tried < course.most or waits:
        fresh = course.most - course.tried
        moment = ended if fresh else max(waits)
        if moment >= work.now:
            break
        if not fresh:
            waits.clear()
        lease = ledger.claim(work.session, message, Lane(provider_pk), min(BATCH, fresh or BATCH), HOLDER, moment)
        if lease is None:
            break
        ended = moment + PACE * len(lease.deliveries)
        waits |= _record(work, message, lease, course, ended)
    return ended


def _record(work: Work, message: Message, lease: Lease, course: Course, moment: datetime) -> set[datetime]:
    """Write what a batch came to; when some of it is tried again."""
    answered = {place: course.outcome_of(delivery) for place, delivery in enumerate(lease.deliveries)}
    begun = {place: moment - timedelta(milliseconds=course.chance.randint(18, 240)) for place in answered}
    story = Story(set(answered), answered, begun, dict.fromkeys(answered, moment))
    results = results_of(lease, story, moment, hold_uncertain=True)
    lessons.note(work.session, lease.worker, lease, lessons.lesson_of(results, story), moment)
    ledger.record(work.session, lease, results, moment)
    aftermath.after_record(work.session, message, results, moment)
    return {result.next_attempt_at for result in results if result.next_attempt_at > moment}


def finish(work: Work, message: Message, at: datetime) -> None:
    """Settle it, when nothing is left to do."""
    if message.status == MessageStatus.PROCESSING:
        lifecycle.settle(work.session, message, at)


def call_off(work: Work, message: Message, at: datetime, *, by: str) -> None:
    """Cancel it half-way: whoever was not written to is skipped."""
    lifecycle.cancel(work.session, message, at, by=by)
    queued.skip_queued(work.session, message.pk, BATCH * 20, at)
    finish(work, message, at)
