"""Counters against a real Valkey: shared, ended by their window, harmless when nobody is there."""

from collections.abc import Iterator

import pytest

from app.infra.broker import Broker
from app.infra.counters import Counters
from app.infra.settings import Settings
from app.infra.valkey import Valkey
from tests.house.conftest import wait_for


@pytest.fixture
def broker(valkey: Valkey, settings: Settings) -> Iterator[Broker]:
    """A broker on the Valkey of this test."""
    broker = Broker(settings.broker_url)
    yield broker
    broker.close()


def test_acts_are_counted_by_name_and_by_all_together(broker: Broker) -> None:
    mine, theirs = Counters(broker), Counters(broker)
    counted = [counters.count("a", 60) for counters in (mine, theirs, mine)]
    assert [count.done for count in counted if count] == [1, 2, 3]
    assert all(0 < count.seconds_left <= 60 for count in counted if count)
    other = mine.count("b", 60)
    assert other is not None
    assert other.done == 1


def test_a_count_begins_anew_when_it_is_forgotten_or_its_window_ends(broker: Broker) -> None:
    counters = Counters(broker)
    counters.count("a", 60)
    counters.forget("a")
    again = counters.count("a", 1)
    assert again is not None
    assert again.done == 1
    wait_for(lambda: not broker.redis.keys("carillon:counted*"), "the end of the window")


def test_nothing_is_counted_while_valkey_is_away() -> None:
    broker = Broker("unix:///nowhere/valkey.sock")
    counters = Counters(broker)
    assert counters.count("a", 60) is None
    counters.forget("a")
    broker.close()
