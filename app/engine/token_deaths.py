"""Holds a provider's word against it when it calls too many device tokens dead at once: then its settings are wrong.

A wrong project or environment knows none of our devices, and would cost every token. So a few deaths are believed, many
are held until a person says what is true. See docs/adr/0024-device-tokens.md.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, delete, func, insert, select
from sqlalchemy.orm import Session

from app.domain.device_tokens import ENOUGH_TO_JUDGE, FEWEST_DEATHS, is_mass_death
from app.domain.outcomes import Outcome, OutcomeKind, Reason
from app.engine import breaker, detours, ledger, provider_history, routing
from app.engine.journal import Story
from app.engine.ledger import Claimed, Lease
from app.models.provider_history import TokenDeath
from app.models.providers import Provider
from app.models.targets import Target

WINDOWS = (timedelta(hours=1), timedelta(minutes=10), timedelta(minutes=1))  # a batch may be one delivery
BELIEVED = timedelta(days=1)  # for how long the guard stands aside once a person said that the devices are gone

_HELD_ROW = {"key_share": True}  # against each other, but not against devices that register with the provider


class _Mass(NamedTuple):
    """So many tokens were called dead of so many that were judged, since then."""

    dead: int
    judged: int
    since: datetime


def weigh(session: Session, lease: Lease, story: Story, now: datetime) -> Story:
    """The story of a batch as it is to be recorded; before everything else, in the transaction that records it.

    When too many tokens die, the deaths in it become an answer about the provider's settings: their deliveries wait,
    untouched, no target expires, and the provider takes nothing more until a person decides. What was retired in the
    same rush is given back. Whoever brings a death holds the provider's row, so that batches are weighed one by one,
    then the targets: whoever leaves holds its target before its deliveries and tallies, and nobody waits in a ring.
    """
    dead = {place: each for place, each in story.answered.items() if each.kind is OutcomeKind.RECIPIENT_PERMANENT}
    provider = session.get(Provider, lease.provider_pk) if dead and lease.provider_pk is not None else None
    if provider is None or not routing.owns_addresses(provider):
        return story
    session.flush()
    session.refresh(provider, with_for_update=_HELD_ROW)
    dying = Target.pk.in_([lease.deliveries[place].target_pk for place in dead])
    session.execute(select(Target.pk).where(dying).order_by(Target.pk).with_for_update(key_share=True))
    if provider.deaths_believed_until is not None and now < provider.deaths_believed_until:
        return story
    took = sum(outcome.kind is OutcomeKind.ACCEPTED for outcome in story.answered.values())
    mass = _mass_of(session, provider, len(dead), took, now)
    if mass is None and not is_waiting(provider):
        _note(session, lease, [lease.deliveries[place].target_pk for place in dead], now, is_held=False)
        return story
    deaths = [(lease.deliveries[place], outcome) for place, outcome in dead.items()]
    _note(session, lease, [target.pk for target in dying_targets(session, deaths, provider.pk)], now, is_held=True)
    fault = _fault_of(mass, next(iter(dead.values()))) if mass is not None else _fault_again(provider)
    if mass is not None:
        _give_back(session, provider.pk, mass.since)
        if not is_waiting(provider):
            breaker.stop(session, provider, fault, now)
    return replace(story, answered=story.answered | dict.fromkeys(dead, fault))


def is_waiting(provider: Provider) -> bool:
    """Whether a person has to say if the provider is set up wrongly, or the devices are gone."""
    return provider.blocked_at is not None and provider.blocked_reason == Reason.MASS_DEATH.value


def dying_targets(session: Session, deaths: Sequence[tuple[Claimed, Outcome]], provider_pk: int) -> list[Target]:
    """Whose targets expire with these tokens: those that still have it and were to go through that provider.

    What another provider's device token is called by a wrong one says nothing about it; and whoever registered again
    after the token's death is alive.
    """
    told = {delivery.target_pk: (delivery, outcome) for delivery, outcome in deaths if delivery.target_pk is not None}
    lanes = ledger.lanes_of(session, [delivery.pk for delivery, _ in told.values()])
    ways = detours.ways_of(session, lanes.values())
    found = []
    for target in session.scalars(select(Target).where(Target.pk.in_(told), Target.expired_at.is_(None))):
        delivery, outcome = told[target.pk]
        is_its_own = ways[lanes[delivery.pk]].wish_pk in (routing.NO_WISH, provider_pk)
        has_it_since = outcome.dead_since is None or target.updated_at <= outcome.dead_since
        if is_its_own and has_it_since and target.address_key == delivery.address:
            found.append(target)
    return found


def held_count(session: Session, provider_pk: int) -> int:
    """How many targets wait for a person's word."""
    return session.scalar(select(func.count(TokenDeath.target_pk.distinct())).where(*_held(provider_pk))) or 0


