"""What lies outside the database and has seen how far it was: a file of the data dir, and a key of the queue's server.

Both may be lost without harm: whoever has seen nothing says nothing.
"""

import json
import os
import secrets
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import redis

from app.domain.fences import Sighting
from app.infra.broker import Broker

FILE = "installation.json"


class Witness:
    """The two witnesses of one process: the file of its data dir, and the server of its queue."""

    def __init__(self, data_dir: Path, broker: Broker) -> None:
        self.file = data_dir / FILE
        self._broker = broker

    def recall(self, installation: str) -> list[Sighting]:
        """The latest states that were seen; `installation` is the id whose state the queue's server is asked for."""
        found = []
        with suppress(OSError, ValueError, TypeError, KeyError):
            found.append(_parse(self.file.read_text()))
        with suppress(redis.RedisError, ValueError, TypeError, KeyError):
            told = self._broker.redis.get(_key(installation))
            if isinstance(told, bytes):
                found.append(_parse(told.decode()))
        return found

    def note(self, sighting: Sighting) -> None:
        """Remember this state. OSError when the file cannot be written; a queue that is away remembers nothing."""
        words = json.dumps(asdict(sighting))
        self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # a machine of its own begins with a bare part
        draft = self.file.with_name(f"{FILE}.{os.getpid()}.{secrets.token_hex(4)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write(words + "\n")
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self.file)
        finally:
            draft.unlink(missing_ok=True)
        with suppress(redis.RedisError):
            self._broker.redis.set(_key(sighting.id), words)


def _key(installation: str) -> str:
    return f"carillon:installation:{installation}"


def _parse(words: str) -> Sighting:
    values = json.loads(words)
    return Sighting(str(values["id"]), int(values["epoch"]), int(values["beat"]), str(values["nonce"]))
