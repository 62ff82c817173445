"""What many threads want kept at once, kept together: a disk makes only so many commits a second."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Item = TypeVar("Item")


@dataclass(slots=True)
class _Place(Generic[Item]):
    """One thread's place among those who wait."""

    item: Item
    called: threading.Event = field(default_factory=threading.Event)
    is_kept: bool = False
    error: BaseException | None = None


class Gathering(Generic[Item]):
    """Threads that wait for their turn to write are written for by the one whose turn it is (group commit).

    `keep` keeps some items or raises and keeps none; it is called by one thread at a time, with each item once.
    """

    def __init__(self, keep: Callable[[Sequence[Item]], None]) -> None:
        self._keep = keep
        self._door = threading.Lock()
        self._waiting: list[_Place[Item]] = []
        self._is_led = False

    def bring(self, item: Item) -> None:
        """Return when the item is kept; raises what kept it, and those beside it, from being kept."""
        mine = _Place(item)
        with self._door:
            self._waiting.append(mine)
            leads, self._is_led = not self._is_led, True
        if not leads:
            mine.called.wait()
        if not mine.is_kept and mine.error is None:
            self._lead()
        if mine.error is not None:
            raise mine.error

    def _lead(self) -> None:
        """Keep what everybody who waits brought, our own among it, and let the next one lead."""
        with self._door:
            together, self._waiting = self._waiting, []
        error: BaseException | None = None
        try:
            self._keep([place.item for place in together])
        except BaseException as failure:  # noqa: BLE001 - each of them raises it
            error = failure
        for place in together:
            place.is_kept, place.error = error is None, error
            place.called.set()
        with self._door:
            self._is_led = bool(self._waiting)
            if self._waiting:
                self._waiting[0].called.set()
