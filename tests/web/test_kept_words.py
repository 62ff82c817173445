"""A session ended while somebody wrote, and the browser runs no scripts: what was sent is still there afterwards."""

import pytest
from flask import Flask

from app.models.messages import Message
from app.services.work import Workshop
from tests.conftest import FakeClock
from tests.factories import make_message
from tests.web.conftest import PASSWORD
from tests.web.page_client import Page, PageClient

TYPED = {"subject": "Grüße & <b>", "body": "Line one\r\n\r\nLine two", "then": "save"}
ONE_DAY = 86_400
OLGA = "olga@acme.example"


@pytest.fixture
def key(workshop: Workshop) -> str:
    with workshop.database.begin() as session:
        return str(make_message(session, subject="Old subject").id)


def stored(workshop: Workshop, key: str) -> Message:
    with workshop.database.read() as session:
        return session.query(Message).filter(Message.id == key).one()


def send_too_late(client: PageClient, clock: FakeClock, key: str, **values: str) -> Page:
    """Open the composer, have lunch for a day, press a button."""
    page = client.get(f"/p/default/messages/{key}/edit")
    clock.move(ONE_DAY)
    return client.submit(page, "#compose", **TYPED | values)


def test_who_signs_in_again_saves_what_was_sent_with_the_ended_session(
    olga: PageClient, workshop: Workshop, clock: FakeClock, key: str
) -> None:
    asked = send_too_late(olga, clock, key)
    assert (asked.status, asked.heading) == (401, "Sign in")
    assert "What you typed is kept" in asked.text
    back = olga.submit(asked, email=OLGA, password=PASSWORD)
    assert back.heading == "Signed in again"
    assert stored(workshop, key).title == "Old subject"
    page = olga.submit(back)
    assert page.path == f"/p/default/messages/{key}/edit"
    message = stored(workshop, key)
    assert (message.title, message.content["body"]) == ("Grüße & <b>", "Line one\n\nLine two")


def test_a_wrong_password_keeps_it_too(olga: PageClient, workshop: Workshop, clock: FakeClock, key: str) -> None:
    asked = send_too_late(olga, clock, key)
    again = olga.submit(asked, email=OLGA, password="not this one")
    assert (again.status, "do not belong together" in again.text) == (422, True)
    olga.submit(olga.submit(again, email=OLGA, password=PASSWORD))
    assert stored(workshop, key).title == "Grüße & <b>"


def test_the_button_that_was_pressed_leads_where_it_would_have_led(
    olga: PageClient, clock: FakeClock, key: str
) -> None:
    asked = send_too_late(olga, clock, key, then="test")
    page = olga.submit(olga.submit(asked, email=OLGA, password=PASSWORD))
    assert page.path == f"/p/default/messages/{key}/test"


def test_more_than_strangers_may_send_is_kept(olga: PageClient, workshop: Workshop, clock: FakeClock, key: str) -> None:
    long = "ß" * 90_000
    asked = send_too_late(olga, clock, key, body=long)
    olga.submit(olga.submit(asked, email=OLGA, password=PASSWORD))
    assert stored(workshop, key).content["body"] == long


def test_a_page_of_an_older_session_is_drawn_again_with_what_was_typed(
    olga: PageClient, workshop: Workshop, key: str
) -> None:
    olga.raw.environ_base["HTTP_ORIGIN"] = "http://localhost"  # as every browser says
    old = olga.get(f"/p/default/messages/{key}/edit")
    olga.post("/sign-out", csrf_token=old.form("#compose").values["csrf_token"])
    olga.sign_in(OLGA, PASSWORD)
    page = olga.submit(old, "#compose", **TYPED)
    assert (page.status, page.heading) == (422, "Write an email")
    assert "You signed in again since this page was opened" in page.text
    assert stored(workshop, key).title == "Old subject"
    olga.submit(page, "#compose", then="save")
    message = stored(workshop, key)
    assert (message.title, message.content["body"]) == ("Grüße & <b>", "Line one\n\nLine two")


@pytest.mark.parametrize("origin", ["", "null", "https://elsewhere.example"])
def test_nobody_elses_page_puts_words_into_a_draft(olga: PageClient, key: str, origin: str) -> None:
    olga.raw.environ_base["HTTP_ORIGIN"] = origin
    page = olga.post(f"/p/default/messages/{key}/edit", **TYPED)
    assert (page.status, "Grüße" in page.text) == (400, False)


@pytest.mark.parametrize("path", ["/p/default/messages/gone/edit", "/p/nowhere/messages/gone/edit"])
def test_an_older_session_and_a_draft_that_is_gone_are_no_fault_of_ours(olga: PageClient, path: str) -> None:
    olga.raw.environ_base["HTTP_ORIGIN"] = "http://localhost"
    assert olga.post(path, **TYPED).status == 404


def test_nothing_is_kept_for_strangers(app: Flask, key: str) -> None:
    page = PageClient(app).post(f"/p/default/messages/{key}/edit", **TYPED)
    assert (page.status, "Grüße" in page.text) == (400, False)


def test_other_forms_lead_to_the_sign_in_as_ever(olga: PageClient, clock: FakeClock) -> None:
    page = olga.get("/p/default/topics/new")
    clock.move(ONE_DAY)
    assert olga.submit(page, name="Late", follow=False).status == 302
