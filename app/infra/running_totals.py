"""Counts that only grow, kept in the queue's server so that all processes of all machines count together.

They are for whoever watches from outside, and nothing is decided by them. A server that lost its memory begins at
nothing again, which is what monitoring expects of counters (Prometheus calls it a reset).
"""

from collections.abc import Mapping
from typing import cast

import redis

from app.infra.broker import Broker

_KEY = "carillon:totals"
_KEPT = "carillon:totals:kept"
_TURN = "carillon:totals:turn"


class RunningTotals:
    """Whole numbers by name; safe to share between threads. What is counted while Valkey is away is lost."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    def add(self, amounts: Mapping[str, int]) -> bool:
        """Add these amounts; False, and nothing else, when Valkey is away."""
        try:
            with self._broker.redis.pipeline(transaction=False) as pipeline:
                for name, amount in amounts.items():
                    pipeline.hincrby(_KEY, name, amount)
                pipeline.execute()
        except redis.RedisError:
            return False
        return True

    def read(self) -> dict[str, int]:
        """Every total that was ever added to; raises redis.RedisError when Valkey is away."""
        found = cast("dict[bytes, bytes]", self._broker.redis.hgetall(_KEY))
        return {name.decode(): int(total) for name, total in found.items()}

    def keep(self, name: str, text: str) -> None:
        """Keep a text for `recall`; it may be lost with Valkey's memory. Raises redis.RedisError when it is away."""
        self._broker.redis.hset(_KEPT, name, text)

    def recall(self, name: str) -> str:
        """The text kept under that name, empty when there is none; raises redis.RedisError when Valkey is away."""
        found = cast("bytes | None", self._broker.redis.hget(_KEPT, name))
        return found.decode() if found else ""

    def is_turn(self, name: str, seconds: int) -> bool:
        """Whether nobody, on any machine, had this turn within the last seconds; False when Valkey is away."""
        try:
            return bool(self._broker.redis.set(f"{_TURN}:{name}", 1, nx=True, ex=seconds))
        except redis.RedisError:
            return False
