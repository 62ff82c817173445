"""How many will receive a message, at a million contacts (P13; on PostgreSQL P13p): large topics, suppressions."""

import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import text

from app.domain.permissions import system
from app.services.messages import audience
from app.services.messages.audience import Equation
from app.services.people import topic_members, topic_totals
from app.services.work import Workshop
from tests import postgres
from tests.bench.bench_fanout import workshop_of_its_own
from tests.bench.long_history import Size, analyse, fill_contacts
from tests.bench.measure import Measurement

TARGET = 200  # milliseconds
CALLS = 5
LEAVERS = 1_000
TOPICS = {"half": "t.pk % 2 = 0", "third": "t.pk % 3 = 0", "most": "t.pk % 10 < 9", "again": "t.pk > 0"}
_TOPIC = """INSERT INTO topics (project_pk, id, name, description, subscribe, email_total, sms_total, push_total,
left_total, is_demo, words, created_at, updated_at)
SELECT 1, :id, :id, '', '["users"]', count(*), 0, 0, 0, false, '', 0, 0 FROM targets t
WHERE t.channel = 'email' AND {chosen}"""
_MEMBERS = """INSERT INTO subscribers (project_pk, id, topic_pk, target_pk, created_at, updated_at)
SELECT 1, :id || '-' || t.id, (SELECT pk FROM topics WHERE id = :id), t.pk, 0, 0 FROM targets t
WHERE t.channel = 'email' AND {chosen} ORDER BY t.pk"""
# One in twenty is suppressed, one in a hundred has an address that expired.
_SUPPRESSED = """INSERT INTO suppressions (project_pk, id, channel, address_key, reason, source, is_demo, created_at,
updated_at) SELECT 1, 'x' || pk, 'email', address_key, CASE WHEN pk % 3 = 0 THEN 'hard_bounce' ELSE 'unsubscribed' END,
'', false, 0, 0 FROM targets WHERE channel = 'email' AND pk % 20 = 7"""
_EXPIRED = "UPDATE targets SET expired_at = 1 WHERE channel = 'email' AND pk % 100 = 3"
_LEAVING = "SELECT target_pk FROM subscribers WHERE topic_pk = :topic ORDER BY target_pk LIMIT :most"
_LEFT = "DELETE FROM subscribers WHERE topic_pk = :topic AND target_pk <= :last"
_IDS = "SELECT id FROM {table} WHERE pk BETWEEN 1000 AND 1499 ORDER BY pk"


def measure(people: int, rounds: int, *, on_postgresql: bool = False) -> Iterator[Measurement]:
    """P13: five topics that overlap, with a thousand people chosen one by one besides; and one topic of everybody.

    Each later in a process and for the first time in one, with the topics' sets written down as an import or a look at
    a draft leaves them; and as it is before anybody has written one.
    """
    name = "P13p" if on_postgresql else "P13"
    print(f"{name:4} the equation at {people:,} contacts, {rounds} rounds", flush=True)
    with ExitStack() as stack:
        url = stack.enter_context(postgres.server()).new_database() if on_postgresql else ""
        shop = stack.enter_context(workshop_of_its_own(database_url=url))
        fill(shop, people)
        with shop.read(system(1)) as work:
            ids = [list(work.session.scalars(text(_IDS.format(table=table)))) for table in ("contacts", "targets")]
        several = {"topics": ["all", *TOPICS], "contacts": ids[0], "targets": ids[1]}
        unwritten = _first(shop, several)
        topic_members.keep(shop, 1)
        first = [_first(shop, several) for _ in range(rounds)]
        later = [_milliseconds(shop, several) for _ in range(rounds)]
        what = "audience equation: five topics that overlap and 1,000 people"
        yield Measurement(name, what, "ms", later, at_most=TARGET)
        yield Measurement(f"{name}f", "the same, for the first time in a process", "ms", first, at_most=TARGET)
        _let_leave(shop)
        left = [_first(shop, several) for _ in range(rounds)]
        yield Measurement(f"{name}l", f"the same, after {LEAVERS:,} left each topic", "ms", left, at_most=TARGET)
        yield Measurement(f"{name}u", "the same, before any set was written down", "ms", [unwritten])
        one = {"topics": ["all"]}
        first = [_first(shop, one) for _ in range(rounds)]
        later = [_milliseconds(shop, one) for _ in range(rounds)]
        yield Measurement(f"{name}b", "audience equation: one topic of everybody", "ms", later, at_most=TARGET)
        yield Measurement(f"{name}bf", "the same, for the first time in a process", "ms", first, at_most=TARGET)


def fill(shop: Workshop, people: int) -> None:
    """That many contacts in one topic, and in more that overlap; some are suppressed or have expired."""
    fill_contacts(shop, Size(people, people // 10), datetime.now(UTC))
    with shop.database.begin() as session:
        for name, chosen in TOPICS.items():
            for statement in (_TOPIC, _MEMBERS):
                session.execute(text(statement.format(chosen=chosen)), {"id": name})
        session.execute(text(_SUPPRESSED))
        session.execute(text(_EXPIRED))
    analyse(shop)


def _let_leave(shop: Workshop) -> None:
    """Some leave each topic but that of everybody, so that as many are reached as before."""
    with shop.open(system(1)) as work:
        for topic_pk in work.session.scalars(text("SELECT pk FROM topics WHERE id NOT IN ('all', 'few')")).all():
            gone = list(work.session.scalars(text(_LEAVING), {"topic": topic_pk, "most": LEAVERS}))
            topic_totals.leave(work, {(topic_pk, "email"): gone})
            work.session.execute(text(_LEFT), {"topic": topic_pk, "last": gone[-1]})


def _first(shop: Workshop, chosen: dict[str, Any]) -> float:
    topic_members.forget_all()
    return _milliseconds(shop, chosen, calls=1)


def _milliseconds(shop: Workshop, chosen: dict[str, Any], calls: int = CALLS) -> float:
    """The median of a few calls, each in a look of its own."""
    took = []
    for _ in range(calls):
        with shop.read(system(1)) as work:
            began = time.perf_counter()
            found = audience.equation(work, "email", chosen)
            took.append((time.perf_counter() - began) * 1_000)
        _check(found, shop, chosen)
    return statistics.median(took)


def _check(found: Equation, shop: Workshop, chosen: dict[str, Any]) -> None:
    """Everybody is in the first topic, less one in twenty and one in a hundred."""
    with shop.read(system(1)) as work:
        people = int(work.session.scalar(text("SELECT email_total FROM topics WHERE id = 'all'")) or 0)
    assert found.total == people - people // 20 - people // 100, (found, chosen.keys())
