"""Somebody before a screen: finds things by what is written on them, and complains about what is broken."""

import base64
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from selenium.common.exceptions import StaleElementReferenceException, WebDriverException
from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.expected_conditions import staleness_of
from selenium.webdriver.support.select import Select

from tests import needs

PATIENCE = 15.0


class Person:
    """One browser window. Every step waits until what it looks for is there."""

    def __init__(self, driver: WebDriver, url: str, *, has_scripts: bool) -> None:
        self.driver = driver
        self.url = url
        self.has_scripts = has_scripts
        self.project = "default"

    def go(self, path: str) -> None:
        """Open a page of the project."""
        self.open(f"/p/{self.project}{path}")

    def open(self, path: str) -> None:
        """Go to a path of the house, or to a whole address."""
        self.driver.get(path if path.startswith("http") else self.url + path)

    def see(self, text: str, seconds: float = PATIENCE) -> None:
        """Wait until that text is on the page."""
        self.wait_until(lambda: text in self.text(), f"to see {text!r}", seconds)

    def text(self) -> str:
        """What can be read on the page."""
        try:
            return str(self.driver.find_element(By.TAG_NAME, "body").text)
        except StaleElementReferenceException:
            return ""

    def heading(self) -> str:
        return str(self.driver.find_element(By.TAG_NAME, "h1").text)

    def fill(self, label: str, text: str) -> None:
        """Type into the field with that label."""
        field = self.field(label)
        field.clear()
        field.send_keys(text)

    def choose(self, label: str, option: str) -> None:
        """Pick from the list with that label."""
        Select(self.field(label)).select_by_visible_text(option)

    def tick(self, label: str, *, on: bool = True) -> None:
        """Tick or untick the box with that label."""
        box = self.field(label)
        if box.is_selected() != on:
            box.click()

    def field(self, label: str) -> WebElement:
        """The control that this label belongs to; looked for again when the page is being drawn anew."""
        found: list[WebElement] = []

        def look() -> bool:
            place = self._find(f"//label[starts-with(normalize-space(.), {_quote(label)})]")
            target = place.get_attribute("for")
            inside = (By.CSS_SELECTOR, "input, select, textarea")
            found[:] = [self.driver.find_element(By.ID, target) if target else place.find_element(*inside)]
            return True

        self.wait_until(look, f"to find the field {label!r}")
        return found[0]

    def press(self, text: str) -> None:
        """Press the button that says so."""
        self._send(f"//button[normalize-space(.)={_quote(text)} or @aria-label={_quote(text)}]")

    def press_like(self, start: str) -> None:
        """Press the button whose words begin so."""
        self._send(f"//button[starts-with(normalize-space(.), {_quote(start)})]")

    def follow(self, text: str) -> None:
        """Follow the link that says so."""
        self._click(f"//a[normalize-space(.)={_quote(text)}]")

    def follow_like(self, start: str) -> None:
        """Follow the link whose words begin so."""
        self._click(f"//a[starts-with(normalize-space(.), {_quote(start)})]")

    def reload_until(self, text: str, seconds: float = 30) -> None:
        """Without scripts pages do not move: load the page again until it says so."""
        end = time.monotonic() + seconds
        while text not in self.text():
            if time.monotonic() > end:
                pytest.fail(f"Waited in vain to see {text!r} on {self.driver.current_url}:\n{self.text()[:2000]}")
            time.sleep(0.5)
            self.driver.refresh()

    def draw_line(self, *, offline: bool = False, latency: int = 0, upload: float = -1) -> None:
        """The browser's way to the house: cut, so many milliseconds slower, or for so many bytes a second upwards."""
        line = {"offline": offline, "latency": latency, "downloadThroughput": -1, "uploadThroughput": upload}
        self.driver.execute_cdp_cmd("Network.enable", {})
        self.driver.execute_cdp_cmd("Network.emulateNetworkConditions", line)

    def spoken(self) -> str:
        """What a screen reader was told last."""
        return str(self.driver.execute_script("return document.querySelector('#speaker').textContent"))

    def complaints(self) -> list[str]:
        """What stands in the browser's console; not the hints that a browser hides unless asked for (level DEBUG)."""
        entries = [entry for entry in self.driver.get_log("browser") if entry["level"] != "DEBUG"]
        return [f"{entry['level']}: {entry['message']}" for entry in entries]

    def barriers(self, *rules: str) -> list[str]:
        """What axe-core finds on the page, a line each; only by these of its rules when any are named."""
        script = "const [how, done] = arguments; axe.run(document, how).then(r => done(r.violations))"
        how: dict[str, Any] = {"resultTypes": ["violations"]} | ({"runOnly": list(rules)} if rules else {})
        found: list[dict[str, Any]] = self.run_axe(script, how)
        return [f"{each['id']}: {each['help']}: {node['html'][:160]}" for each in found for node in each["nodes"][:4]]

    def run_axe(self, script: str, *arguments: object) -> Any:
        """What this script answers, which has axe-core and, behind the arguments, what takes its answer."""
        if not self.driver.execute_script("return !!window.axe"):
            self.driver.execute_script(needs.AXE.read_text())
        self.driver.set_script_timeout(60)
        return self.driver.execute_async_script(script, *arguments)

    def screenshot(self, path: Path, *, whole: bool = False) -> None:
        """Keep a picture of what is on the screen, or of the whole page."""
        picture = self.driver.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": whole})
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(picture["data"]))

    def wait_until(self, is_true: Callable[[], object], what: str, seconds: float = PATIENCE) -> None:
        """Until that is true; fails with what the page said instead. What is redrawn meanwhile is asked again."""
        end = time.monotonic() + seconds
        while True:
            try:
                if is_true():
                    return
            except WebDriverException as error:
                if time.monotonic() > end:
                    pytest.fail(f"{what}: {error.msg}")
            if time.monotonic() > end:
                pytest.fail(f"Waited in vain {what} on {self.driver.current_url}:\n{self.text()[:2500]}")
            time.sleep(0.05)

    def _send(self, button: str) -> None:
        """Click it; without scripts every button sends a form, and what comes next must not overtake the answer."""
        page = self.driver.find_element(By.TAG_NAME, "html")
        self._click(button)
        if not self.has_scripts:
            is_left = staleness_of(page)
            self.wait_until(lambda: is_left(self.driver), "for the answer to a form")

    def _click(self, xpath: str) -> None:
        def click() -> bool:
            for element in self.driver.find_elements(By.XPATH, xpath):
                if element.is_displayed():
                    element.click()
                    return True
            return False

        self.wait_until(click, f"to click {xpath}")

    def _find(self, xpath: str) -> WebElement:
        self.wait_until(lambda: self.driver.find_elements(By.XPATH, xpath), f"to find {xpath}")
        return self.driver.find_elements(By.XPATH, xpath)[0]


def _quote(text: str) -> str:
    """The text as XPath writes it."""
    return f'"{text}"' if '"' not in text else f"'{text}'"
