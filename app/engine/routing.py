"""Which providers carry a delivery: the one its target is bound to, the message's own, or the next in failover order.

See docs/adr/0014-routing.md and docs/adr/0019-failover-and-shares.md for why.
"""

from collections.abc import Container, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, case, func, literal, select
from sqlalchemy.orm import Session

from app import providers
from app.domain.outcomes import Outcome, OutcomeKind, Reason
from app.engine import breaker, capacity, detours, ledger
from app.engine.capacity import Burden
from app.engine.detours import Way
from app.engine.ledger import Lane
from app.infra.asked_once import once
from app.models.messages import Message
from app.models.providers import Provider
from app.models.targets import Target

NO_WISH = 0


@dataclass(frozen=True, slots=True)
class Route:
    """The way of a message's deliveries in one lane.

    The providers of `tier` stand side by side, and `engine.turns` chooses among them for each batch. Without one they
    wait, and `why` says for what; or nothing can ever carry them, and `refusal` says why. `size` is about how many
    bytes each copy has on its way, where others may carry it if that is too much; else 0.
    """

    wish_pk: int
    tier: tuple[Provider, ...] = ()
    why: str = ""
    refusal: Outcome | None = None
    size: int = 0

    @property
    def goes_on(self) -> bool:
        """Whether something is to be done now."""
        return bool(self.tier) or self.refusal is not None

    def may_go_beside(self, waiting: Container[int]) -> bool:
        """Whether something is to be done now although these providers wait for a limit."""
        return self.goes_on and (not self.tier or any(provider.pk not in waiting for provider in self.tier))

    def lane_for(self, provider_pk: int | None) -> Lane:
        """What is claimed for that provider, or to be refused."""
        return Lane(provider_pk, self.wish_pk)


def routes_of(session: Session, message: Message, now: datetime) -> list[Route]:
    """The ways of everything in the message that is due, one for each lane."""
    lanes = ledger.due_wishes(session, message.pk, now)
    if not lanes:
        return []
    choice, ways = _choice_for(session, message, now), detours.ways_of(session, lanes)
    return [_route(choice, lane, ways[lane]) for lane in lanes]


def stand_ins(session: Session, message: Message, tried: Way, now: datetime) -> list[Provider]:
    """Who takes a delivery now that `tried.avoids` could not carry, in failover order; nobody when only they may."""
    return _choice_for(session, message, now).stand_ins(tried)


def can_leave(session: Session, message: Message, way: Way, now: datetime) -> bool:
    """Whether somebody can carry what goes that way, now or when they take something again, beside `way.unfit`."""
    return bool(_choice_for(session, message, now).others(way))


def first_of(session: Session, message: Message, now: datetime) -> Provider | None:
    """Who comes first for a delivery that is bound to nobody: who takes it now, else who is waited for.

    Where nobody can carry it, the first whom the message allows. None when none of them is switched on.
    """
    choice, anywhere = _choice_for(session, message, now), Way()
    left = choice.ready(anywhere) or choice.able(anywhere) or choice.allowed
    return next((each for each in left if each.enabled), None)


def wish_of_target(session: Session, message: Message) -> ColumnElement[int]:
    """SQL for what the delivery to a row of `targets` wishes: the provider it is bound to, else 0.

    Where the channel's providers own their addresses, an unbound one is bound for this message by its shape.
    """
    shapes = {pattern: owner.pk for pattern, owner in owners_by_shape(session, message).items()}
    rest = shapes.pop("", NO_WISH)
    if not shapes and not rest:
        return func.coalesce(Target.provider_pk, NO_WISH)
    fits = [(Target.address.regexp_match(f"^({pattern})$"), literal(pk)) for pattern, pk in shapes.items()]
    return case((Target.provider_pk.is_not(None), Target.provider_pk), *fits, else_=rest)


def owners_by_shape(session: Session, message: Message) -> dict[str, Provider]:
    """Who carries an address that is bound to nobody, by its shape (`ProviderSpec.address_pattern`), "" for the rest.

    Nobody where the channel's providers own no addresses.
    """
    order = in_order(session, message.project_pk, message.channel)
    ready = [each for each in order if owns_addresses(each)]
    ready.sort(key=lambda provider: (provider.pk != message.provider_pk, not provider.enabled))
    shapes: dict[str, Provider] = {}
    for provider in ready:
        pattern = providers.get(provider.kind).spec.address_pattern
        if pattern or provider.enabled:  # a shape is known for sure; what has none goes where something takes it
            shapes.setdefault(pattern, provider)
    return shapes


def owns_addresses(provider: Provider) -> bool:
    """Whether addresses bound to this provider are reached through no other."""
    return providers.get(provider.kind).spec.owns_addresses


