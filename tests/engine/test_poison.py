"""What our own code fails at, or dies of, costs the delivery it belongs to: nobody else, and not for ever."""

import json
import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text

from app.engine import dispatch, poison, reaper
from app.engine.machine import Machine
from app.infra.clock import SystemClock
from app.models.deliveries import Attempt, Delivery
from tests.conftest import FakeClock
from tests.engine import runners, story
from tests.engine.stumblers import SIGN, Stumbler, stumbler

__all__ = ["stumbler"]  # the fixture


def begun(machine: Machine, people: int) -> tuple[int, list[str]]:
    """A message to so many, with a provider to carry it; its number, and the addresses in order."""
    runners.connect(machine, 0)
    pk = runners.start(machine, people)
    return pk, [row.address for row in story.rows(machine, "SELECT address FROM deliveries ORDER BY pk")]


def of(machine: Machine, address: str) -> tuple[Delivery, list[Attempt]]:
    """A delivery and its tries."""
    with machine.database.read() as session:
        delivery = session.scalars(select(Delivery).where(Delivery.address == address)).one()
        tries = session.scalars(select(Attempt).where(Attempt.delivery_pk == delivery.pk).order_by(Attempt.pk)).all()
        return delivery, list(tries)


def carry(machine: Machine, clock: FakeClock, pk: int, rounds: int) -> None:
    for _ in range(rounds):
        clock.move(timedelta(hours=1).total_seconds())
        story.drain(machine, pk)


@pytest.mark.parametrize("places", [[0], [77], [199], [3, 4, 150]], ids=str)
def test_an_adapter_that_raises_for_one_of_many_costs_that_one_alone(
    any_machine: Machine, moving: FakeClock, stumbler: Stumbler, places: list[int]
) -> None:
    pk, addresses = begun(any_machine, 200)
    victims = [addresses[place] for place in places]
    stumbler.raises = dict.fromkeys(victims, KeyError("Ann Archer"))
    story.drain(any_machine, pk)
    assert story.counts(any_machine, pk) == {"sent": 200 - len(places), "queued": len(places)}
    assert stumbler.calls <= 2 * len(places) * 9 + 1, "by halves, not one by one"
    delivery, tries = of(any_machine, victims[0])
    assert [(each.outcome, each.reason, each.number) for each in tries] == [("transient", "poison", 1)]
    assert tries[0].detail.startswith("KeyError in app/")
    assert "Ann" not in tries[0].detail
    assert delivery.next_attempt_at > moving.now() + timedelta(seconds=20), "it waits"

    carry(any_machine, moving, pk, poison.TRIES - 1)
    assert story.counts(any_machine, pk) == {"sent": 200 - len(places), "failed": len(places)}
    delivery, tries = of(any_machine, victims[0])
    assert (delivery.reason, len(tries)) == ("poison", poison.TRIES)
    assert len(stumbler.sent) == 200 - len(places), "nobody got it twice"
    assert story.message(any_machine, pk).status == "failed"


def test_one_that_raised_for_a_while_goes_out_once_it_is_mended(
    any_machine: Machine, moving: FakeClock, stumbler: Stumbler
) -> None:
    pk, addresses = begun(any_machine, 5)
    stumbler.raises = {addresses[2]: MemoryError()}
    carry(any_machine, moving, pk, 2)
    stumbler.raises = {}
    carry(any_machine, moving, pk, 1)
    assert story.counts(any_machine, pk) == {"sent": 5}


def test_an_adapter_that_raises_for_everybody_is_not_asked_again_at_once(
    any_machine: Machine, moving: FakeClock, stumbler: Stumbler
) -> None:
    pk, addresses = begun(any_machine, 100)
    stumbler.raises = dict.fromkeys(addresses, AttributeError("nothing works"))
    story.drain(any_machine, pk)
    asked = stumbler.calls
    assert asked < 50
    assert dispatch.drain(any_machine, pk) == 0
    assert stumbler.calls == asked, "everybody waits"
    tried = sum(len(of(any_machine, address)[1]) for address in addresses)
    assert tried == poison.MOST_ALONE
    stumbler.raises = {}
    carry(any_machine, moving, pk, 2)
    assert story.counts(any_machine, pk) == {"sent": 100}


