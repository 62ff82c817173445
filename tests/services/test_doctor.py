"""What `carillon doctor` says of the servers of many machines: the file store, PostgreSQL, the queue's server."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from app.infra.broker import Broker
from app.infra.clock import SystemClock
from app.infra.settings import Settings
from app.services.running import health
from app.services.work import Workshop
from app.storage import open_store

WELL = {
    "fsync": "on", "synchronous_commit": "on", "default_transaction_isolation": "read committed",
    "max_connections": "100", "superuser_reserved_connections": "3",
}  # fmt: skip


def test_a_store_that_works_is_tried_and_left_as_it_was(any_place: Settings) -> None:
    check = health.check_store(any_place)
    assert (check.is_good, check.sentence) == (True, "A file was written, read back and deleted.")
    assert open_store(any_place).keys("doctor") == []


def test_a_store_that_is_away_is_named_with_its_setting(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    away = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_ALLOW_HTTP": "true", "AWS_REGION": "us-east-1"}
    for name, value in (away | {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}).items():
        monkeypatch.setenv(name, value)
    check = health.check_store(settings.but({"storage_url": "s3://away/from-here"}))
    assert not check.is_good
    assert check.sentence.endswith("Check CARILLON_STORAGE_URL and what it may write there.")


def test_a_store_of_an_unknown_sort_is_said_in_words(settings: Settings) -> None:
    check = health.check_store(settings.but({"storage_url": "floppy://a"}))
    assert not check.is_good
    assert "CARILLON_STORAGE_URL" in check.sentence


@pytest.fixture
def queue(workshop: Workshop) -> Iterator[Broker]:
    """The queue's server, which gets its settings back."""
    yield workshop.broker
    workshop.broker.redis.config_set("maxmemory-policy", "noeviction")
    workshop.broker.redis.config_set("maxmemory", "0")


def test_a_queue_that_may_throw_bells_away_is_not_well(queue: Broker) -> None:
    assert health.check_memory(queue).is_good
    queue.redis.config_set("maxmemory-policy", "allkeys-lru")
    check = health.check_memory(queue)
    assert not check.is_good
    assert check.sentence.startswith("maxmemory-policy is allkeys-lru:")
    assert check.sentence.endswith("Set it to noeviction.")


def test_a_queue_that_keeps_nothing_is_well_for_the_table_is_the_truth(queue: Broker) -> None:
    queue.redis.config_set("appendonly", "no")
    queue.redis.config_set("maxmemory", str(64 * 1024**2))
    try:
        check = health.check_memory(queue)
    finally:
        queue.redis.config_set("appendonly", "yes")
    assert check.is_good
    assert "at most 64 MiB" in check.sentence
    assert "the table is the truth" in check.sentence


@pytest.mark.parametrize(
    ("changed", "wanted", "words"),
    [
        ({}, 40, ""),
        ({"synchronous_commit": "off"}, 40, "synchronous_commit is off: after a crash a claim may be forgotten"),
        ({"fsync": "off", "synchronous_commit": "off"}, 40, "fsync and synchronous_commit are off"),
        ({"default_transaction_isolation": "serializable"}, 40, "default_transaction_isolation"),
        ({}, 98, "12 of 97 connections are in use; our processes may open 98. Raise max_connections"),
    ],
    ids=["well", "commit", "fsync", "isolation", "room"],
)
def test_settings_of_postgresql_that_would_hurt_are_named(changed: dict[str, str], wanted: int, words: str) -> None:
    check = health.judge_server(WELL | changed, 12, wanted)
    assert check.is_good == (not words)
    assert words in check.sentence


@pytest.mark.parametrize("any_database_url", [pytest.param("postgresql", marks=pytest.mark.postgresql)], indirect=True)
def test_a_real_postgresql_is_asked(any_workshop: Workshop) -> None:
    check = health.check_server(any_workshop.database, any_workshop.broker)
    assert "fsync is off" in check.sentence, "as the tests run it"
    assert health.check_clock(any_workshop.database).is_good


@pytest.mark.parametrize("any_database_url", [pytest.param("postgresql", marks=pytest.mark.postgresql)], indirect=True)
def test_clocks_that_are_apart_are_told(any_workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    real = SystemClock.now

    def late(clock: SystemClock) -> datetime:
        return real(clock) - timedelta(seconds=30)

    monkeypatch.setattr(SystemClock, "now", late)
    check = health.check_clock(any_workshop.database)
    assert not check.is_good
    assert "30.0 seconds apart" in check.sentence


def test_sqlite_has_no_server_and_no_other_clock(workshop: Workshop) -> None:
    if workshop.database.is_sqlite:
        assert health.check_server(workshop.database, workshop.broker).is_good
        assert health.check_clock(workshop.database).is_good
