"""Somebody who has a keyboard and no mouse: goes from control to control, and never loses sight of where that is."""

import pytest
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from tests.browser.person import Person

MOST_STEPS = 160  # presses of Tab; more than any page has places to stop at
# What has the focus: whether a person could tell, by the ring that is drawn around it, and by nothing lying over it. A
# heading or a region that only a script or the skip link can reach needs none.
PLACE = """
const place = document.activeElement;
if (!place || place === document.body) return [null, "", false, false, ""];
const box = place.getBoundingClientRect();
const rings = [place, place.closest("label, summary, li") ?? place].map((each) => getComputedStyle(each));
const isRing = (look) => look.outlineStyle !== "none" && parseFloat(look.outlineWidth) >= 2;
const ring = place.tabIndex < 0 || rings.some(isRing);
const shares = [0.5, 0.1, 0.9];
const at = (x, y) => document.elementFromPoint(box.left + box.width * x, box.top + box.height * y);
const seen = shares.some((x) => shares.some((y) => place.contains(at(x, y))));
const over = at(0.5, 0.5)?.outerHTML.slice(0, 80) ?? "the edge of the screen";
return [place, place.outerHTML.slice(0, 160), ring, seen, `${over} (${Math.round(box.top)} of ${innerHeight})`];
"""


class Keyboard:
    """Every step is a key that a browser gets; nothing is clicked, and no script moves the focus."""

    def __init__(self, person: Person) -> None:
        self.person = person
        self.driver = person.driver

    def press(self, *keys: str, held: str = "") -> None:
        """One key after the other, all while `held` is down."""
        hand = ActionChains(self.driver, duration=0)
        if held:
            hand.key_down(held)
        hand.send_keys(*keys)
        if held:
            hand.key_up(held)
        hand.perform()

    def type(self, text: str) -> None:
        """Instead of whatever stands in the field that has the focus."""
        self.press("a", held=Keys.CONTROL)
        self.press(text)

    def go_to(self, name: str, role: str = "", *, back: bool = False) -> None:
        """Tab until something whose name begins so has the focus; wherever that rests on the way, it can be seen.

        At the end of a page Tab leaves it for the browser's own bars; elsewhere it may not be outside.
        """
        passed: list[str] = []
        for _ in range(MOST_STEPS):
            self.press(Keys.TAB, held=Keys.SHIFT if back else "")
            here = self._named()
            if here is None:
                continue
            passed.append(here[0])
            if here[0].startswith(name) and role in {"", here[1]}:
                return
        pytest.fail(f"No {role or 'control'} named {name!r} is reached on {self.driver.current_url}: {passed}")

    def use(self, name: str, role: str = "", *, back: bool = False) -> None:
        """Go there, and press it."""
        self.go_to(name, role, back=back)
        self.press(Keys.ENTER)

    def skip(self) -> None:
        """Past the menu, as one begins on every page."""
        self.use("Skip to content")

    def choose(self, name: str, option: str) -> None:
        """An option of a list, by its first letters."""
        self.go_to(name)
        self.press(option)

    def begin(self, kind: str, sign: str) -> None:
        """A new message of the kind that has such a button, until that sign is on its page."""
        self.press("g", "m")
        self.person.see("New message")
        self.skip()
        self.use("New message")
        self.person.see("How should it reach people?")
        self.skip()
        self.use(kind, "button")
        self.person.see(sign)
        self.skip()

    def add_to_audience(self, typed: str) -> None:
        """In the composer: type that, and take the only one that is found."""
        self.skip()
        self.go_to("Add topics, people or addresses")
        self.type(typed)
        found = (By.CSS_SELECTOR, ".found-choice")
        self.person.wait_until(lambda: len(self.driver.find_elements(*found)) == 1, f"for {typed!r} alone")
        self.press(Keys.ENTER)
        self.person.see("will receive it")
        self.look()

    def send(self, people: str) -> None:
        """What is written, to so many, after a look at it all."""
        self.use(f"Send to {people}", "button")
        self.person.see("Through")
        self.skip()
        self.use(f"Send to {people} now", "button")

    def is_on(self, name: str, role: str) -> bool:
        """Whether that has the focus."""
        here = self._named()
        return here is not None and here[0].startswith(name) and here[1] == role

    def look(self) -> None:
        """The focus was not lost, has a ring around it, and nothing covers it."""
        assert self._look() is not None, f"The focus was lost on {self.driver.current_url}."

    def _named(self) -> tuple[str, str] | None:
        """Name and role of what has the focus; what is redrawn in that very moment is looked at anew."""
        try:
            return _name_and_role(self._look())
        except StaleElementReferenceException:
            return _name_and_role(self._look())

    def _look(self) -> WebElement | None:
        place, says, has_ring, is_seen, over = self.driver.execute_script(PLACE)
        if place is not None:
            assert has_ring, f"Nobody sees the focus on {self.driver.current_url}: {says}"
            assert is_seen, f"{over} covers the focus on {self.driver.current_url}: {says}"
        return place


def _name_and_role(place: WebElement | None) -> tuple[str, str] | None:
    return None if place is None else (place.accessible_name, place.aria_role)
