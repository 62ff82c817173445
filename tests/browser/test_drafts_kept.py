"""What somebody typed is not lost: by a browser that dies, by a second tab, by a session that ended, by a lost line."""

import os
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.browser.conftest import PASSWORD, Home, start_browser
from tests.browser.person import Person
from tests.browser.steps import enter, sign_in

pytestmark = pytest.mark.browser
WORDS = [f"word{number}" for number in range(24)]
ASKS = """
const leaving = new Event("beforeunload", { cancelable: true });
window.dispatchEvent(leaving);
return leaving.defaultPrevented;
"""  # whether the browser would ask before the page is left


@pytest.fixture(scope="module")
def desk(make_home: Callable[[], Home]) -> Home:
    """A project where nothing has been written yet."""
    return make_home()


@pytest.fixture(scope="module")
def ann(desk: Home) -> Iterator[Person]:
    person = start_browser(desk.url)
    enter(person, desk)
    yield person
    person.driver.quit()


def begin(person: Person, subject: str) -> str:
    """A new email with a subject that is stored; where it is written."""
    person.go("/messages/new")
    person.press("Write an email")
    person.see("Subject")
    person.fill("Subject", subject)
    person.see("Saved now")
    return str(person.driver.current_url)


def stored(person: Person, label: str) -> str:
    """What stands in that field when the page is loaded anew."""
    person.driver.refresh()
    return str(person.field(label).get_property("value"))


def end_session(home: Home) -> None:
    """A day passes for whoever signed in last: no session lasts that long without a request."""
    late = "UPDATE member_sessions SET seen_at = seen_at - 24 * 60 * 60 * 1000"
    whose = "SELECT max(s.pk) FROM member_sessions s JOIN members m ON m.pk = s.member_pk WHERE m.email = ?"
    with closing(sqlite3.connect(home.folder / "data" / "carillon.sqlite3", timeout=20)) as database, database:
        assert database.execute(f"{late} WHERE pk = ({whose})", [home.email]).rowcount


def sign_out_beside(person: Person, *, back_in_as: str = "") -> None:
    """In another tab, where that member signs in again before it is closed."""
    mine = person.driver.current_window_handle
    person.driver.switch_to.new_window("tab")
    person.open("/")
    for menu in person.driver.find_elements(By.CSS_SELECTOR, ".places-menu > summary, .person > summary"):
        if menu.is_displayed():  # a new tab is as wide as the window, not as the first one
            menu.click()
    person.press("Sign out")
    person.see("Sign in")
    if back_in_as:
        sign_in(person, back_in_as)
    person.driver.close()
    person.driver.switch_to.window(mine)


def sign_in_here(person: Person, email: str) -> None:
    """On the page that carries what was typed; then send it."""
    person.see("What you typed is kept")
    person.fill("Email", email)
    person.fill("Password", PASSWORD)
    person.press("Sign in")
    person.press("Save and go on")


def test_a_draft_is_found_again_after_the_browser_was_killed_while_somebody_typed(
    desk: Home, open_browser: Callable[..., Person]
) -> None:
    first = open_browser(desk.url)
    enter(first, desk)
    begin(first, "Bells at dusk")
    first.field("Content").send_keys(Keys.HOME)  # brings it out from under the bar that stays
    hand = ActionChains(first.driver, duration=0)
    for word in WORDS:
        hand.send_keys(f"{word} ").pause(0.3)
    hand.perform()
    os.kill(first.driver.capabilities["goog:processID"], signal.SIGKILL)

    second = open_browser(desk.url)
    enter(second, desk)
    second.follow("Messages")
    second.follow("Bells at dusk")
    second.see("Write an email")
    found = str(second.field("Content").get_property("value"))
    assert " ".join(WORDS).startswith(found.rstrip()), "the last word may be cut where the save came in between"
    assert len(found.split()) >= 10, "who types without a pause is saved too"


def test_two_tabs_with_one_draft_never_overwrite_each_other_unasked(ann: Person) -> None:
    address = begin(ann, "Two tabs")
    mine = ann.driver.current_window_handle
    ann.driver.switch_to.new_window("tab")
    ann.open(address)
    ann.fill("Content", "From the second tab")
    ann.see("Saved now")
    ann.driver.close()
    ann.driver.switch_to.window(mine)
    ann.fill("Content", "From the first tab")
    ann.see("Ann Archer saved this draft at")
    assert ann.barriers() == []
    assert ann.field("Content").get_property("value") == "From the first tab"
    ann.follow("Load theirs")
    ann.wait_until(lambda: ann.field("Content").get_property("value") == "From the second tab", "to read theirs")

    ann.driver.switch_to.new_window("tab")
    ann.open(address)
    ann.fill("Content", "Once more from the second tab")
    ann.see("Saved now")
    ann.driver.close()
    ann.driver.switch_to.window(mine)
    ann.fill("Content", "Once more from the first tab")
    ann.press("Keep yours")
    ann.see("Saved now")
    assert stored(ann, "Content") == "Once more from the first tab"


