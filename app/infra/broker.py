"""The doorbell: jobs rung by name, and who is alive; never the truth, so it may be away without harm."""

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import TYPE_CHECKING, cast

import redis
import structlog
from redis.backoff import NoBackoff
from redis.retry import Retry

from app.infra.clock import monotonic

if TYPE_CHECKING:
    from rq import Queue

QUEUES = ("urgent", "bulk")  # in order of priority
JOB_TIMEOUT = 300  # seconds one job may take before its worker breaks it off
BELL_LIFETIME = 15  # seconds: a bell that nobody answered may be rung again after this
AT_WORK = 5  # seconds that a job counts as being done after it said so
FAILED_JOB_LIFETIME = 600  # seconds a failed job stays to be looked at
_QUIET_AFTER_TIMEOUT = 1.0  # seconds in which a hanging Valkey is not asked again

# The times are the server's own, so that machines with different clocks agree on who is alive.
_BEAT = "redis.call('ZADD', KEYS[1], redis.call('TIME')[1] + ARGV[2], ARGV[1])"
_ALIVE = "return redis.call('ZRANGEBYSCORE', KEYS[1], redis.call('TIME')[1], '+inf')"
_SWEEP = "redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', redis.call('TIME')[1] - 3600)"

Bell = tuple[str, tuple[str | int, ...]]  # a task of app.jobs with its arguments

log = structlog.get_logger(__name__)


def connect(url: str) -> redis.Redis:
    """A client with short time-outs, so that a Valkey that is away never holds a page for long."""
    return redis.Redis.from_url(
        url, socket_connect_timeout=1.0, socket_timeout=2.0, retry=Retry(NoBackoff(), 1), health_check_interval=30
    )


