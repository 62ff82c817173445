"""The public pages behind an unsubscribe link: no sign-in, no cookie, no script, and nothing happens by looking."""

from dataclasses import dataclass

import pytest
from bs4 import BeautifulSoup
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.domain.permissions import system
from app.domain.unsubscribing import ONE_CLICK, Ticket
from app.engine.unsubscribe_links import issued_at, sealer_of
from app.models.suppressions import Suppression
from app.models.topics import Subscriber
from app.services.work import Workshop
from tests import factories
from tests.conftest import SECRET
from tests.web.page_client import PageClient, lint_page

CLICK = dict([ONE_CLICK])
# What the dashboard's pages have and these must not: our own name in the title, a form token with its cookie.
OF_THE_DASHBOARD = ("does not end with ' · Carillon'", "has no csrf token")


@dataclass
class Visit:
    """Somebody with a link, and what the database says."""

    app: Flask
    shop: Workshop
    url: str

    def __post_init__(self) -> None:
        self.browser = self.app.test_client()

    def get(self, path: str = "", **options: str) -> TestResponse:
        return checked(self.browser.get(self.url + path, **options))

    def post(self, path: str = "", data: dict | None = None, **options: str) -> TestResponse:
        return checked(self.browser.post(self.url + path, data=data or {}, follow_redirects=bool(path), **options))

    def topics(self) -> int:
        """How many topics the address is in."""
        with self.shop.database.read() as session:
            return len(session.scalars(select(Subscriber.pk)).all())

    def suppressions(self) -> list[str]:
        with self.shop.database.read() as session:
            return list(session.scalars(select(Suppression.reason)))


def checked(answer: TestResponse) -> TestResponse:
    """An answer whose page is sound, sets no cookie, and gives its address to nobody."""
    page = answer.get_data(as_text=True)
    if page:
        problems = [each for each in lint_page(page) if not any(known in each for known in OF_THE_DASHBOARD)]
        assert problems == []
    assert "Set-Cookie" not in answer.headers
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["X-Robots-Tag"] == "noindex, nofollow"
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
    assert "<script" not in page
    return answer


def words(answer: TestResponse) -> str:
    return " ".join(BeautifulSoup(answer.get_data(as_text=True), "html5lib").get_text(" ").split())


@pytest.fixture
def visit(app: Flask, workshop: Workshop) -> Visit:
    with workshop.database.begin() as session:
        target = factories.make_target(session, factories.make_contact(session), address="ann@example.org")
        news = factories.make_topic(session, name="News & more", targets=[target], id="news")
        factories.make_topic(session, name="Offers", targets=[target], id="offers")
        message = factories.make_message(session, audience={"topics": ["news"]})
        ticket = Ticket(1, message.pk, issued_at(message), "email", "ann@example.org", (news.pk,), is_bulk=True)
    return Visit(app, workshop, f"/u/{sealer_of(workshop.vault).seal(ticket.written())}")


def test_the_page_says_who_stops_what(visit: Visit) -> None:
    page = words(visit.get())
    assert "Acme" in page
    assert "Stop sending News & more to a…@example.org ." in page
    assert "ann@example.org" not in page


def test_looking_changes_nothing_however_often_and_in_whatever_way(visit: Visit) -> None:
    for path in ("", "/preferences", "?List-Unsubscribe=One-Click", "/preferences?said=stopped"):
        assert visit.get(path).status_code == 200
        assert visit.browser.head(visit.url + path).status_code == 200
        assert visit.browser.options(visit.url + path).status_code == 200
    assert visit.browser.get(visit.url + "/stop").status_code == 405
    assert visit.topics() == 2
    assert visit.suppressions() == []


@pytest.mark.parametrize("encoding", ["application/x-www-form-urlencoded", "multipart/form-data"])
def test_one_click_needs_nothing_but_its_post(visit: Visit, encoding: str) -> None:
    answer = visit.post(data=CLICK, content_type=encoding)
    assert answer.status_code == 200, "no redirect: providers do not follow one"
    assert "You are unsubscribed" in words(answer)
    assert visit.topics() == 1
    assert visit.post(data=CLICK, content_type=encoding).status_code == 200, "they may say it again"
    assert visit.topics() == 1


def test_a_body_that_is_too_large_is_told_so_calmly(visit: Visit) -> None:
    answer = visit.post(data=CLICK | {"more": "x" * 100_000})
    assert answer.status_code == 413
    assert visit.topics() == 2


@pytest.mark.parametrize("body", [{}, {"List-Unsubscribe": "no"}, {"other": "One-Click"}])
def test_a_post_that_does_not_say_so_only_asks(visit: Visit, body: dict) -> None:
    assert visit.post(data=body).status_code == 400
    assert visit.topics() == 2


def test_a_signed_in_member_sees_no_more_and_no_less(olga: PageClient, visit: Visit) -> None:
    page = olga.raw.get(visit.url)
    assert "Sign out" not in page.get_data(as_text=True)
    assert olga.raw.post(visit.url, data=CLICK).status_code == 200


