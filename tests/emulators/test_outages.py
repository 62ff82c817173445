"""Trouble that lasts: nobody is lost in an outage, nobody waits for somebody else's, and one failure stays one."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from app.domain.permissions import Actor
from app.emulators.faults import EVERYONE, Dial, Faults
from app.emulators.outbox import Outbox
from app.infra.clock import monotonic
from app.providers import catalog
from app.services.work import Workshop
from tests.emulators.fault_table import SENT
from tests.emulators.stage import ADDRESSES, NOBODY, Stage, announced, connect, faults, outbox, running, sandbox, stage
from tests.engine.story import counts

__all__ = ["announced", "faults", "outbox", "running", "sandbox", "stage"]  # fixtures

OUTAGE = timedelta(minutes=2)
AT_ONCE = 5.0  # seconds on a busy machine; whoever sleeps through what was asked for takes longer
THROTTLED = "+15005550101"  # a number that is always too fast


@pytest.fixture
def mail(sandbox: Workshop, actor: Actor, outbox: Outbox, faults: Faults) -> Iterator[Stage]:
    """A second provider beside the one of the test's `kind`."""
    ready = Stage(sandbox, outbox, faults, connect(sandbox, actor, "smtp"))
    yield ready
    ready.close()


@pytest.mark.parametrize("kind", sorted(catalog()))
def test_an_outage_of_two_minutes_loses_nobody(kind: str, stage: Stage) -> None:
    address = ADDRESSES[stage.channel].format(1)
    stage.faults.turn(Dial(EVERYONE, "server-error"))
    message_pk, end = stage.write(address), stage.clock.now() + OUTAGE
    while stage.clock.now() < end:
        stage.drain(message_pk)
        [waiting] = stage.deliveries(message_pk)
        assert (waiting.state, stage.arrived(address)) == ("queued", [])
        stage.clock.moment = max(waiting.next_attempt_at, stage.clock.now() + timedelta(seconds=1))
    stage.faults.turn_off()
    stage.carry(message_pk)
    [delivery] = stage.deliveries(message_pk)
    assert (delivery.state, len(stage.arrived(address))) == ("sent", 1)


@pytest.mark.parametrize("kind", ["twilio"])
def test_a_throttled_provider_does_not_hold_the_worker(kind: str, stage: Stage, mail: Stage) -> None:
    began = monotonic()
    throttled, letter = stage.write(THROTTLED), mail.write("ann@example.com")
    stage.drain(throttled)
    mail.drain(letter)
    assert monotonic() - began < AT_ONCE
    [waiting], [sent] = stage.deliveries(throttled), mail.deliveries(letter)
    assert waiting.state == "queued"
    assert waiting.next_attempt_at > stage.clock.now()
    assert mail.end_of(sent) == SENT


@pytest.mark.parametrize("kind", ["smtp", "vonage"])
def test_one_failure_does_not_hide_those_who_got_it(kind: str, stage: Stage) -> None:
    people = [ADDRESSES[stage.channel].format(number) for number in range(9)]
    message_pk = stage.write(*people, NOBODY[stage.channel])
    stage.carry(message_pk)
    assert counts(stage.machine, message_pk) == {"sent": 9, "failed": 1}
