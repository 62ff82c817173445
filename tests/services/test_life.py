"""`carillon alive` answers for this machine alone, and never has a healthy process restarted."""

import socket

import pytest

from app.engine.machine import Machine, place_of
from app.infra.broker import Broker
from app.infra.queue_worker import worker_name
from app.services.running.life import PARTS, look_for
from app.services.work import Workshop


def test_a_worker_of_this_host_is_found(workshop: Workshop) -> None:
    workshop.broker.beat("worker", worker_name(), 10)
    assert look_for("worker", workshop.settings, workshop.broker).is_good


@pytest.mark.parametrize(
    "name", ["elsewhere-1-abc", f"{socket.gethostname()}-2-1-abc", f"x-{socket.gethostname()}-1-abc"]
)
def test_a_worker_of_another_host_does_not_speak_for_this_one(workshop: Workshop, name: str) -> None:
    workshop.broker.beat("worker", name, 10)
    assert not look_for("worker", workshop.settings, workshop.broker).is_good


def test_a_ticker_of_this_data_dir_is_found_and_no_other(workshop: Workshop) -> None:
    workshop.broker.beat("ticker", "0123456789ab:1", 10)
    assert not look_for("ticker", workshop.settings, workshop.broker).is_good
    machine = Machine(workshop.settings, workshop.database, workshop.broker, workshop.clock, workshop.vault)
    workshop.broker.beat("ticker", machine.name, 10)
    assert look_for("ticker", workshop.settings, workshop.broker).is_good
    assert machine.name.startswith(place_of(workshop.settings.data_dir))


@pytest.mark.parametrize("part", PARTS)
def test_a_queue_that_is_away_is_no_reason_to_restart(workshop: Workshop, part: str) -> None:
    assert look_for(part, workshop.settings, Broker("unix:///nowhere/at/all.sock")).is_good
