"""Counters with a window, kept in the queue's server so that all web processes count together."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import redis
import structlog
from limits.storage import RedisStorage

from app.infra.broker import Broker

PREFIX = "carillon:counted"
Answer = TypeVar("Answer")
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Count:
    """How often something was done in its window, this time included, and in how many seconds that ends."""

    done: int
    seconds_left: int


class Counters:
    """Fixed windows that begin with their first act; safe to share between threads.

    While Valkey is away nothing is counted, and nobody is held up: the log says so once.
    """

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._is_away = False
        self._storage: RedisStorage | None = None

    def count(self, name: str, seconds: int) -> Count | None:
        """Count one more act of that name within so many seconds; None when Valkey is away."""

        def ask() -> Count:
            storage = self._connect()
            done = storage.incr(name, seconds)
            left = self._broker.redis.ttl(storage.prefixed_key(name))
            return Count(done, max(1, left))

        return self._attempt(ask)

    def forget(self, name: str) -> None:
        """Begin anew at nothing."""
        self._attempt(lambda: self._connect().clear(name))

    def _connect(self) -> RedisStorage:
        """The counting of `limits` over the broker's own connections."""
        if self._storage is None:
            pool = self._broker.redis.connection_pool
            self._storage = RedisStorage(self._broker.url, connection_pool=pool, key_prefix=PREFIX)
        return self._storage

    def _attempt(self, ask: Callable[[], Answer]) -> Answer | None:
        try:
            answer = ask()
        except redis.RedisError as error:
            if not self._is_away:  # said once, not with each request that follows
                log.warning("Nothing is counted: the queue does not answer", error=str(error))
            self._is_away = True
            return None
        self._is_away = False
        return answer
