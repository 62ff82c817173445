"""What many threads want kept at once, kept together: a disk makes only so many commits a second."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Item = TypeVar("Item")
Board = Callable[[], Sequence[Item]]  # everything that waits now; again and again


@dataclass(slots=True)
class _Place(Generic[Item]):
    """One thread's place among those who wait."""

    item: Item
    called: threading.Event = field(default_factory=threading.Event)
    is_kept: bool = False
    error: BaseException | None = None


class Gathering(Generic[Item]):
    """Threads that wait for their turn to write are written for by the one whose turn it is (group commit).

    `keep` asks for what waits once it may write, so that whoever came while it waited for that is among them; it keeps
    all that it was given, or raises and keeps none. One thread at a time calls it, and it is given each item once.
    """

    def __init__(self, keep: Callable[[Board[Item]], None]) -> None:
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
        together: list[_Place[Item]] = []

        def board() -> Sequence[Item]:
            with self._door:
                came, self._waiting = self._waiting, []
            together.extend(came)
            return [place.item for place in came]

        error: BaseException | None = None
        try:
            self._keep(board)
        except BaseException as failure:  # noqa: BLE001 - each of them raises it
            error = failure
            if not together:  # it came to nothing before it asked for them: the same would meet each of them
                board()
        for place in together:
            place.is_kept, place.error = error is None, error
            place.called.set()
        with self._door:
            self._is_led = bool(self._waiting)
            if self._waiting:
                self._waiting[0].called.set()
