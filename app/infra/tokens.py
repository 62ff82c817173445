"""Tokens that providers hand out or take for a while: made once, kept until they end, shared by a machine's workers."""

import asyncio
import fcntl
import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from weakref import WeakValueDictionary

from app.infra.clock import SystemClock, monotonic
from app.infra.vault import Vault, VaultError

MARGIN = timedelta(minutes=1)  # a token is not used in its last minute
LOCK_PATIENCE = 15.0  # seconds a process waits while another one makes the token; then it makes one of its own
LOCK_STEP = 0.05


@dataclass(frozen=True, slots=True)
class Token:
    """What is sent along, and until when it holds (aware)."""

    value: str = field(repr=False)
    expires_at: datetime

    def holds(self, now: datetime) -> bool:
        """Whether it can still be used."""
        return now < self.expires_at - MARGIN


class TokenCache:
    """Tokens by key, in this process and, with a directory and a vault, in encrypted files for all of this machine.

    However many ask at once, one of them makes the token and the others wait for it, or for what keeps it from being
    made. Machines do not share: each has tokens of its own, which every service allows.
    """

    def __init__(self, directory: Path | None = None, vault: Vault | None = None) -> None:
        self._directory = directory
        self._vault = vault
        self._known: dict[str, Token] = {}
        self._failures: dict[str, tuple[float, Exception]] = {}  # the last one of each key, and when it was
        self._locks: WeakValueDictionary[tuple[int, str], asyncio.Lock] = WeakValueDictionary()

    async def get(self, key: str, make: Callable[[], Awaitable[Token]], *, instead_of: str = "") -> str:
        """The token of that key, made by `make` when there is none that holds; what `make` raises comes out.

        The key must change with whatever the token is made from (put a digest of the secret in, never the secret).
        `instead_of` is a token that the service has just refused: it is not given again.
        """
        if found := self._usable(self._known.get(key), instead_of):
            return found
        lock = self._locks.setdefault((id(asyncio.get_running_loop()), key), asyncio.Lock())
        began = monotonic()
        async with lock:
            if found := self._usable(self._known.get(key), instead_of):
                return found
            moment, failure = self._failures.get(key, (began, None))
            if failure is not None and moment > began:  # who waited for an attempt shares its end, good or bad
                raise failure.with_traceback(None)
            try:
                return await self._get_with_others(key, make, instead_of)
            except Exception as error:
                self._failures[key] = monotonic(), error
                raise

    async def _get_with_others(self, key: str, make: Callable[[], Awaitable[Token]], refused: str) -> str:
        if self._directory is None or self._vault is None:
            return self._remember(key, await make())
        path = self._directory / sha256(key.encode()).hexdigest()
        token = self._read(path)
        if token is None or not self._usable(token, refused):
            with _opened(path.with_suffix(".lock")) as descriptor:
                await _wait_for_turn(descriptor)
                token = self._read(path)
                if token is None or not self._usable(token, refused):
                    token = await make()
                    self._write(path, token)
        return self._remember(key, token)

    def _read(self, path: Path) -> Token | None:
        """The token of that file; None when there is none that can be read with our keys."""
        try:
            kept = self._vault.decrypt_json(path.read_text()) if self._vault is not None else {}
            return Token(str(kept["value"]), datetime.fromisoformat(kept["expires_at"]))
        except (OSError, VaultError, ValueError, KeyError, TypeError):
            return None

    def _write(self, path: Path, token: Token) -> None:
        """Keep it for the others; without a writable disk each process has its own."""
        if self._vault is None:
            return
        sealed = self._vault.encrypt_json({"value": token.value, "expires_at": token.expires_at.isoformat()})
        draft = path.with_suffix(f".{os.getpid()}")
        with suppress(OSError):
            draft.touch(mode=0o600)
            draft.write_text(sealed)
            draft.replace(path)

    def _remember(self, key: str, token: Token) -> str:
        self._known[key] = token
        return token.value

    def _usable(self, token: Token | None, refused: str) -> str:
        if token is None or token.value == refused or not token.holds(SystemClock().now()):
            return ""
        return token.value


@contextmanager
def _opened(path: Path) -> Iterator[int | None]:
    """The lock file of a token, open; None when the disk does not let us."""
    descriptor = None
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield descriptor
    finally:
        if descriptor is not None:
            os.close(descriptor)  # and with it the lock


async def _wait_for_turn(descriptor: int | None) -> None:
    """Hold the lock, or go on without it when whoever holds it takes too long."""
    waited = 0.0
    while descriptor is not None and waited < LOCK_PATIENCE:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            waited += LOCK_STEP
            await asyncio.sleep(LOCK_STEP)
        else:
            return
