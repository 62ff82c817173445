"""What a job is about stands on its lines by the ids that people see; a database that is away stops nothing here."""

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.domain.delivery_states import DeliveryState
from app.domain.outcomes import Outcome, OutcomeKind, Reason
from app.engine import naming
from app.engine.ledger import Claimed, Lease, Result
from app.engine.machine import Machine
from app.infra import logs
from app.infra.db import Database
from app.services.work import Workshop
from tests.conftest import START
from tests.factories import make_message
from tests.json_logs import read_logs


@pytest.fixture(autouse=True)
def _nothing_before() -> Iterator[None]:
    logs.begin_context()
    yield
    logs.begin_context()


def machine_of(shop: Workshop, database: Database | None = None) -> Machine:
    return Machine(shop.settings, database or shop.database, shop.broker, shop.clock, shop.vault)


def test_a_job_says_its_message_and_project_by_their_ids(any_workshop: Workshop) -> None:
    with any_workshop.database.begin() as session:
        message = make_message(session)
    naming.begin_job(machine_of(any_workshop), "dispatch", message.pk)
    naming.begin_batch(7, "mail")
    about = {"job": "dispatch", "message": message.id, "project": "default"}
    assert logs.context() == about | {"batch": 7, "provider": "mail"}
    naming.end_batch()
    assert logs.context() == about


def test_a_job_for_a_message_that_is_gone_says_nothing_of_the_one_before(any_workshop: Workshop) -> None:
    logs.begin_context(job="dispatch", message="before", project="default")
    naming.begin_job(machine_of(any_workshop), "dispatch", 4711)
    assert logs.context() == {"job": "dispatch"}


def test_a_database_that_is_away_stops_nothing_here(workshop: Workshop, tmp_path: Path) -> None:
    away = Database(f"sqlite:///{tmp_path}/nowhere/at/all.sqlite3")
    naming.begin_job(machine_of(workshop, away), "dispatch", 1)
    assert logs.context() == {"job": "dispatch"}


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    with read_logs("worker") as stream:
        yield stream


def test_the_line_of_a_batch_counts_outcomes_and_names_what_failed(written: io.StringIO) -> None:
    kinds = [OutcomeKind.ACCEPTED, OutcomeKind.UNCERTAIN, OutcomeKind.MESSAGE_PERMANENT, None]
    states = [DeliveryState.SENT, DeliveryState.UNCERTAIN, DeliveryState.FAILED, DeliveryState.QUEUED]
    held = [Claimed(11 + place, "ann@example.org", None, None, 1, START) for place in range(4)]
    results = [
        Result(each, state, START, Outcome(kind, Reason.ACCEPTED) if kind else None)
        for each, state, kind in zip(held, states, kinds, strict=True)
    ]
    naming.recorded(Lease(7, 1, 1, 1, "w", START, tuple(held)), results)
    line = json.loads(written.getvalue())
    assert (line["batch"], line["size"], line["first_delivery"], line["last_delivery"]) == (7, 4, 11, 14)
    assert line["outcomes"] == {"accepted": 1, "uncertain": 1, "message_permanent": 1}
    assert (line["deliveries_uncertain"], line["deliveries_failed"]) == ([12], [13])
    assert "ann" not in written.getvalue()


def test_a_batch_of_which_nothing_was_left_has_no_line(written: io.StringIO) -> None:
    naming.recorded(Lease(7, 1, 1, 1, "w", START, ()), [])
    assert written.getvalue() == ""
