"""Whether a worker or ticker of this machine lives: for process managers, which restart what does not."""

import socket

import redis

from app.engine.machine import place_of
from app.infra.broker import Broker
from app.infra.settings import Settings
from app.services.running.health import Check

PARTS = ("worker", "ticker")


def look_for(part: str, settings: Settings, broker: Broker) -> Check:
    """Whether a process of that part (PARTS) gave a sign of life from here in the last ten seconds.

    Here is this host for a worker, this host and data dir for a ticker. A queue that does not answer is no reason to
    restart anything: then the answer is good.
    """
    try:
        names = broker.alive(part)
    except redis.RedisError:
        return Check(part, True, "Unknown, because the queue does not answer; restarting would not help.")
    here = socket.gethostname() if part == "worker" else place_of(settings.data_dir)
    mine = [name for name in names if _place_in(part, name) == here]
    if mine:
        return Check(part, True, f"Alive here: {', '.join(mine)}.")
    return Check(part, False, f"None gave a sign of life here in the last ten seconds; {len(names)} did elsewhere.")


def _place_in(part: str, name: str) -> str:
    """Where it runs: workers are named host-pid-random (`infra.queue_worker`), tickers place:pid (`engine.machine`)."""
    return name.rsplit("-", 2)[0] if part == "worker" else name.partition(":")[0]
