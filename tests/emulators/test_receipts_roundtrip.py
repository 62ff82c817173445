"""Every kind that tells what became of a message, all the way: API, worker, emulator, signed receipt, the story."""

import json
import os
import re
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select
from werkzeug.serving import make_server

from app.domain.permissions import Actor
from app.emulators.faults import Dial, Faults
from app.emulators.outbox import Outbox
from app.engine import dispatch, fanout, feedback
from app.engine.accounts import account_of
from app.engine.machine import Machine
from app.factory import create_app
from app.infra.clock import SystemClock
from app.infra.http import HttpRequest
from app.infra.settings import Settings
from app.infra.sigv4 import SigningKey, sign_request
from app.models.deliveries import Delivery
from app.models.feedback import FeedbackEvent
from app.models.messages import Message
from app.models.providers import Provider
from app.models.suppressions import Suppression
from app.providers import catalog
from app.providers.base import Account
from app.services.providers import provider_sandbox
from app.services.team import keys
from app.services.tracking import deliveries, sandbox_receipts
from app.services.work import Workshop
from tests.api.caller import Caller
from tests.emulators.test_roundtrip import CONTENT, PEOPLE, House, announced, faults, outbox, running

__all__ = ["announced", "faults", "outbox", "running"]  # fixtures

KINDS = sorted(kind for kind, provider in catalog().items() if provider.spec.receipts_hint)
BOUNCING = sorted(set(KINDS) - {"textmagic", "msg91"})  # those have a word for what failed, none for a dead number
COMPLAINING = [kind for kind in KINDS if catalog()[kind].spec.channel.value == "email"]
PATIENCE = 20.0  # seconds


