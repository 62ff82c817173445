"""The machine's clock is set forward or back in the middle of a send: nobody twice, nobody waits for the clock."""

import pytest

from tests.faults.conftest import Open
from tests.faults.story import Office
from tests.faults.tree import wait_for
from tests.faults.wall_clock import WallClock

pytestmark = pytest.mark.faults

PEOPLE = 2_000
HOURS = (2, 4, 6, 8, 5, 3, 1, -1)  # by which the clock is wrong, one after the other
DELAY = 0.03


def _begin(office: Office) -> str:
    office.sink.slow_down(DELAY)
    message = office.write(PEOPLE)
    office.send(message)
    return message


def _reach(office: Office, total: int) -> None:
    wait_for(lambda: office.sink.total() >= total, f"{total} mails were accepted", step=0.002)


def test_a_clock_that_is_set_forward_and_back_takes_nothing_from_anybody_and_lets_nobody_wait(
    open_office: Open, wall_clock: WallClock
) -> None:
    office = open_office(environment=wall_clock.environment)
    message = _begin(office)
    for number, hours in enumerate(HOURS):
        _reach(office, (number + 1) * PEOPLE // (len(HOURS) + 2))
        wall_clock.set_off(hours * 3600)
    office.wait_until_settled(message)
    truth = office.truth(message)
    print(f"\nclock set to {HOURS} hours off: {truth}")
    assert (truth.audience, truth.never, truth.twice, truth.uncertain) == (PEOPLE, 0, 0, 0)
