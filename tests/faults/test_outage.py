"""A provider that is gone for hours in the middle of a send: its messages wait, others go on, all arrive in the end."""

import statistics
import time
from pathlib import Path

import pytest
from sqlalchemy import text

from tests import factories
from tests.faults.conftest import Open
from tests.faults.story import IN_FLIGHT, OLGA, Office
from tests.faults.tree import Sink, wait_for
from tests.faults.wall_clock import WallClock

pytestmark = pytest.mark.faults

PEOPLE = 3_000
OTHERS = 50
_TRIED = "SELECT next_attempt_at - updated_at FROM deliveries WHERE state = 'queued' AND attempts > 0"
_TRIES = "SELECT count(*) FROM attempts"


def _number(office: Office, sql: str) -> list[int]:
    with office.shop.database.read() as session:
        return list(session.scalars(text(sql)))


def _second_provider(office: Office, sink: Sink) -> str:
    with office.shop.open(OLGA) as work:
        return str(factories.make_provider(work, port=sink.port, name="Other").id)


def test_an_outage_of_hours_holds_up_nobody_else_and_costs_nobody_their_mail(
    open_office: Open, sink: Sink, wall_clock: WallClock, tmp_path: Path
) -> None:
    office, other = open_office(environment=wall_clock.environment), Sink(tmp_path / "other")
    message = office.write(PEOPLE, through=office.provider_id)
    beside = office.write(OTHERS, through=_second_provider(office, other))
    sink.slow_down(0.03)
    office.send(message)
    wait_for(lambda: sink.total() >= PEOPLE // 4, "it stands in its middle", step=0.002)
    sink.stop()
    wait_for(lambda: office.message(message).waiting_reason, "the message says why it waits", 20)

    began = time.monotonic()
    office.send(beside)
    office.wait_until_settled(beside, 15)
    print(f"\nbeside a provider that is away, {OTHERS} people had theirs after {time.monotonic() - began:.1f} s")
    assert other.total() == OTHERS

    waits = _number(office, _TRIED)
    assert len(waits) >= 20
    assert statistics.pstdev(waits) > statistics.mean(waits) / 20, "tries are spread, or all would knock at once"

    tries = _number(office, _TRIES)[0]
    sink.refuse("421 4.3.2 Going down for maintenance")
    for minutes in range(0, 180, 15):
        if minutes == 90:
            sink.start()  # the second half of the time somebody opens the door, to say no
        wall_clock.move(900)
        time.sleep(0.6)
    knocked = _number(office, _TRIES)[0] - tries
    assert office.message(message).settled_at is None
    assert 0 < knocked <= 400, "a few letters now and then find out whether it works again"

    sink.refuse("")
    while office.message(message).settled_at is None and time.monotonic() < began + 120:
        wall_clock.move(300)
        time.sleep(0.5)
    truth = office.truth(message)
    print(f"an outage of hours, {knocked} tries meanwhile: {truth}")
    other.stop()
    assert (truth.audience, truth.never, truth.unmarked) == (PEOPLE, 0, 0)
    assert truth.twice <= truth.uncertain <= 2 * IN_FLIGHT