def believe(session: Session, provider: Provider, now: datetime) -> int:
    """Expire the targets whose deaths are held, and believe the provider for a day; how many targets that were.

    Who registered again meanwhile is alive. The caller lets the provider take deliveries again.
    """
    session.refresh(provider, with_for_update=_HELD_ROW)
    chosen = select(Target).join(TokenDeath, TokenDeath.target_pk == Target.pk).where(
        *_held(provider.pk), Target.expired_at.is_(None), Target.updated_at <= TokenDeath.told_at
    )  # fmt: skip
    gone = session.scalars(chosen).unique().all()
    for target in gone:
        target.expired_at = target.updated_at = now
    drop_held(session, provider.pk)
    provider.deaths_believed_until = now + BELIEVED
    return len(gone)


def drop_held(session: Session, provider_pk: int) -> None:
    """The provider was mended: nobody's word is waited for, and no target expires."""
    session.execute(delete(TokenDeath).where(*_held(provider_pk)).execution_options(synchronize_session=False))


def _held(provider_pk: int) -> tuple[ColumnElement[bool], ...]:
    return TokenDeath.provider_pk == provider_pk, TokenDeath.is_held.is_(True)


def _mass_of(session: Session, provider: Provider, dead: int, took: int, now: datetime) -> _Mass | None:
    """Whether these are too many, alone or with those of the last hour; None when they are not.

    A large batch that is not too much is fine whatever was before it.
    """
    is_enough = is_mass_death(dead, dead + took)
    if not is_enough and dead + took >= ENOUGH_TO_JUDGE:
        return None
    limits = [breaker.closed_at(session, provider.pk), provider.deaths_believed_until]
    judged_before = max((each for each in limits if each is not None), default=None)
    for length in WINDOWS:
        since = now - length if judged_before is None else max(now - length, judged_before)
        died = dead + _deaths_since(session, provider.pk, since)
        if died < FEWEST_DEATHS:
            return None
        judged = died + took + provider_history.accepted_since(session, provider.pk, since, now)
        if is_mass_death(died, judged):
            return _Mass(died, judged, since)
    return _Mass(dead, dead + took, now) if is_enough else None


def _deaths_since(session: Session, provider_pk: int, since: datetime) -> int:
    chosen = select(func.count()).where(TokenDeath.provider_pk == provider_pk, TokenDeath.told_at > since)
    return session.scalar(chosen) or 0


def _note(session: Session, lease: Lease, target_pks: Sequence[int | None], now: datetime, *, is_held: bool) -> None:
    """Remember these deaths, and forget those of long ago that were believed."""
    session.execute(
        delete(TokenDeath)
        .where(
            TokenDeath.provider_pk == lease.provider_pk, TokenDeath.told_at < now - WINDOWS[0],
            TokenDeath.is_held.is_(False),
        )
        .execution_options(synchronize_session=False)
    )  # fmt: skip
    whose = {"project_pk": lease.project_pk, "provider_pk": lease.provider_pk, "told_at": now, "is_held": is_held}
    if target_pks:
        session.execute(insert(TokenDeath), [{**whose, "target_pk": pk} for pk in target_pks])


def _give_back(session: Session, provider_pk: int, since: datetime) -> None:
    """Take back what was retired since then, and hold it as well. It expired at the moment of its death, by us."""
    rows = session.execute(
        select(TokenDeath, Target)
        .join(Target, Target.pk == TokenDeath.target_pk)
        .where(
            TokenDeath.provider_pk == provider_pk, TokenDeath.told_at > since, TokenDeath.is_held.is_(False),
            Target.expired_at == TokenDeath.told_at,
        )
    ).all()  # fmt: skip
    for death, target in rows:
        death.is_held, target.expired_at = True, None


def _fault_of(mass: _Mass, example: Outcome) -> Outcome:
    said = (
        f"{mass.dead:,} of the last {mass.judged:,} device tokens were called dead. Its settings may be of the wrong "
        f"project, app or environment, so none of them was retired. The service says: {example.answer}"
    )
    return Outcome(OutcomeKind.CONFIG_PERMANENT, Reason.MASS_DEATH, said)


def _fault_again(provider: Provider) -> Outcome:
    """What is said already, for a batch that was under way meanwhile."""
    return Outcome(OutcomeKind.CONFIG_PERMANENT, Reason.MASS_DEATH, provider.blocked_detail)
