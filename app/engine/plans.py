"""How each lane of a message goes: through which providers, with what, or why it waits. Read once for a whole job."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy.orm import Session

from app.domain.content import content_of
from app.domain.errors import Invalid
from app.domain.outcomes import Outcome, OutcomeKind, Reason
from app.domain.rendered import NO_EXTRAS, Extras, Prepared
from app.engine import breaker, enclosures, ledger, routing
from app.engine.accounts import account_of
from app.engine.enclosures import Refused, Unreadable
from app.engine.machine import Machine
from app.engine.own_senders import account_for
from app.engine.pace import NAP, Held, held_of, limits_of
from app.engine.routing import Route
from app.engine.unsubscribe_links import UnsubscribeLinks, linked, links_of
from app.infra.vault import VaultError
from app.models.messages import Message
from app.models.providers import Provider
from app.providers.base import Account
from app.rendering import Compiled, prepare

FIRST_BATCH = 500  # deliveries, before it is known how quick the service is


class Carrier(NamedTuple):
    """A provider with its account, the message compiled for it, and what every copy carries."""

    provider: Provider
    account: Account
    prepared: Prepared[Any]
    extras: Extras = NO_EXTRAS


@dataclass(slots=True)
class Plan:
    """What a job needs to send one lane of a message; read once, used for every batch of the job.

    `carriers` are the providers of the route by number, each with its account and the compiled message; without any
    everybody gets `refusal`. `names` are the variables that the message uses, in lower case.
    """

    message: Message
    route: Route
    carriers: dict[int, Carrier] = field(default_factory=dict)
    refusal: Outcome | None = None
    names: frozenset[str] = frozenset()
    size: int = field(default_factory=lambda: FIRST_BATCH)
    is_stale: bool = False  # a provider said what it takes: who carries the rest is to be chosen anew
    held: tuple[Held, ...] = ()  # the limits of all its providers, when the last batch had to wait for them


def prepare_content(message: Message, extras: Extras = NO_EXTRAS) -> Compiled:
    """The message, compiled; Invalid when its content cannot be rendered (checked before it was started)."""
    return prepare(content_of(message.channel, message.content), extras=extras)


def plans_of(machine: Machine, message_pk: int) -> list[Plan | tuple[Held, ...]]:
    """A plan for each lane in which something can be done now, and the limits of those that wait for one.

    Why lanes wait is noted on the message, unless it is for a moment only.
    """
    now = machine.clock.now()
    with machine.database.read() as session:
        message = session.get(Message, message_pk)
        if message is None or not ledger.may_send(session, message_pk):
            return []
        routes = routing.routes_of(session, message, now)
        if not routes:
            return []
        held = [_held(machine, route, now) for route in routes]
        sends = any(route.tier and not waits for route, waits in zip(routes, held, strict=True))
        compiled = _compile(machine, message, session) if sends else ""
    found: list[Plan | tuple[Held, ...]] = []
    reasons: list[str] = []
    for route, waits in zip(routes, held, strict=True):
        each = waits or _plan(machine, message, route, compiled)
        if isinstance(each, str):
            reasons.append(each)
        else:
            found.append(each)
            reasons += [limit.why for limit in waits]
    why = " ".join(dict.fromkeys(reason for reason in reasons if reason))[:512]
    if why != message.waiting_reason:
        with machine.database.begin() as session:
            breaker.set_waiting(session, message_pk, why)
    return found


def _held(machine: Machine, route: Route, now: datetime) -> tuple[Held, ...]:
    """The limits for which a lane waits longer than a job does; none when one of its providers has room."""
    found = []
    for provider in route.tier:
        permit = machine.pacing.look(limits_of(provider), FIRST_BATCH)
        if permit.count != 0 or permit.wait <= NAP:
            return ()
        found.append(held_of(provider, permit, now))
    return tuple(found)


class _Compiled(NamedTuple):
    prepared: Compiled
    extras: Extras
    links: UnsubscribeLinks | None


def _compile(machine: Machine, message: Message, session: Session) -> _Compiled | Outcome | str:
    """The message with what travels with it; why nobody can ever get it; or a sentence why not now."""
    try:
        extras = enclosures.extras_of(machine, message, session)
        prepared = prepare_content(message, extras)
        return _Compiled(prepared, extras, links_of(machine, session, message, prepared))
    except Refused as error:
        return error.outcome
    except Unreadable as error:
        return str(error)
    except Invalid as error:
        return Outcome(OutcomeKind.MESSAGE_PERMANENT, Reason.CONTENT_REJECTED, str(error))


def _plan(machine: Machine, message: Message, route: Route, compiled: _Compiled | Outcome | str) -> Plan | str:
    """How a lane goes; or a sentence why it waits."""
    if not route.tier:
        return route.why if route.refusal is None else Plan(message, route, refusal=route.refusal)
    if isinstance(compiled, Outcome):
        return Plan(message, route, refusal=compiled)
    if isinstance(compiled, str):
        return compiled
    carriers: dict[int, Carrier] = {}
    trouble: list[str] = []
    for provider in route.tier:
        carrier = _carrier(machine, provider, compiled)
        if isinstance(carrier, Carrier):
            carriers[provider.pk] = carrier
        else:
            trouble.append(carrier)
    if carriers:
        return Plan(message, route, carriers, names=frozenset(compiled.prepared.placeholders))
    return trouble[0]


def _carrier(machine: Machine, provider: Provider, compiled: _Compiled) -> Carrier | str:
    """A provider made ready for the message, or a sentence why it is not now."""
    try:
        account = account_for(account_of(machine.vault, machine.settings, provider), compiled.extras)
    except VaultError as error:
        return f"{provider.name}: {error}"
    prepared = linked(machine, compiled.prepared, compiled.links, is_emulated=provider.is_emulated)
    return Carrier(provider, account, prepared, compiled.extras)
