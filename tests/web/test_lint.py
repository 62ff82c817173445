"""Everybody's copy in the composer: how far it is, what breaks for whom, and the way to look at it."""

import pytest

from app.domain.permissions import system
from app.models.messages import Message
from app.services.previews import lint_run
from app.services.work import Workshop
from tests.conftest import FakeClock
from tests.factories import make_contact, make_message
from tests.web.page_client import Page, PageClient

HOME = "/p/default/messages"


def make(workshop: Workshop, people: int = 3, **options: object) -> Message:
    """A draft to people of whom only the first has a city."""
    with workshop.database.begin() as session:
        contacts = [
            make_contact(
                session, name=f"P{place}", email=f"p{place}@example.org", **({} if place else {"city": "Bern"})
            )
            for place in range(people)
        ]
        chosen = {"contacts": [contact.id for contact in contacts]}
        return make_message(session, body="It rains in {{ city }}", audience=chosen, **options)


def look(workshop: Workshop, message: Message) -> None:
    workshop.broker.redis.flushdb()
    lint_run.run(workshop, message.pk)


def fragment(client: PageClient, message: Message, query: str = "") -> Page:
    return client.fragment(f"{HOME}/{message.id}/-/lint{query}", target="lint")


def test_opening_a_draft_has_everybody_looked_at(olga: PageClient, workshop: Workshop) -> None:
    message = make(workshop)
    page = olga.get(f"{HOME}/{message.id}/edit")
    assert page.select("#lint")[0]["hx-get"].endswith("/-/lint")
    fragment(olga, message)
    assert workshop.broker.waiting()["bulk"] == 1


def test_the_fragment_ends_its_polling_and_has_drawn_anew_what_counts_people(
    olga: PageClient, workshop: Workshop
) -> None:
    message = make(workshop)
    assert "looked-at-all" in olga.get(f"{HOME}/{message.id}/edit").select("#checks")[0]["hx-trigger"]
    look(workshop, message)
    piece = fragment(olga, message)
    assert "data-poll" not in piece.select("#lint")[0].attrs
    assert "looked-at-all" in piece.headers["HX-Trigger"]
    assert "Looked at 3 copies" in piece.text


def test_who_lacks_a_value_is_said_once_and_leads_to_the_people(olga: PageClient, workshop: Workshop) -> None:
    message = make(workshop)
    look(workshop, message)
    whole = olga.get(f"{HOME}/{message.id}/edit")
    assert whole.text.count("no value for “city”") == 1
    line = olga.fragment(f"{HOME}/{message.id}/-/checks", target="checks").select("#checks .check-people")[0]
    page = olga.get(str(line["href"]))
    assert [row.text.strip() for row in page.select("td.first")] == ["P1", "P2"]
    assert page.select("td[data-label=Preview] a")[0].text.split() == ["Preview", "as", "P1"]
    shown = olga.get(page.select("td[data-label=Preview] a")[0]["href"].split("#")[0])
    assert shown.select("#preview-as option[selected]")[0].text.startswith("P1, p1@example.org")


