"""Copies and raw addresses: each a delivery of its own, once, whatever else names the same address."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.domain.message_states import MessageEvent
from app.engine import dispatch, fanout, ledger, lifecycle, planning
from app.engine.machine import Machine
from app.models.messages import Message
from app.models.targets import Target
from tests import factories
from tests.engine import story
from tests.engine.conftest import MailServer


def _target(session: Any, name: str, **options: Any) -> Target:
    contact = factories.make_contact(session, name=name.title())
    return factories.make_target(session, contact, address=f"{name}@example.org", **options)


def _start(machine: Machine, audience: dict[str, Any]) -> int:
    with machine.database.begin() as session:
        message = factories.make_message(session, audience=audience)
        lifecycle.start(session, message, MessageEvent.SEND, machine.clock.now())
    fanout.expand(machine, message.pk)
    return int(message.pk)


def _addresses(machine: Machine, state: str = "queued") -> list[str]:
    sql = "SELECT address FROM deliveries WHERE state = :state ORDER BY address"
    return [row.address.partition("@")[0] for row in story.rows(machine, sql, state=state)]


def test_everybody_in_copy_gets_one_delivery_however_many_recipients_there_are(any_machine: Machine) -> None:
    with any_machine.database.begin() as session:
        news = factories.make_audience(session, 20)
        cleo, dora = _target(session, "cleo"), _target(session, "dora")
    audience = {"topics": [news.id], "cc": [cleo.id], "bcc": [dora.id, cleo.id], "emails": ["raw@example.org"]}
    pk = _start(any_machine, audience)
    assert story.counts(any_machine, pk) == {"queued": 23}


def test_an_address_that_is_named_in_every_way_gets_one_delivery_with_its_person(any_machine: Machine) -> None:
    with any_machine.database.begin() as session:
        ann = _target(session, "ann")
        news = factories.make_topic(session, targets=[ann])
    named = {"targets": [ann.id], "contacts": [], "cc": [ann.id], "bcc": [ann.id], "emails": ["ANN@example.org"]}
    pk = _start(any_machine, {"topics": [news.id], **named})
    assert story.counts(any_machine, pk) == {"queued": 1}
    rows = story.rows(any_machine, "SELECT target_pk FROM deliveries")
    assert [row.target_pk for row in rows] == [ann.pk]


def test_raw_addresses_belong_to_nobody_and_are_written_to_all_the_same(any_machine: Machine, mail: MailServer) -> None:
    story.connect(any_machine, mail)
    pk = _start(any_machine, {"emails": ["eve@example.org", "Eve@Example.org", "finn@example.org"]})
    rows = story.rows(any_machine, "SELECT target_pk, contact_pk, wish_pk FROM deliveries")
    assert [tuple(row) for row in rows] == [(None, None, 0), (None, None, 0)]
    dispatch.drain(any_machine, pk)
    assert mail.recipients() == ["eve@example.org", "finn@example.org"]
    assert b"Hello there" in mail.outbox.get(mail.outbox.newest()[0].id).raw, "nobody's name is known"
    assert story.message(any_machine, pk).status == "sent"


def test_suppressed_copies_and_raw_addresses_are_skipped_with_their_reason(any_machine: Machine) -> None:
    with any_machine.database.begin() as session:
        ann, old = _target(session, "ann"), _target(session, "old", is_expired=True)
        for address in ("ann@example.org", "eve@example.org"):
            factories.make_suppression(session, address)
    pk = _start(any_machine, {"cc": [ann.id], "bcc": [old.id], "emails": ["Eve@example.org", "no address", "ok@x.org"]})
    assert story.counts(any_machine, pk) == {"queued": 1, "skipped": 4}
    rows = story.rows(any_machine, "SELECT address, reason FROM deliveries WHERE state = 'skipped' ORDER BY address")
    assert [tuple(row) for row in rows] == [
        ("ann@example.org", "suppressed"), ("eve@example.org", "suppressed"), ("no address", "invalid_address"),
        ("old@example.org", "target_expired"),
    ]  # fmt: skip


def test_a_raw_address_that_was_suppressed_since_is_skipped_at_the_claim(machine: Machine, mail: MailServer) -> None:
    story.connect(machine, mail)
    pk = _start(machine, {"emails": ["eve@example.org", "finn@example.org"]})
    with machine.database.begin() as session:
        factories.make_suppression(session, "eve@example.org")
    dispatch.drain(machine, pk)
    assert mail.recipients() == ["finn@example.org"]


def test_a_dead_raw_address_is_suppressed_like_any_other(machine: Machine, mail: MailServer) -> None:
    story.connect(machine, mail)
    mail.turn("mailbox-unknown")
    dispatch.drain(machine, _start(machine, {"emails": ["eve@example.org"]}))
    assert [row[0] for row in story.rows(machine, "SELECT address_key FROM suppressions")] == ["eve@example.org"]


def test_a_fan_out_with_copies_that_runs_twice_adds_nothing(
    any_machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fanout, "PAGE", 3)
    monkeypatch.setattr(planning, "_AT_ONCE", 2)
    with any_machine.database.begin() as session:
        news = factories.make_audience(session, 7)
        cleo = _target(session, "cleo")
    raw = [f"raw{number}@example.org" for number in range(5)] + ["person3@example.org"]
    pk = _start(any_machine, {"topics": [news.id], "cc": [cleo.id], "emails": raw})
    assert story.counts(any_machine, pk) == {"queued": 13}
    with any_machine.database.begin() as session:
        message = lifecycle.lock(session, pk)
        assert message is not None
        message.fanned_out_at, message.fan_out_cursor = None, 0
    fanout.expand(any_machine, pk)
    assert story.counts(any_machine, pk) == {"queued": 13}


def test_raw_addresses_of_a_page_that_failed_are_planned_by_the_next_run(
    any_machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with any_machine.database.begin() as session:
        message = factories.make_message(session, audience={"emails": [f"raw{number}@x.org" for number in range(4)]})
        lifecycle.start(session, message, MessageEvent.SEND, any_machine.clock.now())
    with monkeypatch.context() as patch:
        patch.setattr(planning, "_AT_ONCE", 2)
        patch.setattr(ledger, "add_to_tally", _fail_at_the_second_call())
        with pytest.raises(OSError, match="power"):
            fanout.expand(any_machine, message.pk)
    assert story.rows(any_machine, "SELECT pk FROM deliveries") == []
    fanout.expand(any_machine, message.pk)
    assert story.counts(any_machine, message.pk) == {"queued": 4}


def _fail_at_the_second_call() -> Any:
    real, calls = ledger.add_to_tally, []

    def add(*args: Any, **options: Any) -> None:
        calls.append(args)
        if len(calls) == 2:
            raise OSError("the power went")
        real(*args, **options)

    return add


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    ways=st.fixed_dictionaries({
        way: st.lists(st.integers(0, 5), max_size=6) for way in ("topics", "contacts", "targets", "cc", "bcc", "emails")
    }),
    blocked=st.sets(st.integers(0, 5)),
    page=st.integers(1, 4),
)  # fmt: skip
def test_every_address_that_is_named_gets_exactly_one_row(
    machine: Machine, ways: dict[str, list[int]], blocked: set[int], page: int
) -> None:
    people = f"p{factories.number()}"
    with machine.database.begin() as session:
        contacts = [factories.make_contact(session) for _ in range(6)]
        targets = [
            factories.make_target(session, contact, address=f"{people}-{at}@x.org")
            for at, contact in enumerate(contacts)
        ]
        for at in blocked:
            factories.make_suppression(session, f"{people}-{at}@x.org")
        topics = [factories.make_topic(session, targets=[targets[at]]).id for at in ways["topics"]]
        named = {way: [targets[at].id for at in ways[way]] for way in ("targets", "cc", "bcc")}
        audience: dict[str, Any] = {**named, "topics": topics, "contacts": [contacts[at].id for at in ways["contacts"]]}
        audience["emails"] = [f"{people.upper()}-{at}@x.org" for at in ways["emails"]]
        message: Message = factories.make_message(session, audience=audience)
        lifecycle.start(session, message, MessageEvent.SEND, machine.clock.now())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fanout, "PAGE", page)
        fanout.expand(machine, message.pk)
    wanted = {at for way in ways.values() for at in way}
    expected = {"queued": len(wanted - blocked), "skipped": len(wanted & blocked)}
    assert story.counts(machine, message.pk) == {state: number for state, number in expected.items() if number}
