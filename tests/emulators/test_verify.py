"""Verify asks the Sandbox: what the ledger says of a message beside what each emulator received, over sockets."""

import json
import re

import pytest

from app.domain.permissions import Actor
from app.emulators.faults import EVERYONE, Dial
from app.emulators.outbox import Arrival, Names
from app.factory import create_app
from app.providers import get
from app.services.tracking import verifying
from app.services.tracking.verifying import Comparison
from tests.emulators.stage import ADDRESSES, Stage, announced, faults, outbox, running, sandbox, stage
from tests.emulators.test_roundtrip import KINDS
from tests.web.conftest import sign_in

__all__ = ["announced", "faults", "outbox", "running", "sandbox", "stage"]  # fixtures
every_kind = pytest.mark.parametrize("kind", KINDS)
smtp = pytest.mark.parametrize("kind", ["smtp"])


def sent(stage: Stage, first: int = 0) -> int:
    message_pk = stage.write(*(ADDRESSES[stage.channel].format(number) for number in range(first, first + 3)))
    stage.carry(message_pk)
    return message_pk


def asked(stage: Stage, actor: Actor, message_pk: int) -> Comparison:
    with stage.workshop.read(actor) as work:
        message_id = stage.message_id(work.session, message_pk)
    found = verifying.verify(stage.workshop, actor, message_id).sandbox
    assert found is not None
    return found


@every_kind
def test_what_arrived_once_is_known_by_what_travels_with_it(stage: Stage, actor: Actor) -> None:
    first, second = sent(stage), sent(stage, 3)
    for message_pk in (first, second):
        found = asked(stage, actor, message_pk)
        assert (found.compared, found.once, found.problem) == (3, 3, "")
        assert found.agrees
        assert found.labels == [get(stage.provider().kind).spec.label]


@every_kind
def test_what_arrived_without_an_answer_is_named(stage: Stage, actor: Actor) -> None:
    stage.hold_doubt()
    stage.faults.turn(Dial(EVERYONE, "drop-after-dot", remaining=1))
    message_pk = sent(stage)
    found = asked(stage, actor, message_pk)
    if stage.provider().kind == "resend":  # it knows its idempotency key again, so there is no doubt
        assert found.agrees
        return
    doubtful = [each for each in stage.deliveries(message_pk) if each.state == "uncertain"]
    assert [each.pk for each in found.unrecorded.named] == [each.pk for each in doubtful][::-1]
    assert found.once == 3 - len(doubtful) < 3
    assert not found.agrees


@every_kind
def test_what_was_taken_and_lost_is_missing(stage: Stage, actor: Actor) -> None:
    message_pk = sent(stage)
    stage.outbox.clear()
    found = asked(stage, actor, message_pk)
    assert (found.once, found.missing.total, found.kept) == (0, 3, 20_000)
    assert {each.state for each in found.missing.named} == {"sent"}


@smtp
def test_a_second_copy_is_told(stage: Stage, actor: Actor) -> None:
    stage.faults.turn(Dial(EVERYONE, "drop-after-dot", remaining=1))
    message_pk = sent(stage)
    found = asked(stage, actor, message_pk)
    assert (found.once, found.doubled.total, found.missing.total) == (2, 1, 0)


@smtp
def test_of_many_only_the_last_are_compared_and_few_are_named(
    stage: Stage, actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    message_pk = sent(stage)
    stage.outbox.clear()
    monkeypatch.setattr(verifying, "MOST_COMPARED", 2)
    monkeypatch.setattr(verifying, "MOST_NAMED", 1)
    found = asked(stage, actor, message_pk)
    assert (found.audience, found.compared, found.missing.total) == (3, 2, 2)
    assert [each.pk for each in found.missing.named] == [max(each.pk for each in stage.deliveries(message_pk))]


@smtp
def test_what_other_projects_and_messages_sent_counts_for_nobody_here(stage: Stage, actor: Actor) -> None:
    message_pk = sent(stage)
    with stage.workshop.read(actor) as work:
        message_id = stage.message_id(work.session, message_pk)
    key = f"{stage.deliveries(message_pk)[0].pk}.{message_id}"
    for account, reference in (("elsewhere", key), ("default", "1.another"), ("default", "")):
        arrival = Arrival("smtp", account, "a@b.c", ["d@e.f"], "", b"", "c1", False, names=Names(reference))
        stage.outbox.keep(arrival)
    assert asked(stage, actor, message_pk).agrees


@smtp
def test_more_than_a_page_of_the_sandbox_is_read(stage: Stage, actor: Actor) -> None:
    message_pk = sent(stage)
    for _ in range(3):
        many = [f"p{number}@example.com" for number in range(1_000)]
        stage.outbox.keep(Arrival("smtp", "default", "a@b.c", many, "", b"", "c1", False))
    second = sent(stage, 3)
    assert asked(stage, actor, message_pk).agrees
    assert asked(stage, actor, second).agrees


@smtp
def test_without_the_sandbox_it_is_said_that_nothing_was_compared(stage: Stage, actor: Actor) -> None:
    message_pk = sent(stage)
    addresses = stage.workshop.settings.run_dir / "emulators.json"
    told = json.loads(addresses.read_text())
    addresses.write_text(json.dumps({"smtp": told["smtp"] | {"register": "http://127.0.0.1:1"}}))
    assert asked(stage, actor, message_pk).problem == "The Sandbox does not answer. Try again in a moment."
    addresses.unlink()
    found = asked(stage, actor, message_pk)
    assert found.problem == "The Sandbox does not run on this machine, so it cannot be asked."
    assert not found.agrees


@smtp
def test_the_page_says_in_words_what_differs_who_asked_and_when(stage: Stage, actor: Actor) -> None:
    app = create_app(stage.workshop.settings, workshop=stage.workshop)
    olga = sign_in(app, stage.workshop, "olga@acme.example", "admin")
    message_pk = sent(stage)
    with stage.workshop.read(actor) as work:
        address = f"/p/default/messages/{stage.message_id(work.session, message_pk)}/verify"
    page = olga.get(address)
    assert "All 3 deliveries that it accepted arrived there exactly once." in page.text
    assert re.search(r"counted again on .+, for Olga\.", page.text)
    stage.outbox.clear()
    page = olga.get(address)
    assert "Missing: 3" in page.text
    assert "may have been emptied" in page.text
    assert len(page.select("#sandbox a[href^='/p/default/deliveries/']")) == 3