@dataclass(frozen=True, slots=True)
class _Choice:
    """Who there is for a message at this moment, in failover order, and how heavy it is."""

    message: Message
    order: Sequence[Provider]
    burden: Burden
    now: datetime

    def wished(self, way: Way) -> Provider | None:
        """The provider that is wished, if it still is that one: a database may give a number away again."""
        found = next((provider for provider in self.order if provider.pk == way.wish_pk), None)
        planned_at = self.message.fanned_out_at
        return found if found is not None and (planned_at is None or found.created_at <= planned_at) else None

    def able(self, way: Way) -> list[Provider]:
        """Who can carry what goes that way, of those that the message allows."""
        return capacity.able(self.allowed, self.burden, way.unfit, self.now)

    def ready(self, way: Way) -> list[Provider]:
        """Those of them that take something now."""
        return _ready(self.able(way), self.now)

    def others(self, way: Way) -> list[Provider]:
        """Who may stand in on that way, now or later; nobody where a person or the address chose the provider."""
        wished = self.wished(way)
        if self.message.provider_pk is not None or (wished is not None and owns_addresses(wished)):
            return []
        return [each for each in self.able(way) if each.enabled and not owns_addresses(each)]

    def stand_ins(self, tried: Way) -> list[Provider]:
        """Those of the others that take something now and were not tried in this round."""
        return [each for each in _ready(self.others(tried), self.now) if each.pk not in tried.avoids]

    def size_among(self, able: Sequence[Provider]) -> int:
        """The size of each copy, where it is more than one who takes that as far as is known; else 0."""
        takes = all(self.burden.total <= capacity.limit_of(each, self.now) for each in able)
        return self.burden.total if len(able) > 1 and takes else 0

    def refusal(self) -> Outcome:
        """Why nobody can carry it that the message allows."""
        return capacity.refuse(self.allowed, self.burden)

    @property
    def allowed(self) -> Sequence[Provider]:
        """Whom the message allows: everybody, or the one that a person chose."""
        pinned = self.message.provider_pk
        return self.order if pinned is None else [each for each in self.order if each.pk == pinned]


def _choice_for(session: Session, message: Message, now: datetime) -> _Choice:
    order = in_order(session, message.project_pk, message.channel)
    return _Choice(message, order, capacity.burden_of(session, message, order, now), now)


def _route(choice: _Choice, lane: int, way: Way) -> Route:
    now, is_chosen = choice.now, choice.message.provider_pk is not None
    if way.only_pk:
        return _route_back(choice.order, lane, way.only_pk, now)
    wished = choice.wished(way)
    if wished is not None and owns_addresses(wished):
        return _route_to_owner(choice.order, lane, wished, now)
    able = choice.able(way)
    size = choice.size_among(able)
    if others := choice.stand_ins(way) if way.avoids else []:
        return Route(lane, _side_by_side(others), size=size)
    ready = choice.ready(way)
    if not is_chosen and wished in ready:
        return Route(lane, (wished,), size=size)
    if ready:
        return Route(lane, _side_by_side(ready), size=size)
    if not able and any(each.enabled for each in choice.allowed):
        return Route(lane, refusal=choice.refusal())
    return Route(lane, why=_why_none(able, is_chosen=is_chosen))


def _route_back(order: Sequence[Provider], lane: int, only_pk: int, now: datetime) -> Route:
    """To the provider that may have sent them already; to no other, which could only send them twice."""
    only = next((provider for provider in order if provider.pk == only_pk), None)
    if only is None or not only.enabled:
        whose = f"{only.name}, which is switched off," if only is not None else "a provider that is gone"
        said = f"This may have arrived through {whose} and nobody else can know. Try it again to send it in any case."
        return Route(lane, refusal=Outcome(OutcomeKind.UNCERTAIN, Reason.NO_PROVIDER, said))
    return Route(lane, why=breaker.why_not(only)) if breaker.is_blocked(only, now) else Route(lane, (only,))


def _route_to_owner(order: Sequence[Provider], lane: int, owner: Provider, now: datetime) -> Route:
    """To the owner and nowhere else; when it is switched off, to another account of its kind."""
    chosen: Provider | None = owner
    if not owner.enabled:
        alike = [each for each in order if each.enabled and each.kind == owner.kind]
        chosen = next((each for each in alike if not breaker.is_blocked(each, now)), next(iter(alike), None))
    if chosen is None:
        said = f"{owner.name} is switched off, and no other provider reaches its devices."
        refusal = Outcome(OutcomeKind.MESSAGE_PERMANENT, Reason.NO_PROVIDER, said)
        return Route(lane, refusal=refusal)
    if breaker.is_blocked(chosen, now):
        return Route(lane, why=breaker.why_not(chosen))
    return Route(lane, (chosen,))


def _ready(order: Sequence[Provider], now: datetime) -> list[Provider]:
    return [provider for provider in order if provider.enabled and not breaker.is_blocked(provider, now)]


def _side_by_side(ready: Sequence[Provider]) -> tuple[Provider, ...]:
    """The first of those that are ready, with those that share its place; an address has one owner, never two."""
    first = ready[0]
    if owns_addresses(first):
        return (first,)
    return tuple(each for each in ready if each.rank == first.rank and not owns_addresses(each))


def _why_none(order: Sequence[Provider], *, is_chosen: bool) -> str:
    """A sentence for people about why none of these takes anything now."""
    first = next((provider for provider in order if provider.enabled), next(iter(order), None))
    if first is not None:
        return breaker.why_not(first)
    if is_chosen:
        return "The provider chosen for this message is gone. Cancel the message, and send a copy of it."
    return "No provider is connected for this channel. Connect one, and sending goes on by itself."


def in_order(session: Session, project_pk: int, channel: str) -> Sequence[Provider]:
    """Every provider of a project's channel, in failover order."""
    mine = select(Provider).where(Provider.project_pk == project_pk, Provider.channel == channel)
    ordered = mine.order_by(Provider.rank, Provider.pk)
    return once(session, ("providers", project_pk, channel), lambda: session.scalars(ordered).all())
