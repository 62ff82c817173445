"""A session ended while somebody wrote, or they signed out elsewhere, in a browser without scripts: nothing is lost."""

import pytest

from app.models.messages import Message
from app.services.work import Workshop
from tests.conftest import FakeClock
from tests.factories import make_message
from tests.web.conftest import PASSWORD
from tests.web.page_client import Page, PageClient

TYPED = {"subject": "Grüße & <b>", "body": "Line one\r\n\r\nLine two", "then": "save"}
LONG = "ß" * 90_000  # more than strangers may send
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
    asked = send_too_late(olga, clock, key, body=LONG)
    olga.submit(olga.submit(asked, email=OLGA, password=PASSWORD))
    assert stored(workshop, key).content["body"] == LONG


def open_and_sign_out(client: PageClient, key: str) -> Page:
    """Open the composer, and sign out in another tab; the page that is still open in the first one."""
    client.raw.environ_base["HTTP_ORIGIN"] = "http://localhost"  # as every browser says
    old = client.get(f"/p/default/messages/{key}/edit")
    client.post("/sign-out", csrf_token=old.form("#compose").values["csrf_token"])
    return old


@pytest.mark.parametrize("body", [TYPED["body"], LONG])
def test_who_signed_out_in_another_tab_finds_what_was_sent_after_signing_in(
    olga: PageClient, workshop: Workshop, key: str, body: str
) -> None:
    old = open_and_sign_out(olga, key)
    asked = olga.submit(old, "#compose", **TYPED | {"body": body})
    assert (asked.status, asked.heading) == (401, "Sign in")
    assert "What you typed is kept" in asked.text
    back = olga.submit(asked, email=OLGA, password=PASSWORD)
    assert back.heading == "Signed in again"
    assert stored(workshop, key).title == "Old subject"
    olga.submit(back)
    message = stored(workshop, key)
    assert (message.title, message.content["body"]) == ("Grüße & <b>", body.replace("\r", ""))


def test_a_sign_in_page_that_carries_words_keeps_them_when_somebody_signs_in_elsewhere_first(
    olga: PageClient, workshop: Workshop, key: str
) -> None:
    asked = olga.submit(open_and_sign_out(olga, key), "#compose", **TYPED)
    olga.sign_in(OLGA, PASSWORD)
    back = olga.submit(asked, email=OLGA, password="not even looked at")
    assert (back.status, back.heading) == (200, "Signed in again")
    olga.submit(back)
    assert stored(workshop, key).title == "Grüße & <b>"


def test_a_sign_in_page_that_carries_words_keeps_them_when_somebody_was_in_and_out_meanwhile(
    olga: PageClient, workshop: Workshop, key: str
) -> None:
    asked = olga.submit(open_and_sign_out(olga, key), "#compose", **TYPED)
    olga.sign_in(OLGA, PASSWORD)
    open_and_sign_out(olga, key)
    again = olga.submit(asked, email=OLGA, password=PASSWORD)
    assert (again.status, "What you typed is kept" in again.text) == (422, True)
    assert "Type your password again" in again.text
    olga.submit(olga.submit(again, email=OLGA, password=PASSWORD))
    assert stored(workshop, key).title == "Grüße & <b>"


def test_who_signs_in_as_somebody_else_needs_their_own_right_to_save_it(
    olga: PageClient, vera: PageClient, workshop: Workshop, key: str
) -> None:
    asked = olga.submit(open_and_sign_out(olga, key), "#compose", **TYPED)
    back = olga.submit(asked, email="vera@acme.example", password=PASSWORD)
    assert olga.submit(back).status == 403
    assert stored(workshop, key).title == "Old subject"


@pytest.mark.parametrize("where", ["https://evil.example/", "//evil.example"])
def test_words_are_carried_nowhere_else(olga: PageClient, key: str, where: str) -> None:
    asked = olga.submit(open_and_sign_out(olga, key), "#compose", **TYPED)
    values = asked.form().values | {"email": OLGA, "password": PASSWORD}
    for _ in ("signed out, so signed in now", "signed in, so it leads on"):
        page = olga.post(f"/sign-in?next={where}", **values)
        assert (page.heading, page.form().action) == ("Signed in again", "/")


def test_a_page_of_an_older_session_is_drawn_again_with_what_was_typed(
    olga: PageClient, workshop: Workshop, key: str
) -> None:
    old = open_and_sign_out(olga, key)
    olga.sign_in(OLGA, PASSWORD)
    page = olga.submit(old, "#compose", **TYPED)
    assert (page.status, page.heading) == (422, "Write an email")
    assert "You signed in again since this page was opened" in page.text
    assert stored(workshop, key).title == "Old subject"
    olga.submit(page, "#compose", then="save")
    message = stored(workshop, key)
    assert (message.title, message.content["body"]) == ("Grüße & <b>", "Line one\n\nLine two")


@pytest.mark.parametrize("origin", ["", "null", "https://elsewhere.example"])
@pytest.mark.parametrize("is_signed_in", [True, False])
def test_nobody_elses_page_puts_words_into_a_draft(
    olga: PageClient, client: PageClient, key: str, origin: str, is_signed_in: bool
) -> None:
    victim = olga if is_signed_in else client
    victim.raw.environ_base["HTTP_ORIGIN"] = origin
    page = victim.post(f"/p/default/messages/{key}/edit", **TYPED)
    assert (page.status, "Grüße" in page.body) == (400, False)
    page = victim.post("/sign-in", **{"kept-subject": "Grüße", "next": f"/p/default/messages/{key}/edit"})
    assert (page.status, "Grüße" in page.body) == (400, False)


@pytest.mark.parametrize("path", ["/p/default/messages/gone/edit", "/p/nowhere/messages/gone/edit"])
def test_an_older_session_and_a_draft_that_is_gone_are_no_fault_of_ours(olga: PageClient, path: str) -> None:
    olga.raw.environ_base["HTTP_ORIGIN"] = "http://localhost"
    assert olga.post(path, **TYPED).status == 404


def test_a_browser_that_never_was_signed_in_sends_no_more_than_strangers_may(client: PageClient, key: str) -> None:
    client.raw.environ_base["HTTP_ORIGIN"] = "http://localhost"
    page = client.post(f"/p/default/messages/{key}/edit", **TYPED | {"body": LONG})
    assert (page.status, "ßß" in page.body) == (413, False)


def test_other_forms_lead_to_the_sign_in_as_ever(olga: PageClient, clock: FakeClock) -> None:
    page = olga.get("/p/default/topics/new")
    clock.move(ONE_DAY)
    assert olga.submit(page, name="Late", follow=False).status == 302
