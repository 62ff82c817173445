"""What stands around the words stays where it is while a draft saves itself: no click is lost, and no focus."""

from collections.abc import Callable

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.browser.conftest import Home
from tests.browser.keyboard import Keyboard
from tests.browser.person import Person
from tests.browser.steps import enter

pytestmark = pytest.mark.browser
REMEMBER = (
    "window.before = Object.fromEntries(['files', 'actions', 'checks'].map((id) => [id, document.getElementById(id)]))"
)
STAYED = "return Object.keys(window.before).filter((id) => window.before[id] === document.getElementById(id))"
WATCH_HEIGHT = """
const [summary] = arguments, look = () => { window.heights.add(summary.offsetHeight); requestAnimationFrame(look); };
window.heights = new Set();
look();
"""
PUSH_DOWN = "document.activeElement.closest('.field').style.paddingTop = `${arguments[0]}px`"
DRAW_ANEW = """
const at = document.activeElement, next = at.cloneNode(true);
at.closest(".field").style.paddingTop = "1100px";
at.replaceWith(next);
next.focus({ preventScroll: true });
"""
TWO_FRAMES = "const [done] = arguments; requestAnimationFrame(() => requestAnimationFrame(() => done(scrollY)))"
MARKED = "return [...document.querySelectorAll('.compose-jump [aria-current]')].map((each) => each.textContent)"
PREHEADER = "//section[@id='checks']//a[starts-with(normalize-space(.), 'Preheader')]"


def sit_down(open_browser: Callable[..., Person], home: Home, **how: int) -> Person:
    """Somebody before a new email, in a browser of that make."""
    person = open_browser(home.url, **how)
    enter(person, home)
    person.go("/messages/new")
    person.press("Write an email")
    return person


def save(person: Person, label: str, text: str) -> None:
    """Type, and wait for the answer; on a page that is still on its way, once it is there."""
    person.field(label)
    person.driver.execute_script("document.getElementById('saved').textContent = ''")
    person.fill(label, text)
    person.see("Saved now")


def test_a_save_leaves_alone_what_it_does_not_change_and_what_is_pressed(
    home: Home, open_browser: Callable[..., Person]
) -> None:
    ann = sit_down(open_browser, home)
    save(ann, "Subject", "Bells")
    save(ann, "Content", "They ring.")
    ann.driver.execute_script(REMEMBER)
    save(ann, "Content", "They ring at noon.")
    assert ann.driver.execute_script(STAYED) == ["files", "actions", "checks"]

    ann.driver.execute_script("document.getElementById('saved').textContent = ''")
    ann.fill("Subject", "BELLS AT NOON!!!")  # two more checks, which come while the mouse is down
    link = ann.driver.find_element(By.XPATH, PREHEADER)
    ActionChains(ann.driver, duration=0).click_and_hold(link).perform()
    ann.see("Saved now")
    assert ann.driver.execute_script(STAYED) == ["files", "actions", "checks"]
    ActionChains(ann.driver).release().perform()
    ann.see("A subject in capitals")
    assert ann.driver.current_url.endswith("#preheader")

    ann.driver.execute_script("document.getElementById('saved').textContent = ''")
    ann.fill("Subject", "Bells at noon")
    ann.driver.execute_script("arguments[0].focus()", ann.driver.find_element(By.XPATH, PREHEADER))
    ann.see("Saved now")
    ann.wait_until(lambda: "A subject in capitals" not in ann.text(), "for the checks to follow")
    ann.wait_until(lambda: ann.driver.switch_to.active_element.text.startswith("Preheader"), "to keep the focus")
    assert ann.complaints() == []


