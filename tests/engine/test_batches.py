"""One batch from its claim to its record, where the ledger cannot be written."""

from typing import Any

import pytest
from sqlalchemy.exc import SQLAlchemyError

from app.engine import dispatch, ledger, plans
from app.engine.machine import Machine
from app.models.messages import Message
from tests.engine import runners, story
from tests.engine.runners import Runner, runner

__all__ = ["runner"]
BATCH = 5


def test_a_ledger_that_cannot_be_written_ends_the_job_and_leaves_the_journal(
    machine: Machine, runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plans, "FIRST_BATCH", BATCH)
    runners.connect(machine, 1)
    pk = runners.start(machine, 3 * BATCH)
    record = ledger.record

    def fail_once(*given: Any) -> None:
        monkeypatch.setattr(ledger, "record", record)
        raise SQLAlchemyError("The disk is full")

    monkeypatch.setattr(ledger, "record", fail_once)
    with pytest.raises(SQLAlchemyError, match="full"):
        dispatch.drain(machine, pk)
    (left,) = machine.journal_dir.glob("*.journal")
    assert left.read_text().count("a ") == BATCH
    held = story.rows(machine, "SELECT size FROM batches WHERE message_pk = :pk AND state = 'open'", pk=pk)
    assert [row.size for row in held] == [BATCH]  # whose end is in the journal alone
    with machine.database.read() as session:
        assert session.get_one(Message, pk).status == "processing"
