"""How soon it starts, stops and goes on: a schedule and a pause are kept within a second."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from app.models.deliveries import Delivery
from tests.faults.story import Office, write_message
from tests.faults.tree import wait_for

pytestmark = pytest.mark.faults

WITHIN = 1.0  # seconds
SCHEDULED = 200


def _schedule_many(office: Office, count: int, over: float) -> dict[str, datetime]:
    """Messages to one person each whose moments lie evenly in that many seconds; moment by message."""
    with office.shop.database.begin() as session:
        messages = [write_message(session, 1, body="Hello") for _ in range(count)]
        first = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=3)
        for place, message in enumerate(messages):
            message.status, message.scheduled_at = "scheduled", first + timedelta(seconds=over) * place / count
    return {message.id: message.scheduled_at for message in messages if message.scheduled_at is not None}


def _lags(office: Office, times: Mapping[str, datetime]) -> tuple[list[float], list[float]]:
    """By how much each message started, and reached the sink, after its time, in seconds, the least first."""
    for message in times:
        office.wait_until_settled(message)
    arrivals = office.sink.arrivals()
    to_wall = time.time() - time.monotonic()
    starts, mails = [], []
    for message, moment in times.items():
        started = office.message(message).started_at
        assert started is not None
        starts.append((started - moment).total_seconds())
        mails.append(arrivals[_only_address(office, message)] + to_wall - moment.timestamp())
    return sorted(starts), sorted(mails)


def _only_address(office: Office, message: str) -> str:
    with office.shop.database.read() as session:
        return str(session.scalar(select(Delivery.address).where(Delivery.message_pk == office.message(message).pk)))


def _say(name: str, lags: list[float]) -> str:
    middle, late = lags[len(lags) // 2], lags[len(lags) * 99 // 100]
    return f"{name} p50 {middle * 1000:.0f} ms, p99 {late * 1000:.0f} ms, at most {lags[-1] * 1000:.0f} ms"


@pytest.mark.parametrize("beside", [0, 60_000], ids=["alone", "beside a big send at full speed"])
def test_of_many_scheduled_messages_99_in_100_start_within_a_second_of_their_time(
    lasting_office: Office, beside: int
) -> None:
    office = lasting_office
    office.sink.slow_down(0)
    big = office.write(beside) if beside else ""
    times = _schedule_many(office, SCHEDULED, over=6)
    if big:
        office.send(big)
    starts, mails = _lags(office, times)
    print(f"\n{SCHEDULED} scheduled: {_say('started', starts)}; {_say('mail taken', mails)} after their time")
    assert starts[0] >= -0.001  # never early; moments are kept in milliseconds
    assert starts[SCHEDULED * 99 // 100] < WITHIN
    if big:
        office.wait_until_settled(big)
        assert office.truth(big).never == 0


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
