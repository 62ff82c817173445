"""The circuit breaker: takes a provider out of use for a while, lets one small batch try it again, keeps the history.

It opens at once when the settings are wrong, and when the service fails: many tries in a row, or a large part of its
real traffic. Half-open, one worker tries a small batch while everybody else takes the provider for blocked.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.orm import Session

from app.domain.failover import is_services_failure
from app.domain.outcomes import Outcome, OutcomeKind
from app.engine import provider_history
from app.models.messages import Message
from app.models.provider_history import BreakerOpening
from app.models.providers import Provider

STREAK_TO_OPEN = 20  # failures of the service itself, without a success between
SHARE_TO_OPEN = 0.5  # of the tries of the last minutes
TRIES_TO_JUDGE = 50  # fewer than these say nothing about a share
WINDOW = timedelta(minutes=3)
FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(minutes=15)
PROBE_SIZE = 10  # deliveries of the batch that tries whether a provider works again

_LOOK = select(Provider.pk, Provider.enabled, Provider.blocked_at, Provider.retry_at).where(
    Provider.pk.in_(bindparam("numbers", expanding=True))
)  # asked before every batch

_STANDS = select(Provider.streak, Provider.blocked_at).where(Provider.pk == bindparam("pk"))  # asked after every batch


class Look(NamedTuple):
    """How the breaker stands for one provider at this moment."""

    may_take: bool
    is_half_open: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a batch came to, for the breaker: its outcomes, and when it was claimed."""

    outcomes: Sequence[Outcome]
    claimed_at: datetime


def why_not(provider: Provider) -> str:
    """A sentence for people about why that provider takes nothing now."""
    if not provider.enabled:
        return f"{provider.name} is switched off. Switch it on, and sending goes on by itself."
    return f"{provider.name} cannot be used: {provider.blocked_detail or provider.blocked_reason}"


def is_blocked(provider: Provider, now: datetime) -> bool:
    """Whether the provider rests; who is blocked without a moment to try again waits for a repair."""
    return provider.blocked_at is not None and (provider.retry_at is None or provider.retry_at > now)


def look_at(session: Session, provider_pks: Iterable[int], now: datetime) -> dict[int, Look]:
    """How the breaker stands for each of these providers, as the database says now."""
    numbers = list(provider_pks)
    rows = session.execute(_LOOK, {"numbers": numbers})
    found = dict.fromkeys(numbers, Look(may_take=False, is_half_open=False))
    for row in rows:
        may_try = row.blocked_at is not None and row.retry_at is not None and row.retry_at <= now
        found[row.pk] = Look(row.enabled and (row.blocked_at is None or may_try), may_try)
    return found


def begin_probe(session: Session, provider_pk: int, now: datetime, until: datetime) -> bool:
    """Be the one who tries a provider that is half-open; False when another worker already is.

    Until that moment everybody else takes it for blocked. If this worker dies, somebody tries again then.
    """
    won = session.execute(
        update(Provider)
        .where(Provider.pk == provider_pk, Provider.blocked_at.is_not(None), Provider.retry_at <= now)
        .values(retry_at=until)
        .execution_options(synchronize_session=False)
    )
    return bool(won.rowcount)  # type: ignore[attr-defined]


def leave_probe(session: Session, provider_pk: int, now: datetime) -> None:
    """There was nothing to try it with: the next one who has something may."""
    session.execute(
        update(Provider)
        .where(Provider.pk == provider_pk, Provider.blocked_at.is_not(None), Provider.retry_at.is_not(None))
        .values(retry_at=now)
        .execution_options(synchronize_session=False)
    )


def tell(session: Session, provider_pk: int, verdict: Verdict, now: datetime) -> None:
    """Learn from what a batch came to: open, keep open for longer, or close again."""
    seen = verdict.outcomes
    if not seen:
        return
    failed = sum(is_services_failure(each) for each in seen if each.kind is not OutcomeKind.ACCEPTED)
    stands = session.execute(_STANDS, {"pk": provider_pk}).one_or_none()
    if stands is None or not (failed or stands.streak or stands.blocked_at is not None):
        return
    provider = session.get_one(Provider, provider_pk)
    session.flush()
    session.refresh(provider, with_for_update=True)  # what is decided now is decided on what holds now
    if provider.blocked_at is not None and verdict.claimed_at <= provider.blocked_at:
        return  # what was under way when it was opened says nothing about now
    if provider.blocked_at is not None and provider.retry_at is None:
        return  # it waits for a person
    wrong = next((outcome for outcome in seen if outcome.kind is OutcomeKind.CONFIG_PERMANENT), None)
    bad = wrong or next((outcome for outcome in reversed(seen) if is_services_failure(outcome)), None)
    provider.streak = provider.streak + failed if failed == len(seen) else 0
    if bad is not None and (wrong is not None or _is_too_much(session, provider, failed, len(seen), now)):
        _open(session, provider, bad, now)
    elif provider.blocked_at is not None:
        close(session, provider, now, by="recovered")


