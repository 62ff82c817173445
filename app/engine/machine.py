"""What the engine's functions share in one process: database, queue, clock, vault, event loop, a name."""

import asyncio
import os
import platform
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from hashlib import sha256
from pathlib import Path
from secrets import token_hex

import uvloop

from app.infra.broker import Broker
from app.infra.clock import Clock
from app.infra.db import Database
from app.infra.goodbyes import say_goodbye
from app.infra.pacing import Pacing
from app.infra.settings import Settings
from app.infra.vault import Vault


@cache
def place_of(data_dir: Path) -> str:
    """A short name for this machine since it was started, and data dir: whoever has the same reads the same journals.

    Journals are not synced to disk, so after a power cut their last lines may be missing: they count as out of reach.
    So do those of a container that has the same name and path, but another volume: a folder has a mark of its own.
    """
    facts = (platform.node(), _started_as(), str(data_dir), _mark_of(data_dir / "journal"))
    return sha256(":".join(facts).encode()).hexdigest()[:12]


def _mark_of(folder: Path) -> str:
    """What only this folder of journals holds; written by whoever asks first. OSError when it cannot be."""
    mark = folder / "mark"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not mark.exists():
        draft = folder / f"mark.{token_hex(8)}"
        draft.write_text(token_hex(16))
        with suppress(FileExistsError):
            mark.hardlink_to(draft)  # unlike a rename it never replaces what another process just made
        draft.unlink()
    return mark.read_text()


@cache
def _started_as() -> str:
    """What Linux calls this run of the system; empty elsewhere."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


@dataclass(slots=True)
class Machine:
    """One process of the engine. The event loop lives as long as it, and with the loop the open connections."""

    settings: Settings
    database: Database
    broker: Broker
    clock: Clock
    vault: Vault
    _loop: asyncio.AbstractEventLoop | None = field(default=None, repr=False)
    _pacing: Pacing | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """Who holds a lease: place, then process."""
        return f"{place_of(self.settings.data_dir)}:{os.getpid()}"

    @property
    def lease(self) -> timedelta:
        """For how long a batch is held without a sign of life."""
        return timedelta(seconds=self.settings.lease_seconds)

    @property
    def journal_dir(self) -> Path:
        """Where this machine's journals lie."""
        return self.settings.data_dir / "journal"

    def close(self) -> None:
        """Say goodbye on every open connection, and end the loop."""
        if self._loop is not None:
            self._loop.run_until_complete(say_goodbye())
            self._loop.close()
            self._loop = None

    @property
    def pacing(self) -> Pacing:
        """Whom this process asks how fast it may go."""
        if self._pacing is None:
            self._pacing = Pacing(self.broker, self.clock)
        return self._pacing

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop of this process, made when it is first needed."""
        if self._loop is None:
            self._loop = uvloop.new_event_loop()
        return self._loop
