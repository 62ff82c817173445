"""The time that a draft is meant for, as the composer shows it, changes it and drops it."""

import pytest

from app.models.messages import Message
from app.services.work import Workshop
from tests.factories import make_message
from tests.web.page_client import Page, PageClient

HOME = "/p/default/messages"


def make(workshop: Workshop, **options: object) -> str:
    with workshop.database.begin() as session:
        return str(make_message(session, **options).id)


def stored(workshop: Workshop, key: str) -> Message:
    with workshop.database.read() as session:
        return session.query(Message).filter(Message.id == key).one()


def written_for(client: PageClient, key: str, date: str, time: str, zone: str) -> Page:
    return client.submit(client.get(f"{HOME}/{key}/time"), date=date, time=time, zone=zone)


def test_the_time_of_a_draft_stands_by_the_buttons_with_its_zone(olga: PageClient, workshop: Workshop) -> None:
    key = make(workshop)
    assert not olga.get(f"{HOME}/{key}/edit").select(".composebar-time")
    page = written_for(olga, key, "2026-11-24", "09:00", "America/New_York")
    words = page.select(".composebar-time")[0].get_text(" ", strip=True)
    assert words.startswith("Meant for Tue 24 Nov 2026, 09:00 in America/New York")
    assert "15:00 CET for the project" in words
    assert words.endswith("It is not scheduled yet. Change Drop")
    assert (stored(workshop, key).status, stored(workshop, key).scheduled_wall) == ("draft", "2026-11-24T09:00")
    schedule = olga.get(f"{HOME}/{key}/schedule").form().values
    assert (schedule["date"], schedule["time"], schedule["zone"]) == ("2026-11-24", "09:00", "America/New_York")


def test_changing_and_dropping_it_save_what_was_typed(olga: PageClient, workshop: Workshop) -> None:
    key = make(workshop)
    page = written_for(olga, key, "2026-11-24", "09:00", "Europe/Berlin")
    asked = olga.submit(page, "#compose", subject="Before the change", then="time")
    assert asked.path == f"{HOME}/{key}/time"
    assert asked.form().values["time"] == "09:00"
    page = olga.submit(asked, time="10:30")
    assert "10:30" in page.select(".composebar-time")[0].text
    page = olga.submit(page, "#compose", body="Before it is dropped", then="no-time")
    assert not page.select(".composebar-time")
    message = stored(workshop, key)
    assert (message.title, message.content["body"]) == ("Before the change", "Before it is dropped")
    assert (message.scheduled_at, message.scheduled_wall, message.scheduled_zone) == (None, "", "")


@pytest.mark.parametrize(
    ("time", "words"),
    [
        (("2026-11-20", "09:00", "Europe/Berlin"), "Time lies in the past"),
        (("2026-12-01", "", "Europe/Berlin"), "Time needs an hour and minutes, like 09:00."),
        (("", "09:00", "Europe/Berlin"), "Date needs a day, like 24 November 2026."),
        (("2026-12-01", "09:00", "Mars/Base"), "does not exist"),
    ],
)
def test_a_time_that_cannot_be_is_refused_and_the_old_one_stays(
    olga: PageClient, workshop: Workshop, time: tuple[str, str, str], words: str
) -> None:
    key = make(workshop)
    written_for(olga, key, "2026-11-24", "09:00", "Europe/Berlin")
    page = written_for(olga, key, *time)
    assert page.status == 422
    assert words in page.text
    assert stored(workshop, key).scheduled_wall == "2026-11-24T09:00"


def test_what_is_no_draft_gets_no_time_this_way(olga: PageClient, workshop: Workshop) -> None:
    key = make(workshop)
    form = olga.get(f"{HOME}/{key}/time")
    with workshop.database.begin() as session:
        session.query(Message).update({"status": "sent"})
    page = olga.submit(form, date="2026-11-24", time="09:00", zone="Europe/Berlin")
    assert page.path == f"{HOME}/{key}"
    assert olga.get(f"{HOME}/{key}/time").path == f"{HOME}/{key}"
    assert stored(workshop, key).scheduled_at is None


def test_what_is_taken_back_to_draft_keeps_its_time(olga: PageClient, workshop: Workshop) -> None:
    key = make(workshop)
    written_for(olga, key, "2026-11-24", "09:00", "Europe/Berlin")
    with workshop.database.begin() as session:
        session.query(Message).update({"status": "scheduled"})
    page = olga.submit(olga.get(f"{HOME}/{key}/edit"))
    assert "Tue 24 Nov 2026, 09:00" in page.select(".composebar-time")[0].text
    assert stored(workshop, key).status == "draft"
