"""The journal of a batch, and the worker's own look at its lease: what they guard against, one case each."""

import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from app.domain.outcomes import Outcome, OutcomeKind, Reason, accepted
from app.engine.journal import ROOM, Journal, path_of, read
from app.engine.ledger import Lease, LeaseLost
from app.engine.machine import Machine
from app.engine.watch import LedgerWatch
from app.infra.clock import monotonic
from tests.conftest import START

LEASE_TIME = timedelta(seconds=60)


def _lease(claimed_at: datetime = START) -> Lease:
    return Lease(7, 1, 1, 1, "here:42", claimed_at, (), LEASE_TIME)


def _watch(machine: Machine, *, held_for: float = 0.0) -> LedgerWatch:
    book = Journal(machine.journal_dir, _lease())
    return LedgerWatch(machine, _lease(), book, monotonic() + 10, monotonic() - held_for)


@contextmanager
def _full_disk(path: Path) -> Iterator[None]:
    """No file of this process grows beyond the size of that one; as good as a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_journal_tells_what_was_started_and_what_was_answered(tmp_path: Path) -> None:
    refused = Outcome(OutcomeKind.THROTTLED, Reason.RATE_LIMITED, "slow\ndown", "451", retry_after=timedelta(seconds=5))
    book = Journal(tmp_path, _lease())
    retired = Outcome(OutcomeKind.RECIPIENT_PERMANENT, Reason.TOKEN_RETIRED, "gone", "410", dead_since=START)
    book.started([0, 1, 2, 3])
    book.answered(1, accepted("queue-id"))
    book.answered(2, refused)
    book.answered(3, retired)
    book.close()
    story = read(tmp_path, _lease())
    assert story.started == {0, 1, 2, 3}
    assert story.answered == {1: accepted("queue-id"), 2: refused, 3: retired}


@pytest.mark.parametrize("torn", ["s 3 4 1", "a 3 que", "a 3 \0\0\0", "\0\0\0que", "o 3 {", "o", "x 1", "s one", "a"])
def test_a_torn_line_spoils_no_other_line(tmp_path: Path, torn: str) -> None:
    path = path_of(tmp_path, _lease())
    path.write_text(f"s 1 2\n{torn}\na 2 queue-id\n")
    story = read(tmp_path, _lease())
    assert {1, 2} <= story.started
    assert story.answered[2] == accepted("queue-id")
    assert story.answered.keys() <= {2, 3}
    assert "\0" not in repr(story)


def test_the_journal_of_a_deleted_batch_says_nothing_about_a_new_one_of_the_same_number(tmp_path: Path) -> None:
    book = Journal(tmp_path, _lease())
    book.started([0])
    book.answered(0, accepted())
    book.close()
    assert read(tmp_path, _lease(START + timedelta(seconds=1))).started == set()


def test_nothing_is_sent_by_a_worker_that_slept_past_its_lease(machine: Machine) -> None:
    watch = _watch(machine, held_for=LEASE_TIME.total_seconds())
    with pytest.raises(LeaseLost, match="not renewed in time"):
        watch.started([0])
    watch.book.close()
    assert read(machine.journal_dir, _lease()).started == {0}  # who took over has read it, or marks it now


def test_a_worker_within_its_lease_goes_on(machine: Machine) -> None:
    watch = _watch(machine, held_for=LEASE_TIME.total_seconds() - 5)
    watch.started([0, 1])
    watch.book.close()
    assert set(watch.begun) == {0, 1}


def test_an_answer_counts_also_when_the_journal_cannot_be_written(machine: Machine) -> None:
    watch = _watch(machine)
    watch.started([0])
    long = accepted("queue-id" * ROOM)
    with _full_disk(watch.book.path):
        watch.answered(0, long)
    assert watch.outcomes == {0: long}
    assert not watch.may_start(1)
    watch.book.close()
    assert read(machine.journal_dir, _lease()).started == {0}


def test_nothing_is_started_when_the_journal_has_no_room_for_it(machine: Machine) -> None:
    watch = _watch(machine)
    watch.started([0])
    with _full_disk(watch.book.path), pytest.raises(OSError, match="File too large"):
        watch.started(range(ROOM))
    assert set(watch.begun) == {0}
    watch.started([1])  # what still has room is written
    watch.book.close()
    assert read(machine.journal_dir, _lease()).started == {0, 1}


def test_a_journal_grows_with_long_answers(tmp_path: Path) -> None:
    answers = {place: accepted(f"{place}-{'id' * 100}") for place in range(1000)}
    book = Journal(tmp_path, _lease())
    book.started(range(1000))
    for place, answer in answers.items():
        book.answered(place, answer)
    book.close()
    story = read(tmp_path, _lease())
    assert story.started == set(answers)
    assert story.answered == answers


def test_what_is_written_outlives_the_process_that_wrote_it(tmp_path: Path) -> None:
    child = os.fork()
    if not child:
        book = Journal(tmp_path, _lease())
        book.started([0, 1])
        book.answered(0, accepted("queue-id"))
        os.kill(os.getpid(), signal.SIGKILL)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    story = read(tmp_path, _lease())
    assert (story.started, story.answered) == ({0, 1}, {0: accepted("queue-id")})


def test_a_lease_that_was_taken_over_is_not_renewed(machine: Machine) -> None:
    watch = _watch(machine, held_for=1.0)
    assert not watch.may_start(1)  # there is no such batch in the ledger
    watch.book.close()
