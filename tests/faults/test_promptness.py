"""How soon it starts, stops and goes on: a schedule and a pause are kept within a second."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from tests.faults.story import Office
from tests.faults.tree import wait_for

pytestmark = pytest.mark.faults

WITHIN = 1.0  # seconds


def test_scheduled_sends_start_within_a_second_of_their_time(lasting_office: Office) -> None:
    office = lasting_office
    office.sink.slow_down(0)
    first = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=4)
    times = {office.write(20): first + timedelta(seconds=number) for number in range(5)}
    for message, moment in times.items():
        office.schedule(message, f"{moment:%Y-%m-%dT%H:%M:%S}")
    late = []
    for message, moment in times.items():
        office.wait_until_settled(message)
        started = office.message(message).started_at
        assert started is not None
        late.append((started - moment).total_seconds())
        assert office.truth(message).never == 0
    print(f"\nscheduled: started {', '.join(f'{seconds * 1000:.0f}' for seconds in late)} ms after their time")
    assert all(0 <= seconds < WITHIN for seconds in late)


def test_a_pause_at_full_speed_holds_within_a_second_and_resume_sends_exactly_the_rest(lasting_office: Office) -> None:
    office, people = lasting_office, 20_000
    office.sink.slow_down(0)
    before, message = office.sink.total(), office.write(people)
    office.send(message)
    wait_for(lambda: office.sink.total() > before + 2_000, "it runs", step=0.002)
    office.pause(message)
    paused = time.monotonic()
    time.sleep(2)
    stopped = office.sink.moments()[-1] - paused
    total = office.sink.total()
    assert stopped < WITHIN
    time.sleep(1)
    assert office.sink.total() == total < before + people
    office.resume(message)
    office.wait_until_settled(message)
    truth = office.truth(message)
    print(f"\npause: the last mail {stopped * 1000:.0f} ms after it, with {total - before} sent; {truth}")
    assert (truth.audience, truth.never, truth.twice, truth.uncertain) == (people, 0, 0, 0)
