"""Fan-out of a large topic into the ledger (P4), against the same rows by one bare statement."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import text

from app.domain.message_states import MessageEvent
from app.engine import balance, fanout, ledger, lifecycle
from app.engine.machine import Machine
from app.infra.db import FEW_PAGES, Database
from app.infra.settings import Settings
from app.infra.valkey import Valkey
from app.migrations import upgrade
from app.models.messages import Message
from app.models.projects import Project
from app.services.work import Workshop
from tests.bench.measure import Measurement, alternate
from tests.conftest import START
from tests.faults.story import write_message

_BARE = """
INSERT INTO deliveries (project_pk, message_pk, target_pk, contact_pk, address, channel, state, reason, attempts,
  next_attempt_at, was_uncertain, provider_message_id, created_at, updated_at)
SELECT 1, :message, t.pk, t.contact_pk, t.address_key, t.channel, 'queued', '', 0, 0, false, '', 0, 0
FROM subscribers s JOIN targets t ON t.pk = s.target_pk WHERE s.topic_pk = :topic ORDER BY t.pk
"""


def measure(people: int, rounds: int) -> Iterator[Measurement]:
    """P4: from a topic to deliveries, each target once, suppressed ones skipped, the tally kept."""
    print(f"P4   fan-out of {people:,} subscribers, {rounds} rounds", flush=True)
    with workshop_of_its_own() as shop:
        database = Database(shop.settings.sqlalchemy_url, pages=FEW_PAGES)  # as a worker has it
        machine = Machine(shop.settings, database, shop.broker, shop.clock, shop.vault)
        message_pk, topic_pk = _prepare(shop, people)
        ours, yardstick = alternate(
            rounds,
            lambda: people / _expand(machine, message_pk, people),
            lambda: people / _insert(machine, message_pk, topic_pk, people),
        )
        database.close()
    ratios = [mine / theirs for mine, theirs in zip(ours, yardstick, strict=True)]
    what = f"fan-out of {people:,} against bare INSERT … SELECT"
    yield Measurement("P4", what, "/s", ours, yardstick, ratios, at_least=0.7)


@contextmanager
def workshop_of_its_own(**further: Any) -> Iterator[Workshop]:
    """A database and a queue of its own, with further settings; no worker answers the bells."""
    with TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder), workers=2, **further)
        upgrade(settings.sqlalchemy_url)
        valkey = Valkey(settings)
        valkey.start()
        shop = Workshop.equip(settings)
        with shop.database.begin() as session:
            session.add(Project(id="default", name="Acme", created_at=START, updated_at=START))
        try:
            yield shop
        finally:
            shop.close()
            valkey.stop()


def _prepare(shop: Workshop, people: int) -> tuple[int, int]:
    with shop.database.begin() as session:
        message = write_message(session, people, body="Hello")
        lifecycle.start(session, message, MessageEvent.SEND, shop.clock.now())
        session.flush()
        return message.pk, int(session.scalar(text("SELECT max(pk) FROM topics")) or 0)


def _expand(machine: Machine, message_pk: int, people: int) -> float:
    _forget(machine, message_pk)
    with machine.database.begin() as session:
        message = session.get_one(Message, message_pk)
        message.fan_out_cursor, message.fanned_out_at = 0, None
    began = time.perf_counter()
    with machine.database.many_rows():
        fanout.expand(machine, message_pk)
    seconds = time.perf_counter() - began
    with machine.database.read() as session:
        tally = ledger.tally_of(session, message_pk)
    assert tally is not None
    assert tally.queued == people
    return seconds


def _insert(machine: Machine, message_pk: int, topic_pk: int, people: int) -> float:
    _forget(machine, message_pk)
    began = time.perf_counter()
    with machine.database.begin() as session:
        session.execute(text(_BARE), {"message": message_pk, "topic": topic_pk})
    seconds = time.perf_counter() - began
    with machine.database.read() as session:
        assert sum(balance.recount(session, message_pk).values()) == people
    return seconds


def _forget(machine: Machine, message_pk: int) -> None:
    with machine.database.begin() as session:
        ledger.forget(session, message_pk)
    connection = machine.database.engine.raw_connection()  # one that says no BEGIN by itself
    connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
