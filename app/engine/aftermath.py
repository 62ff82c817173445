"""What follows from what a batch came to: dead addresses are written to no more."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from secrets import token_bytes
from typing import Any

from sqlalchemy.orm import Session

from app.domain.delivery_states import DeliveryState
from app.domain.ids import unique
from app.domain.outcomes import Outcome, OutcomeKind, Reason
from app.domain.soft_bounces import is_soft_bounce
from app.engine import ledger, routing, soft_bounces, token_deaths
from app.engine.ledger import Claimed, Result
from app.models.base import to_milliseconds
from app.models.messages import Message
from app.models.providers import Provider
from app.models.suppressions import Suppression

_SUPPRESSIONS = {OutcomeKind.RECIPIENT_PERMANENT: "hard_bounce", OutcomeKind.RECIPIENT_OPTED_OUT: "unsubscribed"}


def after_record(
    session: Session, message: Message, results: Sequence[Result], now: datetime, provider: Provider | None = None
) -> None:
    """Retire the addresses that `provider` called dead, in the transaction that records these results.

    An address is suppressed. One that the provider owns (a push token) expires with its target instead: the person
    may come back with another one, and nobody has to lift anything. Whether so many deaths can be believed,
    `token_deaths.weigh` has asked before.
    """
    gone: list[Mapping[str, Any]] = []
    dead: list[tuple[Claimed, Outcome]] = []
    for result in results:
        outcome = result.outcome
        if outcome is None or not _ends_the_address(outcome):
            continue
        if provider is not None and _is_dead_of_itself(outcome) and routing.owns_addresses(provider):
            dead.append((result.delivery, outcome))
        else:
            gone.append(_suppression(message, outcome, result.delivery.address))
    if provider is not None and dead:
        for target in token_deaths.dying_targets(session, dead, provider.pk):
            target.expired_at = target.updated_at = now
    soft = {each.delivery.address for each in results if _has_failed_softly(each)}
    gone += soft_bounces.worn_out(session, (message.project_pk, message.channel), soft, now)
    suppress(session, now, gone)


def _has_failed_softly(result: Result) -> bool:
    """Whether that was the last try at an address that lives and takes nothing."""
    outcome = result.outcome
    return (
        result.state is DeliveryState.FAILED and outcome is not None and is_soft_bounce(outcome.reason, was_taken=False)
    )


def _ends_the_address(outcome: Outcome) -> bool:
    """Whether nobody can be reached there; an address that only this server cannot spell is fine elsewhere."""
    return outcome.kind in _SUPPRESSIONS and outcome.reason is not Reason.ADDRESS_NEEDS_SMTPUTF8


def _is_dead_of_itself(outcome: Outcome) -> bool:
    """Whether the address died, not its person's wish to be written to."""
    return outcome.kind is OutcomeKind.RECIPIENT_PERMANENT


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
    # In one order for everybody: on PostgreSQL two who suppress the same people would wait for one another.
    addresses = sorted(addresses, key=lambda each: (each["project_pk"], each["channel"], each["address_key"]))
    moment = {"created_at": now, "updated_at": now, "is_demo": False}
    rows = [{"id": unique(to_milliseconds(now), token_bytes(5)), **moment, **each} for each in addresses]
    session.connection().execute(ledger.insert_into(session, Suppression).on_conflict_do_nothing(), rows)
