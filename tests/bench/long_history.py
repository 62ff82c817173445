"""A project with years behind it, made quickly by SQL: contacts, messages, deliveries in every state, tries, receipts.

Every size has the same shape. Nine messages went to everybody, eight of them long ago; the last one is on its way.
The rest of the deliveries are of many small messages, spread over ninety days.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from app.domain.words import words_of
from app.infra import full_text
from app.infra.db import Database
from app.models.base import Base, to_milliseconds
from app.models.contacts import Contact
from app.models.deliveries import Attempt, Delivery
from app.models.feedback import FeedbackEvent
from app.models.files import File
from app.models.targets import Target
from app.models.topics import Subscriber
from app.services.work import Workshop
from tests.bench import long_writing

NEWSLETTERS = 9  # messages that go to everybody, the last of which is under way
DAYS = 90
FEW = 500  # contacts of the second topic, the oldest of all
WITH_TRIES = 1_000_000  # deliveries at most of which each try is known
FIRST = ("Ada", "Björn", "Carla", "Dmitri", "Élodie", "Fatima", "Goran", "Hana", "Ivo", "Jana")
_BULKY = (Contact, Target, Subscriber, Delivery, Attempt, FeedbackEvent, File)
_NUMBERS = """(WITH RECURSIVE n(value) AS (SELECT CAST(:first AS BIGINT) UNION ALL SELECT value + 1 FROM n
WHERE value < :last) SELECT value FROM n) AS numbers"""
_CONTACTS = f"""INSERT INTO contacts (project_pk, id, name, name_key, attributes, is_demo, words, created_at,
updated_at) SELECT 1, 'c' || value, {{name}} || ' Last' || (value % 5000), {{key}} || ' last' || (value % 5000),
'{{{{}}}}', false, '', :at + value, :at + value FROM {_NUMBERS}"""
_TARGETS = """INSERT INTO targets (project_pk, id, contact_pk, channel, address, address_key, name, created_at,
updated_at) SELECT 1, 't' || id, pk, 'email', id || '@example.org', id || '@example.org', '', created_at, created_at
FROM contacts ORDER BY pk"""
_PHONES = """INSERT INTO targets (project_pk, id, contact_pk, channel, address, address_key, name, created_at,
updated_at) SELECT 1, 'p' || id, pk, 'sms', '+1202' || (1000000 + pk), '+1202' || (1000000 + pk), '', created_at,
created_at FROM contacts WHERE pk % 10 = 0 ORDER BY pk"""
_TOPIC = """INSERT INTO topics (project_pk, id, name, description, subscribe, email_total, sms_total, push_total,
is_demo, words, created_at, updated_at)
SELECT 1, named, named, '', '["users"]', :people, 0, 0, false, ' ' || named || ' ', 0, 0
FROM (SELECT CAST(:id AS VARCHAR(36)) AS named) AS topic"""
_SUBSCRIBERS = """INSERT INTO subscribers (project_pk, id, topic_pk, target_pk, created_at, updated_at)
SELECT 1, 's' || CAST(:topic AS INTEGER) || id, CAST(:topic AS INTEGER), pk, created_at, created_at FROM targets
WHERE channel = 'email' AND contact_pk <= :people ORDER BY pk"""
_MESSAGES = """INSERT INTO messages (project_pk, id, channel, title, title_key, content, audience, status, version,
author_name, editor_name, scheduled_wall, scheduled_zone, started_at, fan_out_cursor, fanned_out_at, settled_at,
waiting_reason, is_demo, words, created_at, updated_at) VALUES (1, :id, 'email', :title, :key,
'{"subject": "News", "preheader": "", "format": "markdown", "body": "Hello {{ name | there }}"}',
'{"topics": ["all"], "contacts": [], "targets": []}', :status, 1, 'Olga', 'Olga', '', '', :at, 0, :at, :settled, '',
false, :words, :at, :at)"""
# By the last two digits: most are delivered, and something of everything is there.
_ENDED = """CASE WHEN {n} % 100 < 50 THEN 'delivered' WHEN {n} % 100 < 80 THEN 'sent' WHEN {n} % 100 < 86 THEN 'bounced'
WHEN {n} % 100 < 92 THEN 'failed' WHEN {n} % 100 < 98 THEN 'skipped' ELSE 'uncertain' END"""
# The first tenth has gone; one in a hundred of those is tried again in an hour.
_UNDER_WAY = """CASE WHEN {n} * 10 >= :people THEN 'queued' WHEN {n} % 100 < 97 THEN 'sent'
WHEN {n} % 100 < 98 THEN 'queued' WHEN {n} % 100 < 99 THEN 'skipped' ELSE 'failed' END"""
_DELIVERIES = """INSERT INTO deliveries (project_pk, message_pk, target_pk, contact_pk, address, channel, state, reason,
attempts, provider_pk, wish_pk, next_attempt_at, first_tried_at, was_uncertain, provider_message_id, created_at,
updated_at)
SELECT 1, message_pk, target_pk, contact_pk, address, 'email', state,
CASE state WHEN 'queued' THEN '' WHEN 'bounced' THEN 'mailbox_unknown' WHEN 'failed' THEN 'mailbox_full'
WHEN 'skipped' THEN 'suppressed' WHEN 'uncertain' THEN 'connection_lost' ELSE 'accepted' END,
CASE WHEN state = 'skipped' OR (state = 'queued' AND {is_fresh}) THEN 0 ELSE 1 END,
CASE WHEN state IN ('skipped', 'queued') THEN NULL ELSE 1 + n % 2 END, 0,
CASE WHEN state = 'queued' AND NOT {is_fresh} THEN at + 3600000 ELSE at END,
CASE WHEN state IN ('skipped', 'queued') THEN NULL ELSE at END, state = 'uncertain', '', at, at
FROM (SELECT m.pk AS message_pk, t.pk AS target_pk, t.contact_pk AS contact_pk, t.address_key AS address,
{n} AS n, m.started_at AS at, {state} AS state FROM {source}) AS planned ORDER BY message_pk, target_pk"""
_EVERYBODY = "messages m JOIN targets t ON t.channel = 'email' WHERE m.id = :message"
_FEW = f"""messages m JOIN {_NUMBERS} ON m.id LIKE 'letter%' JOIN contacts c
ON c.pk = 1 + (m.pk * 7919 + value) % :people JOIN targets t ON t.contact_pk = c.pk AND t.channel = 'email'"""
_TALLIES = """INSERT INTO tallies (message_pk, audience, queued, sending, sent, delivered, bounced, failed, skipped,
uncertain, updated_at) SELECT message_pk, count(*), sum(CASE WHEN state = 'queued' THEN 1 ELSE 0 END), 0,
sum(CASE WHEN state = 'sent' THEN 1 ELSE 0 END), sum(CASE WHEN state = 'delivered' THEN 1 ELSE 0 END),
sum(CASE WHEN state = 'bounced' THEN 1 ELSE 0 END), sum(CASE WHEN state = 'failed' THEN 1 ELSE 0 END),
sum(CASE WHEN state = 'skipped' THEN 1 ELSE 0 END), sum(CASE WHEN state = 'uncertain' THEN 1 ELSE 0 END),
max(updated_at) FROM deliveries GROUP BY message_pk"""
_ATTEMPTS = """INSERT INTO attempts (delivery_pk, message_pk, provider_pk, number, started_at, ended_at, outcome,
reason, code, detail, worker) SELECT pk, message_pk, provider_pk, 1, updated_at, updated_at,
CASE WHEN state IN ('sent', 'delivered', 'bounced') THEN 'accepted' WHEN state = 'failed' THEN 'recipient_permanent'
ELSE 'uncertain' END, reason, '', '', 'bench:1' FROM deliveries WHERE pk <= :most AND provider_pk IS NOT NULL"""
_EVENTS = """INSERT INTO feedback_events (project_pk, provider_pk, event_id, event, at, received_at, delivery_key,
provider_message_id, address, reason, code, detail, raw, is_proven, look_at, applied_at, delivery_pk, message_pk)
SELECT 1, provider_pk, 'e' || pk, state, updated_at, updated_at, '', '', '', '', '', '', '', true, updated_at,
updated_at, pk, message_pk FROM deliveries WHERE pk <= :most AND state IN ('delivered', 'bounced')"""
_STORY = """INSERT INTO message_events (message_pk, at, event, actor_name, details)
SELECT pk, started_at, 'started', 'Olga', '{}' FROM messages"""
_PERIODS = (
    """INSERT INTO provider_periods (provider_pk, seconds, begins_at, worker, project_pk, tried, accepted, refused,
throttled, failed, uncertain) SELECT 1 + value % 2, 60, :now - (value / 2) * 60000, 'bench:1', 1, 100, 97, 2, 0, 1, 0
FROM """
    + _NUMBERS
)


@dataclass(frozen=True)
class Size:
    """How many contacts there are, and deliveries in all: nine tenths of them of newsletters to every contact."""

    people: int
    letters: int  # small messages, between which a tenth of the deliveries is divided

    @property
    def deliveries(self) -> int:
        """All of them; as many as ten messages to everybody would have."""
        return self.people * (NEWSLETTERS + 1)

    @property
    def messages(self) -> int:
        """Large and small."""
        return NEWSLETTERS + self.letters

    @property
    def files(self) -> int:
        """In one bucket: as many as people."""
        return self.people

    @property
    def templates(self) -> int:
        """Of all channels; one of them has as many versions."""
        return 200 + self.letters // 100

    @property
    def minutes(self) -> int:
        """Of how many minutes the history of each provider is kept."""
        return min(self.deliveries, 30 * 24 * 60)


def fill(shop: Workshop, size: Size, now: datetime) -> None:
    """Into a project without contacts and messages that has two providers, numbers 1 and 2."""
    with _filling(shop.database) as connection:
        _fill_contacts(connection, size, to_milliseconds(now - timedelta(days=DAYS)))
        _fill_messages(connection, size, now)
        _fill_deliveries(connection, size)
        most = {"most": min(size.deliveries, WITH_TRIES)}
        for statement in (_TALLIES, _ATTEMPTS, _EVENTS, _STORY):
            connection.execute(text(statement), most if ":most" in statement else {})
        connection.execute(text(_PERIODS), {"now": to_milliseconds(now), "first": 0, "last": 2 * size.minutes})
        long_writing.fill(connection, size.files, size.templates, to_milliseconds(now - timedelta(days=DAYS)))
    with shop.database.begin() as session:
        full_text.enter(session, "messages", 1, size.messages)
        long_writing.write_plans(session, size.people, size.files, now)
    analyse(shop)


def analyse(shop: Workshop) -> None:
    """Let PostgreSQL count what it plans by, as it does by itself after a while; SQLite plans without."""
    if not shop.database.is_sqlite:
        with shop.database.engine.connect() as connection:
            connection.exec_driver_sql("ANALYZE")
            connection.commit()


def fill_contacts(shop: Workshop, size: Size, now: datetime) -> None:
    """Only the contacts with their addresses, and the two topics `all` and `few`."""
    with _filling(shop.database) as connection:
        _fill_contacts(connection, size, to_milliseconds(now - timedelta(days=DAYS)))


@contextmanager
def _filling(database: Database) -> Iterator[Connection]:
    """One transaction, at whose end the large tables' indexes are made anew, which is quicker than keeping them."""
    tables = [Base.metadata.tables[table.__tablename__] for table in _BULKY]
    indexes = sorted((index for table in tables for index in table.indexes), key=lambda index: str(index.name))
    with database.engine.connect() as connection:
        if database.is_sqlite:
            connection.exec_driver_sql("PRAGMA cache_size = -2000000")
        for index in indexes:
            index.drop(connection)
        yield connection
        for index in indexes:
            index.create(connection)
        connection.commit()
        connection.invalidate()  # with its large cache


