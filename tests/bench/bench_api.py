"""The API under 50 clients (P8): a message, a list, a new subscriber, each against a bare Flask view (`bare_flask`)."""

import json
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import insert

from app.infra.db import Database
from app.models.contacts import Contact
from app.models.targets import Target
from app.services.team import keys
from tests import factories
from tests.bench.bare_server import running_bare
from tests.bench.load import Asked, requests_a_second
from tests.bench.measure import Measurement, alternate
from tests.conftest import START
from tests.faults.story import OLGA, Office
from tests.faults.tree import Tree

TARGETS = 40_000  # more than one run can subscribe
MESSAGES = 60
_DATES = {"created_at": START, "updated_at": START}


@dataclass
class Api:
    """A whole installation with things to ask for, and a key that may."""

    office: Office
    secret: str
    topics: Iterator[int] = field(default_factory=count)

    def ask(self, path: str, method: str = "GET", body: str = "") -> Asked:
        """A request as an SDK makes it."""
        headers = {
            "X-Appwrite-Project": "default", "X-Appwrite-Key": self.secret, "Content-Type": "application/json",
            "X-Appwrite-Response-Format": "2.5.0", "User-Agent": "AppwritePythonSDK/27.0.0",
        }  # fmt: skip
        return Asked(f"{self.office.tree.address}/v1{path}", method, headers, body)

    def subscribe(self) -> Asked:
        """A request that subscribes another target each time, to a topic that nobody is in yet."""
        topic = f"topic{next(self.topics)}"
        with self.office.shop.database.begin() as session:
            factories.make_topic(session, id=topic)
        body = {"subscriberId": "unique()", "targetId": "tNUMBER"}
        return self.ask(f"/messaging/topics/{topic}/subscribers", "POST", json.dumps(body))


def measure(rounds: int) -> Iterator[Measurement]:
    """P8 to P8c."""
    print(f"P8   the API under 50 clients, {rounds} rounds", flush=True)
    with _api() as api:
        message = f"/messaging/messages/{_first(api, '/messaging/messages', 'messages')}"
        yield _compare("P8", "API: get a message", rounds, lambda: api.ask(message))
        yield _compare("P8b", "API: list 25 messages of 60", rounds, lambda: api.ask("/messaging/messages"))
        yield _compare("P8c", "API: create a subscriber, against a row kept", rounds, api.subscribe)


def _compare(name: str, what: str, rounds: int, ask: Callable[[], Asked]) -> Measurement:
    body = _answer(ask())
    with running_bare(body) as address:
        bare = Asked(address, ask().method, {"Content-Type": "application/json"}, ask().body)
        requests_a_second(ask(), 1)  # warm: connections, statements, pages of the database
        ours, yardstick = alternate(rounds, lambda: requests_a_second(ask()), lambda: requests_a_second(bare))
    ratios = [mine / theirs for mine, theirs in zip(ours, yardstick, strict=True)]
    return Measurement(name, f"{what} ({len(json.dumps(body)):,} bytes)", "/s", ours, yardstick, ratios, at_least=0.4)


def _answer(asked: Asked) -> Any:
    """The JSON that one such request is answered with."""
    body = asked.body.replace("NUMBER", "1").encode() or None
    request = urllib.request.Request(asked.url, body, dict(asked.headers), method=asked.method)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def _first(api: Api, path: str, noun: str) -> str:
    return str(_answer(api.ask(path))[noun][0]["$id"])


@contextmanager
def _api() -> Iterator[Api]:
    with TemporaryDirectory() as folder:
        office = Office(Tree(Path(folder) / "tree").start(), None)
        try:
            office.furnish(port=1)
            with office.shop.open(OLGA) as work:
                _, secret = keys.create_key(work, name="Bench", scopes=["all"])
            fill(office.shop.database)
            yield Api(office, secret)
        finally:
            office.close()
            office.tree.kill_all()


def fill(database: Database) -> None:
    """People with an address each (t1, t2 and so on), and messages."""
    with database.begin() as session:
        contact = {"project_pk": 1, "name": "Person", "name_key": "person", "attributes": {}} | _DATES
        session.execute(insert(Contact), [contact | {"id": f"c{number}"} for number in range(1, TARGETS + 1)])
        pks = dict(session.query(Contact.id, Contact.pk).tuples())
        target = {"project_pk": 1, "channel": "email", "name": ""} | _DATES
        session.execute(insert(Target), [
            target | {
                "id": f"t{number}", "contact_pk": pks[f"c{number}"], "address": f"c{number}@example.org",
                "address_key": f"c{number}@example.org",
            }
            for number in range(1, TARGETS + 1)
        ])  # fmt: skip
        topic = factories.make_topic(session, id="readers")
        for _ in range(MESSAGES):
            factories.make_message(session, body="Hello", audience={"topics": [topic.id]})
