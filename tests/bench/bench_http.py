"""Push and SMS end to end through a real `carillon up`, one request a recipient (P3), against a bare client's loop."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import uvloop
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pyreqwest.client import Client, ClientBuilder

from app.domain.content import content_of
from app.domain.rendered import Recipient
from app.infra.http import HttpRequest
from app.providers import get
from app.providers.base import Account
from app.providers.http import HttpProvider, Item
from app.rendering import prepare
from app.services.providers import providers
from tests.bench.measure import Measurement, alternate
from tests.bench.nginx import running_nginx
from tests.bench.sending import seconds_to_send
from tests.faults.story import OLGA, Office, write_message
from tests.faults.tree import Tree

IN_FLIGHT = 50
TOKEN = json.dumps({"access_token": "ya29.bench", "expires_in": 3599, "token_type": "Bearer"})


@dataclass(frozen=True)
class Kind:
    """A kind of provider, what it answers, how it is connected, and what is sent through it."""

    name: str
    channel: str
    http2: bool
    answers: dict[str, tuple[int, str]]
    values: Callable[[], dict[str, Any]]
    content: dict[str, str]
    address: str


def _service_account() -> dict[str, Any]:
    key = generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    file = {"type": "service_account", "project_id": "acme", "private_key": key, "client_email": "a@acme.example"}
    return {"serviceAccountJSON": json.dumps(file | {"token_uri": "https://oauth2.googleapis.com/token"})}


KINDS = (
    Kind(
        "fcm", "push", True,
        {"/": (200, json.dumps({"name": "projects/acme/messages/0:1500415314455276"}))},
        _service_account, {"title": "Autumn news", "body": "Hello {{ name | there }}, the workshop is open again."},
        "device-token-of-c1234",
    ),
    Kind(
        "twilio", "sms", False,
        {"/": (201, json.dumps({"sid": f"SM{'0' * 32}", "status": "queued", "num_segments": "1"}))},
        lambda: {"accountSid": f"AC{'0' * 32}", "authToken": "0" * 32, "from": "+12025550100"},
        {"text": "Hello {{ name | there }}, the workshop is open again."}, "+12025550123",
    ),
)  # fmt: skip


def measure(people: int, rounds: int) -> Iterator[Measurement]:
    """P3 for push (HTTP/2) and P3b for SMS (HTTP/1.1)."""
    for name, kind in zip(("P3", "P3b"), KINDS, strict=True):
        print(f"{name:4} {people:,} {kind.channel} messages, one request each, {rounds} rounds", flush=True)
        yield _compare(name, kind, people, rounds)


def _compare(name: str, kind: Kind, people: int, rounds: int) -> Measurement:
    with (
        running_nginx(kind.answers, http2=kind.http2) as address,
        running_nginx({"/": (200, TOKEN)}) as sign_in,
        _office(kind, {kind.name: address, f"{kind.name}_token": sign_in}) as office,
    ):
        _send(office, kind, people // 10)  # warm: connections, token, caches, pages of the database
        ours, yardstick = alternate(
            rounds, lambda: people / _send(office, kind, people), lambda: bare_rate(address, kind, people)
        )
    ratios = [mine / theirs for mine, theirs in zip(ours, yardstick, strict=True)]
    what = f"{kind.channel} end to end, {people:,} recipients, {kind.name}, 2 workers"
    return Measurement(name, what, "/s", ours, yardstick, ratios, at_least=0.6)


def _send(office: Office, kind: Kind, people: int) -> float:
    """Seconds from the service call to the moment the ledger says it ended."""
    with office.shop.database.begin() as session:
        message = str(write_message(session, people, channel=kind.channel, content=kind.content).id)
    return seconds_to_send(office, message, people)


def bare_rate(address: str, kind: Kind, total: int) -> float:
    """Requests a second of the client under ours in a loop, with a body as ours is and nothing remembered."""
    request = _request_of(kind)
    return total / uvloop.run(_loop(address, request, kind, total))


async def _loop(address: str, request: HttpRequest, kind: Kind, total: int) -> float:
    builder = ClientBuilder().no_proxy()
    async with (builder.http2_prior_knowledge() if kind.http2 else builder).build() as client:
        left = iter(range(total))
        began = time.perf_counter()
        await asyncio.gather(*(_carry(client, address, request, left) for _ in range(IN_FLIGHT)))
        return time.perf_counter() - began


async def _carry(client: Client, address: str, request: HttpRequest, left: Iterator[int]) -> None:
    for _ in left:
        asked = client.post(address + request.path).headers(request.headers).body_bytes(request.body)
        reply = await asked.build().send()
        await reply.bytes()
        assert reply.status in (200, 201)


def _request_of(kind: Kind) -> HttpRequest:
    """What the adapter would ask for one person."""
    adapter = get(kind.name)
    assert isinstance(adapter, HttpProvider)
    person = Recipient(kind.address, "Person 1234", {"name": "Person 1234"})
    rendered = prepare(content_of(kind.channel, kind.content)).render(person)
    return adapter.request(Account("bench", kind.values()), [Item(0, "1234.message", person, rendered)])


@contextmanager
def _office(kind: Kind, places: dict[str, str]) -> Iterator[Office]:
    """A furnished installation of its own whose provider of that kind is really at those places."""
    with TemporaryDirectory() as folder:
        tree = Tree(Path(folder) / "tree", lease_seconds=60, provider_endpoints=places)
        office = Office(tree.start(), None)
        try:
            office.furnish(port=1)
            with office.shop.open(OLGA) as work:
                providers.connect(work, kind.name, name=kind.name, values=kind.values())
            yield office
        finally:
            office.close()
            office.tree.kill_all()
