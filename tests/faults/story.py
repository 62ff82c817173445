"""One send to many people through a whole tree: prepared, begun, watched, and held against what the sink accepted."""

import http.cookiejar
import re
import sqlite3
import time
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields

from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from app.domain.permissions import Actor, ActorKind, Role, permissions_of
from app.engine import balance, ledger
from app.infra.smtp_intake import STARTS_AT_ONCE
from app.infra.smtp_opening import SmtpRoute
from app.models.messages import Message
from app.models.providers import Provider
from app.services.providers import providers
from app.services.sending import sending, watching
from app.services.team import members, projects
from app.services.work import Workshop
from tests import factories
from tests.faults.tree import Sink, Tree

OLGA = Actor(ActorKind.MEMBER, "Olga", project_pk=1, pk=1, permissions=permissions_of(frozenset({Role.ADMIN})))
EMAIL, PASSWORD = "olga@acme.example", "correct horse battery staple"
CONNECTIONS = next(int(each.default) for each in fields(SmtpRoute) if each.name == "connections_at_most")
IN_FLIGHT = 2 * CONNECTIONS + STARTS_AT_ONCE  # of one worker: on the wire, behind the dot, announced

_CITY = """'{"city": "Berlin"}'"""
_PEOPLE = """
INSERT INTO contacts (project_pk, id, name, name_key, attributes, is_demo, created_at, updated_at)
SELECT 1, 'c' || value, 'Person ' || value, 'person ' || value, '{"city": "Berlin"}', false, 0, 0
FROM (WITH RECURSIVE n(value) AS (SELECT CAST(:first AS INTEGER) UNION ALL SELECT value + 1 FROM n WHERE value < :last)
      SELECT value FROM n) AS numbers
"""
_TARGETS = """
INSERT INTO targets (project_pk, id, contact_pk, channel, address, address_key, name, created_at, updated_at)
SELECT 1, id, pk, :channel, {address}, {address}, '', 0, 0
FROM contacts WHERE pk > :before
"""
_ADDRESSES = {
    "email": "id || '@example.org'",
    "sms": "'+1202' || substr('0000000' || pk, -7)",
    "push": "'device-token-of-' || id",
}
_DELIVERIES = "SELECT pk, address, was_uncertain FROM deliveries WHERE message_pk = :pk"
_ATTEMPTS = "SELECT delivery_pk, outcome FROM attempts WHERE message_pk = :pk"
_SUBSCRIBERS = """
INSERT INTO subscribers (project_pk, id, topic_pk, target_pk, created_at, updated_at)
SELECT 1, id || '-' || :topic, :topic, pk, 0, 0 FROM targets WHERE pk > :before
"""


def write_message(
    session: Session, people: int, *, body: str = "", channel: str = "email", content: dict[str, str] | None = None
) -> Message:
    """A draft to that many new people, through a topic of their own; `content` is that of another channel."""
    first = (session.scalar(text("SELECT max(pk) FROM contacts")) or 0) + 1
    before = session.scalar(text("SELECT max(pk) FROM targets")) or 0
    # PostgreSQL wants the cast, of which SQLite would make the number 0.
    cast = _PEOPLE if session.get_bind().dialect.name == "sqlite" else _PEOPLE.replace(_CITY, f"CAST({_CITY} AS JSON)")
    session.execute(text(cast), {"first": first, "last": first + people - 1})
    session.execute(text(_TARGETS.format(address=_ADDRESSES[channel])), {"before": first - 1, "channel": channel})
    topic = factories.make_topic(session, id=f"news{first}")
    session.execute(text(_SUBSCRIBERS), {"topic": topic.pk, "before": before})
    message: Message = factories.make_message(
        session, body=body, channel=channel, content=content, audience={"topics": [topic.id]}
    )
    return message


