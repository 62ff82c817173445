"""The doorbell against a real Valkey: rung once, rung again when answered, harmless when nobody is there."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from rq.job import Job
from rq.registry import FailedJobRegistry
from rq.results import Result
from rq.serializers import JSONSerializer

from app.infra.broker import Broker, forget_bells, has_urgent
from app.infra.settings import Settings
from app.infra.valkey import Valkey
from tests.house.conftest import wait_for


@pytest.fixture
def broker(valkey: Valkey, settings: Settings) -> Iterator[Broker]:
    """A broker on the Valkey of this test."""
    broker = Broker(settings.broker_url)
    yield broker
    broker.close()


def test_a_bell_is_rung_once_until_it_is_answered(broker: Broker) -> None:
    assert broker.ring("dispatch", 7)
    assert broker.ring("dispatch", 7)
    assert broker.waiting()["bulk"] == 1
    broker.answered("dispatch", 7)
    assert broker.ring("dispatch", 7)
    assert broker.waiting()["bulk"] == 2


def test_bells_with_other_arguments_are_other_bells(broker: Broker) -> None:
    assert broker.ring_many([("dispatch", (1,)), ("dispatch", (2,)), ("dispatch", (1,))], queue="urgent")
    assert broker.waiting() == {"urgent": 2, "bulk": 0}


def test_bells_that_are_forgotten_may_be_rung_again_and_nothing_else_is_lost(broker: Broker) -> None:
    broker.ring_many([("dispatch", (1,)), ("dispatch", (2, 1))])
    broker.beat("ticker", "here", 10)
    forget_bells(broker.redis)
    assert broker.waiting()["bulk"] == 2
    assert broker.alive("ticker") == ["here"]
    broker.ring_many([("dispatch", (1,)), ("dispatch", (2, 1))])
    assert broker.waiting()["bulk"] == 4


def test_a_queue_that_nobody_serves_is_refused(broker: Broker) -> None:
    with pytest.raises(ValueError, match="no queue 'slow'"):
        broker.ring("dispatch", 1, queue="slow")


def test_no_rings_are_no_work(broker: Broker) -> None:
    assert broker.ring_many([])


def test_whoever_beats_is_alive_until_its_time_is_over(broker: Broker) -> None:
    assert broker.beat("worker", "w1", 10)
    assert broker.beat("worker", "w2", 1)
    assert broker.alive("worker") == ["w1", "w2"]
    assert broker.alive("ticker") == []
    wait_for(lambda: broker.alive("worker") == ["w1"], "w2 has fallen silent", 5)


def test_whoever_falls_silent_in_order_is_gone_at_once(broker: Broker) -> None:
    broker.beat("worker", "w1", 10)
    broker.fall_silent("worker", "w1")
    assert broker.alive("worker") == []


def test_a_valkey_that_is_away_costs_a_false_and_little_time(settings: Settings) -> None:
    broker = Broker(settings.broker_url)
    start = time.monotonic()
    assert not broker.ring("dispatch", 1)
    assert not broker.beat("worker", "w1", 10)
    broker.answered("dispatch", 1)
    assert time.monotonic() - start < 1


def test_a_valkey_that_hangs_holds_only_the_first_of_many_rings(broker: Broker, valkey: Valkey) -> None:
    assert broker.ring("dispatch", 1)
    os.kill(valkey.pid, signal.SIGSTOP)
    try:
        start = time.monotonic()
        assert not any(broker.ring("dispatch", number) for number in range(2, 50))
        assert time.monotonic() - start < 5
    finally:
        os.kill(valkey.pid, signal.SIGCONT)


def test_the_bell_can_be_rung_again_after_valkey_came_back(broker: Broker, valkey: Valkey) -> None:
    assert broker.ring("dispatch", 1)
    os.kill(valkey.pid, signal.SIGKILL)
    wait_for(lambda: not valkey.is_running(), "Valkey was killed")
    assert not broker.ring("dispatch", 2)
    valkey.start()
    assert broker.ring("dispatch", 2)


WORKER = """
from app.infra.queue_worker import run_worker
run_worker({url!r}, "w1")
"""

# The worker resolves jobs by name; for these tests the names lead to a file of the test.
JOBS = """
import pathlib, sys, time, types
from app.infra.queue_worker import is_stopping
def note(name): pathlib.Path({folder!r}, name).touch()
def dawdle(name):
    note(name + "-begun")
    while not is_stopping(): time.sleep(0.02)
    note(name)
