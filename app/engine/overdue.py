"""Leases as one process sees them, second by second: which of them nobody renewed for as long as a lease lasts.

What a lease says itself is a moment of its holder's clock. That clock may be wrong by hours, be set while a batch is
held, or differ from ours; a batch that a living worker holds must not be taken from it for that. So whoever looks each
second counts on its own monotonic clock from when it saw a lease first. The holder does the same from before it
renewed (`engine.watch`), so it always stops first.
"""

from collections.abc import Iterable
from datetime import timedelta

from app.engine.ledger import OpenLease
from app.infra.clock import monotonic


class Overdue:
    """The memory of one process; not safe to share between threads. `length` is how long a lease lasts everywhere."""

    def __init__(self, length: timedelta) -> None:
        self._length = length
        self._first_seen: dict[OpenLease, float] = {}

    def among(self, leases: Iterable[OpenLease]) -> dict[OpenLease, timedelta]:
        """Of the leases that are open now, those that were not renewed for their whole length, and by how much more."""
        moment, before = monotonic(), self._first_seen
        self._first_seen = {lease: before.get(lease, moment) for lease in leases}
        waited = {lease: timedelta(seconds=moment - since) - self._length for lease, since in self._first_seen.items()}
        return {lease: by for lease, by in waited.items() if by >= timedelta()}
