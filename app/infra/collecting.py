"""Python's collector of reference cycles (`gc`), put off for a moment."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

SELDOM = 5_000  # new objects between two looks at the young ones (Python: 700); with 20,000 a worker grew by 2 MiB


@contextmanager
def uncollected() -> Iterator[None]:
    """While a large tree is built, all of which lives: looking through it for rubbish, again and again, finds none.

    For work of some tenths of a second: other threads of the process are not collected for either. Whoever had
    switched the collector off finds it off afterwards.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def collect_seldom() -> None:
    """For a worker: what it makes for a batch lives until the batch ends, so looking for rubbish meanwhile finds none.

    That took 3.6 % of its time.
    """
    gc.set_threshold(SELDOM)
