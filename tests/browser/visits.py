"""A house with something in every room, and the walk through all places of it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from selenium.common.exceptions import WebDriverException
from selenium.webdriver.support.wait import WebDriverWait

from app.domain.fences import FenceReason
from app.domain.permissions import system
from app.engine.fence import raise_fence
from app.infra.settings import Settings
from app.services.sending import stopping
from app.services.team import keys, members, memberships, projects
from app.services.work import Workshop
from tests.browser.conftest import PASSWORD, House, start_browser
from tests.browser.person import Person
from tests.browser.places import EMPTY, FOUND, FULL, HALTED, Lead, Place, Scene
from tests.browser.steps import become_the_first_member, sign_in

PATIENCE = 20  # seconds until a page is as it is to be seen
PEOPLE = """\
Name;Email;Phone;City
Ann Archer;ann@example.org;+49 170 1234567;Bonn
Ben Baker;not-an-address;;Köln
Cem Çelik;cem@example.org;;Berlin
"""
# Sends the form with nothing but this in its fields; what a browser refuses by itself is left to the server.
_SEND = """
const [selector, typed] = arguments;
const form = document.querySelector(selector);
form.querySelectorAll("textarea, input:not([type=hidden], [type=checkbox], [type=radio], [type=file])")
  .forEach((field) => { field.value = typed[field.name] ?? ""; });
