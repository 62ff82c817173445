"""SIGKILL to any part at any moment of a send: nobody is lost, few get it twice, and those are marked."""

import signal
import time
from random import Random

import pytest

from tests.faults.story import IN_FLIGHT, Office, Truth
from tests.faults.tree import LEASE_SECONDS, wait_for

pytestmark = pytest.mark.faults

PEOPLE = 2_000
DELAY = 0.03  # seconds the sink takes for a mail, so that a send lasts some seconds
KILLS = 3


def _begin(office: Office) -> str:
    office.sink.slow_down(DELAY)
    message = office.write(PEOPLE)
    office.send(message)
    return message


def _moments(seed: int, kills: int = KILLS) -> list[int]:
    """At how many accepted mails each kill comes; by chance, the same for a seed."""
    chance = Random(seed)
    return sorted(chance.randrange(PEOPLE // 20, PEOPLE * 3 // 4) for _ in range(kills))


def _reach(office: Office, total: int) -> None:
    wait_for(lambda: office.sink.total() >= total, f"{total} mails were accepted", step=0.002)


def _tell(scenario: str, seed: int, truth: Truth) -> None:
    print(f"\n{scenario}, seed {seed}: {truth}")


def _check(truth: Truth, *, workers_killed: int) -> None:
    assert truth.audience == PEOPLE
    assert truth.never == 0
    assert truth.unmarked == 0
    assert truth.twice <= truth.uncertain <= workers_killed * IN_FLIGHT


@pytest.mark.parametrize(
    ("word", "workers_killed"), [("worker", KILLS), ("valkey-server", 0), ("carillon ticker", 0), ("carillon web", 0)]
)
def test_a_part_that_is_killed_at_random_moments_loses_nobody(
    office: Office, word: str, workers_killed: int, seed: int
) -> None:
    chance, message = Random(seed), _begin(office)
    for moment in _moments(seed):
        _reach(office, moment)
        victims = office.senders if word == "worker" else lambda: office.tree.pids(word)
        wait_for(victims, f"{word} runs", 20)
        office.tree.signal(chance.choice(victims()))
    office.wait_until_settled(message)
    wait_for(office.tree.is_ready, "it is ready again", 20)
    truth = office.truth(message)
    _tell(f"{word} killed {KILLS} times", seed, truth)
    _check(truth, workers_killed=workers_killed)


def test_the_whole_tree_that_is_killed_and_started_again_loses_nobody(office: Office, seed: int) -> None:
    message = _begin(office)
    for moment in _moments(seed):
        _reach(office, moment)
        office.tree.kill_all()
        office.tree.start()
    office.wait_until_settled(message)
    truth = office.truth(message)
    _tell(f"whole tree killed {KILLS} times", seed, truth)
    _check(truth, workers_killed=KILLS * office.tree.settings.workers)


def test_a_worker_that_sleeps_past_its_lease_sends_nothing_unmarked_when_it_wakes(office: Office, seed: int) -> None:
    chance, message = Random(seed), _begin(office)
    _reach(office, _moments(seed, 1)[0])
    sleeper = _put_to_sleep(office, chance)
    time.sleep(LEASE_SECONDS + 2.5)
    office.tree.signal(sleeper, signal.SIGCONT)
    office.wait_until_settled(message)
    truth = office.truth(message)
    _tell("worker asleep past its lease", seed, truth)
    _check(truth, workers_killed=1)
    assert truth.uncertain > 0


def _put_to_sleep(office: Office, chance: Random) -> int:
    """Stop a worker at a moment at which it holds letters whose end nobody can know then."""
    for _ in range(100):
        wait_for(office.senders, "a worker sends", 20)
        sleeper = chance.choice(office.senders() or [0])
        if sleeper:
            office.tree.signal(sleeper, signal.SIGSTOP)
            if office.has_begun_letters(sleeper):
                return sleeper
            office.tree.signal(sleeper, signal.SIGCONT)
    pytest.fail("No worker was ever seen with a letter under way.")


def test_a_valkey_that_is_killed_again_and_again_while_it_starts_does_not_end_the_rest(office: Office) -> None:
    others = {word: office.tree.pids(word) for word in ("carillon up", "worker", "carillon web")}
    end = time.monotonic() + 2
    while time.monotonic() < end:
        for pid in office.tree.pids("valkey-server"):
            office.tree.signal(pid)
        time.sleep(0.002)
    wait_for(office.tree.is_ready, "it is ready again", 30)
    assert {word: office.tree.pids(word) for word in others} == others
