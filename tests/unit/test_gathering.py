"""What many threads bring at once is kept together, each item once, and nobody is told so before it is true."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.infra.gathering import Board, Gathering


def test_what_comes_while_somebody_writes_is_kept_together_and_once() -> None:
    batches: list[list[int]] = []

    def keep(board: Board[int]) -> None:
        items = board()
        time.sleep(0.01)
        batches.append(list(items))

    gathering = Gathering(keep)
    with ThreadPoolExecutor(20) as threads:
        list(threads.map(gathering.bring, range(200)))
    assert sorted(item for batch in batches for item in batch) == list(range(200))
    assert len(batches) < 60, "twenty threads at a time, and each batch takes all that wait"


def test_nobody_goes_on_before_what_they_brought_is_kept() -> None:
    kept: set[int] = set()
    gathering: Gathering[int] = Gathering(lambda board: kept.update(board()))

    def bring(item: int) -> bool:
        gathering.bring(item)
        return item in kept

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(bring, range(500)))


def test_everybody_of_a_batch_hears_why_it_was_not_kept_and_the_next_one_is() -> None:
    begun, go = threading.Event(), threading.Event()
    kept: list[str] = []

    def keep(board: Board[str]) -> None:
        items = board()
        begun.set()
        go.wait(5)
        if "bad" in items:
            raise ValueError("the disk is full")
        kept.extend(items)

    gathering = Gathering(keep)
    with ThreadPoolExecutor(3) as threads:
        first = threads.submit(gathering.bring, "first")
        assert begun.wait(5)
        others = [threads.submit(gathering.bring, item) for item in ("bad", "good")]
        time.sleep(0.1)  # both wait behind the first
        go.set()
        first.result(5)
        for other in others:
            with pytest.raises(ValueError, match="disk is full"):
                other.result(5)
    gathering.bring("later")
    assert kept == ["first", "later"]


def test_who_comes_while_the_turn_to_write_is_waited_for_is_kept_too() -> None:
    begun, go = threading.Event(), threading.Event()
    batches: list[list[str]] = []

    def keep(board: Board[str]) -> None:
        begun.set()
        go.wait(5)
        batches.append(list(board()))
        batches[-1] += board()  # nobody came since

    gathering = Gathering(keep)
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(gathering.bring, "first")
        assert begun.wait(5)
        second = threads.submit(gathering.bring, "second")
        time.sleep(0.1)  # it waits behind the first
        go.set()
        first.result(5)
        second.result(5)
    assert batches == [["first", "second"]]


def test_who_never_came_to_write_tells_all_who_wait() -> None:
    gathering: Gathering[str] = Gathering(refuse)
    for item in ("first", "second"):
        with pytest.raises(OSError, match="is locked"):
            gathering.bring(item)


def refuse(_board: Board[str]) -> None:
    raise OSError("the database is locked")
