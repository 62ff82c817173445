"""Every kind that tells what became of a message, all the way: API, worker, emulator, signed receipt, the story."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from werkzeug.serving import make_server

from app.domain.permissions import Actor
from app.emulators.faults import Dial, Faults
from app.emulators.outbox import Outbox
from app.engine import feedback
from app.engine.accounts import account_of
from app.engine.machine import Machine
from app.factory import create_app
from app.infra.clock import SystemClock
from app.infra.settings import Settings
from app.models.deliveries import Delivery
from app.models.feedback import FeedbackEvent
from app.models.providers import Provider
from app.providers import catalog
from app.services import deliveries, keys, provider_sandbox
from app.services.work import Workshop
from tests.api.caller import Caller
from tests.emulators.test_roundtrip import PEOPLE, House, announced, faults, outbox, running

__all__ = ["announced", "faults", "outbox", "running"]  # fixtures

KINDS = sorted(kind for kind, provider in catalog().items() if provider.spec.receipts_hint)
PATIENCE = 20.0  # seconds
# Where a service has to be told the address: its own interface for that. The others are told with each message.
TOLD: dict[str, Callable[[dict[str, Any], str], tuple[str, str, dict[str, Any]]]] = {
    "mailgun": lambda values, url: (
        "POST", f"/domains/{values['domain']}/webhooks",
        {"auth": ("api", values["apiKey"]), "data": {"id": "delivered", "url": url}},
    ),
    "sendgrid": lambda values, url: (
        "PATCH", "/user/webhooks/event/settings",
        {"headers": {"authorization": f"Bearer {values['apiKey']}"}, "json": {"enabled": True, "url": url}},
    ),
    "resend": lambda values, url: (
        "POST", "/webhooks",
        {"headers": {"authorization": f"Bearer {values['apiKey']}"}, "json": {"endpoint": url, "events": []}},
    ),
    "textmagic": lambda values, url: (
        "PUT", "/callback/settings",
        {"headers": {"x-tm-username": values["username"], "x-tm-key": values["apiKey"]}, "data": {"outUrl": url}},
    ),
}  # fmt: skip


@pytest.fixture
def house(
    announced: dict[str, dict], settings: Settings, workshop: Workshop, actor: Actor, outbox: Outbox, faults: Faults
) -> Iterator[House]:
    """The same as there, with a web server that really listens; emulators sign with the real time, so that it is."""
    workshop.clock = SystemClock()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    workshop.settings = settings.model_copy(update={"port": port})
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
    """Tell the service where receipts go, as its customers do."""
    with house.workshop.open(house.actor) as work:
        provider = provider_sandbox.connect_emulated(work, kind)
        account = account_of(work.vault, work.settings, provider)
    if kind in TOLD:
        method, path, options = TOLD[kind](dict(account.values), account.receipts_url)
        answer = httpx.request(method, account.endpoint + path, **options)
        assert answer.is_success, answer.text


def wait_for_states(house: House, state: str) -> None:
    """Apply what has come in until every delivery is there."""
    end = time.monotonic() + PATIENCE
    while {each["state"] for each in house.deliveries()} != {state}:
        assert time.monotonic() < end, house.deliveries()
        time.sleep(0.05)
        feedback.apply_due(house.machine)


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


@pytest.mark.parametrize("fault", ["receipts-backwards", "receipts-twice"])
@pytest.mark.parametrize("kind", ["sendgrid", "twilio"])
def test_order_and_repetition_change_nothing(kind: str, fault: str, house: House) -> None:
    tell_address(house, kind)
    house.faults.turn(Dial("default", fault))
    house.send(kind)
    wait_for_states(house, "delivered")
    with house.workshop.database.read() as session:
        ids = [(row.provider_pk, row.event_id) for row in session.query(FeedbackEvent)]
    assert len(ids) == len(set(ids))


def test_the_emulator_of_each_kind_comes_with_what_proves_its_receipts(house: House) -> None:
    found = json.loads((Path(house.workshop.settings.run_dir) / "emulators.json").read_text())
    for kind in KINDS:
        needed = {field.name for field in catalog()[kind].spec.fields if field.proves_receipts}
        assert needed <= set(found[kind]["values"]), kind
    with house.workshop.database.read() as session:
        assert session.query(Provider).count() == 0