@pytest.fixture
def house(
    announced: dict[str, dict], settings: Settings, workshop: Workshop, actor: Actor, outbox: Outbox, faults: Faults
) -> Iterator[House]:
    """The same as there, with a web server that really listens; emulators sign with the real time, so that it is."""
    workshop.clock = SystemClock()
    workshop.broker.redis.flushdb()  # limits that other tests' providers of the same number have learnt
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    workshop.settings = settings.but({"port": port})
    app = create_app(workshop.settings, workshop=workshop)
    server = make_server("127.0.0.1", port, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    with workshop.open(actor) as work:
        secret = keys.create_key(work, name="Shop", scopes=["all"], expires_at=None)[1]
    machine = Machine(workshop.settings, workshop.database, workshop.broker, workshop.clock, workshop.vault)
    yield House(workshop, actor, machine, Caller(app, secret), outbox, faults)
    machine.close()
    server.shutdown()
    server.server_close()
    thread.join()


def tell_address(house: House, kind: str) -> None:
    """Connect the Sandbox and let the emulator be told where we listen, as a worker does when the ticker rings."""
    with house.workshop.open(house.actor) as work:
        provider = provider_sandbox.connect_emulated(work, kind)
    end = time.monotonic() + PATIENCE
    while not sandbox_receipts.ask(house.workshop, provider.pk):
        assert time.monotonic() < end, "the emulator does not agree"
        time.sleep(0.05)


def wait_for_states(house: House, state: str) -> None:
    """Apply what has come in until every delivery is there."""
    end = time.monotonic() + PATIENCE
    while {each["state"] for each in house.deliveries()} != {state}:
        assert time.monotonic() < end, [(each["state"], each.get("reason")) for each in house.deliveries()]
        time.sleep(0.05)
        go_on(house)
        feedback.apply_due(house.machine)


def go_on(house: House) -> None:
    """Send what is due and was not sent at once, as the ticker's bells do: a provider may have asked for a moment."""
    with house.workshop.database.read() as session:
        queued = select(Delivery.message_pk).where(
            Delivery.state == "queued", Delivery.next_attempt_at <= SystemClock().now()
        )
        waiting = set(session.scalars(queued))
    for pk in waiting:
        dispatch.drain(house.machine, pk)


def stories(house: House) -> list[list[str]]:
    """What each delivery's story says of receipts, in their order."""
    with house.workshop.read(house.actor) as work:
        pks = [pk for (pk,) in work.session.query(Delivery.pk)]
        return [[row.event for row, _ in deliveries.story_of(work, pk).receipts] for pk in pks]


@pytest.mark.parametrize("kind", KINDS)
def test_what_the_service_says_afterwards_stands_in_the_story(kind: str, house: House) -> None:
    tell_address(house, kind)
    house.send(kind)
    wait_for_states(house, "delivered")
    told = stories(house)
    assert len(told) == PEOPLE
    assert all("delivered" in each for each in told)
    assert house.api.get("/messaging/messages/m")["deliveredTotal"] == PEOPLE


@dataclass
class Round:
    """One message to one person through every kind, with the same dial for all of them."""

    house: House
    name: str  # ends the ids of its messages: Resend knows for a day which ones it has sent

    def start(self, fault: str, amount: int = 0) -> None:
        """Connect every Sandbox, turn the dial, and send."""
        for kind in KINDS:
            tell_address(self.house, kind)
        self.house.faults.turn(Dial("default", fault, amount=amount))
        for kind in KINDS:
            self._send(kind)

    def _send(self, kind: str) -> None:
        api, channel = self.house.api, catalog()[kind].spec.channel.value
        with self.house.workshop.open(self.house.actor) as work:
            provider_id = provider_sandbox.connect_emulated(work, kind).id
        api.post("/users", userId=kind, name="Ann")
        address = {"email": f"{kind}@example.com", "sms": f"+49170100000{KINDS.index(kind)}"}[channel]
        bound = {"providerType": channel, "identifier": address, "providerId": provider_id}
        api.post(f"/users/{kind}/targets", targetId=kind, **bound)
        api.post(f"/messaging/messages/{channel}", messageId=f"{kind}-{self.name}", targets=[kind], **CONTENT[channel])
        with self.house.workshop.database.read() as session:
            pk = session.query(Message.pk).filter(Message.id == f"{kind}-{self.name}").scalar()
        fanout.expand(self.house.machine, pk)
        dispatch.drain(self.house.machine, pk)

    def states(self) -> dict[str, str]:
        """How each kind's delivery stands, once what has come in is applied."""
        go_on(self.house)
        feedback.apply_due(self.house.machine)
        rows = {kind: self.house.api.get(f"/messaging/messages/{kind}-{self.name}/deliveries") for kind in KINDS}
        return {kind: found["deliveries"][0]["state"] for kind, found in rows.items()}

    def told(self) -> dict[str, list[str]]:
        """What each kind's delivery was told, in the order in which it came in, once each."""
        with self.house.workshop.database.read() as session:
            rows = session.query(Provider.kind, FeedbackEvent.event).join(
                FeedbackEvent, FeedbackEvent.provider_pk == Provider.pk
            )
            found: dict[str, list[str]] = {kind: [] for kind in KINDS}
            for kind, event in rows.order_by(FeedbackEvent.pk):
                found[kind].append(event)
            return found

    def wait(self, expected: dict[str, str]) -> None:
        """Until every kind stands as it should."""
        end = time.monotonic() + PATIENCE
        while (states := self.states()) != expected:
            assert time.monotonic() < end, states
            time.sleep(0.05)

    def suppressed(self) -> dict[str, str]:
        """Why an address must not be written to any more."""
        with self.house.workshop.database.read() as session:
            return {row.address_key: row.reason for row in session.query(Suppression)}


@pytest.fixture
def every_kind(house: House) -> Round:
    return Round(house, secrets.token_hex(4))


def everywhere(state: str) -> dict[str, str]:
    return dict.fromkeys(KINDS, state)


@pytest.mark.parametrize("fault", ["receipts-backwards", "receipts-twice"])
def test_order_and_repetition_change_nothing(fault: str, every_kind: Round) -> None:
    every_kind.start(fault)
    every_kind.wait(everywhere("delivered"))
    time.sleep(0.5)  # whatever else is on its way
    every_kind.wait(everywhere("delivered"))
    for kind, told in every_kind.told().items():
        assert len(told) == len(set(told)), kind
        if fault == "receipts-backwards" and kind != "sendgrid":  # that one has all of its events in one request
            assert told[0] == "delivered", kind


def test_what_never_comes_leaves_the_delivery_where_it_is(every_kind: Round) -> None:
    every_kind.start("receipts-never")
    time.sleep(1.0)
    assert every_kind.states() == everywhere("sent")
    assert every_kind.told() == {kind: [] for kind in KINDS}


def test_what_comes_late_is_no_less_true(every_kind: Round) -> None:
    every_kind.start("receipts-late", 3)
    assert every_kind.told()[KINDS[-1]] == []
    every_kind.wait(everywhere("delivered"))


def test_a_bounce_that_comes_late_wins_over_a_delivery_and_a_mere_failure_does_not(every_kind: Round) -> None:
    every_kind.start("late-bounce", 1)
    bounced = {kind: "bounced" if kind in BOUNCING else "delivered" for kind in KINDS}
    every_kind.wait(bounced)
    signed = [address for address, reason in every_kind.suppressed().items() if reason == "hard_bounce"]
    # What nobody signed suppresses nobody: Vonage signs only for accounts that ask for it.
    assert len(signed) == len(set(BOUNCING) - {"vonage"})
    for kind, told in every_kind.told().items():
        assert "delivered" in told, kind
        assert {"bounced", "failed"} & set(told), kind


def test_a_complaint_leaves_the_delivery_and_suppresses_the_person(every_kind: Round) -> None:
    every_kind.start("complaint", 1)
    every_kind.wait(everywhere("delivered"))
    end = time.monotonic() + PATIENCE
    expected = {f"{kind}@example.com": "complaint" for kind in COMPLAINING}
    while every_kind.suppressed() != expected:
        assert time.monotonic() < end, every_kind.suppressed()
        time.sleep(0.05)
        assert every_kind.states() == everywhere("delivered")


@pytest.mark.parametrize("version", ["v2", "v3", "v4", "new"])
def test_every_version_of_msg91_s_webhook_is_understood(version: str, house: House) -> None:
    with house.workshop.open(house.actor) as work:
        provider = provider_sandbox.connect_emulated(work, "msg91")
        account = account_of(work.vault, work.settings, provider)
    wanted = {"url": account.receipts_url, "version": version}
    assert httpx.post(account.side_endpoints["console"], json=wanted).is_success
    house.send("msg91")
    wait_for_states(house, "delivered")


@pytest.mark.parametrize(("signature", "raw"), [("1", False), ("2", False), ("1", True)])
def test_both_signatures_of_sns_and_raw_delivery_are_understood(signature: str, raw: bool, house: House) -> None:
    with house.workshop.open(house.actor) as work:
        provider = provider_sandbox.connect_emulated(work, "ses")
        account = account_of(work.vault, work.settings, provider)
    topic = account.values["topicArn"]
    ask_sns(account, Action="SetTopicAttributes", AttributeName="SignatureVersion", AttributeValue=signature)
    options = {"Attributes.entry.1.key": "RawMessageDelivery", "Attributes.entry.1.value": str(raw).lower()}
    fields = {"Protocol": "http", "Endpoint": account.receipts_url, "TopicArn": topic, **options}
    end = time.monotonic() + PATIENCE
    while "pending confirmation" in ask_sns(account, Action="Subscribe", **fields):
        assert time.monotonic() < end
        time.sleep(0.05)
    house.send("ses")
    wait_for_states(house, "delivered")
    with house.workshop.database.read() as session:
        assert {row.is_proven for row in session.query(FeedbackEvent)} == {not raw}


def ask_sns(account: Account, **fields: str) -> str:
    """What the emulated SNS says to a request that is signed as Amazon's own clients sign."""
    key = SigningKey(str(account.values["accessKey"]), str(account.values["secretKey"]), "eu-west-1", "sns")
    base = account.side_endpoints["sns"]
    request = sign_request(base, HttpRequest.form("/", list(fields.items())), key, SystemClock().now())
    answer = httpx.post(base + request.path, content=request.body, headers=dict(request.headers))
    assert answer.is_success, answer.text
    return answer.text


def test_an_emulator_is_told_again_when_it_starts_anew_or_we_listen_elsewhere(house: House) -> None:
    with house.workshop.open(house.actor) as work:
        pk = provider_sandbox.connect_emulated(work, "sendgrid").pk
    house.workshop.broker.redis.flushdb()
    assert rung(house) == 1
    assert sandbox_receipts.ask(house.workshop, pk)
    assert rung(house) == 0, "it knows"
    addresses = house.workshop.settings.run_dir / "emulators.json"
    os.utime(addresses, ns=(1, 1))
    assert rung(house) == 1, "it has started anew"
    assert sandbox_receipts.ask(house.workshop, pk)
    house.workshop.settings = house.workshop.settings.but({"port": 1})
    assert rung(house) == 1, "we listen elsewhere"
    addresses.unlink()
    assert rung(house) == 0, "nobody is there to be told"


def test_an_emulator_that_does_not_answer_is_not_counted_as_told(house: House) -> None:
    with house.workshop.open(house.actor) as work:
        pk = provider_sandbox.connect_emulated(work, "msg91").pk
    addresses = house.workshop.settings.run_dir / "emulators.json"
    addresses.write_text(re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:1", addresses.read_text()))
    assert not sandbox_receipts.ask(house.workshop, pk)
    house.workshop.broker.redis.flushdb()
    assert rung(house) == 1


def test_a_dial_does_not_reach_the_settings_of_receipts(house: House) -> None:
    house.faults.turn(Dial("default", "server-error", remaining=1))
    for kind in KINDS:
        tell_address(house, kind)
    assert [dial.remaining for dial in house.faults.dials()] == [1]


def rung(house: House) -> int:
    """How many bells the ticker's look rings."""
    before = house.workshop.broker.waiting()["bulk"]
    sandbox_receipts.ring_untold(house.workshop)
    count = house.workshop.broker.waiting()["bulk"] - before
    house.workshop.broker.redis.flushdb()
    return count


def test_the_emulator_of_each_kind_comes_with_what_proves_its_receipts(house: House) -> None:
    found = json.loads((Path(house.workshop.settings.run_dir) / "emulators.json").read_text())
    for kind in KINDS:
        needed = {field.name for field in catalog()[kind].spec.fields if field.proves_receipts}
        assert needed <= set(found[kind]["values"]), kind
    with house.workshop.database.read() as session:
        assert session.query(Provider).count() == 0