class Broker:
    """Rings jobs on RQ and keeps the heartbeats; safe to share between threads, opens its connection on first use.

    `url` is what redis-py understands: `unix:///path`, `redis://host:port/db`, `rediss://…`.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._quiet_until = 0.0
        self._is_away = False

    @cached_property
    def redis(self) -> redis.Redis:
        """The client underneath, for the limiter and the journal; its errors are redis.RedisError."""
        return connect(self.url)

    def ring(self, task: str, *args: str | int, queue: str = "bulk") -> bool:
        """Ask for `app.jobs.<task>(*args)` soon; true when it was rung or is rung already, false when Valkey is away.

        Never raises for a Valkey that is away: the ticker rings again for whatever is due. Arguments travel as JSON.
        """
        return self.ring_many([(task, args)], queue=queue)

    def ring_many(self, bells: Iterable[Bell], *, queue: str = "bulk") -> bool:
        """Ring several bells, `(task, args)`, in two round trips; true unless Valkey is away.

        A bell that was rung and not yet answered is not rung twice.
        """
        wanted = list(dict.fromkeys(bells))
        return self._attempt("ring", lambda: self._ring(wanted, queue))

    def answered(self, task: str, *args: str | int) -> None:
        """Say that the job has begun: from now on its bell may be rung again. A job calls this first."""
        self._attempt("answer", lambda: self.redis.delete(_bell(task, args)))

    def at_work(self, task: str, *args: str | int) -> None:
        """Say that the job is being done: for five seconds nobody can ring it. It says `answered` when it ends."""
        self._attempt("be at work", lambda: self.redis.set(_bell(task, args), 1, ex=AT_WORK))

    def beat(self, kind: str, name: str, ttl: float) -> bool:
        """Say that the process `name` of this kind (`worker`, `ticker`) lives, for `ttl` seconds; false when away."""
        return self._attempt("beat", lambda: self.redis.eval(_BEAT, 1, _pulse(kind), name, str(max(1, round(ttl)))))

    def fall_silent(self, kind: str, name: str) -> None:
        """Say that the process ends in order."""
        self._attempt("fall silent", lambda: self.redis.zrem(_pulse(kind), name))

    def alive(self, kind: str) -> list[str]:
        """The names of the processes of this kind that beat lately; raises redis.RedisError when Valkey is away."""
        self.redis.eval(_SWEEP, 1, _pulse(kind))
        names = cast("list[bytes]", self.redis.eval(_ALIVE, 1, _pulse(kind)))
        return sorted(name.decode() for name in names)

    def waiting(self) -> dict[str, int]:
        """How many jobs wait in each queue; raises redis.RedisError when Valkey is away."""
        return {name: self.redis.llen(f"rq:queue:{name}") for name in QUEUES}

    def close(self) -> None:
        """Give the connections back."""
        if "redis" in self.__dict__:
            self.redis.close()
            del self.__dict__["redis"]

    def _ring(self, wanted: list[Bell], queue: str) -> None:
        with self.redis.pipeline(transaction=False) as pipeline:
            for task, args in wanted:
                pipeline.set(_bell(task, args), 1, nx=True, ex=BELL_LIFETIME)
            is_first = pipeline.execute()
        fresh = [bell for bell, first in zip(wanted, is_first, strict=True) if first]
        if not fresh:
            return
        try:
            self._enqueue(fresh, queue)
        except redis.RedisError:
            self._attempt("take back", lambda: self.redis.delete(*(_bell(task, args) for task, args in fresh)))
            raise

    def _enqueue(self, bells: list[Bell], queue: str) -> None:
        line = self._queue(queue)
        line.enqueue_many([
            line.prepare_data(
                f"app.jobs.{task}", args=args, timeout=JOB_TIMEOUT, result_ttl=0, failure_ttl=FAILED_JOB_LIFETIME,
                description=task,
            )
            for task, args in bells
        ])  # fmt: skip

    def _queue(self, name: str) -> "Queue":
        from rq import Queue  # noqa: PLC0415 - costs 0.1 s that a web process need not pay before its first ring
        from rq.serializers import JSONSerializer  # noqa: PLC0415 - as above

        if name not in QUEUES:
            raise ValueError(f"There is no queue {name!r}; there are {', '.join(QUEUES)}.")
        return Queue(name, connection=self.redis, serializer=JSONSerializer)

    def _attempt(self, act: str, ask: Callable[[], object]) -> bool:
        """Ask Valkey; false, with a line in the log the first time, when it is away or hung a moment ago."""
        if monotonic() < self._quiet_until:
            return False
        try:
            ask()
        except redis.RedisError as error:
            if isinstance(error, redis.TimeoutError):
                self._quiet_until = monotonic() + _QUIET_AFTER_TIMEOUT
            if not self._is_away:  # said once, not with each of the many bells that follow
                log.warning("The queue does not answer", act=act, error=str(error))
            self._is_away = True
            return False
        if self._is_away:
            log.info("The queue answers again")
        self._is_away = False
        return True


def has_urgent(broker: Broker) -> bool:
    """Whether a job waits that goes before others; false while Valkey is away."""
    try:
        return broker.waiting()[QUEUES[0]] > 0
    except redis.RedisError:
        return False


def has_waiting(broker: Broker) -> bool:
    """Whether any job waits; false while Valkey is away."""
    try:
        return any(broker.waiting().values())
    except redis.RedisError:
        return False


def rest_bell(broker: Broker, task: str, args: tuple[str | int, ...], first: int, longest: int) -> int:
    """Let nobody ring this bell for a while, because its job has failed; for the how many-th time in a row.

    The wait is `first` seconds, then twice the one before, up to `longest`. Failures that are further apart than four
    such waits are in no row. 1 while Valkey is away, where nothing is counted and nothing waits.
    """
    bell = _bell(task, args)
    try:
        count = broker.redis.incr(f"{bell}:failures")
        wait = min(first * 2 ** min(count - 1, 20), longest)
        broker.redis.expire(f"{bell}:failures", 4 * wait)
        broker.redis.set(bell, 1, ex=wait)
    except redis.RedisError:
        return 1
    return count


def forget_bells(client: redis.Redis) -> None:
    """Let every bell be rung again, answered or not: jobs may run twice without harm. Raises redis.RedisError."""
    for key in client.scan_iter(_bell("*", ()), count=1000):
        client.delete(key)


def _bell(task: str, args: tuple[str | int, ...]) -> str:
    return ":".join(["carillon", "bell", task, *map(str, args)])


def _pulse(kind: str) -> str:
    return f"carillon:alive:{kind}"