jobs = types.ModuleType("app.jobs")
jobs.note, jobs.dawdle = note, dawdle
sys.modules["app.jobs"] = jobs
"""

# Said in no form that a pattern of the logs knows.
FAILS = """
import sys, types
from app.infra import logs
sys.stderr = open({log!r}, "w", buffering=1)
logs.set_up_logs("json", process="worker")
def fail(number):
    logs.begin_context(job="fail", message="m1")
    try:
        {{}}["".join(("Ann Beisp", "iel, Hauptstr. 7"))]
    except KeyError as error:
        raise ValueError("who is " + str(error) + "?") from error
jobs = types.ModuleType("app.jobs")
jobs.fail = fail
sys.modules["app.jobs"] = jobs
"""

Start = Callable[[str], "subprocess.Popen[str]"]


@pytest.fixture
def worker(start_python: Start, broker: Broker, settings: Settings, tmp_path: Path) -> "subprocess.Popen[str]":
    """A worker process that takes jobs."""
    process = start_python(JOBS.format(folder=str(tmp_path)) + WORKER.format(url=settings.broker_url))
    wait_for(lambda: broker.alive("worker"), "the worker beats")
    return process


def test_a_worker_does_what_is_rung(worker: "subprocess.Popen[str]", broker: Broker, tmp_path: Path) -> None:
    broker.ring("note", "done")
    wait_for((tmp_path / "done").exists, "the job is done")


def test_an_idle_worker_leaves_at_once(worker: "subprocess.Popen[str]", broker: Broker, tmp_path: Path) -> None:
    broker.ring("note", "done")
    wait_for((tmp_path / "done").exists, "the job is done")
    worker.terminate()
    assert worker.wait(3) == 0
    assert broker.alive("worker") == []


def test_a_busy_worker_ends_its_job_before_it_leaves(
    worker: "subprocess.Popen[str]", broker: Broker, tmp_path: Path
) -> None:
    broker.ring("dawdle", "long")
    wait_for((tmp_path / "long-begun").exists, "the job has begun")
    worker.terminate()
    assert worker.wait(3) == 0
    assert (tmp_path / "long").exists()


def test_a_worker_takes_jobs_again_seconds_after_valkey_was_killed(
    worker: "subprocess.Popen[str]", broker: Broker, valkey: Valkey, tmp_path: Path
) -> None:
    broker.ring("note", "before")
    wait_for((tmp_path / "before").exists, "the job is done")
    os.kill(valkey.pid, signal.SIGKILL)
    wait_for(lambda: not valkey.is_running(), "Valkey was killed")
    time.sleep(1.5)
    valkey.start()
    wait_for(lambda: broker.ring("note", "after"), "the bell can be rung")
    wait_for((tmp_path / "after").exists, "the job is done", 6)
    assert worker.poll() is None


def test_a_worker_without_valkey_waits_for_it_and_leaves_when_asked(start_python: Start, settings: Settings) -> None:
    process = start_python(WORKER.format(url=settings.broker_url))
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(2.5)
    process.terminate()
    assert process.wait(3) == 0


def test_asking_who_is_alive_says_when_nobody_answers(settings: Settings) -> None:
    with pytest.raises(redis.RedisError):
        Broker(settings.broker_url).alive("worker")


def test_it_knows_whether_something_urgent_waits(broker: Broker) -> None:
    assert not has_urgent(broker)
    broker.ring("dispatch", 1, 0)
    assert not has_urgent(broker)
    broker.ring("fan_out", 1, queue="urgent")
    assert has_urgent(broker)


def test_what_a_failing_job_said_stands_neither_in_the_log_nor_in_the_queue(
    start_python: Start, broker: Broker, settings: Settings, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    process = start_python(FAILS.format(log=str(log)) + WORKER.format(url=settings.broker_url))
    broker.ring("fail", 1, queue="urgent")
    failed = FailedJobRegistry("urgent", connection=broker.redis, serializer=JSONSerializer)
    wait_for(lambda: failed.count, "the job has failed")
    process.terminate()
    process.wait(5)
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    told = [line for line in lines if line["level"] == "error"]
    assert [(line["event"], line["job"], line["message"]) for line in told] == [("A job failed", "fail", "m1")]
    assert told[0]["exception"].endswith("\nValueError")
    assert "Beispiel" not in json.dumps(lines)
    (job_id,) = failed.get_job_ids()
    job = Job.fetch(job_id, broker.redis, serializer=JSONSerializer)
    assert [result.exc_string for result in Result.all(job, serializer=JSONSerializer)] == ["See the log."]