def test_while_it_runs_the_fragment_asks_again_and_says_how_far_it_is(
    olga: PageClient, workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = make(workshop, 4)
    monkeypatch.setattr(lint_run, "PAGE", 2)
    monkeypatch.setattr(lint_run, "SLICE", -1.0)
    look(workshop, message)
    piece = fragment(olga, message)
    assert piece.select("#lint")[0]["hx-trigger"] == "every 1s"
    assert "2 of 4" in piece.text


def test_a_fragment_that_nobody_begins_stops_asking(olga: PageClient, workshop: Workshop) -> None:
    message = make(workshop)
    assert "data-poll" in fragment(olga, message, "?tries=3").select("#lint")[0].attrs
    assert fragment(olga, message, "?tries=3").select("#lint")[0]["hx-get"].endswith("tries=4")
    piece = fragment(olga, message, "?tries=60")
    assert "data-poll" not in piece.select("#lint")[0].attrs
    assert "no worker has time for it" in piece.text


def test_a_worker_that_is_gone_for_minutes_is_told(
    olga: PageClient, workshop: Workshop, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = make(workshop, 4)
    monkeypatch.setattr(lint_run, "PAGE", 2)
    monkeypatch.setattr(lint_run, "SLICE", -1.0)
    look(workshop, message)
    clock.move(121)
    assert "Looked at 2 of 4 people, and it does not go on" in fragment(olga, message).text


def test_looking_again_is_a_button(olga: PageClient, workshop: Workshop, clock: FakeClock) -> None:
    message = make(workshop)
    look(workshop, message)
    workshop.broker.redis.flushdb()
    clock.move(10)
    page = olga.submit(olga.get(f"{HOME}/{message.id}/edit"), "#lint form")
    assert "data-poll" in page.select("#lint")[0].attrs
    assert workshop.broker.waiting()["bulk"] == 1


def test_the_worst_copies_are_first_among_the_people_to_preview_as(olga: PageClient, workshop: Workshop) -> None:
    message = make(workshop)
    look(workshop, message)
    page = olga.get(f"{HOME}/{message.id}/edit")
    first = page.select("#preview-as optgroup option")
    assert [option.text for option in first] == [
        "P0, p0@example.org (the longest: 28 characters)", "P1, p1@example.org (the emptiest: 1 without a value)",
    ]  # fmt: skip
    assert [option.text for option in page.select("#preview-as > option")] == ["P2, p2@example.org"]


def test_who_may_only_look_is_offered_nothing_to_press(vera: PageClient, workshop: Workshop) -> None:
    message = make(workshop)
    look(workshop, message)
    assert "Look again" not in fragment(vera, message).text
    page = vera.get(f"{HOME}/{message.id}/lint?found=missing:city")
    assert "Preview as" not in page.text


def test_a_damaged_address_is_told_in_words(olga: PageClient, workshop: Workshop) -> None:
    message = make(workshop)
    for query in ("?found=x:y", "?found=missing:city&after=x"):
        answer = olga.raw.get(f"{HOME}/{message.id}/lint{query}")
        assert (answer.status_code, "damaged" in answer.text) == (400, True)
    for query in ("", "?found="):
        assert olga.get(f"{HOME}/{message.id}/lint{query}").path == f"{HOME}/{message.id}/edit"
    assert "Nobody any more" in olga.get(f"{HOME}/{message.id}/lint?found=blank:city").text


def test_a_sent_message_has_nothing_to_look_at(olga: PageClient, workshop: Workshop) -> None:
    message = make(workshop, status="sent")
    piece = fragment(olga, message)
    assert (piece.text.strip(), "data-poll" in piece.select("#lint")[0].attrs) == ("", False)
    with workshop.read(system(1)) as work:
        assert work.session.get(Message, message.pk).status == "sent"


def test_opening_a_draft_that_was_looked_at_long_ago_has_it_looked_at_again(
    olga: PageClient, workshop: Workshop, clock: FakeClock
) -> None:
    message = make(workshop)
    look(workshop, message)
    assert "data-poll" not in olga.get(f"{HOME}/{message.id}/edit").select("#lint")[0].attrs
    clock.move(20 * 60)
    workshop.broker.redis.flushdb()
    assert "data-poll" in olga.get(f"{HOME}/{message.id}/edit").select("#lint")[0].attrs
    assert "data-poll" in fragment(olga, message).select("#lint")[0].attrs
    assert workshop.broker.waiting()["bulk"] == 1
    look(workshop, message)
    piece = fragment(olga, message)
    assert "data-poll" not in piece.select("#lint")[0].attrs
    assert "Looked at 3 copies" in piece.text


@pytest.mark.parametrize(
    ("large", "own", "words"),
    [
        (("P0", "P1", "P2"), True, "yours has 114 KB. The end would be hidden."),
        (("P0", "P2"), True, "yours has 114 KB. The end would be hidden. 2 of 3 people would get so large a copy."),
        (("P1",), False, "1 of 3 people would get a copy of more than 102 KB, where Gmail cuts it"),
        ((), False, ""),
    ],
)
def test_an_email_that_is_too_large_for_gmail_is_told_once_with_whom_it_is_about(
    olga: PageClient, workshop: Workshop, large: tuple[str, ...], own: bool, words: str
) -> None:
    with workshop.database.begin() as session:
        people = [make_contact(session, name=name, email=f"{name}@example.org".lower()) for name in ("P0", "P1", "P2")]
        for contact in people:
            contact.attributes = {"story": "Bells. " * (16_500 if contact.name in large else 1)}
        chosen = {"contacts": [contact.id for contact in people]}
        message = make_message(session, body="{{ story }}", audience=chosen)
    before = olga.get(f"{HOME}/{message.id}/edit").select("#checks")[0].text
    assert ("yours has 114 KB" in before, "so large a copy" in before) == (own, False)
    look(workshop, message)
    piece = fragment(olga, message).text
    assert "102 KB" not in piece
    assert ("Nothing breaks for anybody" in piece) == (not large)
    checks = olga.fragment(f"{HOME}/{message.id}/-/checks", target="checks").select("#checks")[0]
    assert checks.text.count("102 KB") == (1 if large else 0)
    assert words in checks.text
    links = checks.select(".check-people")
    assert len(links) == (1 if large and len(large) < 3 else 0)
    for link in links:
        assert [row.text.strip() for row in olga.get(str(link["href"])).select("td.first")] == list(large)
