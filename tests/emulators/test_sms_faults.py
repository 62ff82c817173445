"""Every kind of text message with every fault it plays: engine, adapter, emulator on a socket, ledger, and the end."""

import pytest

from tests.emulators.fault_table import Switch, cases, kinds_of, named
from tests.emulators.stage import Stage, announced, faults, judge_three, outbox, play, running, sandbox, stage

__all__ = ["announced", "faults", "outbox", "running", "sandbox", "stage"]  # fixtures


@pytest.mark.parametrize(("kind", "switch"), cases("sms"))
def test_a_fault_ends_where_the_table_says(kind: str, switch: Switch, stage: Stage) -> None:
    assert play(stage, switch) == switch.end_of(kind)


@pytest.mark.parametrize("kind", kinds_of("sms"))
def test_one_bad_address_among_three_costs_nobody_else_anything(kind: str, stage: Stage) -> None:
    dead = named("bad-recipient").end_of(kind)
    assert dead is not None
    judge_three(stage, dead)
