"""The fence as people see it: a banner on every page, and the page on which an admin decides."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from app.domain.fences import FenceReason
from app.domain.message_states import MessageEvent
from app.domain.permissions import system
from app.engine import fence, lifecycle, planning
from app.engine.audience import chosen_targets
from app.services.work import Workshop
from tests import factories
from tests.conftest import START
from tests.web.page_client import PageClient

PAGE = "/p/default/settings/installation"


@pytest.fixture
def fenced(workshop: Workshop) -> Workshop:
    """Restored while a message to three people was on its way."""
    with workshop.database.begin() as session:
        topic = factories.make_audience(session, 3)
        message = factories.make_message(session, audience={"topics": [topic.id]})
        lifecycle.start(session, message, MessageEvent.SEND, START)
        planning.plan(session, message, chosen_targets(session, 1, "email", message.audience), START)
        message.fanned_out_at = START
        fence.found(session, START)
        fence.raise_fence(session, FenceReason.RESTORED, START, backup_at=START)
    return workshop


def test_every_page_says_that_nothing_is_sent_and_why(olga: PageClient, vera: PageClient, fenced: Workshop) -> None:
    for path in ("", "/messages", "/providers", "/settings"):
        seen = olga.get(f"/p/default{path}").select("#fence")[0].get_text(" ", strip=True)
        assert "Nothing is sent" in seen
        assert "This installation was restored from a backup" in seen
        assert "1 message is on its way with 3 recipients left. 0 messages are scheduled." in seen
        assert "Look at it and confirm" in seen
    assert "An admin confirms" in vera.get("/p/default").select("#fence")[0].get_text()


def test_no_page_says_so_in_an_installation_that_sends(olga: PageClient) -> None:
    assert olga.get("/p/default").select("#fence") == []
    assert "This installation sends as usual" in olga.get(PAGE).text


@pytest.mark.parametrize(("choice", "is_cancelled"), [("go-on", False), ("cancel-rest", True)])
def test_an_admin_chooses_what_becomes_of_the_rest(
    olga: PageClient, fenced: Workshop, choice: str, is_cancelled: bool
) -> None:
    page, other_window = (olga.get(PAGE) for _ in range(2))
    page = olga.submit(page, choice=choice)
    assert "This installation sends again." in page.text
    assert page.select("#fence") == []
    with fenced.database.read() as session:
        row = session.execute(text("SELECT cancelled_at IS NOT NULL FROM messages")).scalar_one()
        events = session.scalars(text("SELECT event FROM audit_entries ORDER BY pk")).all()
    assert bool(row) == is_cancelled
    assert events[-1] == "installation.confirm"
    assert "There is nothing to confirm" in olga.submit(other_window, choice=choice).text


def test_without_a_choice_the_question_is_asked_again(olga: PageClient, fenced: Workshop) -> None:
    page = olga.submit(olga.get(PAGE), choice="perhaps")
    assert (page.status, "Choose one of the two" in page.text) == (422, True)
    assert "Cancel for 3 people" in page.text


def test_the_page_that_asks_says_why_once_and_each_answer_with_its_number(olga: PageClient, fenced: Workshop) -> None:
    page = olga.get(PAGE)
    assert page.select("#fence") == []
    assert page.text.count("This installation was restored from a backup") == 1
    assert "Was anything sent after the backup was made?" in page.text
    assert [button.get_text(strip=True) for button in page.select("main form button")] == [
        "Send to 3 people", "Cancel for 3 people",
    ]  # fmt: skip


def test_a_message_is_not_started_and_the_sentence_says_why(olga: PageClient, fenced: Workshop) -> None:
    with fenced.database.begin() as session:
        session.execute(text("UPDATE topics SET id = 'news'"))
        draft = factories.make_message(session, audience={"topics": ["news"]})
    with fenced.open(system(1)) as work:
        factories.make_provider(work)
    page = olga.submit(olga.get(f"/p/default/messages/{draft.id}/send"))
    assert "Nothing is sent, because this installation was restored or copied." in page.text


def test_a_scheduled_message_does_not_promise_its_time(olga: PageClient, fenced: Workshop) -> None:
    with fenced.database.begin() as session:
        message = factories.make_message(
            session, subject="Later", status="scheduled", scheduled_at=START + timedelta(minutes=20)
        )
    page = olga.get(f"/p/default/messages/{message.id}")
    assert "It goes out on" not in page.text
    assert "nothing goes out before an admin confirms" in page.text
    assert not page.select("#act-send.btn-primary")
    assert "Later” goes out soon" not in olga.get("/p/default").text
