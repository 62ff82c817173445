"""The public pages behind an unsubscribe link, as people see them: wide and narrow, light and dark, without scripts."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.domain.unsubscribing import Ticket
from app.engine.unsubscribe_links import issued_at, sealer_of
from app.services.work import Workshop
from tests import factories
from tests.browser.person import Person
from tests.browser.serving import served
from tests.browser.visits import change_look

pytestmark = pytest.mark.browser
PICTURES = os.environ.get("CARILLON_PICTURES", "")  # a folder: every page seen is kept there as a picture


@pytest.fixture
def link(workshop: Workshop) -> Iterator[str]:
    """Ann's link, at a web server that really listens."""
    with workshop.database.begin() as session:
        target = factories.make_target(session, factories.make_contact(session), address="ann@example.org")
        news = factories.make_topic(session, name="Monthly news", targets=[target])
        news.description = "What happened in the workshop, once a month."
        factories.make_topic(session, name="Offers", targets=[target])
        message = factories.make_message(session, audience={"topics": [news.id]})
        ticket = Ticket(1, message.pk, issued_at(message), "email", "ann@example.org", (news.pk,), is_bulk=True)
    with served(workshop) as address:
        yield f"{address}/u/{sealer_of(workshop.vault).seal(ticket.written())}"


@pytest.mark.parametrize("width", [1440, 360], ids=["wide", "narrow"])
def test_no_page_has_a_barrier_a_complaint_or_sticks_out(
    link: str, open_browser: Callable[..., Person], width: int
) -> None:
    ann = open_browser(link, width=width)
    found: list[str] = []

    def look(name: str) -> None:
        for dark in (False, True):
            change_look(ann, width, dark=dark)
            where = f"{name}-{width}-{'dark' if dark else 'light'}"
            found.extend(f"{where}: {line}" for line in (*ann.complaints(), *ann.barriers()))
            if ann.driver.execute_script("return document.documentElement.scrollWidth > window.innerWidth"):
                found.append(f"{where} sticks out")
            if PICTURES:
                ann.screenshot(Path(PICTURES) / f"unsubscribe-{where}.png", whole=True)

    ann.open("")
    look("ask")
    ann.press("Unsubscribe")
    ann.see("You are unsubscribed")
    look("done")
    ann.press("Undo")
    ann.see("Undone")
    look("choices")
    ann.press_like("Stop all email")
    ann.see("Nothing is sent to this address")
    look("stopped")
    assert found == []


def test_it_all_works_without_scripts(link: str, open_browser: Callable[..., Person]) -> None:
    ann = open_browser(link, scripts=False)
    ann.open("")
    ann.see("Monthly news")
    ann.follow("Choose what you get")
    ann.tick("Offers", on=False)
    ann.press("Save")
    ann.see("Saved")
    assert not ann.field("Offers").is_selected()
    assert ann.field("Monthly news").is_selected()
    ann.open("AAAA")
    ann.see("Open it in the message again")
