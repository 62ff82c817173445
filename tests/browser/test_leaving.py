"""A page that is left while it waits for an answer: no banner, nothing in the console."""

import time
from collections.abc import Callable

import pytest

from tests.browser.conftest import Home
from tests.browser.person import Person
from tests.browser.steps import enter

pytestmark = pytest.mark.browser
ASK = 'htmx.ajax("GET", location.pathname, { source: document.body, swap: "none" }).catch(() => {});'
BREAK_OFF = 'htmx.trigger(document.body, "htmx:abort");'
TOUCH = 'window.dispatchEvent(new KeyboardEvent("keydown", { key: "Shift" }));'
LEAVE = 'window.dispatchEvent(new Event("beforeunload"));'


def test_a_request_that_leaving_ends_is_no_failure(home: Home, open_browser: Callable[..., Person]) -> None:
    ann = open_browser(home.url)
    enter(ann, home)
    ann.complaints()
    ann.draw_line(offline=True)

    ann.driver.execute_script(LEAVE + ASK)
    time.sleep(6)  # the next page may take its time
    ann.driver.execute_script(ASK + BREAK_OFF)
    ann.driver.execute_script(TOUCH + ASK + BREAK_OFF)
    ann.driver.execute_script(LEAVE)
    assert [line for line in ann.complaints() if "htmx" in line] == []
    assert "No answer from Carillon" not in ann.text()

    ann.driver.execute_script(TOUCH + ASK)  # it stayed after all, as with a download
    ann.see("No answer from Carillon")
    assert [line for line in ann.complaints() if "htmx" in line] != []