def test_one_at_which_it_raises_after_it_has_begun_is_in_doubt_and_held(
    any_machine: Machine, moving: FakeClock, stumbler: Stumbler
) -> None:
    pk, addresses = begun(any_machine, 1)
    runners.change(any_machine, 1, uncertain_policy="retry")
    stumbler.breaks = {addresses[0]: ValueError("after the bytes")}
    carry(any_machine, moving, pk, 3)
    assert story.counts(any_machine, pk) == {"uncertain": 1}
    delivery, tries = of(any_machine, addresses[0])
    assert (delivery.reason, len(tries)) == ("poison", 1)


def test_somebody_whose_values_cannot_be_read_holds_up_nobody(any_machine: Machine, stumbler: Stumbler) -> None:
    pk, addresses = begun(any_machine, 20)
    deep = "[" * 3_000 + "]" * 3_000  # nobody can write that through a form; a program may
    with any_machine.database.begin() as session:
        session.execute(text("UPDATE messages SET content = :content"), {"content": '{"text": "Hello {{ plan }}"}'})
        contact_pk = session.scalar(select(Delivery.contact_pk).where(Delivery.address == addresses[7]))
        session.execute(
            text("UPDATE contacts SET attributes = :deep WHERE pk = :pk"),
            {"deep": f'{{"plan": {deep}}}', "pk": contact_pk},
        )
    story.drain(any_machine, pk)
    assert story.counts(any_machine, pk) == {"sent": 19, "queued": 1}
    assert of(any_machine, addresses[7])[1][0].detail.startswith("RecursionError in app/engine/recipients.py:")


def worker(machine: Machine, numbers: list[int], deaths: dict[str, str]) -> int:
    """A worker process that drains messages and dies of some addresses; how it ended."""
    settings = machine.settings
    facts = {
        "data_dir": str(settings.data_dir), "database_url": settings.database_url, "redis_url": settings.redis_url,
        "secret_keys": settings.secret_keys,
    }  # fmt: skip
    command = [sys.executable, "-m", "tests.engine.stumblers", *map(json.dumps, (facts, numbers, deaths))]
    return subprocess.run(command, timeout=60, check=False).returncode


def take_over(machine: Machine, clock: FakeClock) -> None:
    """What the ticker does once the lease is over; then everything is due again.

    The workers of these tests live by the machine's own clock, so their leases end by that.
    """
    clock.moment = max(clock.moment, SystemClock().now()) + timedelta(hours=1)
    reaper.reap(machine)
    with machine.database.begin() as session:
        session.execute(text("UPDATE deliveries SET next_attempt_at = 0, first_tried_at = :now"), {"now": 2**42})


@pytest.mark.usefixtures("stumbler")
@pytest.mark.parametrize(
    ("when", "end"), [("before", ("failed", "poison")), ("after", ("uncertain", "poison"))], ids=["before", "after"]
)
def test_a_delivery_of_which_workers_die_is_parked_and_the_others_go_out(
    any_machine: Machine, moving: FakeClock, when: str, end: tuple[str, str]
) -> None:
    pk, addresses = begun(any_machine, 12)
    runners.change(any_machine, 1, uncertain_policy="retry")
    deaths, died = {addresses[5]: when}, 0
    while worker(any_machine, [pk], deaths) == SIGN:
        died += 1
        assert died <= poison.DEATHS + 1, "it takes worker after worker"
        take_over(any_machine, moving)
    assert died >= poison.DEATHS
    assert story.counts(any_machine, pk) == {"sent": 11, end[0]: 1}
    delivery, tries = of(any_machine, addresses[5])
    assert (delivery.state, delivery.reason) == end
    assert tries[-1].detail == f"The worker that had only this in hand ended, for the {poison.DEATHS}th time."
    others: list[Any] = story.rows(any_machine, "SELECT max(attempts) FROM deliveries WHERE state = 'sent'")
    assert others[0][0] <= 3


@pytest.mark.usefixtures("stumbler")
def test_a_worker_that_died_once_costs_nobody_a_try(any_machine: Machine, moving: FakeClock) -> None:
    pk, addresses = begun(any_machine, 6)
    assert worker(any_machine, [pk], {addresses[2]: "before"}) == SIGN
    take_over(any_machine, moving)
    assert {len(of(any_machine, address)[1]) for address in addresses} == {0}
    assert worker(any_machine, [pk], {}) == 0
    assert story.counts(any_machine, pk) == {"sent": 6}
