"""A provider taken out of routing for a while: at once when its settings are wrong, after a streak when it fails."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.domain.outcomes import Outcome, OutcomeKind
from app.models.messages import Message
from app.models.providers import Provider

STREAK_TO_OPEN = 20
FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(minutes=15)
_SERVICE_FAILED = frozenset({OutcomeKind.TRANSIENT, OutcomeKind.UNCERTAIN})


def usable(
    session: Session, project_pk: int, channel: str, now: datetime, *, pinned: int | None = None
) -> Provider | None:
    """The provider to use now: the first enabled one that is not blocked, in failover order; or the pinned one."""
    statement = select(Provider).where(
        Provider.project_pk == project_pk, Provider.channel == channel, Provider.enabled.is_(True),
        Provider.blocked_at.is_(None) | (Provider.retry_at <= now),
    )  # fmt: skip
    if pinned is not None:
        statement = statement.where(Provider.pk == pinned)
    return session.scalar(statement.order_by(Provider.rank, Provider.pk).limit(1))


def why_none(session: Session, project_pk: int, channel: str, *, pinned: int | None = None) -> str:
    """A sentence for people about why nothing can be sent on a channel, or through the pinned provider, now."""
    statement = select(Provider).where(Provider.project_pk == project_pk, Provider.channel == channel)
    if pinned is not None:
        statement = statement.where(Provider.pk == pinned)
    first = session.scalar(statement.order_by(Provider.enabled.desc(), Provider.rank, Provider.pk).limit(1))
    if first is None and pinned is not None:
        return "The provider chosen for this message is gone. Cancel the message, and send a copy of it."
    if first is None:
        return "No provider is connected for this channel. Connect one, and sending goes on by itself."
    return why_not(first)


def why_not(provider: Provider) -> str:
    """A sentence for people about why that provider takes nothing now."""
    if not provider.enabled:
        return f"{provider.name} is switched off. Switch it on, and sending goes on by itself."
    return f"{provider.name} cannot be used: {provider.blocked_detail or provider.blocked_reason}"


def is_blocked(provider: Provider, now: datetime) -> bool:
    """Whether the provider rests; who is blocked without a moment to try again waits for a repair."""
    return provider.blocked_at is not None and (provider.retry_at is None or provider.retry_at > now)


def tell(session: Session, provider_pk: int, outcomes: Iterable[Outcome], now: datetime) -> None:
    """Learn from what a batch came to: open, keep open for longer, or close again."""
    seen = list(outcomes)
    if not seen:
        return
    wrong = next((outcome for outcome in seen if outcome.kind is OutcomeKind.CONFIG_PERMANENT), None)
    failed = sum(outcome.kind in _SERVICE_FAILED for outcome in seen)
    provider = session.get(Provider, provider_pk)
    if provider is None:
        return
    if wrong is not None:
        _block(provider, wrong, now)
    elif failed == len(seen):
        provider.streak += failed
        if provider.streak >= STREAK_TO_OPEN or provider.blocked_at is not None:
            _block(provider, seen[-1], now)
    elif provider.streak or provider.blocked_at is not None:
        close(provider)


def close(provider: Provider) -> None:
    """Let the provider take deliveries again."""
    provider.blocked_at = provider.retry_at = None
    provider.blocked_reason = provider.blocked_detail = ""
    provider.streak = 0


def _block(provider: Provider, outcome: Outcome, now: datetime) -> None:
    pause = FIRST_PAUSE
    if provider.blocked_at is not None and provider.retry_at is not None:
        pause = min(max(now - provider.blocked_at, FIRST_PAUSE) * 2, LONGEST_PAUSE)
    provider.blocked_at = provider.blocked_at or now
    provider.blocked_reason = outcome.reason.value
    provider.blocked_detail = outcome.answer[:512]
    provider.retry_at = now + pause


def set_waiting(session: Session, message_pk: int, reason: str) -> None:
    """Note on the message why it does not go on; an empty reason when it does."""
    session.execute(
        update(Message)
        .where(Message.pk == message_pk, Message.waiting_reason != reason[:512])
        .values(waiting_reason=reason[:512])
        .execution_options(synchronize_session=False)
    )
