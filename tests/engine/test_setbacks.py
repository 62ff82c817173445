"""Jobs that fail over and over: they rest, it is said where people look, and they go on when the cause is gone."""

from collections.abc import Iterator

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from app import jobs
from app.domain.message_states import MessageEvent
from app.engine import fanout, feedback, lifecycle, planning, setbacks, ticker
from app.engine.machine import Machine
from app.models.deliveries import Delivery, Tally
from app.models.feedback import FeedbackEvent
from app.models.imports import Import
from app.models.messages import Message
from app.models.messages import MessageEvent as Line
from app.services.people import imports
from app.services.work import Workshop
from tests import factories
from tests.engine import story


@pytest.fixture
def bound(any_workshop: Workshop) -> Iterator[Machine]:
    """This process as a worker whose jobs run when they are called."""
    machine = jobs.bind(any_workshop)
    yield machine
    machine.close()
    jobs._process.clear()


def started(machine: Machine, people: int = 3) -> int:
    with machine.database.begin() as session:
        targets = [
            factories.make_target(session, factories.make_contact(session), address=f"p{number}@example.org")
            for number in range(people)
        ]
        message = factories.make_message(session, audience={"targets": [target.id for target in targets]})
        lifecycle.start(session, message, MessageEvent.SEND, machine.clock.now())
        return int(message.pk)


def told(session: Session, message_pk: int) -> tuple[str, list[str]]:
    """Why the message waits, and its timeline."""
    lines = session.scalars(select(Line.event).where(Line.message_pk == message_pk).order_by(Line.pk))
    return session.get_one(Message, message_pk).waiting_reason, list(lines)


def wait_of(machine: Machine, message_pk: int) -> int:
    """For how many seconds nobody can ring for its fan-out."""
    return int(machine.broker.redis.ttl(f"carillon:bell:fan_out:{message_pk}"))


def test_nobody_is_called_to_help_with_a_fan_out_that_goes_on(bound: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two workers would plan its pages by turns, and nobody would send meanwhile."""
    message_pk, called = started(bound, people=5), []
    ring = fanout.ring_dispatch

    def look(machine: Machine, number: int) -> None:
        ring(machine, number)
        if story.message(machine, message_pk).fanned_out_at is None:
            ticker.sweep(machine)
            called.append(machine.broker.waiting()["urgent"])

    monkeypatch.setattr(fanout, "PAGE", 2)
    monkeypatch.setattr(fanout, "ring_dispatch", look)
    jobs.fan_out(message_pk)
    assert called == [1, 1, 1]  # the bell of those who send
    assert wait_of(bound, message_pk) < 0, "it may be rung again"


def test_a_fan_out_that_fails_again_and_again_rests_longer_and_longer_and_says_so_once(
    bound: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    message_pk, waits = started(bound), []

    def fail(*_: object) -> None:
        raise KeyError("Ann Archer")

    with monkeypatch.context() as broken:
        broken.setattr(planning, "plan", fail)
        for _ in range(10):
            with pytest.raises(KeyError):
                jobs.fan_out(message_pk)
            waits.append(wait_of(bound, message_pk))
            ticker.sweep(bound)  # which rings for every message that is not planned
            assert bound.broker.waiting() == {"urgent": 0, "bulk": 0}, "a bell that rests cannot be rung"
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (setbacks.FIRST, setbacks.LONGEST)
    with bound.database.read() as session:
        why, lines = told(session, message_pk)
    assert "it fails to work out who gets this message (KeyError in app/engine/fanout.py:" in why
    assert "Ann" not in why
    assert lines.count("failed_inside") == 1

    bound.broker.redis.delete(f"carillon:bell:fan_out:{message_pk}")  # its time is over
    ticker.sweep(bound)
    assert bound.broker.waiting()["urgent"] == 1
    jobs.fan_out(message_pk)
    jobs.dispatch(message_pk, 0)
    with bound.database.read() as session:
        assert len(session.scalars(select(Delivery.pk)).all()) == 3
        assert "fault in Carillon" not in told(session, message_pk)[0]


def test_a_database_that_is_away_makes_no_job_rest(bound: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    message_pk = started(bound)

    def away(*_: object) -> None:
        raise OperationalError("SELECT 1", {}, Exception("the server closed the connection"))

    with monkeypatch.context() as broken:
        broken.setattr(fanout, "expand", away)
        with pytest.raises(OperationalError):
            jobs.fan_out(message_pk)
    assert wait_of(bound, message_pk) < 0
    with bound.database.read() as session:
        assert told(session, message_pk) == ("", ["started"])


def test_a_receipt_at_which_we_fail_holds_up_no_other(bound: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    message_pk = started(bound)
    jobs.fan_out(message_pk)
    now = bound.clock.now()
    with bound.database.begin() as session:
        message_id = session.get_one(Message, message_pk).id
        session.execute(update(Delivery).values(state="sent"))
        session.execute(update(Tally).values(queued=0, sent=3))
        for number, pk in enumerate(session.scalars(select(Delivery.pk).order_by(Delivery.pk)).all()):
            session.add(
                FeedbackEvent(
                    project_pk=1, provider_pk=1, event_id=f"e{number}", event="delivered", at=now, received_at=now,
                    look_at=now, delivery_key=f"{pk}.{message_id}",
                )
            )  # fmt: skip
    real, seen = feedback._receipt_of, []

    def fail(row: object) -> object:
        seen.append(row)
        if len(seen) == 2:
            raise ZeroDivisionError
        return real(row)  # type: ignore[arg-type]

    monkeypatch.setattr(feedback, "_receipt_of", fail)
    jobs.apply_receipts()
    with bound.database.read() as session:
        states = list(session.scalars(select(Delivery.state).order_by(Delivery.pk)))
        later = session.scalars(select(FeedbackEvent.look_at).where(FeedbackEvent.applied_at.is_(None))).all()
    assert states == ["delivered", "sent", "delivered"]
    assert [moment > now for moment in later] == [True]


def test_an_import_that_fails_says_so_on_its_page_and_is_not_given_up(
    bound: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = bound.clock.now()
    with bound.database.begin() as session:
        row = Import(
            id="i1", project_pk=1, file_name="people.csv", file_key="", file_size=1, status="running", settings={},
            report={}, created_at=now, updated_at=now,
        )  # fmt: skip
        session.add(row)
        session.flush()
        pk = int(row.pk)

    def fail(*_: object) -> None:
        raise KeyError("ann@example.org")

    monkeypatch.setattr(imports, "run", fail)
    with pytest.raises(KeyError):
        jobs.run_import(pk)
    with bound.database.read() as session:
        found = session.get_one(Import, pk)
    assert found.status == "running"
    assert found.failure.startswith("A fault in Carillon: it fails to go on with this import (KeyError in app/jobs.py:")
    assert "example.org" not in found.failure
    assert bound.broker.redis.ttl(f"carillon:bell:run_import:{pk}") > 0
