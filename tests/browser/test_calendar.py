"""The calendar by hand: dragged with a mouse and a finger, carried with keys, typed in another zone without scripts."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from tests.browser.conftest import Home
from tests.browser.keyboard import Keyboard
from tests.browser.person import Person
from tests.browser.steps import enter

pytestmark = pytest.mark.browser
CALENDAR = "/calendar"
TITLE = "Open casting day: 30 places"  # of the sample story, scheduled


@pytest.fixture(scope="module")
def story(make_home: Callable[..., Home]) -> Home:
    """A project with the sample story."""
    return make_home(demo=True)


@pytest.fixture
def open_calendar(story: Home, open_browser: Callable[..., Person]) -> Callable[..., Person]:
    """A browser in which its admin is signed in."""

    def open_one(**looks: Any) -> Person:
        person = open_browser(story.url, **looks)
        enter(person, story)
        return person

    return open_one


def wednesday() -> date:
    """One that lies two to three weeks ahead."""
    today = datetime.now(UTC).date()
    return today - timedelta(days=today.weekday()) + timedelta(days=16)


def week(of: date) -> str:
    return f"{CALENDAR}?view=week&date={of}&zone=UTC"


def event(person: Person) -> WebElement:
    return person.driver.find_element("xpath", f"//a[@data-title='{TITLE}']")


def cell(person: Person, at: str) -> WebElement:
    return person.driver.find_element("css selector", f"[data-at^='{at}']")


def wait_for(person: Person, at: str) -> None:
    """Until the event lies in that cell."""
    WebDriverWait(person.driver, 15).until(
        lambda driver: driver.find_elements("css selector", f"[data-at^='{at}'] [data-title='{TITLE}']")
    )


def put(person: Person, day: date, time: str, zone: str) -> None:
    """Give the event that time by form; the fields are set as a picker sets them."""
    person.go(f"{CALENDAR}?view=agenda&zone={zone}")
    for _ in range(3):
        links = person.driver.find_elements("css selector", f"a[aria-label='Move {TITLE}']")
        if links:
            break
        later = person.driver.find_element("css selector", "a[aria-label='Later']")
        person.open(str(later.get_attribute("href")))
    person.open(str(links[0].get_attribute("href")))
    person.see("Time zone")
    assert not person.has_scripts or person.barriers() == []  # axe-core needs scripts itself
    for name, value in (("date", day.isoformat()), ("time", time)):
        field = person.driver.find_element("id", name)
        if person.has_scripts:
            person.driver.execute_script("arguments[0].value = arguments[1]", field, value)
        else:
            shown = f"{day:%m%d%Y}" if name == "date" else f"{datetime.fromisoformat(f'{day}T{value}'):%I%M%p}"
            field.send_keys(shown)
    person.press_like("Move it for")
    person.see(f"“{TITLE}” stands at")


def test_a_message_is_dragged_and_taken_back(open_calendar: Callable[..., Person]) -> None:
    ann, day = open_calendar(), wednesday()
    put(ann, day, "09:00", "UTC")
    ann.go(week(day))
    wait_for(ann, f"{day}T09")
    target = f"{day + timedelta(days=1)}T14"
    ActionChains(ann.driver).move_to_element(event(ann)).click_and_hold().move_to_element(
        cell(ann, target)
    ).release().perform()
    wait_for(ann, target)
    ann.see("stands at")
    assert "14:00" in ann.spoken()
    ann.press_like("Undo: back to")
    wait_for(ann, f"{day}T09")
    assert ann.barriers() == []
    empty = cell(ann, f"{day}T20")
    empty.click()
    ann.see("New message")
    assert f"at={day}T20:00&zone=UTC" in ann.driver.current_url
    assert ann.complaints() == []


def focused_title(person: Person) -> str | None:
    return person.driver.switch_to.active_element.get_attribute("data-title")


def walk_to(person: Person, keys: Keyboard, at: str) -> None:
    """Tab into the grid, then go to the event in that hour by arrows, as somebody does who sees where it stands."""
    for _ in range(60):
        here = str(person.driver.execute_script("return document.activeElement.closest('.cal-cell')?.dataset.at ?? ''"))
        if here[:13] == at and focused_title(person) == TITLE:
            return
        if not here:
            keys.press(Keys.TAB)
        elif here[11:13] != at[11:13]:
            keys.press(Keys.ARROW_DOWN if here[11:13] < at[11:13] else Keys.ARROW_UP)
        elif here[:10] != at[:10]:
            keys.press(Keys.ARROW_RIGHT if here[:10] < at[:10] else Keys.ARROW_LEFT)
        else:
            keys.press(Keys.ARROW_DOWN)  # something else in the same hour
        keys.look()
    pytest.fail(f"No key leads to {TITLE}")


def test_a_message_is_carried_with_the_keys(open_calendar: Callable[..., Person]) -> None:
    ann, day = open_calendar(), wednesday()
    put(ann, day, "09:00", "UTC")
    ann.go(week(day))
    keys = Keyboard(ann)
    keys.skip()
    walk_to(ann, keys, f"{day}T09")
    keys.press("m")
    assert ann.spoken().startswith(f"{TITLE} is lifted from")
    keys.press(Keys.ARROW_RIGHT)
    assert ann.spoken().endswith("09:00.")
    keys.press(Keys.ESCAPE)
    assert ann.spoken() == f"{TITLE} is back where it was."
    keys.look()
    keys.press("m", Keys.ARROW_RIGHT, Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.ENTER)
    moved = f"{day + timedelta(days=1)}T11"
    wait_for(ann, moved)
    ann.wait_until(lambda: focused_title(ann) == TITLE, "for the focus to follow it")
    keys.look()
    keys.press(Keys.ARROW_LEFT)
    focused = ann.driver.switch_to.active_element.get_attribute("aria-label")
    assert focused is not None
    assert focused.startswith("Write a message for")
    assert len(ann.driver.find_elements("css selector", ".cal-grid [tabindex='0']")) == 1

    ann.go(f"{CALENDAR}?view=month&date={datetime.now(UTC).date()}&zone=UTC")
    entry = ann.driver.find_element("css selector", ".cal-event[data-move]")
    entry.send_keys("m", *[Keys.ARROW_UP] * 6, *[Keys.ARROW_LEFT] * 40)
    assert "past: it cannot be dropped here" in ann.spoken()
    entry.send_keys(Keys.ENTER)
    assert "is past. Choose a later time." in ann.spoken()
    entry.send_keys(Keys.ESCAPE)
    assert ann.complaints() == []


def test_a_finger_that_rests_lifts_a_message_on_a_phone(open_calendar: Callable[..., Person]) -> None:
    ann, day = open_calendar(width=360, dark=True), wednesday()
    put(ann, day, "09:00", "UTC")
    ann.go(f"{CALENDAR}?view=day&date={day}&zone=UTC")
    wait_for(ann, f"{day}T09")
    target = cell(ann, f"{day}T11")
    ann.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", target)
    start, end = (_middle(ann, each) for each in (event(ann), target))
    _touch(ann, "touchStart", start)
    ActionChains(ann.driver).pause(0.7).perform()
    for step in range(1, 6):
        _touch(ann, "touchMove", [one + (two - one) * step / 5 for one, two in zip(start, end, strict=True)])
    ann.driver.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    wait_for(ann, f"{day}T11")
    assert ann.barriers() == []
    assert ann.complaints() == []


def _middle(person: Person, element: WebElement) -> list[float]:
    script = "const box = arguments[0].getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]"
    found: list[float] = person.driver.execute_script(script, element)
    return found


def _touch(person: Person, kind: str, place: list[float]) -> None:
    points = [{"x": place[0], "y": place[1]}]
    person.driver.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


def test_without_scripts_the_agenda_moves_a_message_in_another_zone(open_calendar: Callable[..., Person]) -> None:
    plain, day = open_calendar(scripts=False), wednesday()
    plain.driver.delete_cookie("zone")
    plain.go(CALENDAR)
    current = plain.driver.find_element("css selector", ".cal-bar .segment[aria-current='page']")
    assert current.text == "Agenda"
    put(plain, day, "04:00", "America/New_York")
    plain.go(week(day))
    there = datetime(day.year, day.month, day.day, 4, tzinfo=ZoneInfo("America/New_York"))
    wait_for(plain, f"{there.astimezone(UTC):%Y-%m-%dT%H}")
