"""How SQLite finds what is due, whatever its statistics say: in order, through the one index that holds only that."""

from datetime import timedelta

import pytest
from sqlalchemy import insert, text

from app.engine import ledger
from app.engine.due import due_of
from app.engine.ledger import Holder, Lane
from app.engine.machine import Machine
from app.models.deliveries import Delivery
from app.models.messages import Message
from app.services.work import Workshop
from tests.engine import story
from tests.statements import heard

LONG = 3_000
HOLDER = Holder("worker", timedelta(seconds=60))


@pytest.fixture
def workshop(sqlite_workshop: Workshop) -> Workshop:
    """On PostgreSQL a queue names no index."""
    return sqlite_workshop


def fill(machine: Machine, message_pk: int, wishes: int, before: int) -> None:
    """One long queue, spread over so many wishes, after that many small messages that are over."""
    now = machine.clock.now()
    always = {"project_pk": 1, "channel": "email", "next_attempt_at": now, "created_at": now, "updated_at": now}
    queue = [
        {"message_pk": message_pk, "address": f"p{each}@example.org", "state": "queued", "wish_pk": each % wishes}
        for each in range(LONG)
    ]
    over = [
        {"message_pk": message_pk + 1 + each, "address": "ann@example.org", "state": "sent", "wish_pk": 0}
        for each in range(before)
    ]
    with machine.database.begin() as session:
        session.execute(insert(Delivery), [always | row for row in queue + over])


@pytest.mark.parametrize(("wishes", "before"), [(1, 0), (1, LONG), (LONG, LONG)])
def test_what_is_due_is_found_in_order_through_one_index(machine: Machine, wishes: int, before: int) -> None:
    pk = story.start(machine, people=1)
    fill(machine, pk, wishes, before)
    with machine.database.begin() as session:
        session.execute(text("ANALYZE"))
    with machine.database.begin() as session, heard() as asked:
        message, now = session.get_one(Message, pk), machine.clock.now()
        assert due_of(session, pk, now, 10).total == 10
        assert ledger.due_wishes(session, pk, now) == list(range(wishes))
        assert ledger.claim(session, message, Lane(1), 1, HOLDER, now) is not None
    about = [(sql, given) for sql, given in asked if "FROM deliveries" in sql and "state = 'queued'" in sql]
    assert len(about) >= 4
    for sql, given in about:
        with machine.database.connect() as connection:
            plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", given)]
        found = [line for line in plan if line.startswith(("SEARCH deliveries", "SCAN deliveries"))]
        assert found
        assert all("ix_deliveries_due" in line or "INTEGER PRIMARY KEY" in line for line in found), plan
        assert not [line for line in plan if "TEMP B-TREE" in line], plan
