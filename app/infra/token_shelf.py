"""Tokens for all machines: kept encrypted in the queue's server, and made by one process at a time."""

import asyncio
import hmac
from collections.abc import Callable
from functools import cached_property
from typing import TypeVar, cast

import redis
import structlog

from app.infra.broker import connect
from app.infra.clock import SystemClock
from app.infra.sealed_tokens import Token, open_token, seal_token
from app.infra.vault import Vault

LEASE = 12.0  # seconds for which one process makes a token alone; longer than a sign-in may take
PURPOSE = "tokens"  # what the key is for that makes the names: nobody can tell from one what it is of

# Whoever was slower than the lease must not end the turn of the next one.
_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"
Answer = TypeVar("Answer")

log = structlog.get_logger(__name__)


class ShelfAway(Exception):
    """The queue's server does not answer: every machine has tokens of its own until it does."""


class TokenShelf:
    """Tokens by key, for everybody who has the same server and the same secret keys; safe to share between threads.

    Everything here raises ShelfAway. `url` is what redis-py understands.
    """

    def __init__(self, url: str, vault: Vault) -> None:
        self._url = url
        self._vault = vault
        self._is_away = False

    async def look(self, key: str) -> Token | None:
        """The token that lies there; None without one, or when it was sealed with keys that we do not have."""
        sealed = await self._ask(lambda: self._redis.get(self._name(key)))
        return open_token(self._vault, cast("bytes", sealed).decode()) if sealed is not None else None

    async def put(self, key: str, token: Token) -> None:
        """Lay it there for its life, in place of another one."""
        await self._set(key, token, is_only_if_empty=False)

    async def offer(self, key: str, token: Token, *, instead_of: Token | None) -> Token:
        """Lay it there if none lies there, or one that is of no use any more; the one that then does."""
        await self._set(key, token, is_only_if_empty=instead_of is None)
        return await self.look(key) or token

    async def claim(self, key: str, mark: str) -> bool:
        """Be the one who makes it, until released or for a lease; False while it is somebody else."""
        name = f"{self._name(key)}:maker"
        return bool(await self._ask(lambda: self._redis.set(name, mark, nx=True, px=round(LEASE * 1000))))

    async def release(self, key: str, mark: str) -> None:
        """Let the next one make it, if we still are the one."""
        await self._ask(lambda: self._redis.eval(_RELEASE, 1, f"{self._name(key)}:maker", mark))

    async def _set(self, key: str, token: Token, *, is_only_if_empty: bool) -> None:
        life = round((token.expires_at - SystemClock().now()).total_seconds() * 1000)
        if life > 0:
            sealed = seal_token(self._vault, token)
            await self._ask(lambda: self._redis.set(self._name(key), sealed, px=life, nx=is_only_if_empty))

    def _name(self, key: str) -> str:
        return f"carillon:token:{hmac.new(self._signing_key, key.encode(), 'sha256').hexdigest()}"

    @cached_property
    def _signing_key(self) -> bytes:
        return self._vault.signing_key(PURPOSE)

    @cached_property
    def _redis(self) -> redis.Redis:
        return connect(self._url)

    async def _ask(self, ask: Callable[[], Answer]) -> Answer:
        """Ask beside the loop, which has batches to hold meanwhile."""
        try:
            answer = await asyncio.to_thread(ask)
        except redis.RedisError as error:
            if not self._is_away:  # said once
                log.warning("Tokens are not shared: the queue does not answer", error=str(error))
            self._is_away = True
            raise ShelfAway from None
        self._is_away = False
        return answer
