"""The table of `docs/faults.md` is the one that the fault tests play; run this file as a module to write it."""

from collections.abc import Iterator

from app.emulators.faults import FAULTS
from app.infra.settings import ROOT
from app.providers import catalog
from tests.doc_tables import drawn, parts_of, rewrite
from tests.emulators.fault_table import ELSEWHERE, SWITCHES, End, Switch

PAGE = ROOT / "docs" / "faults.md"
TABLE = "what each fault comes to"
AFTERWARDS = ("receipts", "bounces")  # stages of what is said afterwards: tests/emulators/test_round_trips.py
KINDS = sorted(catalog())


def test_every_fault_of_the_dial_is_played_by_a_line() -> None:
    played = {switch.fault for switch in SWITCHES if switch.fault} | ELSEWHERE.keys()
    assert {name for name, fault in FAULTS.items() if fault.stage not in AFTERWARDS} == played


def test_the_page_shows_the_table() -> None:
    print(table())
    assert parts_of(PAGE, TABLE)[1] == table(), "run: python -m tests.emulators.test_fault_matrix"


def table() -> str:
    """One line for all kinds of a switch that end alike."""
    heads = ["Fault", "Kinds", "The delivery", "Tries", "Arrived", "The address", "The provider"]
    rows = [row for switch in SWITCHES for row in _rows(switch)]
    return drawn(heads, ["---", "---", "---", "--:", "--:", "---", "---"], rows)


def _rows(switch: Switch) -> Iterator[list[str]]:
    ends: dict[End | None, list[str]] = {}
    for kind in KINDS:
        ends.setdefault(switch.end_of(kind), []).append(kind)
    others = ends.pop(None, [])
    for number, (end, kinds) in enumerate(sorted(ends.items(), key=lambda pair: -len(pair[1]))):
        assert end is not None
        name = f"**{switch.name}**: {switch.shown}" if number == 0 else ""
        who = "all" if len(kinds) == len(KINDS) else ", ".join(kinds)
        state = end.state if end.reason in ("", "accepted") else f"{end.state}: {end.reason}"
        out = f"out: {end.provider}" if end.provider else "in use"
        yield [name, who, state, str(end.tries), str(end.arrived), end.address, out]
    if others:
        yield ["", "the others", f"not played: {switch.why_not}", "", "", "", ""]


if __name__ == "__main__":
    rewrite(PAGE, TABLE, table())
