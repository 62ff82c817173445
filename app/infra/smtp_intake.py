"""The letters of one delivery run on their way to the connections, each handed out and answered once."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Protocol

from app.domain.outcomes import Outcome
from app.infra.crashes import Crashes

STARTS_AT_ONCE = 10  # letters announced together: what a killed worker leaves in doubt beside what is on the wire


class Listener(Protocol):
    """Who is told what happens to the letters of a run; positions are those the letters carry."""

    @property
    def at_once(self) -> int | None:
        """How many letters may be on the wire at the same time; None for as many as the route allows."""

    @property
    def is_paced(self) -> bool:
        """Whether letters must not be started before they are written."""

    def may_start(self, count: int) -> int:
        """How many of `count` more letters may be started. 0: none from here on."""

    def started(self, indexes: Sequence[int]) -> None:
        """These letters are about to be written to the wire."""

    def answered(self, index: int, outcome: Outcome) -> None:
        """What became of one letter."""


class Letter:
    """One envelope with its text: `compose` makes the bytes (CRLF line ends, not yet dot-stuffed) when needed.

    `compose` raises ValueError, whose sentence becomes the outcome's detail, for what cannot be written; anything else
    that it raises is a fault of ours, and costs this letter alone. `name` is
    told to servers that offer DSN (RFC 3461) and comes back in what they report; at most 100 printable ASCII signs.
    """

    __slots__ = ("compose", "index", "is_retry", "name", "recipient", "sender")

    def __init__(self, index: int, sender: str, recipient: str, compose: Callable[[], bytes], name: str = "") -> None:
        self.index = index
        self.name = name
        self.sender = sender
        self.recipient = recipient
        self.compose = compose
        self.is_retry = False  # came back once from a connection that broke before its text was written


class Intake:
    """Hands letters to whichever connection is free; asks the listener before each group."""

    def __init__(self, letters: Iterator[Letter], listener: Listener) -> None:
        self._letters = letters
        self._listener = listener
        self._ready: deque[Letter] = deque()
        self._exhausted = False
        self._drawn: Letter | None = None  # the next one, where each is started only when it is taken
        self._crashes = Crashes()
        self.answer = listener.answered

    def take(self) -> Letter | None:
        """The next letter to write; None when there is none, or none may be started."""
        if self._ready or self._fill(STARTS_AT_ONCE if not self._listener.is_paced else 1):
            return self._ready.popleft()
        return None

    def has_more(self) -> bool:
        """Whether `take` would give a letter, unless it may not be started then."""
        if self._ready or not self._listener.is_paced:
            return bool(self._ready) or self._fill(STARTS_AT_ONCE)
        if self._drawn is None and not self._exhausted:
            self._drawn = next(self._letters, None)
        return self._drawn is not None

    def give_back(self, letter: Letter) -> None:
        """Return a letter of which no text was written, to be written to another connection."""
        letter.is_retry = True
        self._ready.appendleft(letter)

    def refuse(self, letter: Letter, error: Exception) -> None:
        """Answer a letter that cannot be written, for what was raised; nothing of it has gone out."""
        self.answer(letter.index, self._crashes.at(error))

    def refuse_rest(self, outcome: Outcome) -> None:
        """Answer every letter that is left alike: there is no connection to write it to."""
        while (letter := self.take()) is not None:
            self.answer(letter.index, outcome)

    def _fill(self, count: int) -> bool:
        if self._exhausted:
            return False
        group = list(islice(self._letters, count if self._drawn is None else count - 1))
        if self._drawn is not None:
            group.insert(0, self._drawn)
            self._drawn = None
        granted = self._listener.may_start(len(group)) if group else 0
        if granted < len(group) or not group:
            self._exhausted = True  # a limit is reached: what is left waits in the queue, not here
        if not granted:
            return False
        self._listener.started([letter.index for letter in group[:granted]])
        self._ready.extend(group[:granted])
        return True
