"""One RQ worker process: takes jobs without forking, outlives a Valkey that restarts, leaves after the job in hand."""

import os
import secrets
import signal
import socket
import threading
from collections.abc import Callable
from typing import Any

import redis
import structlog
from rq import Queue, SimpleWorker
from rq.job import Job
from rq.serializers import JSONSerializer

from app.domain.poison import place_of
from app.infra import logs
from app.infra.broker import QUEUES, Broker, connect
from app.infra.clock import SystemClock

BEAT_EVERY = 2.0  # seconds between two heartbeats
BEAT_LIFETIME = 10.0  # seconds after which a worker that is silent counts as gone
WORKER_TTL = 30  # seconds; RQ waits for a job half of it at a time, and so notices a Valkey that hangs
LONGEST_PAUSE = 2.0  # seconds between two tries to reach a Valkey that is away
_MAINTENANCE_EVERY = 60  # seconds between two looks for jobs whose worker was killed

log = structlog.get_logger(__name__)


class _Worker(SimpleWorker):
    """RQ's, but what a job raised goes neither into the log nor into the queue in its own words (`logs.trace_of`)."""

    def handle_exception(self, job: Job, *exc_info: Any) -> None:
        error = exc_info[1]
        log.error("A job failed", error=place_of(error), queue=job.origin, exc_info=error)

    def handle_job_failure(
        self, job: Job, queue: Queue, started_job_registry: Any = None, exc_string: str = "", execution: Any = None
    ) -> None:
        super().handle_job_failure(job, queue, started_job_registry, exc_string and "See the log.", execution)


def worker_name() -> str:
    """A name no other worker has or had, also after this process was killed and its number given away."""
    return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"


def run_worker(broker_url: str, name: str, on_beat: Callable[[], None] | None = None) -> None:
    """Take jobs until SIGTERM or SIGINT; returns after the job in hand. Must run in the main thread.

    `on_beat` is called every two seconds from a second thread, beside the heartbeat that `Broker.alive("worker")` sees.
    A Valkey that is away or restarts is waited for. A second signal, a second later, breaks the job in hand off.
    """
    signal.signal(signal.SIGTERM, _leave)  # until RQ puts its own in place, and between two of its runs
    signal.signal(signal.SIGINT, _leave)
    is_over = threading.Event()
    broker = Broker(broker_url)
    pulse = threading.Thread(target=_beat, args=(broker, name, on_beat, is_over), name="heartbeat", daemon=True)
    pulse.start()
    try:
        while not is_stopping():
            _work(broker_url, name)
    except SystemExit as leave:
        if leave.code:
            raise
    finally:
        is_over.set()
        pulse.join(timeout=3.0)
        broker.fall_silent("worker", name)
        broker.close()


def is_stopping() -> bool:
    """Whether this worker process was asked to leave; a job that runs long asks this between two batches."""
    # RQ has no public word for it, but on the first signal it puts its method for a second one in place.
    return getattr(signal.getsignal(signal.SIGTERM), "__name__", "") == SimpleWorker.request_force_stop.__name__


def _work(broker_url: str, name: str) -> None:
    """Run RQ's loop once; it ends by a signal, or by an error of the connection it does not ride out itself."""
    connection = connect(broker_url)
    try:
        worker = _Worker(
            list(QUEUES), name=f"{name}-{secrets.token_hex(2)}", connection=connection, serializer=JSONSerializer,
            worker_ttl=WORKER_TTL, maintenance_interval=_MAINTENANCE_EVERY, log_job_description=False,
        )  # fmt: skip
        worker.max_connection_wait_time = LONGEST_PAUSE
        worker.work(logging_level="WARNING")
    except redis.RedisError as error:
        if not is_stopping():
            logs.begin_context()  # between two jobs
            log.warning("The queue does not answer; trying again", error=str(error))
            SystemClock().sleep(1.0)
    finally:
        connection.close()


def _beat(broker: Broker, name: str, on_beat: Callable[[], None] | None, is_over: threading.Event) -> None:
    while True:
        broker.beat("worker", name, BEAT_LIFETIME)
        if on_beat is not None:
            on_beat()
        if is_over.wait(BEAT_EVERY):
            return


def _leave(_number: int, _frame: object) -> None:
    raise SystemExit(0)
