"""What a worker was about to do and what was answered, so that a kill costs only what was in flight.

One file per batch. A line is written before envelopes go to the wire (`s 3 4 5`), before one is made ready alone that
workers died of (`h 3`), and one for each answer (`a 3 <provider's id>` when accepted, `o 3 <json>` otherwise). The file
is mapped into memory, so a line costs no call of the system, and no fsync: it survives the process, not a power cut.
Its room is written with zeros before: a full disk is found out there, and not by a line that has nowhere to go.
Positions are those of the batch's deliveries in order of their numbers. Losing a journal is safe: its deliveries become
uncertain.

The name holds the batch's number and the moment of its claim, because a database gives the number of a deleted row
away again: the journal of an old batch must never be taken for that of a new one.
"""

import errno
import json
import mmap
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from app.domain.outcomes import Outcome, OutcomeKind, Reason, accepted
from app.engine.ledger import Lease
from app.models.base import to_milliseconds


@dataclass(slots=True)
class Story:
    """What a journal tells: positions that were started, and the outcomes of those that were answered.

    `begun` and `ended` are when that was; only whoever sent the batch itself knows it. `in_hand` is the position that
    was sent alone last; `is_found` whether there was a journal to read. What was never begun waits until `rest_until`
    (None: it does not). `size_limit` is how many bytes of a message the service said meanwhile that it takes.
    """

    started: set[int] = field(default_factory=set)
    answered: dict[int, Outcome] = field(default_factory=dict)
    begun: dict[int, datetime] = field(default_factory=dict)
    ended: dict[int, datetime] = field(default_factory=dict)
    in_hand: int | None = None
    is_found: bool = False
    rest_until: datetime | None = None
    size_limit: int | None = None


class Journal:
    """The open journal of one batch; closed and deleted once the ledger holds its results."""

    def __init__(self, folder: Path, lease: Lease) -> None:
        """OSError when the disk is full."""
        self.path = path_of(folder, lease)
        self._end = 0  # of what is written; zeros follow
        try:
            self._file = os.open(self.path, _HOW, 0o600)
        except FileNotFoundError:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = os.open(self.path, _HOW, 0o600)
        try:
            self._make_room(0, ROOM)
            self._lines = mmap.mmap(self._file, ROOM)
        except BaseException:
            os.close(self._file)
            raise

    def started(self, positions: Sequence[int]) -> None:
        """These are about to be written to the wire. OSError when the disk is full: then nothing may be started."""
        self._append(f"s {' '.join(map(str, positions))}\n")

    def in_hand(self, position: int) -> None:
        """This one is made ready next, alone: should we die now, it was this one. OSError when the disk is full."""
        self._append(f"h {position}\n")

    def answered(self, position: int, outcome: Outcome) -> None:
        """What became of one. OSError when the disk is full."""
        if outcome.kind is OutcomeKind.ACCEPTED:
            line = f"a {position} {outcome.provider_message_id}"
        else:
            line = f"o {position} {_write(outcome)}"
        self._append(f"{line.replace(chr(10), ' ')}\n")

    def _append(self, line: str) -> None:
        octets = line.encode()
        end = self._end + len(octets)
        if end > len(self._lines):
            self._grow(end)
        self._lines[self._end : end] = octets
        self._end = end

    def _grow(self, least: int) -> None:
        before, after = len(self._lines), len(self._lines)
        while after < least:
            after *= 2
        self._make_room(before, after)
        self._lines.resize(after)

    def _make_room(self, start: int, end: int) -> None:
        """Zeros from here to there, so that the disk has a place for what is written over them."""
        if os.pwrite(self._file, bytes(end - start), start) < end - start:
            raise OSError(errno.ENOSPC, "The journal has no room")

    def close(self) -> None:
        """Stop writing; the file stays until somebody forgets it."""
        self._lines.close()
        os.close(self._file)

    def forget(self) -> None:
        """The ledger holds it all now."""
        self.path.unlink(missing_ok=True)


ROOM = 16 * 1024  # bytes that a journal begins with: of a thousand short answers; it doubles when they are longer
_HOW = os.O_RDWR | os.O_CREAT | os.O_TRUNC


def path_of(folder: Path, lease: Lease) -> Path:
    """Where the journal of a batch lies."""
    return folder / f"{lease.batch_pk}-{to_milliseconds(lease.claimed_at)}.journal"


def read(folder: Path, lease: Lease) -> Story:
    """What the journal of a batch tells; an empty story when nothing was ever started. Torn lines are ignored.

    What a kill cut short lies among zeros.
    """
    story = Story()
    try:
        lines = path_of(folder, lease).read_text(errors="replace").split("\n")[:-1]
    except FileNotFoundError:
        return story
    story.is_found = True
    for line in lines:
        with suppress(ValueError, KeyError, TypeError):
            if "\0" not in line:
                _read_line(line, story)
    return story


def _read_line(line: str, story: Story) -> None:
    sort, _, rest = line.partition(" ")
    if sort == "s":
        story.started.update(map(int, rest.split()))
    elif sort == "h":
        story.in_hand = int(rest)
    elif sort in {"a", "o"}:
        position, _, words = rest.partition(" ")
        story.answered[int(position)] = accepted(words) if sort == "a" else _parse(words)


def _write(outcome: Outcome) -> str:
    values = asdict(outcome)
    del values["allowance"]  # it is of that moment
    values["retry_after"] = outcome.retry_after.total_seconds() if outcome.retry_after is not None else None
    values["dead_since"] = outcome.dead_since.isoformat() if outcome.dead_since is not None else None
    return json.dumps(values, separators=(",", ":"))


def _parse(words: str) -> Outcome:
    values = json.loads(words)
    seconds, died = values.pop("retry_after"), values.pop("dead_since", None)
    return Outcome(
        OutcomeKind(values.pop("kind")), Reason(values.pop("reason")),
        retry_after=None if seconds is None else timedelta(seconds=seconds),
        dead_since=None if died is None else datetime.fromisoformat(died), **values,
    )  # fmt: skip
