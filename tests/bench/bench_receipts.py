"""Receipts (P9): signed webhooks taken in under load against a bare Flask view, and thousands applied by their rank."""

import hmac
import json
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.domain.message_states import MessageEvent
from app.domain.receipts import HookRequest
from app.engine import fanout, feedback, lifecycle
from app.engine.accounts import account_of, receipts_url_of
from app.engine.machine import Machine
from app.models.providers import Provider
from app.providers import get
from app.services.providers import providers
from tests.bench.bare_server import running_bare
from tests.bench.load import Asked, requests_a_second
from tests.bench.measure import Measurement, alternate
from tests.faults.story import OLGA, Office, write_message
from tests.faults.tree import Tree

KEY = "a-webhook-signing-key"
VALUES = {
    "apiKey": "key",
    "domain": "mg.acme.example",
    "fromEmail": "news@acme.example",
    "webhookSigningKey": KEY,
    "isEuRegion": False,
}
EVENTS = 10_000
_STORY = ("accepted", "delivered", "opened", "failed")  # what Mailgun tells of one mail; it bounces in the end
_ACCEPTED = "UPDATE deliveries SET state = 'sent', provider_pk = :provider WHERE message_pk = :message"
_COUNTED = "UPDATE tallies SET sent = sent + queued, queued = 0 WHERE message_pk = :message"
_KEYS = "SELECT deliveries.pk || '.' || messages.id FROM deliveries JOIN messages ON messages.pk = message_pk"


def measure(rounds: int) -> Iterator[Measurement]:
    """P9 and P9b."""
    print(f"P9   receipts under 50 clients, and {EVENTS:,} applied, {rounds} rounds", flush=True)
    with _office() as office:
        yield _taken(office, rounds)
        office.tree.kill_all()  # its workers would apply what is to be measured
        yield _applied(office, rounds)


def _taken(office: Office, rounds: int) -> Measurement:
    """A webhook proven, kept and answered; the yardstick keeps its body as well."""
    address, keys = _address(office), _deliveries(office, 32_000)
    supply = (_event(key, "delivered") for key in keys)

    def ask(count: int = 9_000) -> Asked:
        return Asked(address, "POST", {"Content-Type": "application/json"}, bodies=tuple(islice(supply, count)))

    requests_a_second(ask(4_000), 1)  # warm: connections, statements, pages of the database
    with running_bare({"is": "kept"}) as bare_address:
        body = _event("1.message", "delivered")
        bare = Asked(bare_address, "POST", {"Content-Type": "application/json"}, body)
        ours, yardstick = alternate(min(rounds, 3), lambda: requests_a_second(ask()), lambda: requests_a_second(bare))
    ratios = [mine / theirs for mine, theirs in zip(ours, yardstick, strict=True)]
    what = f"receipts: verified and kept ({len(body)} bytes), against a row kept"
    return Measurement("P9", what, "/s", ours, yardstick, ratios, at_least=0.3)


def _applied(office: Office, rounds: int) -> Measurement:
    """Receipts a second that one process applies, in whatever order; AssertionError when a delivery ends wrong."""
    rates = []
    machine = _machine(office)
    for _ in range(rounds):
        keys = _deliveries(office, EVENTS // len(_STORY))
        told = [_event(key, event) for key in keys for event in _STORY]
        random.Random(7).shuffle(told)  # an order, not a secret
        _keep(office, told)
        began = time.perf_counter()
        applied = feedback.apply_due(machine)
        rates.append(applied / (time.perf_counter() - began))
        assert applied == len(told), f"{len(told) - applied} receipts were not looked at"
        _check(office, keys)
    machine.close()
    return Measurement("P9b", f"receipts: {EVENTS:,} queued in any order, applied by rank", "/s", rates)


def _check(office: Office, keys: list[str]) -> None:
    """Whatever came first, a mail that bounced after it was delivered has bounced; none is lost."""
    numbers = {int(key.partition(".")[0]) for key in keys}
    with office.shop.database.read() as session:
        bounced = set(session.scalars(text("SELECT pk FROM deliveries WHERE state = 'bounced'")))
        left = session.scalar(text("SELECT count(*) FROM feedback_events WHERE applied_at IS NULL"))
    assert numbers <= bounced, f"{len(numbers - bounced)} of {len(numbers)} do not end as their receipts say"
    assert left == 0, f"{left} receipts were not applied"


def _deliveries(office: Office, people: int) -> list[str]:
    """The delivery keys of that many mails that Mailgun took."""
    with office.shop.database.begin() as session:
        message, now = write_message(session, people, body="Hello"), office.shop.clock.now()
        lifecycle.start(session, message, MessageEvent.SEND, now)
        lifecycle.pause(session, message, now, by="the benchmark")  # no worker may take them
    fanout.expand(_machine(office), message.pk)
    with office.shop.database.begin() as session:
        about = {"message": message.pk, "provider": _provider(session).pk}
        session.execute(text(_ACCEPTED), about)
        session.execute(text(_COUNTED), about)
        return list(session.scalars(text(f"{_KEYS} WHERE message_pk = :message"), about))


def _event(key: str, event: str) -> str:
    """One webhook of Mailgun's, signed."""
    stamp, token = str(int(time.time())), f"{key}-{event}".ljust(50, "0")[:50]
    signature = hmac.digest(KEY.encode(), (stamp + token).encode(), "sha256").hex()
    about: dict[str, Any] = {
        "event": event, "timestamp": time.time(), "recipient": "person@example.org",
        "user-variables": {"delivery": key}, "message": {"headers": {"message-id": f"{key}@mg.acme.example"}},
    }  # fmt: skip
    if event == "failed":
        answer = {"code": 550, "message": "5.1.1 The email account that you tried to reach does not exist"}
        about |= {"severity": "permanent", "reason": "bounce", "delivery-status": answer}
    proof = {"timestamp": stamp, "token": token, "signature": signature}
    return json.dumps({"signature": proof, "event-data": about})


def _keep(office: Office, told: list[str]) -> None:
    """Take them in as the desk does, without a server between."""
    with office.shop.database.begin() as session:
        provider, now = _provider(session), office.shop.clock.now()
        account = account_of(office.shop.vault, office.shop.settings, provider)
        adapter = get(provider.kind)
        found = [each for body in told for each in adapter.receipts(account, HookRequest(now, body.encode()))]
        feedback.keep(session, (provider.project_pk, provider.pk), found, now)


def _provider(session: Session) -> Provider:
    return session.query(Provider).filter_by(kind="mailgun").one()


def _machine(office: Office) -> Machine:
    shop = office.shop
    return Machine(shop.settings, shop.database, shop.broker, shop.clock, shop.vault)


def _address(office: Office) -> str:
    """Where receipts come in, on this machine."""
    with office.shop.database.read() as session:
        public = receipts_url_of(office.shop.vault, office.shop.settings, _provider(session))
    return office.tree.address + urlsplit(public).path


@contextmanager
def _office() -> Iterator[Office]:
    """A furnished installation of its own with Mailgun connected."""
    with TemporaryDirectory() as folder:
        office = Office(Tree(Path(folder) / "tree").start(), None)
        try:
            office.furnish(port=1)
            with office.shop.open(OLGA) as work:
                made = providers.connect(work, "mailgun", name="Mailgun", values=VALUES)
                made.is_emulated = True  # one out there needs a public address to tell us anything
            yield office
        finally:
            office.close()
            office.tree.kill_all()