@dataclass(frozen=True)
class Truth:
    """What came of a send, counted at the sink and in the ledger."""

    audience: int
    never: int
    twice: int  # copies beyond the first
    unmarked: int  # of these, how many the ledger has no uncertain attempt for
    uncertain: int  # attempts whose end was not known
    attempts: int

    def __str__(self) -> str:
        return (
            f"{self.audience} people: never sent {self.never}, sent twice {self.twice}, of these not marked "
            f"{self.unmarked}; attempts of unknown end {self.uncertain}, attempts in all {self.attempts}"
        )


class Office:
    """The dashboard's side of a tree: people and messages, by the services that the pages call."""

    def __init__(self, tree: Tree, sink: Sink | None) -> None:
        self.tree = tree
        if sink is not None:
            self.sink = sink
        self.shop: Workshop = Workshop.equip(tree.settings)
        self.provider_id = ""

    def furnish(self, **provider: object) -> None:
        """The project, its admin, and an SMTP provider that sends to the sink (or where `provider` says)."""
        outside = Actor(ActorKind.SYSTEM, "system", permissions=OLGA.permissions)
        with self.shop.open(outside) as work:
            projects.create_project(work, "default", name="Acme")
            members.create_member(work, EMAIL, PASSWORD, role="admin", project_id="default", name="Olga")
        with self.shop.open(OLGA) as work:
            self.provider_id = factories.make_provider(
                work, **({"port": self.sink.port} if "port" not in provider else {}) | provider
            ).id

    def write(
        self,
        people: int,
        *,
        body: str = "Hello {{ name | there }}, greetings to {{ city | town }}.",
        through: str = "",
    ) -> str:
        """A draft to that many people whom no other message has, `through` one provider or as routing likes; its id."""
        with self.shop.database.begin() as session:
            message = write_message(session, people, body=body)
            if through:
                message.provider_pk = session.query(Provider.pk).filter_by(project_pk=1, id=through).scalar()
            return str(message.id)

    def send(self, message_id: str) -> None:
        with self.shop.open(OLGA) as work:
            sending.send(work, message_id)

    def pause(self, message_id: str) -> None:
        with self.shop.open(OLGA) as work:
            sending.pause(work, message_id)

    def resume(self, message_id: str) -> None:
        with self.shop.open(OLGA) as work:
            sending.resume(work, message_id)

    def schedule(self, message_id: str, wall: str) -> None:
        with self.shop.open(OLGA) as work:
            sending.schedule(work, message_id, wall, "UTC")

    def change_password(self, password: str) -> None:
        with self.shop.open(OLGA) as work:
            provider = providers.find_provider(work, self.provider_id)
            typed = providers.settings_of(work, provider) | {"username": "acme", "password": password}
            providers.change(work, self.provider_id, name=provider.name, values=typed, policy=provider.uncertain_policy)

    def message(self, message_id: str) -> Message:
        """As it stands now; waits for a database that is away."""
        end = time.monotonic() + 60
        while True:
            try:
                with self.shop.database.read() as session:
                    return session.query(Message).filter_by(project_pk=1, id=message_id).one()
            except OperationalError:
                assert time.monotonic() < end
                time.sleep(0.1)

    def senders(self) -> list[int]:
        """The worker processes that hold a batch at this moment."""
        with self.shop.database.read() as session:
            names = session.scalars(text("SELECT worker FROM batches WHERE state = 'open'")).all()
        running = self.tree.pids("worker")
        return sorted({int(name.partition(":")[2]) for name in names}.intersection(running))

    def has_begun_letters(self, worker: int) -> bool:
        """Whether that process wrote down letters as begun whose answer it has not read yet."""
        with self.shop.database.read() as session:
            batches = session.execute(text("SELECT pk, worker FROM batches WHERE state = 'open'")).all()
        mine = [pk for pk, name in batches if name.endswith(f":{worker}")]
        files = [file for pk in mine for file in self.tree.folder.glob(f"journal/{pk}-*.journal")]
        lines = [line.split() for file in files for line in file.read_text().splitlines()]
        begun = sum(len(words) - 1 for words in lines if words[:1] == ["s"])
        return begun > sum(words[:1] != ["s"] for words in lines)

    def may_write(self) -> bool:
        """Whether SQLite's write lock becomes free within a second."""
        connection = sqlite3.connect(str(self.shop.database.url.database), timeout=1.0, isolation_level=None)
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
        finally:
            connection.close()
        return True

    def wait_until_settled(self, message_id: str, seconds: float = 120.0) -> None:
        """Wait for the message's end, which is `sent`."""
        end = time.monotonic() + seconds
        while self.message(message_id).settled_at is None:
            assert time.monotonic() < end, self.story(message_id)
            time.sleep(0.05)
        assert self.message(message_id).status == "sent", self.story(message_id)

    def story(self, message_id: str) -> str:
        """How the message stands, for a failing test."""
        message = self.message(message_id)
        with self.shop.database.read() as session:
            counts = balance.recount(session, message.pk)
        return f"{message.status}, waits for {message.waiting_reason!r}, {counts}"

    def truth(self, message_id: str) -> Truth:
        """The ledger held against the sink; the tally, the rows and the page must say the same as the sink."""
        pk, got = self.message(message_id).pk, self.sink.recipients()
        with self.shop.database.read() as session:
            tally, rows = ledger.tally_of(session, pk), balance.recount(session, pk)
            deliveries = session.execute(text(_DELIVERIES), {"pk": pk}).all()
            tries = session.execute(text(_ATTEMPTS), {"pk": pk}).all()
        assert tally is not None
        wanted = {row.pk: row.address for row in deliveries}
        marked = {row.pk for row in deliveries if row.was_uncertain}
        unsure = Counter(row.delivery_pk for row in tries if row.outcome == "uncertain")
        assert {state: getattr(tally, state) for state in ledger.STATES} == rows
        arrived = {address for address in wanted.values() if got[address]}
        assert rows["sent"] == len(arrived) == self.shown_as_sent(message_id)
        assert self._page_says_sent(message_id) == len(arrived)
        assert set(unsure) == marked
        spare = {number: got[address] - 1 for number, address in wanted.items() if got[address] > 1}
        self._check_identifiers(set(wanted.values()))
        return Truth(
            audience=tally.audience,
            never=len(wanted) - len(arrived),
            twice=sum(spare.values()),
            unmarked=sum(max(0, copies - unsure[number]) for number, copies in spare.items()),
            uncertain=sum(unsure.values()),
            attempts=len(tries),
        )

    def shown_as_sent(self, message_id: str) -> int:
        """What the message page is given."""
        with self.shop.read(OLGA) as work:
            return watching.watch(work, message_id).progress.reached

    def _check_identifiers(self, addresses: set[str]) -> None:
        """A double carries the Message-ID of the first copy, so that mail programs show it once."""
        found = self.sink.identifiers()
        assert {address for address in addresses if len(found.get(address, ())) > 1} == set()

    def _page_says_sent(self, message_id: str) -> int:
        """The number on the tile of the message page, as a member who is signed in sees it."""
        with signed_in(self.tree.address) as browser:
            page = browser.open(f"{self.tree.address}/p/default/messages/{message_id}").read().decode()
        tile = re.search(r'id="tile-sent"[^>]*>\s*<span class="metric-value">([^<]+)<', page)
        assert tile, page
        return int(re.sub(r"\D", "", tile[1]))

    def close(self) -> None:
        self.shop.broker.close()
        self.shop.database.close()


@contextmanager
def signed_in(address: str) -> Iterator[urllib.request.OpenerDirector]:
    """A browser without script, signed in as Olga."""
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
    page = browser.open(f"{address}/sign-in").read().decode()
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert token, page
    typed = {"email": EMAIL, "password": PASSWORD, "csrf_token": token[1]}
    browser.open(f"{address}/sign-in", urllib.parse.urlencode(typed).encode()).close()
    yield browser
    browser.close()