def test_what_is_typed_after_a_session_ended_waits_until_somebody_is_signed_in_again(desk: Home, ann: Person) -> None:
    address = begin(ann, "A long lunch")
    end_session(desk)
    ann.fill("Content", "Typed after the session had ended")
    ann.see("You are signed out")
    assert ann.driver.current_url == address
    assert ann.barriers() == []
    ann.press("Go on")
    ann.see("You are signed out")
    mine = ann.driver.current_window_handle
    ann.follow("Sign in in another tab")
    ann.wait_until(lambda: len(ann.driver.window_handles) == 2, "for the other tab")
    ann.driver.switch_to.window(next(each for each in ann.driver.window_handles if each != mine))
    sign_in(ann, desk.email)
    ann.driver.close()
    ann.driver.switch_to.window(mine)
    ann.wait_until(lambda: "You are signed out" not in ann.text(), "for the page to go on by itself")
    ann.see("Saved now")
    assert stored(ann, "Content") == "Typed after the session had ended"


@pytest.mark.parametrize("is_signed_out_beside", [False, True])
def test_without_javascript_the_sign_in_carries_what_was_typed(
    desk: Home, open_browser: Callable[..., Person], *, is_signed_out_beside: bool
) -> None:
    eve = open_browser(desk.url, scripts=False)
    enter(eve, desk)
    eve.go("/messages/new")
    eve.press("Write an email")
    eve.fill("Content", "Line one\n\nLine two & <three>")
    if is_signed_out_beside:
        sign_out_beside(eve)
    else:
        end_session(desk)
    eve.driver.find_element(By.CSS_SELECTOR, ".script-free [value='save']").send_keys(Keys.ENTER)
    sign_in_here(eve, desk.email)
    eve.see("Write an email")
    assert stored(eve, "Content") == "Line one\n\nLine two & <three>"


def test_a_page_of_an_older_session_saves_with_the_new_one(desk: Home, ann: Person) -> None:
    begin(ann, "Signed out beside")
    sign_out_beside(ann, back_in_as=desk.email)
    ann.fill("Content", "Under a new session")
    ann.see("Saved now")
    assert "You are signed out" not in ann.text()
    assert stored(ann, "Content") == "Under a new session"


def test_who_signed_out_beside_is_told_so_is_asked_before_leaving_and_finds_the_words_again(
    desk: Home, ann: Person
) -> None:
    address = begin(ann, "Out for good")
    sign_out_beside(ann)
    ann.fill("Content", "Typed while nobody was signed in")
    ann.see("You are signed out")
    assert ann.driver.current_url == address
    assert ann.driver.execute_script(ASKS), "a browser that leaves sends it to nobody"
    ann.press("Send test")
    sign_in_here(ann, desk.email)
    ann.see("Send a test")
    ann.open(address)
    assert stored(ann, "Content") == "Typed while nobody was signed in"


def test_a_lost_line_loses_no_words_and_what_a_leaving_browser_cannot_send_is_asked_about(ann: Person) -> None:
    begin(ann, "No answer")
    ann.driver.execute_cdp_cmd("Network.enable", {})
    ann.driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": ["*/-/save"]})
    ann.fill("Content", "Typed before. ")
    ann.see("Not saved: no answer from Carillon")
    assert not ann.driver.execute_script(ASKS)
    ann.driver.execute_cdp_cmd("Input.insertText", {"text": "Long. " * 11_000})
    ann.wait_until(lambda: ann.driver.execute_script(ASKS), "to be asked before leaving")
    ann.driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": []})
    ann.press("Try again")
    ann.see("Saved now")
    assert not ann.driver.execute_script(ASKS)
    assert stored(ann, "Content").startswith("Typed before. Long. Long.")

    ann.draw_line(offline=True)
    ann.fill("Content", "Typed in a tunnel")
    ann.see("Not saved: no answer from Carillon")
    ann.draw_line()
    ann.see("Saved now")
    assert stored(ann, "Content") == "Typed in a tunnel"


def test_leaving_is_asked_about_while_a_save_is_under_way_that_lacks_the_last_words(ann: Person) -> None:
    begin(ann, "A slow line")
    ann.draw_line(latency=1500)
    ann.field("Content").send_keys("First words")
    ann.see("Saving…")
    assert not ann.driver.execute_script(ASKS)
    ann.field("Content").send_keys(", last words")
    assert ann.driver.execute_script(ASKS)
    ann.draw_line()
    ann.see("Saved now")
    assert not ann.driver.execute_script(ASKS)
    assert stored(ann, "Content") == "First words, last words"


def test_what_was_typed_last_is_saved_when_the_page_is_left_at_once(ann: Person) -> None:
    address = begin(ann, "Away at once")
    ann.fill("Content", "Typed just before")
    ann.go("/messages")
    ann.open(address)
    ann.wait_until(lambda: stored(ann, "Content") == "Typed just before", "for the last words")
