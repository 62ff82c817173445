"""Push messages to devices of which some are called dead, and what became of them."""

from sqlalchemy import select

from app.domain.message_states import MessageEvent
from app.domain.outcomes import Outcome, OutcomeKind, Reason
from app.engine import dispatch, fanout, lifecycle
from app.engine.machine import Machine
from app.models.providers import Provider
from app.models.targets import Target
from tests.engine import couriers as push
from tests.engine import story
from tests.engine.couriers import Couriers

DEAD = Outcome(OutcomeKind.RECIPIENT_PERMANENT, Reason.TOKEN_RETIRED, "Unregistered", "410")


def start(machine: Machine, rocket: int, dead: int, alive: int, name: str = "m") -> int:
    """A message to so many devices, started; its number. Tokens begin with "dead" or "living", and go in that order."""
    tokens = [f"dead-{name}-{n}" for n in range(dead)] + [f"living-{name}-{n}" for n in range(alive)]
    with machine.database.begin() as session:
        message = push.push_message(session, [push.device(session, token, rocket) for token in tokens])
        lifecycle.start(session, message, MessageEvent.SEND, machine.clock.now())
    fanout.expand(machine, message.pk)
    return int(message.pk)


def send(machine: Machine, couriers: Couriers, pk: int, outcome: Outcome = DEAD) -> None:
    """Send one slice of it; whoever's token begins with "dead" is answered so."""
    for row in story.rows(machine, "SELECT address FROM deliveries WHERE address LIKE 'dead-%'"):
        couriers.rocket.answers[row.address] = outcome
    dispatch.drain(machine, pk)


def expired(machine: Machine) -> set[str]:
    """The tokens whose targets are expired."""
    with machine.database.read() as session:
        return set(session.scalars(select(Target.address).where(Target.expired_at.is_not(None))))


def provider(machine: Machine, pk: int) -> Provider:
    """How it stands now."""
    with machine.database.read() as session:
        return session.get_one(Provider, pk)