def stop(session: Session, provider: Provider, outcome: Outcome, now: datetime) -> None:
    """Take it out of use until a person has mended it: no batch tries by itself whether it works again.

    The caller holds the provider's row (`FOR UPDATE`), read anew.
    """
    _open(session, provider, outcome, now)
    provider.retry_at = None


def closed_at(session: Session, provider_pk: int) -> datetime | None:
    """When it was last closed after an opening; None when that never was."""
    return session.scalar(
        select(BreakerOpening.closed_at)
        .where(BreakerOpening.provider_pk == provider_pk, BreakerOpening.closed_at.is_not(None))
        .order_by(BreakerOpening.pk.desc())
        .limit(1)
    )


def close(session: Session, provider: Provider, now: datetime, *, by: str) -> None:
    """Let the provider take deliveries again; `by` is recovered or repaired."""
    session.execute(
        update(BreakerOpening)
        .where(BreakerOpening.provider_pk == provider.pk, BreakerOpening.closed_at.is_(None))
        .values(closed_at=now, closed_by=by)
        .execution_options(synchronize_session=False)
    )
    provider.blocked_at = provider.retry_at = None
    provider.blocked_reason = provider.blocked_detail = ""
    provider.streak = 0


def forget_future(session: Session, now: datetime, beyond: datetime) -> None:
    """Let providers that were blocked at a moment that lies in the future be tried now: the clock was set back since.

    `beyond` is from when on a moment counts as one of the future. Who waits for a person goes on waiting.
    """
    for column, moment in ((Provider.retry_at, {"retry_at": now}), (Provider.blocked_at, {"blocked_at": now})):
        session.execute(
            update(Provider)
            .where(Provider.blocked_at > beyond, column.is_not(None))
            .values(moment)
            .execution_options(synchronize_session=False)
        )


def _is_too_much(session: Session, provider: Provider, failed: int, tried: int, now: datetime) -> bool:
    """Whether the failures of a batch, with what was before, are enough to open it or keep it open."""
    if provider.blocked_at is not None:
        return failed == tried
    if provider.streak >= STREAK_TO_OPEN:
        return True
    closed = closed_at(session, provider.pk)
    since = now - WINDOW if closed is None else max(now - WINDOW, closed)  # what it did before was judged before
    tries, share = provider_history.failing_share(session, provider.pk, since, now)
    return tries >= TRIES_TO_JUDGE and share >= SHARE_TO_OPEN


def _open(session: Session, provider: Provider, outcome: Outcome, now: datetime) -> None:
    reason, detail = outcome.reason.value, outcome.answer[:512]
    pause = FIRST_PAUSE
    if provider.blocked_at is None:
        provider.blocked_at = now
        whose = {"project_pk": provider.project_pk, "provider_pk": provider.pk}
        session.execute(insert(BreakerOpening).values(**whose, opened_at=now, reason=reason, detail=detail))
    else:
        pause = min(max(now - provider.blocked_at, FIRST_PAUSE) * 2, LONGEST_PAUSE)
        session.execute(
            update(BreakerOpening)
            .where(BreakerOpening.provider_pk == provider.pk, BreakerOpening.closed_at.is_(None))
            .values(reason=reason, detail=detail, probes=BreakerOpening.probes + 1)
            .execution_options(synchronize_session=False)
        )
    provider.blocked_reason, provider.blocked_detail, provider.retry_at = reason, detail, now + pause


def set_waiting(session: Session, message_pk: int, reason: str) -> None:
    """Note on the message why it does not go on; an empty reason when it does."""
    session.execute(
        update(Message)
        .where(Message.pk == message_pk, Message.waiting_reason != reason[:512])
        .values(waiting_reason=reason[:512])
        .execution_options(synchronize_session=False)
    )
