"""Every page, in every state, light and dark, at three widths: no barrier, no complaint, nothing sticks out.

On a telephone nothing is too small for a finger either.
"""

import os
import re
from collections import Counter

import pytest

from tests.browser.conftest import ROOT, House, start_browser
from tests.browser.person import Person
from tests.browser.places import BEHIND_FENCE, FOUND, SCENES, Place, Scene
from tests.browser.touch import Finger
from tests.browser.visits import Visit, change_look, make_ready, put_up_fence, walk

pytestmark = pytest.mark.browser
WANTED = re.compile(os.environ.get("CARILLON_PAGES", ""))  # only places whose names match are looked at
COLOURS = ("color-contrast", "link-in-text-block")  # all that a theme can change: the rest is the same page
WIDE, BETWEEN, NARROW = 1440, 768, 360
SCREENS = ROOT / "docs" / "screens"
_OVER = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def visit(full_house: House) -> Visit:
    return make_ready(full_house)


@pytest.mark.parametrize("width", [WIDE, NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: f"{scene.places[0].name} and on")
def test_no_page_has_a_barrier_a_complaint_or_sticks_out(visit: Visit, scene: Scene, width: int) -> None:
    found = look_around(visit, width, scene)
    assert found == [], "\n".join(found)


def test_no_page_behind_the_fence_has_a_barrier_a_complaint_or_sticks_out(visit: Visit) -> None:
    put_up_fence(visit.house)
    found = look_around(visit, WIDE, BEHIND_FENCE) + look_around(visit, NARROW, BEHIND_FENCE)
    assert found == [], "\n".join(found)


def test_every_place_has_a_name_of_its_own_and_what_it_stands_on_is_used() -> None:
    places = [place for scene in (*SCENES, BEHIND_FENCE) for place in scene.places]
    assert [name for name, count in Counter(place.name for place in places).items() if count > 1] == []
    paths = " ".join([place.path for place in places] + [lead.page for lead in FOUND.values()])
    assert [name for name in FOUND if f"{{{name}}}" not in paths and f"{{{name}:id}}" not in paths] == []


def test_every_place_has_a_sheet_of_pictures_and_they_stay_small() -> None:
    names = {f"{place.name}.webp" for scene in (*SCENES, BEHIND_FENCE) for place in scene.places}
    sheets = {path.name: path.stat().st_size for path in SCREENS.glob("*.webp")}
    assert set(sheets) == names, "Make them: make screens PAGES='^name$'"
    assert {name: size for name, size in sheets.items() if size > 150 * 1024} == {}
    assert sum(sheets.values()) <= 12_000_000
    index = (SCREENS / "README.md").read_text()
    assert [name for name in names if f"({name})" not in index] == []


def look_around(visit: Visit, width: int, scene: Scene) -> list[str]:
    """What is wrong with the places of this scene, a line each."""
    wanted = Scene(scene.who, scene.project, [place for place in scene.places if WANTED.search(place.name)])
    person = start_browser(visit.house.url, width=width)
    found: list[str] = []
    try:
        for place in walk(visit, person, wanted):
            found += [f"{place.name} ({width}): {line}" for line in look_at(place, person, width)]
    finally:
        person.driver.quit()
    return found


def look_at(place: Place, person: Person, width: int) -> list[str]:
    """What is wrong with the page that stands open: all rules of axe when light, those about colours when dark."""
    found = [f"console: {line}" for line in person.complaints() if not is_meant(place, line)]
    found += [f"axe: {line}" for line in person.barriers()]
    found += sticks_out(person, width)
    if width == NARROW:
        found += [f"too small: {line}" for line in Finger(person).too_small()]
    change_look(person, width, dark=True)
    found += [f"axe, dark: {line}" for line in person.barriers(*COLOURS)]
    if width == WIDE:
        change_look(person, BETWEEN)
        found += sticks_out(person, BETWEEN)
    change_look(person, width)
    return found


def sticks_out(person: Person, width: int) -> list[str]:
    over = person.driver.execute_script(_OVER)
    return [f"sticks out by {over} px at {width}"] if over > 0 else []


def is_meant(place: Place, line: str) -> bool:
    """The browser itself notes an answer that says no, and that the first field yields to what is said to be wrong."""
    if place.sends and "Autofocus processing was blocked" in line:
        return True
    status = 422 if place.sends else place.status
    return "Failed to load resource" in line and f"the server responded with a status of {status}" in line
