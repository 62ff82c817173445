"""Apple and Google call everybody dead at once: nobody's device is retired, and nothing is lost."""

import pytest
from sqlalchemy import func, select

from app.domain.permissions import Actor
from app.emulators.faults import EVERYONE, Dial
from app.models.targets import Target
from app.services.providers import providers
from tests.emulators.stage import ADDRESSES, Stage, announced, faults, outbox, running, sandbox, stage
from tests.engine.story import counts

__all__ = ["announced", "faults", "outbox", "running", "sandbox", "stage"]  # fixtures

MANY = 25


def expired(stage: Stage) -> int:
    with stage.machine.database.read() as session:
        return session.scalar(select(func.count()).where(Target.expired_at.is_not(None))) or 0


@pytest.mark.parametrize("fault", ["mailbox-unknown", "mailbox-disabled"])
@pytest.mark.parametrize("kind", ["apns", "fcm"])
def test_a_provider_that_was_healthy_and_now_calls_everybody_dead_is_stopped(
    kind: str, fault: str, stage: Stage, actor: Actor
) -> None:
    stage.carry(stage.write(ADDRESSES["push"].format(999)))
    stage.faults.turn(Dial(EVERYONE, fault))
    message_pk = stage.write(*(ADDRESSES["push"].format(number) for number in range(MANY)))
    stage.drain(message_pk)
    assert (expired(stage), counts(stage.machine, message_pk)) == (0, {"queued": MANY})
    provider = stage.provider()
    assert (provider.blocked_reason, provider.retry_at) == ("mass_death", None)
    stage.faults.turn_off()
    with stage.workshop.open(actor) as work:
        providers.repair(work, providers.find_provider(work, provider.id))
    stage.carry(message_pk)
    assert (expired(stage), counts(stage.machine, message_pk)) == (0, {"sent": MANY})
