"""The stop of all sending: it holds everything of one project at once, says what, and lets exactly that go on."""

import pytest
from sqlalchemy import select

from app.domain.errors import Forbidden, Invalid
from app.domain.permissions import Actor, system
from app.engine import dispatch, fanout, gate, ledger, scheduler, ticker
from app.engine.machine import Machine
from app.models.audit import AuditEntry
from app.models.messages import Message
from app.models.projects import Project
from app.services.sending import sending, stopping
from app.services.work import Workshop
from app.services.writing import test_send
from tests import factories
from tests.conftest import START, FakeClock
from tests.sent_messages import make_sent


def _machine(shop: Workshop) -> Machine:
    return Machine(shop.settings, shop.database, shop.broker, shop.clock, shop.vault)


def _stop(shop: Workshop, actor: Actor) -> stopping.Traffic:
    with shop.open(actor) as work:
        return stopping.stop(work)


def _make(shop: Workshop, states: dict[str, int], **columns: object) -> int:
    with shop.database.begin() as session:
        return int(make_sent(session, states, **columns).pk)


def test_a_stop_says_what_it_holds_to_the_last_recipient(workshop: Workshop, operator: Actor) -> None:
    _make(workshop, {"sent": 5, "queued": 30, "sending": 2})
    _make(workshop, {"sent": 1, "queued": 100})
    _make(workshop, {"queued": 7}, paused_at=START)
    _make(workshop, {"queued": 9}, cancelled_at=START)
    _make(workshop, {"sent": 4})
    traffic = _stop(workshop, operator)
    assert (traffic.messages, traffic.left, traffic.paused) == (2, 132, 1)
    assert [(each.audience, each.left) for each in traffic.largest] == [(101, 100), (37, 32)]


def test_people_who_are_not_counted_yet_are_not_kept_quiet_about(workshop: Workshop, operator: Actor) -> None:
    _make(workshop, {"queued": 3}, fanned_out_at=None)
    assert _stop(workshop, operator).is_counting


def test_while_stopped_nothing_may_be_sent_claimed_or_rung_for(workshop: Workshop, operator: Actor) -> None:
    pk = _make(workshop, {"queued": 3})
    machine = _machine(workshop)
    with workshop.database.begin() as session:
        message = session.get_one(Message, pk)
        lease = ledger.claim(session, message, ledger.Lane(None), 1, ledger.Holder("w", machine.lease), START)
    assert lease is not None
    _stop(workshop, operator)
    with workshop.database.begin() as session:
        assert not ledger.renew(session, lease, START)
        assert ledger.claim(session, message, ledger.Lane(None), 1, ledger.Holder("v", machine.lease), START) is None
    ticker.sweep(machine)
    assert sum(workshop.broker.waiting().values()) == 0
    assert dispatch.drain(machine, pk) == 0


def test_a_resume_lets_exactly_the_rest_go_on(workshop: Workshop, operator: Actor) -> None:
    pk = _make(workshop, {"sent": 5, "queued": 30})
    _stop(workshop, operator)
    with workshop.open(operator) as work:
        assert stopping.resume(work).left == 30
    assert workshop.broker.waiting()["bulk"] == 1
    with workshop.database.begin() as session:
        assert ledger.may_send(session, pk)
        assert stopped_at(session) is None


def stopped_at(session: object) -> object:
    return session.scalar(select(Project.stopped_at))  # type: ignore[attr-defined]


def test_another_project_goes_on(workshop: Workshop, operator: Actor) -> None:
    with workshop.database.begin() as session:
        session.add(Project(id="other", name="Other", created_at=START, updated_at=START))
        session.flush()
        other = make_sent(session, {"queued": 1}).pk
        session.get_one(Message, other).project_pk = 2
    mine = _make(workshop, {"queued": 1})
    _stop(workshop, operator)
    with workshop.database.read() as session:
        assert ledger.may_send(session, other)
        assert not ledger.may_send(session, mine)
        assert session.scalar(select(Message.pk).where(gate.is_running())) == other


def test_scheduled_messages_wait_and_start_after_the_resume_unless_they_are_too_late(
    workshop: Workshop, operator: Actor, clock: FakeClock
) -> None:
    machine = _machine(workshop)
    with workshop.database.begin() as session:
        patient = factories.make_message(session, status="scheduled", scheduled_at=START, max_lateness=86400)
        usual = factories.make_message(session, status="scheduled", scheduled_at=START)
    _stop(workshop, operator)
    clock.move(7200)
    scheduler.set_aside_late(machine)
    assert scheduler.start_due(machine) == 0
    with workshop.open(operator) as work:
        traffic = stopping.resume(work)
    assert (traffic.due, traffic.late) == (1, 1)
    assert scheduler.start_due(machine) == 1
    with workshop.open(operator) as work:
        assert work.session.get_one(Message, patient.pk).status == "processing"
        assert [found.pk for found, _ in stopping.late_messages(work)] == [usual.pk]


def test_what_a_program_sends_meanwhile_waits_too(workshop: Workshop, operator: Actor) -> None:
    _stop(workshop, operator)
    with workshop.open(system(1)) as work:
        topic = factories.make_audience(work.session, 2)
        message = factories.make_message(work.session, audience={"topics": [topic.id]})
        sending.send_unchecked(work, message.id)
    machine = _machine(workshop)
    fanout.expand(machine, message.pk)
    assert dispatch.drain(machine, message.pk) == 0
    with workshop.read(operator) as work:
        assert stopping.traffic_of(work).left == 2


def test_tests_are_stopped_too(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        provider = factories.make_provider(work).id
        message = factories.make_message(work.session).id
    _stop(workshop, actor)
    with pytest.raises(Invalid, match="stopped"):
        test_send.send_test(workshop, actor, message, "ann@example.org")
    with pytest.raises(Invalid, match="stopped"):
        test_send.send_provider_test(workshop, actor, provider, "ann@example.org")


def test_two_who_stop_at_once_stop_once(workshop: Workshop, operator: Actor, actor: Actor, clock: FakeClock) -> None:
    _stop(workshop, operator)
    clock.move(5)
    assert _stop(workshop, actor).stopped_by == "Otis"
    with workshop.open(actor) as work:
        stopping.resume(work)
    with workshop.open(operator) as work:
        stopping.resume(work)
    with workshop.read(actor) as work:
        trail = [(entry.event, entry.actor_name) for entry in work.session.scalars(select(AuditEntry))]
    assert [line for line in trail if line[0].startswith("sending.")] == [
        ("sending.stop", "Otis"), ("sending.resume", "Olga"),
    ]  # fmt: skip


def test_a_viewer_may_only_look(workshop: Workshop, viewer: Actor) -> None:
    with workshop.open(viewer) as work:
        assert stopping.traffic_of(work).stopped_at is None
        for act in (stopping.stop, stopping.resume):
            with pytest.raises(Forbidden):
                act(work)