def _fill_contacts(connection: Connection, size: Size, at: int) -> None:
    name = _one_of(FIRST)
    key = _one_of([first.casefold() for first in FIRST])
    connection.execute(text(_CONTACTS.format(name=name, key=key)), {"first": 0, "last": size.people - 1, "at": at})
    connection.execute(text(_TARGETS))
    connection.execute(text(_PHONES))
    for number, (name, people) in enumerate((("all", size.people), ("few", FEW)), start=1):
        connection.execute(text(_TOPIC), {"id": name, "people": people})
        connection.execute(text(_SUBSCRIBERS), {"topic": number, "people": people})


def _one_of(words: list[str] | tuple[str, ...]) -> str:
    """An expression that chooses one by the number."""
    cases = " ".join(f"WHEN {place} THEN '{word}'" for place, word in enumerate(words))
    return f"CASE value * 7 % {len(words)} {cases} END"


def _fill_messages(connection: Connection, size: Size, now: datetime) -> None:
    first, step = now - timedelta(days=DAYS), timedelta(days=DAYS) / size.messages
    newsletters = {(index + 1) * size.messages // NEWSLETTERS - 1: index for index in range(NEWSLETTERS)}
    rows = []
    for number in range(size.messages):
        at = to_milliseconds(first + step * number)
        is_last = number == size.messages - 1
        if number in newsletters:
            id, title = f"newsletter{newsletters[number]}", f"Newsletter of the quarter {newsletters[number]}"
        else:
            id, title = f"letter{number}", f"Your order {number} is on its way"
        status = "processing" if is_last else "failed" if number % 2 else "sent"
        rows.append(
            {"id": id, "title": title, "key": title.casefold(), "status": status, "at": at,
             "settled": None if is_last else at, "words": words_of(id, title, "email")}
        )  # fmt: skip
    connection.execute(text(_MESSAGES), rows)


def _fill_deliveries(connection: Connection, size: Size) -> None:
    mixed = "(t.pk * 7919 + m.pk * 13)"
    for number in range(NEWSLETTERS):
        n, state = (mixed, _ENDED) if number < NEWSLETTERS - 1 else ("t.pk", _UNDER_WAY)
        if number == NEWSLETTERS - 1:
            _fill_letters(connection, size, mixed)
        statement = _DELIVERIES.format(n=n, state=state.format(n=n), source=_EVERYBODY, is_fresh="n * 10 >= :people")
        connection.execute(text(statement), {"message": f"newsletter{number}", "people": size.people})


def _fill_letters(connection: Connection, size: Size, n: str) -> None:
    statement = _DELIVERIES.format(n=n, state=_ENDED.format(n=n), source=_FEW, is_fresh="1 = 1")
    each = size.people // size.letters
    connection.execute(text(statement), {"people": size.people, "first": 0, "last": each - 1})
