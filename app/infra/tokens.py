"""Tokens that providers hand out or take for a while: made once, kept until they end, shared by all workers."""

import asyncio
import fcntl
import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from secrets import token_hex
from weakref import WeakValueDictionary

from app.infra.clock import SystemClock, monotonic
from app.infra.sealed_tokens import Token, open_token, seal_token
from app.infra.token_shelf import ShelfAway, TokenShelf
from app.infra.vault import Vault

LOCK_PATIENCE = 15.0  # seconds a process waits while another one makes the token; then it makes one of its own
LOCK_STEP = 0.05


class _Turn:
    """Of those who ask for a key at the same time in one loop, one goes ahead; the others share its end."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.failed_at = 0.0
        self.failure: Exception | None = None


class TokenCache:
    """Tokens by key: in this process, in encrypted files for this machine, and on a shelf for all machines.

    However many ask at once, one of them makes the token and the others wait for it, or for what keeps it from being
    made. Without a directory and a vault a process is alone; without a shelf, or while its server is away, a machine
    is. What was made meanwhile is offered to the others as soon as they can be reached.
    """

    def __init__(
        self, directory: Path | None = None, vault: Vault | None = None, shelf: TokenShelf | None = None
    ) -> None:
        self._directory = directory
        self._vault = vault
        self._shelf = shelf
        self._known: dict[str, Token] = {}
        self._turns: WeakValueDictionary[tuple[int, str], _Turn] = WeakValueDictionary()

    async def get(self, key: str, make: Callable[[], Awaitable[Token]], *, instead_of: str = "") -> str:
        """The token of that key, made by `make` when there is none that holds; what `make` raises comes out.

        The key must change with whatever the token is made from (put a digest of the secret in, never the secret).
        `instead_of` is a token that the service has just refused: it is not given again.
        """
        if found := _usable(self._known.get(key), instead_of):
            return found.value
        turn = self._turns.setdefault((id(asyncio.get_running_loop()), key), _Turn())
        began = monotonic()
        async with turn.lock:
            if found := _usable(self._known.get(key), instead_of):
                return found.value
            if turn.failure is not None and turn.failed_at > began:  # who waited for an attempt shares its end
                raise turn.failure.with_traceback(None)
            try:
                token = await self._get_with_others(key, make, instead_of)
            except Exception as error:
                turn.failed_at, turn.failure = monotonic(), error
                raise
            self._known[key] = token
            return token.value

    async def _get_with_others(self, key: str, make: Callable[[], Awaitable[Token]], refused: str) -> Token:
        if self._directory is None or self._vault is None:
            return await make()
        path = self._directory / sha256(key.encode()).hexdigest()
        if (token := await self._look(key, path, refused)) is None:
            with _opened(path.with_suffix(".lock")) as descriptor:
                await _wait_for_turn(descriptor)
                token = await self._look(key, path, refused) or await self._make(key, path, make, refused)
        return token

    async def _look(self, key: str, path: Path, refused: str) -> Token | None:
        """What all machines share, else what this one has; from now on both have the same."""
        mine = _usable(self._read(path), refused)
        if self._shelf is None:
            return mine
        try:
            lies_there = await self._shelf.look(key)
            shared = _usable(lies_there, refused)
            if shared is None and mine is not None:
                shared = await self._shelf.offer(key, mine, instead_of=lies_there)
        except ShelfAway:
            return mine
        if shared is not None and shared != mine:
            self._write(path, shared)
        return shared

    async def _make(self, key: str, path: Path, make: Callable[[], Awaitable[Token]], refused: str) -> Token:
        """A fresh token, or the one that another machine makes at this moment."""
        mark, end = token_hex(8), monotonic() + LOCK_PATIENCE
        with suppress(ShelfAway):
            while self._shelf is not None and monotonic() < end:
                if await self._shelf.claim(key, mark):
                    return await self._make_for_all(self._shelf, key, path, make, refused, mark)
                await asyncio.sleep(LOCK_STEP)
                if token := await self._look(key, path, refused):
                    return token
        token = await make()
        self._write(path, token)
        return token

    async def _make_for_all(
        self, shelf: TokenShelf, key: str, path: Path, make: Callable[[], Awaitable[Token]], refused: str, mark: str
    ) -> Token:
        """Nobody else makes one now; somebody may have, before it was our turn."""
        try:
            if (token := await self._look(key, path, refused)) is None:
                token = await make()
                self._write(path, token)
                with suppress(ShelfAway):
                    await shelf.put(key, token)
            return token
        finally:
            with suppress(ShelfAway):
                await shelf.release(key, mark)

    def _read(self, path: Path) -> Token | None:
        """The token of that file; None when there is none that can be read with our keys."""
        try:
            return open_token(self._vault, path.read_text()) if self._vault is not None else None
        except (OSError, UnicodeDecodeError):
            return None

    def _write(self, path: Path, token: Token) -> None:
        """Keep it for the others; without a writable disk each process has its own."""
        if self._vault is None:
            return
        draft = path.with_suffix(f".{os.getpid()}-{token_hex(4)}")
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            draft.touch(mode=0o600)
            draft.write_text(seal_token(self._vault, token))
            draft.replace(path)


def _usable(token: Token | None, refused: str) -> Token | None:
    return token if token is not None and token.value != refused and token.holds(SystemClock().now()) else None


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
