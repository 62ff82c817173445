"""From a message to its deliveries: each address once, in pages, resumable."""

from typing import Any

import pytest
from sqlalchemy import text

from app.domain.message_states import MessageEvent
from app.engine import fanout, lifecycle, planning
from app.engine.machine import Machine
from app.models.projects import Project
from app.models.topics import Topic
from tests import factories
from tests.conftest import START
from tests.engine import story
from tests.statements import heard


def _start(machine: Machine, audience: dict[str, list[str]]) -> int:
    with machine.database.begin() as session:
        message = factories.make_message(session, audience=audience)
        lifecycle.start(session, message, MessageEvent.SEND, machine.clock.now())
    fanout.expand(machine, message.pk)
    return int(message.pk)


def test_a_target_in_two_topics_gets_one_delivery(any_machine: Machine) -> None:
    with any_machine.database.begin() as session:
        ann = factories.make_target(session, factories.make_contact(session), address="ann@example.org")
        ben = factories.make_target(session, factories.make_contact(session), address="ben@example.org")
        news = factories.make_topic(session, targets=[ann, ben])
        offers = factories.make_topic(session, targets=[ann], name="Offers")
    pk = _start(any_machine, {"topics": [news.id, offers.id], "targets": [ann.id]})
    assert story.counts(any_machine, pk) == {"queued": 2}


def test_only_targets_of_the_messages_channel_are_planned(any_machine: Machine) -> None:
    with any_machine.database.begin() as session:
        contact = factories.make_contact(session)
        email = factories.make_target(session, contact, address="ann@example.org")
        phone = factories.make_target(session, contact, address="+491701234567", channel="sms")
        news = factories.make_topic(session, targets=[email, phone])
    pk = _start(any_machine, {"topics": [news.id], "contacts": [contact.id]})
    assert story.counts(any_machine, pk) == {"queued": 1}


def test_suppressed_and_expired_targets_become_skipped_rows_with_their_reason(any_machine: Machine) -> None:
    with any_machine.database.begin() as session:
        factories.make_suppression(session, "ann@example.org")
        ann = factories.make_target(session, factories.make_contact(session), address="Ann@example.org")
        old = factories.make_target(
            session, factories.make_contact(session), address="old@example.org", is_expired=True
        )
        ben = factories.make_target(session, factories.make_contact(session), address="ben@example.org")
        news = factories.make_topic(session, targets=[ann, old, ben])
    pk = _start(any_machine, {"topics": [news.id]})
    assert story.counts(any_machine, pk) == {"queued": 1, "skipped": 2}
    reasons = story.rows(any_machine, "SELECT address, reason FROM deliveries WHERE state = 'skipped' ORDER BY address")
    assert [tuple(row) for row in reasons] == [
        ("ann@example.org", "suppressed"),
        ("old@example.org", "target_expired"),
    ]


def test_fan_out_in_many_pages_misses_nobody_and_doubles_nobody(
    any_machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fanout, "PAGE", 7)
    pk = story.start(any_machine, people=40)
    assert story.counts(any_machine, pk) == {"queued": 40}
    addresses = story.rows(any_machine, "SELECT DISTINCT address FROM deliveries")
    assert len(addresses) == 40


def test_fan_out_twice_adds_nothing(any_machine: Machine) -> None:
    pk = story.start(any_machine, people=5)
    with any_machine.database.begin() as session:
        message = lifecycle.lock(session, pk)
        message.fanned_out_at, message.fan_out_cursor = None, 0
    fanout.expand(any_machine, pk)
    assert story.counts(any_machine, pk) == {"queued": 5}


def test_an_audience_of_nobody_settles_at_once(any_machine: Machine) -> None:
    pk = _start(any_machine, {"topics": []})
    assert story.counts(any_machine, pk) == {}
    assert story.message(any_machine, pk).status == "failed"  # nobody got it, and the sender is to know


def test_a_topic_of_another_project_reaches_nobody(machine: Machine) -> None:
    with machine.database.begin() as session:
        news = factories.make_audience(session, 2)
        session.add(Project(id="other", name="Other", created_at=START, updated_at=START))
        session.flush()
        message = factories.make_message(session, audience={"topics": [news.id]})
        message.project_pk = 2
        lifecycle.start(session, message, MessageEvent.SEND, machine.clock.now())
    fanout.expand(machine, message.pk)
    assert story.counts(machine, message.pk) == {}


# On SQLite nobody writes while a page is planned.
@pytest.mark.parametrize("any_database_url", [pytest.param("postgresql", marks=pytest.mark.postgresql)], indirect=True)
def test_who_subscribes_while_a_page_is_planned_pushes_nobody_out_of_it(
    any_machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with any_machine.database.begin() as session:
        late = factories.make_target(session, factories.make_contact(session), address="late@example.org")
        news = factories.make_audience(session, 5)
        message = factories.make_message(session, audience={"topics": [news.id]})
        lifecycle.start(session, message, MessageEvent.SEND, any_machine.clock.now())
    plan = planning.plan
    waiting = [late]

    def _plan_late(*args: Any) -> int:
        while waiting:  # between looking where the page ends and planning it
            with any_machine.database.begin() as session:
                factories.subscribe(session, session.get_one(Topic, news.pk), waiting.pop())
        return plan(*args)

    monkeypatch.setattr(fanout, "PAGE", 2)
    monkeypatch.setattr(planning, "plan", _plan_late)
    fanout.expand(any_machine, message.pk)
    assert story.counts(any_machine, message.pk) == {"queued": 6}


# PostgreSQL chooses by what it counted of the tables, SQLite by the shape of the statement alone.
@pytest.mark.parametrize("any_database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("named", ["topics", "contacts", "targets"])
def test_planning_looks_at_nobody_but_the_audience(any_machine: Machine, named: str) -> None:
    with any_machine.database.begin() as session:
        news = factories.make_audience(session, 40)
        everybody = {
            "topics": [news.id],
            "contacts": list(session.scalars(text("SELECT id FROM contacts"))),
            "targets": list(session.scalars(text("SELECT id FROM targets"))),
        }
        message = factories.make_message(session, audience={named: everybody[named]})
        lifecycle.start(session, message, MessageEvent.SEND, any_machine.clock.now())
    with heard() as statements:
        fanout.expand(any_machine, message.pk)
    with any_machine.database.read() as session:
        driver = session.connection().connection
        plans = [
            str(step[3])
            for statement, given in statements
            if statement.startswith(("SELECT", "INSERT")) and "targets" in statement
            for step in driver.execute(f"EXPLAIN QUERY PLAN {statement}", given)
        ]
    steps = [plan for plan in plans if " targets " in plan]
    assert steps
    walks = [step for step in steps if not any(key in step for key in ("rowid=?", "id=?", "contact_pk=?"))]
    assert not walks
    assert story.counts(any_machine, message.pk) == {"queued": 40}
