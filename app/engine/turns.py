"""Which provider of a route takes the next batch, and how much of it: by health, and by shares between neighbours.

Two workers may choose at the same moment and choose alike: both are charged, so the next turns make up for it.
"""

from collections.abc import Container, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.domain.shares import Standing, changes, next_turn
from app.engine import breaker, ledger
from app.engine.ledger import Holder, Lane, Lease
from app.models.messages import Message
from app.models.providers import Provider
from app.models.routes import Turn as Row

_MOVE = text("UPDATE turns SET balance = balance + :change WHERE provider_pk = :pk")


@dataclass(frozen=True, slots=True)
class Turn:
    """Whose turn it is, for at most how many deliveries, and between whom they are shared (empty: nobody else).

    `is_probe`: the breaker lets this one batch try whether the service works again.
    """

    provider_pk: int
    project_pk: int
    size: int
    standings: tuple[Standing, ...] = ()
    is_probe: bool = False

    def up_to(self, size: int) -> "Turn":
        """The same turn for at most that many."""
        return replace(self, size=min(size, self.size))


def choose(
    session: Session, message: Message, tier: Sequence[Provider], size: int, now: datetime,
    held: Container[int] = frozenset(),
) -> Turn | None:  # fmt: skip
    """The next turn among these providers, which stand side by side; None when none of them takes anything now.

    `held` are those that a limit holds back: the others go on, and owe them nothing for it. Reads only.
    """
    health = breaker.look_at(session, [provider.pk for provider in tier], now)
    able = [each for each in tier if health[each.pk].may_take and each.pk not in held]
    if not able:
        return None
    pk, most, standings = able[0].pk, size, tuple[Standing, ...]()
    if len(able) > 1:
        standings = _standings(session, able)
        tally = ledger.tally_of(session, message.pk)
        pk, most = next_turn(standings, tally.queued if tally is not None else size)
    is_probe = health[pk].is_half_open
    most = min(size, most, breaker.PROBE_SIZE) if is_probe else min(size, most)
    return Turn(pk, message.project_pk, most, standings, is_probe)


def claim(session: Session, message: Message, lane: int, turn: Turn, holder: Holder, now: datetime) -> Lease | None:
    """Claim what the turn allows from a lane; None when nothing is due, or another worker tries that provider already.

    While a provider rests, nobody else tries it until this worker's lease ends.
    """
    if turn.is_probe and not breaker.begin_probe(session, turn.provider_pk, now, now + holder.lease):
        return None
    lease = ledger.claim(session, message, Lane(turn.provider_pk, lane), turn.size, holder, now)
    if lease is not None:
        used(session, turn, len(lease.deliveries))
    elif turn.is_probe:
        breaker.leave_probe(session, turn.provider_pk, now)
    return lease


def used(session: Session, turn: Turn, count: int) -> None:
    """So many deliveries were claimed for it, or, below zero, went back untouched.

    The last thing in the transaction: everybody takes the locks of provider, tally and turns in this order.
    """
    if not count or not turn.standings:
        return
    moved = sorted(changes(turn.standings, turn.provider_pk, count).items())  # everybody locks them in this order
    rows = [{"provider_pk": pk, "project_pk": turn.project_pk, "balance": 0.0} for pk, _ in moved]
    session.execute(ledger.insert_into(session, Row).on_conflict_do_nothing(), rows)
    session.execute(_MOVE, [{"pk": pk, "change": change} for pk, change in moved])


def _standings(session: Session, able: Sequence[Provider]) -> tuple[Standing, ...]:
    rows = session.execute(
        select(Row.provider_pk, Row.balance).where(Row.provider_pk.in_([provider.pk for provider in able]))
    )
    balances = {row.provider_pk: row.balance for row in rows}
    return tuple(Standing(each.pk, max(1, each.share), balances.get(each.pk, 0.0)) for each in able)
