"""How fast a batch may go: the permits it asks for, what a throttle teaches, and why a lane waits.

Limits belong to a provider and hold for all workers together; see docs/adr/0018-limits.md.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil

from app import providers
from app.domain.outcomes import Allowance, Outcome, OutcomeKind, Reason
from app.infra.clock import monotonic
from app.infra.pacing import AWAY, LOOK_EVERY, Limits, Pacing, Permit, Stated, Throttled, Why
from app.models.providers import Provider

NAP = 0.05  # seconds a job waits itself; for longer it goes, and is rung at the moment
NAPS = 4  # in one job: then others have a turn
WORTH_SAYING = 3.0  # seconds: a message that waits so long says why
LONGEST_WAIT = 5.0  # seconds until a message that waits is looked at again: another lane may have become due
RENEW_EVERY = 2.5  # seconds between two signs of life, of the ten after which slots are given to others
RESTATE_EVERY = 1.0  # seconds after which a limit is told again that the service states with each answer
SLOTS_LAST = 8.0  # seconds after which a batch that could not renew starts nothing more


@dataclass(frozen=True, slots=True)
class Held:
    """A lane that waits for a limit: for how many seconds, and a sentence that says why when that is long."""

    provider_pk: int
    wait: float
    why: str


def limits_of(provider: Provider) -> Limits:
    """What is set for a provider."""
    return Limits(
        f"{provider.pk}.{provider.id}", provider.rate_count, provider.rate_seconds, provider.most_in_flight,
        provider.created_at,
    )  # fmt: skip


def held_of(provider: Provider, permit: Permit, now: datetime) -> Held:
    """What a permit of none means for whoever waits."""
    if permit.wait < WORTH_SAYING and permit.why is not Why.AWAY:
        return Held(provider.pk, permit.wait, "")
    again = (now + timedelta(seconds=ceil(permit.wait))).replace(microsecond=0)
    moment = f"{again:%H:%M:%S} UTC" if permit.wait < 43_200 else f"{again:%-d %B, %H:%M} UTC"
    match permit.why:
        case Why.HELD:
            why = f"{provider.name} asked us to wait. Sending goes on at {moment}."
        case Why.RATE:
            why = f"{provider.name} gets no more messages for now, by its limit. Sending goes on at {moment}."
        case Why.AWAY:
            why = f"{provider.name} has a limit that cannot be counted: the queue's server does not answer."
        case _:
            why = f"{provider.name} has as many requests under way as it may have."
    return Held(provider.pk, permit.wait, why)


@dataclass(slots=True)
class Pace:
    """The permits of one batch at one provider; `token` names it among all batches of all workers."""

    pacing: Pacing
    provider: Provider
    token: str
    at_once: int | None = None  # requests under way at the same time; None: as many as the adapter likes
    is_paced: bool = False  # whether every single start needs a permit
    denied: Permit | None = None
    was_throttled: bool = False
    _limits: Limits = field(init=False)
    _began: float = field(init=False)
    _started: int = 0
    _look_at: float = 0.0  # when to look again whether a provider without limits was throttled elsewhere
    _renewed: float = 0.0
    _is_in: bool = False
    _told: tuple[datetime, timedelta | None] | None = None
    _stated: tuple[int | None, float] = (None, 0.0)  # the limit that the service stated, and when we told it

    def __post_init__(self) -> None:
        self._limits = limits_of(self.provider)
        self._began = self._renewed = monotonic()

    def enter(self, wanted: int) -> int:
        """How many messages the batch may claim, at most `wanted`; 0 when it has to wait, see `denied`."""
        slots = self._limits.at_once or 0
        permit = self.pacing.enter(self._limits, self.token, wanted, slots)
        self._began = self._renewed = monotonic()
        if permit.count == 0:
            self.denied = permit
            return 0
        self.at_once = permit.at_once
        self.is_paced = permit.count is not None
        self._is_in = self.is_paced or self.at_once is not None
        self._look_at = self._began + LOOK_EVERY
        return wanted if permit.count is None else min(permit.count, wanted)

    def permits(self, count: int) -> int:
        """How many of `count` messages may be started at this moment; they count as started."""
        moment = monotonic()
        if self.denied is not None:
            return 0
        if not self.is_paced and moment < self._look_at:
            self._started += count
            return count
        if self.at_once is not None and moment - self._renewed >= SLOTS_LAST:
            self.denied = Permit(0, wait=AWAY, why=Why.SLOTS)
            return 0
        return self._ask(count, moment)

    def _ask(self, count: int, moment: float) -> int:
        permit = self.pacing.start(self._limits, self.token, count)
        if permit.count == 0:
            self.denied = permit
            return 0
        if permit.count is not None:
            self.is_paced = True
        self._look_at = moment + LOOK_EVERY
        granted = count if permit.count is None else min(permit.count, count)
        self._started += granted
        return granted

    def renew(self) -> None:
        """Show a sign of life when one is due."""
        moment = monotonic()
        if self._is_in and moment - self._renewed >= RENEW_EVERY and self.pacing.renew(self._limits, self.token):
            self._renewed = moment

    def throttled(self, outcome: Outcome, started_at: datetime, now: datetime) -> None:
        """Learn from a throttle: said of the whole account, it holds for every worker from now on."""
        if outcome.reason is not Reason.RATE_LIMITED:
            return  # of one recipient or device
        wait = outcome.retry_after
        if self._told == (started_at, wait):
            return  # the same request said it of another recipient
        self._told, self.was_throttled = (started_at, wait), True
        self.denied = self.denied or Permit(0, wait=AWAY if wait is None else wait.total_seconds(), why=Why.HELD)
        seen = self._started / max(monotonic() - self._began, 1.0)
        self.pacing.hear(self._limits, Throttled(wait, now - started_at, seen))

    def stated(self, allowance: Allowance) -> None:
        """Tell all workers what the service says that it takes, when that is news."""
        limit, told_at = self._stated
        moment = monotonic()
        if allowance.limit == limit and moment - told_at < RESTATE_EVERY and not allowance.is_used_up:
            return
        self._stated = allowance.limit, moment
        each = providers.get(self.provider.kind).spec.max_batch
        self.pacing.hear(self._limits, Stated(allowance, each))
        self.is_paced = self.is_paced or allowance.limit is not None
        self._look_at = 0.0  # what holds now is asked for at the next start

    def leave(self, outcomes: Iterable[Outcome]) -> None:
        """Give back what was promised, once; what went well restores a rate that was cut, if nothing was throttled."""
        if self._is_in or self.is_paced:
            went_well = sum(each.kind is OutcomeKind.ACCEPTED for each in outcomes)
            self.pacing.leave(self._limits, self.token, 0 if self.was_throttled else went_well)
        self._is_in = self.is_paced = False
