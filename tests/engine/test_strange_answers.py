"""What a service says in signs that no database keeps is kept without them; no batch stumbles, or makes others wait."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from app.domain.outcomes import Outcome, OutcomeKind, Reason, accepted
from app.engine import dispatch, ledger, reaper
from app.engine.journal import Journal
from app.engine.ledger import Holder, Lane, Lease
from app.engine.machine import Machine
from app.models.messages import Message
from tests.conftest import FakeClock
from tests.engine import runners, story
from tests.engine.runners import Runner, runner

__all__ = ["runner"]  # the fixture

HALF = "\ud83d"  # half of a sign: what is left of an emoji that a service cut in the middle
STRANGE = [
    (accepted(f"id{HALF}\0"), "sent"),
    (Outcome(OutcomeKind.MESSAGE_PERMANENT, Reason.CONTENT_REJECTED, f"Not “Hi {HALF}”\0", f"400 {HALF}"), "failed"),
    (Outcome(OutcomeKind.RECIPIENT_PERMANENT, Reason.INVALID_ADDRESS, f"No such {HALF}\0", "404"), "failed"),
    (Outcome(OutcomeKind.CONFIG_PERMANENT, Reason.AUTHENTICATION_FAILED, f"Wrong {HALF}\0", "401"), "queued"),
]


@pytest.mark.parametrize(("answer", "state"), STRANGE)
def test_an_answer_with_half_a_sign_is_recorded(
    any_machine: Machine, runner: Runner, answer: Outcome, state: str
) -> None:
    (provider_pk,) = runners.connect(any_machine, 0)
    runner.moods[provider_pk] = answer
    pk = runners.start(any_machine, 2)
    dispatch.drain(any_machine, pk)
    assert story.counts(any_machine, pk) == {state: 2}


def claim(machine: Machine, message_pk: int, provider_pk: int) -> Lease:
    with machine.database.begin() as session:
        holder = Holder(machine.name, timedelta(seconds=30))
        message = session.get_one(Message, message_pk)
        lease = ledger.claim(session, message, Lane(provider_pk), 10, holder, machine.clock.now())
    assert lease is not None
    return lease


@pytest.mark.parametrize(("answer", "state"), STRANGE)
def test_a_batch_that_was_lost_with_such_an_answer_is_taken_over(
    any_machine: Machine, runner: Runner, moving: FakeClock, answer: Outcome, state: str
) -> None:
    (provider_pk,) = runners.connect(any_machine, 0)
    pk = runners.start(any_machine)
    lease = claim(any_machine, pk, provider_pk)
    book = Journal(any_machine.journal_dir, lease)
    book.started([0])
    book.answered(0, answer)
    book.close()
    moving.move(60)
    assert reaper.reap(any_machine) == 1
    assert story.counts(any_machine, pk) == {state: 1}


def test_a_lost_batch_that_cannot_be_taken_over_holds_up_no_other(
    any_machine: Machine, runner: Runner, moving: FakeClock
) -> None:
    (provider_pk,) = runners.connect(any_machine, 0)
    broken, fine = runners.start(any_machine), runners.start(any_machine)
    for pk in (broken, fine):
        claim(any_machine, pk, provider_pk)
    with any_machine.database.begin() as session:
        session.execute(text("DELETE FROM messages WHERE pk = :pk"), {"pk": broken})
    moving.move(60)
    assert reaper.reap(any_machine) == 1
    assert story.counts(any_machine, fine) == {"queued": 1}
    assert reaper.reap(any_machine) == 0
