"""Which provider carries a delivery: the one its target is bound to, the message's own, or the next in failover order.

See docs/adr/0014-routing.md for why.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, case, func, literal, select
from sqlalchemy.orm import Session

from app import providers
from app.domain.outcomes import Outcome, OutcomeKind, Reason
from app.engine import breaker, ledger
from app.engine.ledger import Lane
from app.models.messages import Message
from app.models.providers import Provider
from app.models.targets import Target

NO_WISH = 0


@dataclass(frozen=True, slots=True)
class Route:
    """The way of a message's deliveries with one wish.

    Without a `provider` they wait, and `why` says for what; or nothing can ever carry them, and `refusal` says why.
    """

    wish_pk: int
    provider: Provider | None = None
    why: str = ""
    refusal: Outcome | None = None

    @property
    def goes_on(self) -> bool:
        """Whether something is to be done now."""
        return self.provider is not None or self.refusal is not None

    @property
    def lane(self) -> Lane:
        """What is claimed for it."""
        return Lane(self.provider.pk if self.provider is not None else None, self.wish_pk)


def routes_of(session: Session, message: Message, now: datetime) -> list[Route]:
    """The ways of everything in the message that is due, one for each wish."""
    return [_route(session, message, wish, now) for wish in ledger.due_wishes(session, message.pk, now)]


def wish_of_target(session: Session, message: Message) -> ColumnElement[int]:
    """SQL for what the delivery to a row of `targets` wishes: the provider it is bound to, else 0.

    Where the channel's providers own their addresses, an unbound one is bound for this message by its shape.
    """
    ready = [each for each in _of_channel(session, message) if owns_addresses(each)]
    ready.sort(key=lambda provider: (provider.pk != message.provider_pk, not provider.enabled))
    shapes: dict[str, int] = {}
    for provider in ready:
        pattern = providers.get(provider.kind).spec.address_pattern
        if pattern or provider.enabled:  # a shape is known for sure; what has none goes where something takes it
            shapes.setdefault(pattern, provider.pk)
    rest = shapes.pop("", NO_WISH)
    if not shapes and not rest:
        return func.coalesce(Target.provider_pk, NO_WISH)
    fits = [(Target.address.regexp_match(f"^({pattern})$"), literal(pk)) for pattern, pk in shapes.items()]
    return case((Target.provider_pk.is_not(None), Target.provider_pk), *fits, else_=rest)


def owns_addresses(provider: Provider) -> bool:
    """Whether addresses bound to this provider are reached through no other."""
    return providers.get(provider.kind).spec.owns_addresses


def _route(session: Session, message: Message, wish_pk: int, now: datetime) -> Route:
    wished = _wished(session, message, wish_pk)
    if wished is not None and owns_addresses(wished):
        return _route_to_owner(session, message, wished, now)
    pin = message.provider_pk
    if pin is None and wished is not None and wished.enabled and not breaker.is_blocked(wished, now):
        return Route(wish_pk, wished)
    found = breaker.usable(session, message.project_pk, message.channel, now, pinned=pin)
    if found is not None:
        return Route(wish_pk, found)
    return Route(wish_pk, why=breaker.why_none(session, message.project_pk, message.channel, pinned=pin))


def _route_to_owner(session: Session, message: Message, owner: Provider, now: datetime) -> Route:
    """To the owner and nowhere else; when it is switched off, to another account of its kind."""
    chosen: Provider | None = owner
    if not owner.enabled:
        alike = [each for each in _of_channel(session, message) if each.enabled and each.kind == owner.kind]
        chosen = next((each for each in alike if not breaker.is_blocked(each, now)), next(iter(alike), None))
    if chosen is None:
        said = f"{owner.name} is switched off, and no other provider reaches its devices."
        refusal = Outcome(OutcomeKind.MESSAGE_PERMANENT, Reason.NO_PROVIDER, said)
        return Route(owner.pk, refusal=refusal)
    if breaker.is_blocked(chosen, now):
        return Route(owner.pk, why=breaker.why_not(chosen))
    return Route(owner.pk, chosen)


def _wished(session: Session, message: Message, wish_pk: int) -> Provider | None:
    """The provider of that number, if it still is the one that was wished: a database may give a number away again."""
    found = session.get(Provider, wish_pk) if wish_pk != NO_WISH else None
    if found is None or found.project_pk != message.project_pk or found.channel != message.channel:
        return None
    planned_at = message.fanned_out_at
    return found if planned_at is None or found.created_at <= planned_at else None


def _of_channel(session: Session, message: Message) -> list[Provider]:
    """Every provider of the message's channel, in failover order."""
    mine = select(Provider).where(Provider.project_pk == message.project_pk, Provider.channel == message.channel)
    return list(session.scalars(mine.order_by(Provider.rank, Provider.pk)))