def test_a_button_leads_on_also_when_the_line_that_was_added_was_drawn_anew_meanwhile(
    home: Home, open_browser: Callable[..., Person]
) -> None:
    ann = sit_down(open_browser, home)
    save(ann, "Subject", "Bells")
    ann.fill("Add topics, people or addresses", "zoe@example.org")
    ann.see("no contact has this address")
    ann.draw_line(latency=1500)
    ann.press_like("zoe@example.org")
    ann.driver.execute_script(
        "const found = document.getElementById('found'); found.replaceWith(found.cloneNode(true))"
    )
    ann.press("Schedule")
    ann.draw_line()
    ann.see("Time zone")


def test_a_save_presses_no_button_that_only_has_the_focus(home: Home, open_browser: Callable[..., Person]) -> None:
    ann = sit_down(open_browser, home)
    save(ann, "Subject", "Bells")
    ann.fill("Add topics, people or addresses", "zoe@example.org")
    ann.see("no contact has this address")
    keys = Keyboard(ann)
    keys.press(Keys.TAB)
    assert "found-choice" in (ann.driver.switch_to.active_element.get_attribute("class") or "")
    ann.driver.execute_script("document.getElementById('saved').textContent = ''; htmx.trigger('#compose', 'save-now')")
    ann.see("Saved now")
    assert ann.driver.find_elements(By.CSS_SELECTOR, "#chosen .chip") == []
    keys.press(Keys.ENTER)
    ann.wait_until(lambda: len(ann.driver.find_elements(By.CSS_SELECTOR, "#chosen .chip")) == 1, "for the one pressed")


@pytest.mark.parametrize(
    ("channel", "fold", "fields"),
    [
        ("push", "On Android", {"Icon": "a_bell_that_rings", "Channel": "news-of-the-week", "Tag": "autumn"}),
        ("email", "From", {"From name": "The bells of the old town", "Reply-to address": "everybody@example.org"}),
    ],
)
def test_what_an_open_group_says_of_itself_moves_none_of_its_fields(
    make_home: Callable[..., Home],
    open_browser: Callable[..., Person],
    channel: str,
    fold: str,
    fields: dict[str, str],
) -> None:
    home = make_home(demo=True)
    ann = open_browser(home.url, width=360)
    enter(ann, home)
    ann.go(f"/messages/new?channel={channel}")
    ann.press("Write from scratch")
    ann.see("Preview as")
    summary = ann.driver.find_element(By.XPATH, f"//summary[starts-with(normalize-space(.), '{fold}')]")
    summary.send_keys(Keys.ENTER)
    before = summary.text
    ann.driver.execute_script(WATCH_HEIGHT, summary)
    for label, text in fields.items():
        save(ann, label, text)
    assert summary.text != before
    assert len(ann.driver.execute_script("return [...window.heights]")) == 1


def test_the_bar_of_parts_marks_the_one_that_is_read(home: Home, open_browser: Callable[..., Person]) -> None:
    ann = sit_down(open_browser, home, width=360)
    ann.see("Unsubscribe link")
    assert ann.driver.execute_script(MARKED) == ["Audience"]
    for part in ("Preview", "Checks", "Write", "Audience"):
        ann.follow(part)
        ann.wait_until(lambda part=part: ann.driver.execute_script(MARKED) == [part], f"to see {part} marked")


def test_what_has_the_focus_stays_in_sight_when_something_above_it_grows(
    home: Home, open_browser: Callable[..., Person]
) -> None:
    ann = sit_down(open_browser, home)
    ann.see("Unsubscribe link")
    keys = Keyboard(ann)
    keys.skip()
    keys.go_to("Preheader", "textbox")
    for room in (400, 800):
        ann.driver.execute_script(PUSH_DOWN, room)
        ann.driver.execute_async_script(TWO_FRAMES)
        keys.look()
    ann.driver.execute_script(DRAW_ANEW)
    ann.driver.execute_async_script(TWO_FRAMES)
    keys.look()
    ann.driver.execute_script("scrollTo(0, 0)")
    ann.driver.execute_async_script(TWO_FRAMES)
    ann.driver.execute_script(PUSH_DOWN, 1500)
    assert ann.driver.execute_async_script(TWO_FRAMES) == 0, "what somebody scrolled away stays away"
