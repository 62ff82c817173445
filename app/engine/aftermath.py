"""What follows from what a batch came to: dead addresses are written to no more."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from secrets import token_bytes
from typing import Any

from sqlalchemy.orm import Session

from app.domain.ids import unique
from app.domain.outcomes import Outcome, OutcomeKind, Reason
from app.engine import detours, ledger, routing
from app.engine.ledger import Result
from app.models.base import to_milliseconds
from app.models.messages import Message
from app.models.providers import Provider
from app.models.suppressions import Suppression
from app.models.targets import Target

_SUPPRESSIONS = {OutcomeKind.RECIPIENT_PERMANENT: "hard_bounce", OutcomeKind.RECIPIENT_OPTED_OUT: "unsubscribed"}


def after_record(
    session: Session, message: Message, results: Sequence[Result], now: datetime, provider: Provider | None = None
) -> None:
    """Retire the addresses that `provider` called dead, in the transaction that records these results.

    An address is suppressed. One that the provider owns (a push token) expires with its target instead: the person
    may come back with another one, and nobody has to lift anything.
    """
    gone: list[dict[str, Any]] = []
    for result in results:
        outcome = result.outcome
        if outcome is None or not _ends_the_address(outcome):
            continue
        if provider is not None and _is_dead_of_itself(outcome) and routing.owns_addresses(provider):
            _expire(session, result, outcome, provider, now)
        else:
            gone.append(_suppression(message, outcome, result.delivery.address))
    suppress(session, now, gone)


def _ends_the_address(outcome: Outcome) -> bool:
    """Whether nobody can be reached there; an address that only this server cannot spell is fine elsewhere."""
    return outcome.kind in _SUPPRESSIONS and outcome.reason is not Reason.ADDRESS_NEEDS_SMTPUTF8


def _is_dead_of_itself(outcome: Outcome) -> bool:
    """Whether the address died, not its person's wish to be written to."""
    return outcome.kind is OutcomeKind.RECIPIENT_PERMANENT


def _expire(session: Session, result: Result, outcome: Outcome, provider: Provider, now: datetime) -> None:
    """Expire the target of a delivery, if it still has that address and whoever refused it is who has to know.

    What another provider's device token is called by a wrong one says nothing about it; and whoever registered again
    after the token's death is alive.
    """
    delivery = result.delivery
    if detours.wish_of(session, ledger.lane_of(session, delivery.pk)) not in (routing.NO_WISH, provider.pk):
        return
    target = session.get(Target, delivery.target_pk) if delivery.target_pk is not None else None
    if target is None or target.address_key != delivery.address or target.expired_at is not None:
        return
    if outcome.dead_since is None or target.updated_at <= outcome.dead_since:
        target.expired_at = target.updated_at = now


def _suppression(message: Message, outcome: Outcome, address: str) -> dict[str, Any]:
    return {
        "project_pk": message.project_pk, "channel": message.channel, "address_key": address,
        "reason": _SUPPRESSIONS[outcome.kind], "source": outcome.answer[:255],
    }  # fmt: skip


def suppress(session: Session, now: datetime, addresses: Sequence[Mapping[str, Any]]) -> None:
    """Suppress addresses unless they are; whoever did so at this very moment must not undo the whole batch.

    Each is columns of a suppression: project_pk, channel, address_key, reason, source. The first of two alike counts.
    """
    if not addresses:
        return
    moment = {"created_at": now, "updated_at": now, "is_demo": False}
    rows = [{"id": unique(to_milliseconds(now), token_bytes(5)), **moment, **each} for each in addresses]
    session.connection().execute(ledger.insert_into(session, Suppression).on_conflict_do_nothing(), rows)
