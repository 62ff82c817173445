"""Somebody with a telephone: a finger that taps and swipes, and words from the keyboard on the screen."""

import time
from typing import Any

import pytest
from selenium.webdriver.remote.webelement import WebElement

from tests.browser.person import Person

MOST_SWIPES = 40
# The first of these elements that is drawn and begins so, by its own words or what a screen reader says for them.
NAMED = """
const [selector, name] = arguments;
const words = (each) => [each.innerText, each.ariaLabel, each.labels?.[0]?.innerText];
const says = (each) => words(each).some((text) => text?.trim().startsWith(name));
return [...document.querySelectorAll(selector)].find((each) => each.getClientRects().length && says(each)) ?? null;
"""
# Where a finger would hit this element: a free point of it, or which way it lies, or that something lies over it.
WHERE = """
const place = arguments[0];
const box = place.getBoundingClientRect();
if (!box.width || !box.height) return { state: "gone" };
for (const down of [0.5, 0.2, 0.8]) {
  const [x, y] = [box.left + Math.min(box.width / 2, 160), box.top + box.height * down];
  const top = document.elementFromPoint(x, y);
  if (top && (place.contains(top) || top.closest("label")?.control === place)) return { state: "free", x, y };
}
const middle = box.top + box.height / 2;
const side = box.right > innerWidth ? 1 : box.left < 0 ? -1 : 0;
return { state: "away", up: middle < innerHeight / 2, side, middle };
"""
# What has too little room only because of something in a bar that stays, while a swipe takes it away from there, is not
# too small. What stands in a bar itself is never freed so, save what is swiped inside of that one.
TOO_SMALL = """
const done = arguments[0];
const isStuck = (each) => ["fixed", "sticky"].includes(getComputedStyle(each).position);
const barOf = (each) => each && (isStuck(each) ? each : barOf(each.parentElement));
const isFreed = (place, other) => {
  const [own, bar] = [barOf(place), barOf(other)];
  return bar && bar !== own && (!own || own.contains(bar));
};
const isFreedOfAll = (place, others) => others.length && others.every(({ element }) => isFreed(place, element));
const isSmall = ({ element, any }) => !any.some(({ relatedNodes }) => isFreedOfAll(element, relatedNodes));
axe.run(document, { runOnly: ["target-size"], elementRef: true })
  .then((found) => found.violations.flatMap((each) => each.nodes).filter(isSmall))
  .then((small) => done(small.map((node) => node.html.slice(0, 160))));
"""
SWIPED = "return [scrollY, document.querySelector('dialog[open] .dialog-body')?.scrollTop ?? 0].join()"


class Finger:
    """Every step is a touch that a browser gets: what something covers, or what lies off the screen, cannot be hit."""

    def __init__(self, person: Person) -> None:
        self.person = person
        self.driver = person.driver

    def __enter__(self) -> "Finger":
        """The browser is a telephone of 360 pixels until this ends."""
        size = {"width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": True}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        self.driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True, "maxTouchPoints": 5})
        return self

    def __exit__(self, *_: object) -> None:
        size = {"width": 1440, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": False})
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    def tap(self, name: str, selector: str = "a, button, summary, input, select, textarea, label") -> None:
        """What carries this name (its words, or what a screen reader says), once it is there and free."""

        def tap_it() -> bool:
            place = self.driver.execute_script(NAMED, selector, name)
            return place is not None and self._hit(place)

        self.person.wait_until(tap_it, f"to tap {name!r}")

    def go(self, place: str, sign: str) -> None:
        """To a place of the menu, until that sign is on the page."""
        self.tap("Menu", "summary")
        self.tap(place, "nav a")
        self.person.see(sign)

    def begin(self, kind: str, sign: str) -> None:
        """A new message of the kind that has such a button, until that sign is on its page."""
        self.go("Messages", "New message")
        self.tap("New message")
        self.tap(kind)
        self.person.see(sign)

    def add_to_audience(self, typed: str, name: str) -> None:
        """In the composer: type that, and tap what is found by that name."""
        self.write("Add topics, people or addresses", typed)
        self.tap(name, ".found-choice")
        self.person.see("will receive it")

    def tap_on(self, place: WebElement) -> None:
        """This element, swiping until it is free."""
        self.person.wait_until(lambda: self._hit(place), f"to tap {place.tag_name}")

    def write(self, label: str, text: str) -> None:
        """Tap the field with that label, then let the keyboard on the screen bring the words, as one piece."""
        field = self.person.field(label)
        self.tap_on(field)
        self.person.wait_until(lambda: self.driver.switch_to.active_element == field, f"to write into {label!r}")
        self.type(text)

    def type(self, text: str) -> None:
        """Where the focus is."""
        self.driver.execute_cdp_cmd("Input.insertText", {"text": text})

    def too_small(self) -> list[str]:
        """What is smaller than 24 pixels without free space around it (WCAG 2.2, 2.5.8), a line each."""
        return list(self.person.run_axe(TOO_SMALL))

    def _hit(self, place: WebElement) -> bool:
        """False while it is not there yet; fails when no swipe lays it bare."""
        for _ in range(MOST_SWIPES):
            where: dict[str, Any] = self.driver.execute_script(WHERE, place)
            if where["state"] == "gone":
                return False
            if where["state"] == "free":
                self._touch("touchStart", where["x"], where["y"])
                self._touch("touchEnd")
                return True
            before = self.driver.execute_script(SWIPED)
            self._swipe(up=where["up"], side=where["side"], middle=where["middle"])
            if self.driver.execute_script(SWIPED) == before and not where["side"]:
                break
        pytest.fail(f"Something lies over {place.get_attribute('outerHTML')[:160]} on {self.driver.current_url}")

    def _swipe(self, *, up: bool, side: int, middle: float) -> None:
        """A hand's breadth, and wait until the page has come to rest."""
        y = middle if side else 320.0
        across, along = -120 * side, 0 if side else 240 if up else -240
        self._touch("touchStart", 180, y)
        for part in (0.25, 0.5, 0.75, 1):
            self._touch("touchMove", 180 + across * part, y + along * part)
        time.sleep(0.06)  # a finger that rests before it leaves throws nothing on
        self._touch("touchEnd")
        before = None
        while before != (before := self.driver.execute_script(SWIPED)):
            time.sleep(0.05)

    def _touch(self, kind: str, *point: float) -> None:
        points = [dict(zip("xy", point, strict=True))] if point else []
        self.driver.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
