"""Kills of every part, mixed by chance, in one send: nobody is lost, doubles are few and marked, the balance holds."""

import os
import time
from pathlib import Path

import pytest

from tests import postgres
from tests.faults.conftest import Open
from tests.faults.storm import Auditor, Storm, delay_for, report
from tests.faults.tree import wait_for

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1200)]

PEOPLE = int(os.environ.get("CARILLON_FAULT_PEOPLE", "4000"))
IS_FULL = PEOPLE > 10_000
STRIKES = 9 if IS_FULL else 6
SECONDS = 20.0 if IS_FULL else 8.0  # that the send would last in calm weather


def _storm_passes(open_office: Open, seed: int, file: Path, server: postgres.Server | None = None) -> None:
    url = server.new_database() if server is not None else ""
    office = open_office(database_url=url)
    message = office.write(PEOPLE)
    office.sink.slow_down(delay_for(office, PEOPLE, SECONDS))
    storm = Storm(office, seed, people=PEOPLE, strikes=STRIKES, server=server)
    print(f"\nseed {seed}: {list(zip(storm.moments, storm.victims, strict=True))}")
    began = time.monotonic()
    with Auditor(office, message, file) as auditor:
        office.send(message)
        storm.rage()
        office.wait_until_settled(message, 400)
    wait_for(office.tree.is_ready, "it is ready again", 30)
    truth, seen = office.truth(message), auditor.samples()
    report(storm, truth, seen, name=f"{seed}, {'PostgreSQL' if server else 'SQLite'}", seconds=time.monotonic() - began)
    assert truth.audience == PEOPLE
    assert truth.never == 0
    assert truth.unmarked == 0
    assert truth.twice <= truth.uncertain <= storm.in_flight
    assert [sample for sample in seen if not sample.is_balanced] == []
    assert len(seen) >= SECONDS * 0.7


def test_nobody_is_lost_in_a_storm_on_sqlite(open_office: Open, seed: int, tmp_path: Path) -> None:
    _storm_passes(open_office, seed, tmp_path / "samples")


@pytest.mark.postgresql
def test_nobody_is_lost_in_a_storm_on_postgresql(
    open_office: Open, seed: int, tmp_path: Path, own_postgresql: postgres.Server
) -> None:
    _storm_passes(open_office, seed, tmp_path / "samples", own_postgresql)
