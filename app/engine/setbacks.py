"""Jobs that fail over and over: said where people look, tried again after longer and longer waits, never at once.

A job that raises has done no harm: what it had not written is not there, and it may run again. The wait is its bell,
which nobody can ring while it stands, so whatever made it fail may be mended, and it goes on by itself.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import redis
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError

from app.domain.poison import place_of
from app.engine import breaker, timeline
from app.engine.machine import Machine
from app.infra.broker import rest_bell
from app.infra.crashes import log_trace

FIRST, LONGEST = 2, 300  # seconds between two tries
# Of a database, a queue or a disk that is away we hear when it is back; until then every tick may ask.
_AWAY = (OperationalError, InterfaceError, redis.RedisError, OSError)
_FAILS_TO = {
    "fan_out": "work out who gets this message", "dispatch": "send this message",
    "skip_rest": "leave out the rest of this message",
}  # fmt: skip

Say = Callable[[str, int], None]  # where our code failed, and how often in a row


@contextmanager
def noted(machine: Machine, task: str, args: tuple[str | int, ...], say: Say | None = None) -> Iterator[None]:
    """Let a job that raises rest, and say so through `say`; what it raised goes on to its caller."""
    try:
        yield
    except _AWAY:
        raise
    except Exception as error:
        count = rest_bell(machine.broker, task, args, FIRST, LONGEST)
        log_trace("A job failed; it rests before it is tried again", error, task=task, count=count)
        if say is not None:
            with suppress(SQLAlchemyError):
                say(place_of(error), count)
        raise


def of_message(machine: Machine, task: str, message_pk: int) -> Say:
    """What says it on the page of a message: why it waits, and once in its timeline."""

    def say(place: str, count: int) -> None:
        with machine.database.begin() as session:
            breaker.set_waiting(session, message_pk, sentence(_FAILS_TO[task], place))
            if count == 1:
                timeline.note(session, message_pk, "failed_inside", machine.clock.now(), why=place)

    return say


def sentence(act: str, place: str) -> str:
    """Why something waits, for people."""
    return (
        f"A fault in Carillon: it fails to {act} ({place}). It tries again by itself, at least every"
        f" {LONGEST // 60} minutes. Report what stands in the brackets."
    )
