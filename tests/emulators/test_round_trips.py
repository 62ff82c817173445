"""Each kind once, all the way through a running installation: API, worker, emulator, signed receipt, and the page.

Everything runs in processes of its own, as at a customer's: web, worker, ticker, queue and emulators.
"""

import re
import socket
import urllib.request
from collections.abc import Iterator
from functools import partial
from html import unescape
from typing import Any

import httpx
import pytest

from app.providers import catalog
from app.services.providers import provider_sandbox
from app.services.tracking import sandbox_receipts
from tests.emulators.test_roundtrip import CONTENT
from tests.faults.story import OLGA, Office, signed_in
from tests.faults.tree import Tree, wait_for

KINDS = sorted(catalog())
ADDRESSES = {"email": "ann.{}@example.com", "sms": "+4917010000{:02}", "push": "{:064x}"}
PATIENCE = 40.0  # seconds, on a machine that has much else to do


class Customer:
    """A program with a key, and a person who is signed in, at one running installation."""

    def __init__(self, office: Office, key: str, browser: urllib.request.OpenerDirector) -> None:
        self.office, self.browser = office, browser
        self.api = httpx.Client(
            base_url=f"{office.tree.address}/v1", trust_env=False, timeout=30.0,
            headers={"x-appwrite-project": "default", "x-appwrite-key": key},
        )  # fmt: skip

    def ask(self, method: str, path: str, **body: Any) -> Any:
        """The JSON of a call that works."""
        answer = self.api.request(method, path, json=body or None)
        assert answer.is_success, answer.text
        return answer.json()

    def connect(self) -> None:
        """The Sandbox of every kind, and wait until each service knows where to tell what became of a message."""
        for kind in KINDS:
            with self.office.shop.open(OLGA) as work:
                pk = provider_sandbox.connect_emulated(work, kind).pk
            if catalog()[kind].spec.receipts_hint:
                wait_for(partial(sandbox_receipts.ask, self.office.shop, pk), f"{kind} agrees", PATIENCE, step=0.1)

    def send(self, kind: str) -> None:
        """A message to Ann through the Sandbox of that kind."""
        with self.office.shop.open(OLGA) as work:
            provider = provider_sandbox.connect_emulated(work, kind)
            provider_id, channel = provider.id, provider.channel
        self.ask("POST", "/users", userId=kind, name="Ann")
        address = ADDRESSES[channel].format(KINDS.index(kind))
        bound = {"providerType": channel, "identifier": address, "providerId": provider_id}
        self.ask("POST", f"/users/{kind}/targets", targetId=kind, **bound)
        self.ask("POST", f"/messaging/messages/{channel}", messageId=kind, targets=[kind], **CONTENT[channel])

    def open(self, path: str) -> str:
        """A page, as somebody who is signed in sees it."""
        return str(self.browser.open(f"{self.office.tree.address}{path}").read().decode())

    def delivery(self, kind: str) -> dict[str, Any]:
        """What the API says of Ann; nothing before she is planned for."""
        found = self.ask("GET", f"/messaging/messages/{kind}/deliveries")["deliveries"]
        return dict(found[0]) if found else {}


@pytest.fixture(scope="module")
def customer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Customer]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]  # known beforehand, since receipts are asked for from here as well
    tree = Tree(tmp_path_factory.mktemp("round") / "tree", workers=1, lease_seconds=30, port=port)
    try:
        tree.start()
        office = Office(tree, None)
        office.furnish(port=9)  # Mail of its own; each message below is bound to another provider
        key = tree.run("key", "create", "--project", "default", "--name", "Shop", "--scopes", "all")
        with signed_in(tree.address) as browser:
            caller = Customer(office, key, browser)
            caller.connect()
            yield caller
            caller.api.close()
        office.close()
    finally:
        tree.kill_all()


@pytest.mark.parametrize("kind", KINDS)
def test_a_call_ends_as_a_story_on_the_page(kind: str, customer: Customer) -> None:
    spec = catalog()[kind].spec
    end = "delivered" if spec.receipts_hint and kind != "smtp" else "sent"
    customer.send(kind)
    wait_for(lambda: customer.delivery(kind).get("state") == end, f"{kind}: the delivery is {end}", PATIENCE)
    found = customer.delivery(kind)
    story = customer.ask("GET", f"/messaging/messages/{kind}/deliveries/{found['$id']}")
    assert [each["outcome"] for each in story["history"]] == ["accepted"]
    assert found["providerMessageId"]
    page = customer.open(f"/p/default/deliveries/{found['$id']}")
    shown = " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())
    assert found["providerMessageId"] in shown
    assert "1 attempt" in shown
    assert "What the service said afterwards" in shown or end == "sent"
    assert ("Delivered ·" in shown) == (end == "delivered")
