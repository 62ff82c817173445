"""What one machine held when its worker was lost: whoever can read its journal comes first, and nobody is forgotten."""

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from app.domain.fences import Sighting
from app.domain.outcomes import accepted
from app.engine import journal, ledger, reaper
from app.engine.fence import Watchman
from app.engine.ledger import Holder, Lane, Lease
from app.engine.machine import Machine, place_of
from app.models.messages import Message
from app.services.work import Workshop
from tests.conftest import FakeClock
from tests.engine.story import counts, rows, start

LEASE = timedelta(seconds=60)
PEOPLE = 6


@pytest.fixture
def other(any_machine: Machine, any_workshop: Workshop, tmp_path: Path) -> Iterator[Machine]:
    """A second machine on the same database and queue, with a data dir of its own."""
    settings = any_machine.settings.but({"data_dir": tmp_path / "other"})
    shop = any_workshop
    machine = Machine(settings, shop.database, shop.broker, shop.clock, shop.vault)
    yield machine
    machine.close()


@pytest.fixture
def lost(any_machine: Machine, clock: FakeClock) -> Lease:
    """A batch of `any_machine` whose lease ran out: its worker began two letters, read one answer, and was killed."""
    message_pk, now = start(any_machine, people=PEOPLE), clock.now()
    with any_machine.database.begin() as session:
        message = session.get_one(Message, message_pk)
        lease = ledger.claim(session, message, Lane(5), PEOPLE, Holder(any_machine.name, LEASE), now)
    assert lease is not None
    book = journal.Journal(any_machine.journal_dir, lease)
    book.started([0, 1])
    book.answered(0, accepted("n1"))
    book.close()
    clock.move(LEASE.total_seconds() + 1)
    return lease


def marked(machine: Machine, lease: Lease) -> int:
    """How many deliveries may have been sent without anybody knowing."""
    found = rows(
        machine, "SELECT count(*) FROM deliveries WHERE message_pk = :pk AND was_uncertain", pk=lease.message_pk
    )
    return int(found[0][0])


def test_what_a_machine_held_is_left_to_it_for_a_while_for_it_reads_the_journal(
    any_machine: Machine, other: Machine, lost: Lease, clock: FakeClock
) -> None:
    assert reaper.reap(other) == 0
    clock.move(reaper.GRACE.total_seconds() - 2)
    assert reaper.reap(other) == 0
    assert reaper.reap(any_machine) == 1
    assert (counts(any_machine, lost.message_pk), marked(any_machine, lost)) == ({"sent": 1, "queued": 5}, 1)


def test_what_a_machine_held_that_does_not_come_back_goes_on_at_another_one_and_is_marked_to_the_last(
    any_machine: Machine, other: Machine, lost: Lease, clock: FakeClock
) -> None:
    clock.move(reaper.GRACE.total_seconds())
    assert reaper.reap(other) == 1
    assert (counts(any_machine, lost.message_pk), marked(any_machine, lost)) == ({"queued": PEOPLE}, PEOPLE)
    assert reaper.reap(any_machine) == 0


def test_processes_of_one_data_dir_that_start_together_are_of_one_place(tmp_path: Path) -> None:
    def ask(_number: int) -> str:
        return place_of.__wrapped__(tmp_path)

    with ThreadPoolExecutor(8) as pool:
        places = set(pool.map(ask, range(32)))
    assert places == {place_of(tmp_path)}
    assert [path.name for path in (tmp_path / "journal").iterdir()] == ["mark"]


def test_another_volume_under_the_same_path_is_another_place(tmp_path: Path) -> None:
    before = place_of.__wrapped__(tmp_path)
    shutil.rmtree(tmp_path / "journal")
    assert place_of.__wrapped__(tmp_path) != before, "else its empty folder would say that nothing was ever sent"


def test_a_machine_that_goes_on_while_another_one_looks_is_not_taken_for_a_rollback(
    any_machine: Machine, other: Machine
) -> None:
    ticking, looking = Watchman(any_machine), Watchman(other)
    ticking.check_in()
    recall = looking.witness.recall

    def recall_late(installation: str) -> list[Sighting]:
        ticking.keep()
        return recall(installation)

    looking.witness.recall = recall_late  # type: ignore[method-assign]
    assert looking.look() is None
