"""What a worker was about to do and what was answered, so that a kill costs only what was in flight.

One file per batch. A line is written before envelopes go to the wire (`s 3 4 5`) and one for each answer
(`a 3 <provider's id>` when accepted, `o 3 <json>` otherwise), each with one write and no fsync: it survives the
process, not a power cut. Positions are those of the batch's deliveries in order of their numbers. Losing a journal is
safe: its deliveries become uncertain.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path

from app.domain.outcomes import Outcome, OutcomeKind, Reason, accepted


@dataclass(slots=True)
class Story:
    """What a journal tells: positions that were started, and the outcomes of those that were answered."""

    started: set[int] = field(default_factory=set)
    answered: dict[int, Outcome] = field(default_factory=dict)


class Journal:
    """The open journal of one batch; closed and deleted once the ledger holds its results."""

    def __init__(self, folder: Path, batch_pk: int) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path = path_of(folder, batch_pk)
        self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_TRUNC, 0o600)

    def started(self, positions: Sequence[int]) -> None:
        """These are about to be written to the wire. OSError when the disk is full: then nothing may be started."""
        os.write(self._file, f"s {' '.join(map(str, positions))}\n".encode())

    def answered(self, position: int, outcome: Outcome) -> None:
        """What became of one."""
        if outcome.kind is OutcomeKind.ACCEPTED:
            line = f"a {position} {outcome.provider_message_id}"
        else:
            line = f"o {position} {_write(outcome)}"
        os.write(self._file, f"{line.replace(chr(10), ' ')}\n".encode())

    def close(self) -> None:
        """Stop writing; the file stays until somebody forgets it."""
        os.close(self._file)

    def forget(self) -> None:
        """The ledger holds it all now."""
        self.path.unlink(missing_ok=True)


def path_of(folder: Path, batch_pk: int) -> Path:
    """Where the journal of a batch lies."""
    return folder / f"{batch_pk}.journal"


def read(folder: Path, batch_pk: int) -> Story:
    """What the journal of a batch tells; an empty story when nothing was ever started. A torn last line is ignored."""
    story = Story()
    try:
        lines = path_of(folder, batch_pk).read_text(errors="replace").split("\n")[:-1]
    except FileNotFoundError:
        return story
    for line in lines:
        sort, _, rest = line.partition(" ")
        if sort == "s":
            story.started.update(map(int, rest.split()))
        elif sort in {"a", "o"}:
            position, _, words = rest.partition(" ")
            story.answered[int(position)] = accepted(words) if sort == "a" else _parse(words)
    return story


def _write(outcome: Outcome) -> str:
    values = asdict(outcome)
    values["retry_after"] = outcome.retry_after.total_seconds() if outcome.retry_after is not None else None
    return json.dumps(values, separators=(",", ":"))


def _parse(words: str) -> Outcome:
    values = json.loads(words)
    seconds = values.pop("retry_after")
    return Outcome(
        OutcomeKind(values.pop("kind")), Reason(values.pop("reason")),
        retry_after=None if seconds is None else timedelta(seconds=seconds), **values,
    )  # fmt: skip
