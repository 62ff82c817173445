"""The servers under a send stop, hang, or lose all they had: workers ride it out, and the table stays the truth."""

import os
import shutil
import signal
import time
from collections.abc import Iterable

import pytest

from tests import postgres
from tests.faults.conftest import Open
from tests.faults.story import IN_FLIGHT, Office, Truth
from tests.faults.tree import LEASE_SECONDS, wait_for

pytestmark = pytest.mark.faults

PEOPLE = 2_000
DELAY = 0.03
HANGS_FOR = float(os.environ.get("CARILLON_FAULT_HANG", "6"))  # seconds, more than a lease


def _begin(office: Office) -> str:
    office.sink.slow_down(DELAY)
    before, message = office.sink.total(), office.write(PEOPLE)
    office.send(message)
    wait_for(lambda: office.sink.total() >= before + PEOPLE // 4, "it stands in its middle", step=0.002)
    return message


def _end(office: Office, message: str, what: str) -> Truth:
    office.wait_until_settled(message)
    wait_for(office.tree.is_ready, "it is ready again", 30)
    truth = office.truth(message)
    print(f"\n{what}: {truth}")
    assert (truth.audience, truth.never, truth.unmarked) == (PEOPLE, 0, 0)
    assert truth.twice <= truth.uncertain
    return truth


def _hang(pids: Iterable[int]) -> None:
    """Stop these processes for a while, as a machine does that swaps or is moved."""
    stopped = list(pids)
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    time.sleep(HANGS_FOR)
    for pid in reversed(stopped):
        os.kill(pid, signal.SIGCONT)


def test_a_queue_that_is_killed_with_the_loss_of_all_it_kept_is_filled_again(lasting_office: Office) -> None:
    office = lasting_office
    message = _begin(office)
    shutil.rmtree(office.tree.folder / "valkey" / "appendonlydir")
    for pid in office.tree.pids("valkey-server"):
        office.tree.signal(pid)
    truth = _end(office, message, "Valkey killed, its file lost")
    assert (truth.twice, truth.uncertain) == (0, 0)


def test_a_queue_that_hangs_only_delays(lasting_office: Office) -> None:
    office = lasting_office
    message = _begin(office)
    _hang(office.tree.pids("valkey-server"))
    truth = _end(office, message, f"Valkey stopped for {HANGS_FOR:g} s")
    assert (truth.twice, truth.uncertain) == (0, 0)


@pytest.mark.postgresql
def test_a_database_that_is_restarted_or_hangs_only_delays(own_postgresql: postgres.Server, open_office: Open) -> None:
    assert HANGS_FOR > LEASE_SECONDS
    office = open_office(database_url=own_postgresql.new_database())
    message = _begin(office)
    own_postgresql.stop()
    time.sleep(1)
    own_postgresql.start()
    truth = _end(office, message, "PostgreSQL restarted in order")
    assert truth.uncertain <= office.tree.settings.workers * IN_FLIGHT

    message = _begin(office)
    _hang(own_postgresql.family())
    truth = _end(office, message, f"PostgreSQL stopped for {HANGS_FOR:g} s")
    assert truth.uncertain <= office.tree.settings.workers * IN_FLIGHT
