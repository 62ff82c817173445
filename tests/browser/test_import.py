"""A CSV file on its way to contacts, by the browser alone; every step is free of barriers and complaints."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.browser.conftest import Home
from tests.browser.person import Person
from tests.browser.steps import enter

pytestmark = pytest.mark.browser
ROWS = """\ufeffName;Email;Phone;City;Topics
Ann Archer;ann@example.org;+49 170 1234567;Bonn;
Ben Baker;not-an-address;;Köln;
Cem Çelik;cem@example.org;;Berlin;
Ann Again;ANN@example.org;;Bonn;
Dora Dean;dora@example.org;;Bonn;Unheard of
"""


@pytest.mark.parametrize("scripts", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_a_file_becomes_contacts_and_its_faulty_rows_are_named(
    home: Home, open_browser: Callable[..., Person], tmp_path: Path, scripts: bool
) -> None:
    file = tmp_path / "people.csv"
    file.write_text(ROWS, encoding="utf-8")
    ann = open_browser(home.url, scripts=scripts)
    see = ann.see if scripts else ann.reload_until
    enter(ann, home)
    ann.follow("Contacts")
    ann.follow("Import")
    check(ann)
    ann.field("CSV file").send_keys(str(file))
    ann.press("Upload file")
    ann.see("Try out all rows")
    check(ann)
    ann.press("Try out all rows")
    see("Import 2 ")
    ann.see("not-an-address")
    ann.see("Unheard of")
    check(ann)
    ann.press_like("Import 2 ")
    see("Show contacts")
    check(ann)
    ann.follow("Show contacts")
    ann.see("Cem Çelik")


def check(person: Person) -> None:
    """Nothing is wrong with the page that is open; without scripts axe cannot look."""
    if person.has_scripts:
        assert person.complaints() == []
        assert person.barriers() == []