form.noValidate = true;
form.requestSubmit();
"""
_IS_ANSWERED = """
return document.readyState === "complete" && !!document.querySelector(".notice-bad, [aria-invalid='true']")
"""
_OPEN = "document.querySelectorAll(arguments[0]).forEach((each) => each.checkVisibility() && each.click())"


@dataclass(frozen=True, slots=True)
class Visit:
    """A house that was made ready: who may go around in it (cookies by name), and what stands in braces."""

    house: House
    cookies: Mapping[str, list[dict[str, Any]]]
    found: Mapping[str, str]

    def enter(self, person: Person, scene: Scene) -> None:
        """Be the one who looks around in this scene."""
        person.open("/sign-in")
        person.driver.delete_all_cookies()
        for cookie in self.cookies.get(scene.who, ()):
            person.driver.add_cookie(cookie)

    def address(self, scene: Scene, place: Place) -> str:
        """The path of a place in this house."""
        path = re.sub(r"\{([a-z]+)(:id)?\}", self._fill, place.path)
        return path.removeprefix("/") if path.startswith("//") else f"/p/{scene.project}{path}"

    def _fill(self, braces: re.Match[str]) -> str:
        path = self.found[braces[1]]
        return path.rpartition("/")[2] if braces[2] else path


def make_ready(house: House) -> Visit:
    """Give an empty house the demo story and what the story does not have; ends when nothing is on its way."""
    ann = start_browser(house.url)
    try:
        become_the_first_member(ann, house, demo=True)
        invitation = _furnish(house)
        _bring_people(ann, house.folder)
        _dismiss_some(ann)
        found = {"invitation": invitation, **_find_all(ann, house)}
        cookies = {"ann": ann.driver.get_cookies()}
        ann.driver.delete_all_cookies()
        sign_in(ann, "vic@example.org")
        cookies["vic"] = ann.driver.get_cookies()
    finally:
        ann.driver.quit()
    return Visit(house, cookies, found)


def _furnish(house: House) -> str:
    """Two more projects, a member who may only look, a key, and an invitation, whose token is returned."""
    shop = _workshop(house)
    try:
        with shop.open(system()) as work:
            for project, name in ((EMPTY, "Quiet tower"), (HALTED, "Halted tower")):
                projects.create_project(work, project, name=name)
                members.create_member(work, "ann@example.org", PASSWORD, role="admin", project_id=project)
            members.create_member(work, "vic@example.org", PASSWORD, role="viewer", project_id=FULL, name="Vic Vane")
            numbers = {name: projects.find_project(work, name).pk for name in (FULL, HALTED)}
        with shop.open(system(numbers[HALTED])) as work:
            stopping.stop(work)
        with shop.open(system(numbers[FULL])) as work:
            keys.create_key(work, name="Ticket shop", scopes=["messages.read", "messages.write"])
            return memberships.invite(work, "composer")
    finally:
        shop.close()


def put_up_fence(house: House) -> None:
    """Let the house believe that it was restored from a backup."""
    shop = _workshop(house)
    try:
        with shop.database.begin() as session:
            raise_fence(session, FenceReason.RESTORED, shop.clock.now())
    finally:
        shop.close()


def _workshop(house: House) -> Workshop:
    return Workshop.equip(Settings.from_env(data_dir=house.folder / "data"))


def _bring_people(ann: Person, folder: Path) -> None:
    """Two imports: one whose columns are to be named, and one that was tried out."""
    for name in ("friends.csv", "people.csv"):
        (folder / name).write_text(PEOPLE, encoding="utf-8")
        ann.open(f"/p/{FULL}/imports")
        ann.field("CSV file").send_keys(str(folder / name))
        ann.press("Upload file")
        ann.see("Try out all rows")
    ann.press("Try out all rows")
    ann.see("Import 2 ")


def _dismiss_some(ann: Person) -> None:
    """One decision about dead letters."""
    ann.open(f"/p/{FULL}/dead-letters/dismiss?reason=too_large")
    ann.press_like("Dismiss 1 ")
    ann.open(f"/p/{FULL}/dead-letters/orders")
    ann.reload_until("Take it back")


def _find_all(ann: Person, house: House) -> dict[str, str]:
    """The path of everything that is found on another page, below its project."""
    ann.open(f"/p/{FULL}/messages?phase=sending")
    found: dict[str, str] = {}
    for name, lead in FOUND.items():
        page = re.sub(r"\{([a-z]+)\}", lambda braces: found[braces[1]], lead.page)
        ann.open(f"/p/{FULL}{page}")
        found[name] = _link_on(ann, house, name, lead)
    ann.open(f"/p/{FULL}{found['arrival']}?view=headers")
    link = re.search(r"<http://\S+/u/(\S+?)>", ann.text())
    assert link, "The email in the Sandbox has no link to unsubscribe."
    return found | {"link": link[1]}


def _link_on(ann: Person, house: House, name: str, lead: Lead) -> str:
    for link in ann.driver.find_elements("css selector", "main a[href]"):
        path = (link.get_attribute("href") or "").removeprefix(f"{house.url}/p/{FULL}")
        match = re.search(lead.link, path)
        if match and lead.says in (link.get_attribute("textContent") or ""):
            return match[0]
    raise AssertionError(f"No {name} was found on {lead.page}.")


def change_look(person: Person, width: int, *, dark: bool = False, height: int = 900, scale: float = 1) -> None:
    """Give the open page another width, height, or theme, in place; nothing moves by itself meanwhile.

    `scale` is how many pixels of a picture one CSS pixel becomes.
    """
    size = {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": width < 600}
    person.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    features = {"prefers-color-scheme": "dark" if dark else "light", "prefers-reduced-motion": "reduce"}
    named = [{"name": name, "value": value} for name, value in features.items()]
    person.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": named})


def walk(visit: Visit, person: Person, scene: Scene) -> Iterator[Place]:
    """Go to one place of the scene after the other; each stands open, in its state, when it is given out."""
    visit.enter(person, scene)
    for place in scene.places:
        go_to(visit, person, scene, place)
        yield place


def go_to(visit: Visit, person: Person, scene: Scene, place: Place) -> None:
    """Open one place and bring it into its state."""
    person.open(visit.address(scene, place))
    if place.sends:
        person.driver.execute_script(_SEND, place.sends, dict(place.typed))
        WebDriverWait(person.driver, PATIENCE, ignored_exceptions=[WebDriverException]).until(
            lambda driver: driver.execute_script(_IS_ANSWERED), f"{place.name}: nothing is said to be wrong"
        )
    if place.opens:
        person.driver.execute_script(_OPEN, place.opens)
