"""SIGKILL to one part again and again: nobody is lost, few get it twice, and those are marked. All mixed: the storm."""

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


def _begin(office: Office) -> tuple[str, int]:
    """A send that has begun; the message, and how many mails the sink had before."""
    office.sink.slow_down(DELAY)
    before, message = office.sink.total(), office.write(PEOPLE)
    office.send(message)
    return message, before


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


def test_a_worker_that_is_killed_at_random_moments_of_its_work_loses_nobody(sturdy_office: Office, seed: int) -> None:
    office, chance = sturdy_office, Random(seed)
    message, before = _begin(office)
    for moment in _moments(seed):
        _reach(office, before + moment)
        wait_for(office.senders, "a worker sends", 20)
        office.tree.signal(chance.choice(office.senders() or office.tree.pids("worker")))
    office.wait_until_settled(message)
    truth = office.truth(message)
    _tell(f"a worker killed {KILLS} times", seed, truth)
    _check(truth, workers_killed=KILLS)


def test_what_does_not_send_may_be_killed_at_any_moment_without_a_single_doubt(
    sturdy_office: Office, seed: int
) -> None:
    words = ["valkey-server", "carillon ticker", "carillon web"] * 2
    Random(seed).shuffle(words)
    office = sturdy_office
    message, before = _begin(office)
    for moment, word in zip(_moments(seed, len(words)), words, strict=True):
        _reach(office, before + moment)
        wait_for(lambda part=word: office.tree.pids(part), f"{word} runs", 40)
        office.tree.signal(office.tree.pids(word)[-1])
    office.wait_until_settled(message)
    wait_for(office.tree.is_ready, "it is ready again", 20)
    truth = office.truth(message)
    _tell(f"{len(words)} kills of Valkey, the ticker and web", seed, truth)
    _check(truth, workers_killed=0)


def test_a_worker_that_sleeps_past_its_lease_sends_nothing_unmarked_when_it_wakes(
    sturdy_office: Office, seed: int
) -> None:
    office, chance = sturdy_office, Random(seed)
    message, before = _begin(office)
    _reach(office, before + _moments(seed, 1)[0])
    sleeper = _put_to_sleep(office, chance)
    time.sleep(LEASE_SECONDS + 2.5)
    office.tree.signal(sleeper, signal.SIGCONT)
    office.wait_until_settled(message)
    truth = office.truth(message)
    _tell("worker asleep past its lease", seed, truth)
    _check(truth, workers_killed=1)
    assert truth.uncertain > 0


def _put_to_sleep(office: Office, chance: Random) -> int:
    """Stop a worker at a moment at which it holds letters whose end nobody can know then.

    Not while it renews its lease: it would hold SQLite's write lock, nobody could take its letters over, and it would
    go on as if nothing had been.
    """
    for _ in range(100):
        wait_for(office.senders, "a worker sends", 20)
        sleeper = chance.choice(office.senders() or [0])
        if sleeper:
            office.tree.signal(sleeper, signal.SIGSTOP)
            if office.has_begun_letters(sleeper) and office.may_write():
                return sleeper
            office.tree.signal(sleeper, signal.SIGCONT)
    pytest.fail("No worker was ever seen with a letter under way.")


def test_a_valkey_that_is_killed_again_and_again_while_it_starts_does_not_end_the_rest(sturdy_office: Office) -> None:
    office = sturdy_office
    others = {word: office.tree.pids(word) for word in ("carillon up", "worker", "carillon web")}
    end = time.monotonic() + 2
    while time.monotonic() < end:
        for pid in office.tree.pids("valkey-server"):
            office.tree.signal(pid)
        time.sleep(0.002)
    wait_for(office.tree.is_ready, "it is ready again", 30)
    assert {word: office.tree.pids(word) for word in others} == others
