"""The rooms of the services stay small, and each is on the map."""

from pathlib import Path

import pytest

from tests.architecture.source import ROOT

SERVICES = ROOT / "app/services"
ROOMS = sorted(room.parent.name for room in SERVICES.glob("*/__init__.py"))
ON_THE_FLOOR = {"__init__", "work", "use_index", "word_index"}
MOST_FILES = 20


def _files(room: Path) -> list[str]:
    return sorted(file.stem for file in room.glob("*.py") if file.stem != "__init__")


def test_only_what_every_room_needs_lies_on_the_floor() -> None:
    assert {file.stem for file in SERVICES.glob("*.py")} == ON_THE_FLOOR


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_is_small_enough_to_be_looked_through(room: str) -> None:
    assert 2 <= len(_files(SERVICES / room)) <= MOST_FILES


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_is_on_the_map(room: str) -> None:
    assert f"| `{room}` |" in (ROOT / "docs/house.md").read_text(encoding="utf-8")
