"""Stop means stop: pause, cancel and the stop of all sending, at full speed, several times each.

Each stop is pressed in the middle of a send; the sink says when the last mail was taken after it, the page says how
many are left, and what is sent in the end must be exactly that.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from statistics import median

import pytest

from app.models.deliveries import Tally
from app.services.sending import sending, stopping, watching
from tests.faults.story import OLGA, Office
from tests.faults.tree import wait_for

pytestmark = pytest.mark.faults

WITHIN = 1.0  # seconds between the act and the last mail that is taken
PEOPLE = 60_000  # more than a fast machine sends until the last of the stops
ROUNDS = 3


def _stop_all(office: Office, message_id: str) -> None:
    with office.shop.open(OLGA) as work:
        stopping.stop(work)


def _resume_all(office: Office, message_id: str) -> None:
    with office.shop.open(OLGA) as work:
        stopping.resume(work)


def _begin(office: Office, more: int) -> tuple[str, int]:
    """A send at full speed, and how many mails the sink had before it."""
    office.sink.slow_down(0)
    before, message = office.sink.total(), office.write(PEOPLE)
    office.send(message)
    wait_for(lambda: office.sink.total() > before + more, "it runs", step=0.002)
    return message, before


def _last_after(office: Office, act: Callable[[], object]) -> float:
    """How many seconds after the act, once it was saved, the last mail was taken; nothing comes after that."""
    act()
    saved = time.monotonic()
    time.sleep(2 * WITHIN)
    total = office.sink.total()
    time.sleep(WITHIN)
    assert office.sink.total() == total, "somebody is still sending"
    return max(0.0, office.sink.moments()[-1] - saved)


def _left(office: Office, message_id: str) -> int:
    """What the page says is left, once no worker has anything of it in hand."""
    pk = office.message(message_id).pk
    wait_for(lambda: not _in_hand(office, pk), "the workers put down what they hold", 10)
    with office.shop.read(OLGA) as work:
        traffic = stopping.traffic_of(work)
        if traffic.stopped_at:
            return traffic.left
        return watching.watch(work, message_id).progress.left


def _in_hand(office: Office, pk: int) -> int:
    with office.shop.database.read() as session:
        return int(session.get_one(Tally, pk).sending)


@pytest.mark.parametrize(
    ("hold", "let_go"),
    [(Office.pause, Office.resume), (_stop_all, _resume_all)],
    ids=["pause", "stop of all sending"],
)
def test_a_stop_holds_within_a_second_and_exactly_the_rest_goes_out_later(
    lasting_office: Office, hold: Callable[[Office, str], None], let_go: Callable[[Office, str], None]
) -> None:
    office, lags = lasting_office, list[float]()
    message, before = _begin(office, 1_000)
    for _ in range(ROUNDS):
        lags.append(_last_after(office, lambda: hold(office, message)))
        reached, left = office.sink.total() - before, _left(office, message)
        assert reached + left == PEOPLE
        assert left > 500, "it was nearly over before the last stop; give it more people"
        let_go(office, message)
        wait_for(lambda least=before + reached + 500: office.sink.total() > least, "it goes on", step=0.002)
    office.wait_until_settled(message)
    truth = office.truth(message)
    print(
        f"\n{ROUNDS} stops: the last mail at most {max(lags) * 1000:.0f} ms after, median {median(lags) * 1000:.0f} ms"
    )
    assert max(lags) <= WITHIN
    assert (truth.audience, truth.never, truth.twice, truth.uncertain) == (PEOPLE, 0, 0, 0)


def test_a_cancel_holds_within_a_second_and_nobody_of_the_rest_gets_it(lasting_office: Office) -> None:
    office, lags = lasting_office, list[float]()
    for _ in range(ROUNDS):
        message, before = _begin(office, 1_000)

        def cancel(message: str = message) -> None:
            with office.shop.open(OLGA) as work:
                sending.cancel(work, message)

        lags.append(_last_after(office, cancel))
        wait_for(lambda message=message: office.message(message).settled_at, "it has ended", 20)
        with office.shop.database.read() as session:
            tally = session.get_one(Tally, office.message(message).pk)
        assert tally.sent == office.sink.total() - before
        assert tally.sent + tally.skipped == PEOPLE
        assert tally.skipped > 0, "it was over before it was cancelled; give it more people"
    print(f"\n{ROUNDS} cancels: the last mail after at most {max(lags) * 1000:.0f} ms")
    assert max(lags) <= WITHIN
    assert max(office.sink.recipients().values()) == 1


def test_nothing_that_is_scheduled_starts_while_all_is_stopped(lasting_office: Office) -> None:
    office = lasting_office
    message = office.write(20)
    _stop_all(office, message)
    office.schedule(message, f"{datetime.now(UTC) + timedelta(seconds=1):%Y-%m-%dT%H:%M:%S.%f}")
    before = office.sink.total()
    time.sleep(3)
    assert office.message(message).status == "scheduled"
    assert office.sink.total() == before
    _resume_all(office, message)
    office.wait_until_settled(message)
    assert office.truth(message).never == 0