def test_the_way_back_stands_on_the_page(visit: Visit) -> None:
    soup = BeautifulSoup(visit.post(data=CLICK).get_data(as_text=True), "html5lib")
    form = soup.select_one("form[action$='/undo']")
    assert form is not None
    values = {str(field["name"]): str(field["value"]) for field in form.select("input")}
    assert values == {"topic": "news"}
    assert "Undone" in words(visit.post("/undo", values))
    assert visit.topics() == 2


def test_topics_are_chosen_one_by_one(visit: Visit) -> None:
    soup = BeautifulSoup(visit.get("/preferences").get_data(as_text=True), "html5lib")
    boxes = {str(box["value"]): box.has_attr("checked") for box in soup.select("input[type=checkbox]")}
    assert boxes == {"news": True, "offers": True}
    assert "Saved" in words(visit.post("/preferences", {"shown": ["news", "offers"], "topic": ["offers"]}))
    assert visit.topics() == 1
    visit.post("/preferences", {"shown": ["news", "offers"], "topic": ["news", "offers"]})
    assert visit.topics() == 2


def test_everything_can_be_stopped_and_wanted_again(visit: Visit) -> None:
    page = words(visit.post("/stop"))
    assert "Nothing is sent to this address" in page
    assert visit.suppressions() == ["unsubscribed"]
    assert "You are back" in words(visit.post("/resume"))
    assert visit.suppressions() == []


@pytest.mark.parametrize("path", ["", "/preferences"])
@pytest.mark.parametrize("change", ["cut", "bent", "longer", "strange"])
def test_a_link_that_is_none_gets_one_calm_answer(visit: Visit, change: str, path: str) -> None:
    start, token = visit.url[:3], visit.url[3:]
    middle = len(token) // 2
    bent = token[:middle] + ("A" if token[middle] != "A" else "B") + token[middle + 1 :]
    visit.url = start + {"cut": token[:-5], "bent": bent, "longer": token + "AAAA", "strange": "%F0%9F%94%94"}[change]
    for answer in (visit.get(path), visit.post(data=CLICK)):
        assert answer.status_code == 404
        assert "Acme" not in words(answer)
        assert "Carillon" not in words(answer)
    assert visit.topics() == 2


def test_strangers_may_look_only_so_often_but_one_click_is_never_held_up(visit: Visit) -> None:
    codes = {visit.browser.get(visit.url[:-1]).status_code for _ in range(610)}
    assert codes == {404, 429}
    assert "Wait a minute" in words(visit.get())
    assert visit.post(data=CLICK).status_code == 200
    assert visit.topics() == 1


def test_a_link_of_a_key_that_was_rotated_away_from_still_works(visit: Visit) -> None:
    object.__setattr__(visit.shop.vault, "_keys", ("another key that is long enough for everything", SECRET))
    assert visit.post(data=CLICK).status_code == 200
    assert visit.topics() == 1


def test_the_contact_page_tells_what_was_left(visit: Visit, olga: PageClient) -> None:
    visit.post(data=CLICK)
    with visit.shop.database.read() as session:
        contact_id = session.scalars(select(factories.Contact.id)).one()
    page = olga.get(f"/p/default/contacts/{contact_id}")
    assert "News & more : ann@example.org unsubscribed" in page.text


def test_the_mailbox_for_such_wishes_is_a_setting(olga: PageClient) -> None:
    page = olga.submit(olga.get("/p/default/settings"), unsubscribe_mailbox="leave me")
    assert "Unsubscribe mailbox needs one email address like leave@example.org." in page.text
    olga.submit(page, unsubscribe_mailbox="leave@acme.example")
    assert olga.get("/p/default/settings").form().values["unsubscribe_mailbox"] == "leave@acme.example"


def test_the_reader_of_a_link_without_topics_is_left_alone_and_may_come_back(visit: Visit) -> None:
    ticket = Ticket(1, 99, issued_at_start(visit), "email", "ann@example.org")
    visit.url = f"/u/{sealer_of(visit.shop.vault).seal(ticket.written())}"
    assert "Stop what Acme sends to a…@example.org" in words(visit.get())
    answer = visit.post(data=CLICK)
    assert "Acme sends no more email to a…@example.org" in words(answer)
    assert visit.suppressions() == ["unsubscribed"]
    form = BeautifulSoup(answer.get_data(as_text=True), "html5lib").select_one("form[action$='/undo']")
    assert form is not None
    assert "Undone" in words(visit.post("/undo", {str(each["name"]): "yes" for each in form.select("input")}))
    assert visit.suppressions() == []


def issued_at_start(visit: Visit) -> int:
    """When sending began, had it begun now."""
    return int(visit.shop.clock.now().timestamp())


def test_the_composer_shows_the_fields_that_the_email_will_have(visit: Visit, olga: PageClient) -> None:
    visit.shop.settings = visit.shop.settings.but({"public_url": "https://messages.acme.example"})
    with visit.shop.open(system(1)) as work:
        factories.make_provider(work)
        message_id = factories.make_message(work.session, audience={"topics": ["news"]}).id
    page = olga.fragment(f"/p/default/messages/{message_id}/-/preview?view=headers")
    assert "List-Unsubscribe <https://messages.acme.example/u/" in page.text
    assert "List-Unsubscribe-Post List-Unsubscribe=One-Click" in page.text
