"""The page of the exact request: for every channel and state, for whom one likes, without a secret."""

import pytest

from app.domain.permissions import system
from app.services.work import Workshop
from tests.factories import make_audience, make_message, make_provider, make_push_provider
from tests.web.page_client import PageClient

HOME = "/p/default/messages"


def make(workshop: Workshop, *, status: str = "draft", with_provider: bool = True) -> str:
    with workshop.open(system(1)) as work:
        if with_provider:
            make_provider(work, host="smtp.acme.example", port=587, username="post", password="correct-horse")
        topic = make_audience(work.session, 2)
        return str(make_message(work.session, status=status, audience={"topics": [topic.id]}).id)


@pytest.mark.parametrize("status", ["draft", "scheduled", "sent"])
def test_the_page_shows_envelope_and_email_and_no_password(olga: PageClient, workshop: Workshop, status: str) -> None:
    key = make(workshop, status=status)
    page = olga.get(f"{HOME}/{key}/request")
    assert page.heading == "Exact request"
    head = page.select(".request-head")[0].get_text()
    assert head.startswith("SMTP smtp.acme.example:587\nMAIL FROM: <news@acme.example>\nRCPT TO: <person0@example.org>")
    assert "Subject: Autumn news" in page.select(".request-body")[0].get_text()
    assert "correct-horse" not in page.body
    assert page.select(f"a[href='{HOME}/{key}{'/edit' if status == 'draft' else ''}']")


def test_another_person_is_chosen_with_and_without_a_script(olga: PageClient, workshop: Workshop) -> None:
    path = f"{HOME}/{make(workshop)}/request"
    page = olga.get(path)
    other = str(page.select("#request-as option")[1]["value"])
    again = olga.submit(page, "form.request-who", **{"as": other})
    assert "RCPT TO: <person1@example.org>" in again.select(".request-head")[0].get_text()
    piece = olga.fragment(path, target="requests", query_string={"as": other})
    assert piece.select("#requests")
    assert not piece.select("h1")


def test_without_a_provider_the_page_says_what_to_do(olga: PageClient, workshop: Workshop) -> None:
    page = olga.get(f"{HOME}/{make(workshop, with_provider=False)}/request")
    assert "No providers yet" in page.text


def test_a_content_that_cannot_be_shown_is_told(olga: PageClient, workshop: Workshop) -> None:
    with workshop.open(system(1)) as work:
        make_push_provider(work, "fcm")
        key = make_message(work.session, channel="push", content={"title": "x" * 300}).id
    page = olga.get(f"{HOME}/{key}/request")
    assert page.status == 200
    assert "cannot be shown as it is" in page.text


def test_a_viewer_may_look_and_a_message_that_is_not_there_is_not_found(vera: PageClient, workshop: Workshop) -> None:
    key = make(workshop)
    page = vera.get(f"{HOME}/{key}/request")
    assert page.status == 200
    assert not page.select(f"a[href='{HOME}/{key}/edit']")
    assert vera.get(f"{HOME}/nothing/request").status == 404


def test_the_page_of_a_message_leads_there(olga: PageClient, workshop: Workshop) -> None:
    key = make(workshop, status="sent")
    assert olga.get(f"{HOME}/{key}").select(f"a[href='{HOME}/{key}/request']")
