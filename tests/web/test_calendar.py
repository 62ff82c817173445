"""The calendar's pages: each view in each state, zones, moves by form and by hand, the gap, the feed."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape

import icalendar
import pytest
from flask import Flask
from sqlalchemy import insert

from app.domain.permissions import system
from app.models.messages import Message
from app.services.work import Workshop
from tests.conftest import START
from tests.factories import make_audience, make_provider, make_topic
from tests.services.calendar_story import HOUR, TUESDAY, schedule, start
from tests.web.conftest import sign_in
from tests.web.page_client import Page, PageClient

PLACE = "/p/default/calendar"
VIEWS = ("month", "week", "day", "agenda")


@pytest.fixture
def news(workshop: Workshop) -> str:
    """The id of a message to three people, on Tuesday at nine in Berlin."""
    with workshop.open(system(1)) as work:
        make_provider(work)
        return str(schedule(work, title="Autumn news", topic=make_audience(work.session, 3).id).id)


def events(page: Page) -> list[str]:
    """What stands there: the time and the title of each, as they can be seen."""
    return [
        f"{one.select_one('time').get_text()} {one.select_one('.cal-title').get_text(strip=True)}"  # type: ignore[union-attr] # each has both
        for one in page.select(".cal-event")
    ]


def moment_of(workshop: Workshop, message_id: str) -> datetime | None:
    with workshop.read(system(1)) as work:
        found: Message = work.find(Message, message_id, noun="message")
        return found.scheduled_at


@pytest.mark.parametrize("view", VIEWS)
def test_an_empty_calendar_says_so(olga: PageClient, view: str) -> None:
    page = olga.get(PLACE, view=view)
    assert (page.status, page.heading) == (200, "Calendar")
    assert "No messages" in page.text
    assert [link.get_text() for link in page.select(".cal-bar .segment[aria-current=page]")] == [view.title()]


@pytest.mark.parametrize(("view", "times"), [("month", 1), ("week", 1), ("day", 1)])
def test_one_message_stands_where_it_is_due(olga: PageClient, news: str, view: str, times: int) -> None:
    page = olga.get(PLACE, view=view, date="2026-11-24")
    assert events(page) == ["09:00 Autumn news"] * times
    (cell,) = [cell for cell in page.select(".cal-cell") if cell.select(".cal-event")]
    assert cell["data-at"] == ("2026-11-24" if view == "month" else "2026-11-24T09:00:00+01:00")


def test_the_agenda_says_it_in_a_line_with_all_there_is_to_know(olga: PageClient, news: str) -> None:
    page = olga.get(PLACE, view="agenda")
    assert "Tuesday 24 November" in page.text
    assert "09:00 Autumn news Email · about 3 people · duration unknown Scheduled Move" in page.text


def test_the_address_is_the_state_and_every_link_keeps_it(olga: PageClient, news: str) -> None:
    page = olga.get(PLACE, view="week", date="2026-11-24", zone="America/New_York", channel="email")
    assert events(page) == ["03:00 Autumn news"]
    links = [str(link["href"]) for link in page.select(".cal-bar a")]
    assert all("zone=America/New_York" in link for link in links)
    assert any("date=2026-12-01" in link for link in links)
    assert "Times in America/New York ; the project works in Europe/Berlin, 6 hours ahead." in page.text
    assert events(olga.get(PLACE, view="week", date="2026-11-24", channel="sms")) == []


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"zone": "Mars/Base"}, "Zone 'Mars/Base' does not exist"),
        ({"date": "tomorrow"}, "Date 'tomorrow' is none"),
        ({"date": "9999-12-31"}, "Date '9999-12-31' is none"),
        ({"view": "year"}, "View 'year' does not exist; use month, week, day, agenda."),
        ({"channel": "fax"}, "Channel 'fax' does not exist"),
        ({"zone": "../../etc/passwd"}, "does not exist"),
        ({"date": "\0"}, "is none"),
    ],
)
def test_what_the_address_gets_wrong_is_said_and_the_calendar_is_there(
    olga: PageClient, asked: dict[str, str], sentence: str
) -> None:
    page = olga.get(PLACE, **asked)
    assert page.status == 200
    assert sentence in page.text


@pytest.mark.parametrize(
    "asked",
    [
        {"moved": "nobody", "was": "x"}, {"moved": "", "was": "9999-12-31T23:59:59-12:00"}, {"from": "9" * 15 + "-0"},
        {"from": "abc"}, {"from": "1-1-1"}, {"view": "month", "date": "2199-12-31"},
        {"view": "week", "date": "1980-01-01"},
    ],
)  # fmt: skip
def test_nonsense_in_the_address_breaks_nothing(olga: PageClient, asked: dict[str, str]) -> None:
    assert olga.get(PLACE, **{"view": "agenda", **asked}).status == 200


def test_phones_and_browsers_without_scripts_get_the_agenda_and_others_the_month(olga: PageClient) -> None:
    def shown(**headers: str) -> str:
        soup = olga.raw.get(PLACE, headers=headers).text
        found = re.search(r'aria-current="page">(\w+)</a>\s*<a class="segment"|aria-current="page">(Agenda)<', soup)
        assert found is not None
        return found[1] or found[2]

    assert shown() == "Agenda"
    olga.raw.set_cookie("zone", "Europe%2FBerlin")
    assert shown() == "Month"
    assert shown(**{"User-Agent": "Mozilla/5.0 (iPhone) Mobile/15E148"}) == "Agenda"


def test_times_are_shown_in_the_browsers_zone_which_the_cookie_tells(olga: PageClient, news: str) -> None:
    olga.raw.set_cookie("zone", "Asia%2FTokyo")
    page = olga.get(PLACE, view="month", date="2026-11-24")
    assert events(page) == ["17:00 Autumn news"]
    assert "the project works in Europe/Berlin, 8 hours behind" in page.text
    olga.raw.set_cookie("zone", "%00nonsense")
    assert events(olga.get(PLACE, view="month", date="2026-11-24")) == ["09:00 Autumn news"]


@pytest.mark.parametrize(("languages", "first"), [("de-DE", "Mon"), ("en-US,en", "Sun"), ("ar-EG", "Sat")])
def test_weeks_start_as_the_reader_is_used_to(olga: PageClient, languages: str, first: str) -> None:
    page = olga.raw.get(f"{PLACE}?view=month", headers={"Accept-Language": languages}).text
    assert re.findall(r"<abbr[^>]*>(\w+)</abbr>", page)[0] == first


def test_a_day_on_which_clocks_change_has_its_own_hours(olga: PageClient, workshop: Workshop) -> None:
    with workshop.open(system(1)) as work:
        schedule(work, datetime(2027, 10, 31, 0, 30, tzinfo=UTC), title="First")
        schedule(work, datetime(2027, 10, 31, 1, 30, tzinfo=UTC), title="Second")
    autumn = olga.get(PLACE, view="day", date="2027-10-31")
    assert [len(autumn.select(".cal-hours tbody tr")), len(autumn.select(".cal-clocks"))] == [25, 1]
    cells = {str(cell["data-at"]): events_in(cell) for cell in autumn.select(".cal-cell") if cell.select(".cal-event")}
    assert cells == {"2027-10-31T02:00:00+02:00": ["First"], "2027-10-31T02:00:00+01:00": ["Second"]}
    assert "02:00 again" in autumn.text
    spring = olga.get(PLACE, view="day", date="2027-03-28")
    hours = [row.get_text(strip=True) for row in spring.select("tbody .cal-hour")]
    assert (len(hours), "02:00" in hours) == (23, False)
    week = olga.get(PLACE, view="week", date="2027-03-28")
    assert len(week.select(".cal-cell.is-none")) == 1


def events_in(cell: object) -> list[str]:
    return [one.get_text(strip=True) for one in cell.select(".cal-title")]  # type: ignore[attr-defined] # a tag


def test_a_full_day_folds_and_leads_to_all_of_it(olga: PageClient, workshop: Workshop) -> None:
    rows = [
        {"id": f"m{minute}", "project_pk": 1, "channel": "email", "title": f"Message {minute}", "content": {},
         "audience": {}, "status": "scheduled", "scheduled_at": TUESDAY - 9 * HOUR + timedelta(minutes=minute),
         "created_at": START, "updated_at": START}
        for minute in range(1000)
    ]  # fmt: skip
    with workshop.open(system(1)) as work:
        work.session.execute(insert(Message), rows)
    month = olga.get(PLACE, view="month", date="2026-11-24")
    assert (len(events(month)), "997 more" in month.text) == (3, True)
    day = olga.get(PLACE, view="day", date="2026-11-24")
    assert "1,000 messages" in day.text
    assert "54 more" in day.text
    seen: list[str] = []
    address: str | None = f"{PLACE}?view=agenda&date=2026-11-24"
    while address is not None:
        page = olga.raw.get(address).text
        seen += re.findall(r">(Message \d+)</a></p>", page)
        later = re.search(r'href="([^"]+)"[^>]*><svg[^>]*><use[^>]*></use></svg>Show later ones', page)
        address = unescape(later[1]) if later else None
    assert seen == [f"Message {minute}" for minute in range(1000)]


def test_a_day_says_all_of_a_message_and_makes_little_of_hours_that_are_over(
    olga: PageClient, workshop: Workshop, news: str
) -> None:
    day = olga.get(PLACE, view="day", date="2026-11-24")
    (entry,) = day.select(".cal-entry")
    said = " ".join(entry.get_text(" ").split())
    assert "Scheduled Email · about 3 people, duration unknown · Move Autumn news" in said
    assert day.select(".is-spent") == []
    with workshop.open(system(1)) as work:
        start(work, START - 3 * HOUR)
    today = olga.get(PLACE, view="day", date="2026-11-21")
    spent = [row.select(".cal-hour")[0].get_text(strip=True)[:5] for row in today.select(".is-spent")]
    assert spent == [f"{hour:02}:00" for hour in range(10) if hour != 7]


@pytest.mark.parametrize("view", ["month", "week", "day"])
def test_the_load_of_a_day_is_drawn_from_three_messages_on_and_explained(
    olga: PageClient, workshop: Workshop, news: str, view: str
) -> None:
    with workshop.open(system(1)) as work:
        topic = work.find(Message, news, noun="message").audience["topics"][0]
        schedule(work, TUESDAY + HOUR, title="Two", topic=topic)
    page = olga.get(PLACE, view=view, date="2026-11-24")
    assert (page.select(".cal-load"), "each hour of that day reaches" in page.text) == ([], False)
    with workshop.open(system(1)) as work:
        schedule(work, TUESDAY + HOUR, title="Three", topic=topic)
    page = olga.get(PLACE, view=view, date="2026-11-24")
    assert [one["aria-label"].split(": ")[1] for one in page.select(".cal-load")] == ["busiest at 10:00 with 6 people"]
    assert "each hour of that day reaches" in page.text


def test_the_past_offers_no_slot_and_the_future_does(olga: PageClient, vera: PageClient, news: str) -> None:
    page = olga.get(PLACE, view="week", date=START.date().isoformat())
    cells = {str(cell["data-at"]): cell for cell in page.select(".cal-cell")}
    before, after = cells["2026-11-21T09:00:00+01:00"], cells["2026-11-21T11:00:00+01:00"]
    assert (before.get("data-past"), before.select(".cal-new")) == ("yes", [])
    assert after.get("data-past") is None
    assert str(after.select(".cal-new")[0]["href"]).endswith("/messages/new?at=2026-11-21T11:00&zone=Europe/Berlin")
    seen = vera.get(PLACE, view="week", date="2026-11-24")
    assert (seen.select(".cal-new"), seen.select("[data-move]"), events(seen)) == ([], [], ["09:00 Autumn news"])


# --- moving ---------------------------------------------------------------------------------------------------------


def test_a_message_is_moved_by_form_in_another_zone_and_back(olga: PageClient, workshop: Workshop, news: str) -> None:
    agenda = olga.get(PLACE, view="agenda", zone="America/New_York")
    (link,) = [link for link in agenda.select("a") if link.get_text(strip=True) == "Move"]
    page = olga.get(str(link["href"]))
    assert page.form().values["time"] == "03:00"
    assert "It reaches 3 people" in page.text
    after = olga.submit(page, date="2026-11-26", time="05:15")
    assert moment_of(workshop, news) == datetime(2026, 11, 26, 10, 15, tzinfo=UTC)
    assert "“Autumn news” stands at Thu 26 Nov 2026, 05:15 now" in after.text
    undone = olga.submit(after, "#calendar form[method='post']")
    assert moment_of(workshop, news) == TUESDAY
    assert "stands at Tue 24 Nov 2026, 03:00 now" in undone.text


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"date": "2026-11-01"}, "Time lies in the past"),
        ({"date": "2027-03-28", "time": "02:30"}, "The clocks in Europe/Berlin go forward over 02:30"),
        ({"date": ""}, "Date needs a day"),
        ({"zone": "Mars/Base"}, "does not exist"),
    ],
)
def test_a_time_that_cannot_be_is_refused_beside_its_field(
    olga: PageClient, workshop: Workshop, news: str, typed: dict[str, str], sentence: str
) -> None:
    page = olga.submit(olga.get(f"{PLACE}/move/{news}"), **typed)
    assert page.status == 422
    assert sentence in page.text
    assert moment_of(workshop, news) == TUESDAY


def drop(client: PageClient, message_id: str, to: str, was: datetime = TUESDAY, **state: str) -> Page:
    """What calendar.js sends when something is dropped."""
    query = {"view": "week", "date": "2026-11-24", **state}
    token = client.get(PLACE).select("meta[name=csrf-token]")[0]["content"]
    return client.fragment(
        f"{PLACE}/-/move/{message_id}", method="POST", query_string=query,
        data={"to": to, "was": was.isoformat(), "csrf_token": token},
    )  # fmt: skip


def test_what_is_dropped_stands_there_at_once_with_a_way_back(olga: PageClient, workshop: Workshop, news: str) -> None:
    page = drop(olga, news, "2026-11-26T14:00+01:00")
    assert events(page) == ["14:00 Autumn news"]
    assert "Autumn news is moved to Thu 26 Nov 2026, 14:00." in page.headers["HX-Trigger"]
    assert [button.get_text() for button in page.select("form button")] == ["Undo: back to Tue 24 Nov 2026, 09:00"]
    olga.submit(page, "form[method='post']")
    assert moment_of(workshop, news) == TUESDAY


def test_what_cannot_be_dropped_says_why_and_shows_how_it_is(olga: PageClient, workshop: Workshop, news: str) -> None:
    assert "Time lies in the past" in drop(olga, news, "2026-11-20T14:00+01:00").text
    page = drop(olga, news, "2026-11-26T14:00+01:00", was=TUESDAY + HOUR)
    assert "Somebody else moved this message meanwhile." in page.text
    assert events(page) == ["09:00 Autumn news"]
    assert moment_of(workshop, news) == TUESDAY


def test_a_message_to_many_is_asked_about_on_a_page_of_its_own(olga: PageClient, workshop: Workshop) -> None:
    with workshop.open(system(1)) as work:
        topic = make_topic(work.session)
        topic.email_total = 1_001
        message = schedule(work, status="draft", topic=topic.id)
    page = drop(olga, message.id, "2026-11-26T14:00+01:00", zone="Asia/Tokyo")
    assert moment_of(workshop, message.id) == TUESDAY
    question = olga.get(page.headers["HX-Redirect"])
    assert (
        "Messages whose audience holds more than 1,000 people ask before they move. Nothing has changed yet."
        in question.text
    )
    assert (question.form().values["time"], question.form().values["zone"]) == ("22:00", "Asia/Tokyo")
    olga.submit(question)
    assert moment_of(workshop, message.id) == datetime(2026, 11, 26, 13, tzinfo=UTC)


def test_a_message_that_went_out_meanwhile_leads_back_to_the_calendar(olga: PageClient, workshop: Workshop) -> None:
    with workshop.open(system(1)) as work:
        message = start(work, START - HOUR)
    page = olga.get(f"{PLACE}/move/{message.id}")
    assert (page.path, "was sent meanwhile" in page.text) == (PLACE, True)
    assert "was sent meanwhile" in drop(olga, message.id, "2026-11-26T14:00+01:00").text


def test_viewers_move_nothing(vera: PageClient, news: str) -> None:
    assert vera.get(f"{PLACE}/move/{news}").status == 403
    assert drop(vera, news, "2026-11-26T14:00+01:00").status == 403


# --- the gap, zones, the feed ---------------------------------------------------------------------------------------


def test_two_messages_to_one_topic_are_told_on_both_and_where_one_is_scheduled(
    olga: PageClient, workshop: Workshop, news: str
) -> None:
    with workshop.open(system(1)) as work:
        topic = work.find(Message, news, noun="message").audience["topics"][0]
        second = schedule(work, TUESDAY + 5 * HOUR, title="Reminder", topic=topic)
    page = olga.get(PLACE, view="agenda")
    assert "News: also reached by “Reminder” 5 hours later." in page.text
    assert "News: also reached by “Autumn news” 5 hours earlier." in page.text
    assert "also reached by “Autumn news” 5 hours earlier" in olga.get(f"/p/default/messages/{second.id}/schedule").text
    olga.submit(page, ".cal-gap", gap="3600")
    assert "also reached" not in olga.get(PLACE, view="agenda").text
    refused = olga.submit(page, ".cal-gap", gap="7")
    assert "Choose how far apart" in refused.text


def test_another_zone_is_chosen_on_a_page_of_its_own(olga: PageClient, news: str) -> None:
    page = olga.get(f"{PLACE}/zone", view="month", date="2026-11-24", channel="email")
    shown = olga.submit(page, "main form[method='get']", zone="Australia/Lord_Howe")
    assert events(shown) == ["19:00 Autumn news"]


@pytest.fixture
def address(olga: PageClient) -> str:
    """Olga's own feed."""
    page = olga.submit(olga.get(f"{PLACE}/feed"))
    return re.sub(r"^https?://[^/]+", "", str(page.select("input#feed")[0]["value"]))


def test_a_program_reads_the_feed_without_signing_in_and_only_when_it_changed(
    app: Flask, workshop: Workshop, news: str, address: str
) -> None:
    program = app.test_client()
    answer = program.get(address)
    assert (answer.status_code, answer.content_type) == (200, "text/calendar; charset=utf-8")
    (event,) = icalendar.Calendar.from_ical(answer.data).walk("VEVENT")
    assert (event["DTSTART"].dt, str(event["SUMMARY"])) == (TUESDAY, "Email: Autumn news")
    assert str(event["URL"]).endswith(f"/p/default/messages/{news}")
    again = program.get(address, headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    with workshop.open(system(1)) as work:
        work.find(Message, news, noun="message").updated_at = START + HOUR
    assert program.get(address, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 200
    assert "Set-Cookie" not in answer.headers


def test_an_address_is_replaced_and_revoked_on_its_page(olga: PageClient, app: Flask, address: str) -> None:
    program = app.test_client()
    assert "Read last Never" in olga.get(f"{PLACE}/feed").text
    program.get(address)
    page = olga.get(f"{PLACE}/feed")
    assert "Read last now" in page.text
    assert "cannot be shown again" in page.text
    assert address not in page.body
    new = olga.submit(page)
    fresh = re.sub(r"^https?://[^/]+", "", str(new.select("input#feed")[0]["value"]))
    assert [program.get(each).status_code for each in (address, fresh)] == [404, 200]
    olga.submit(olga.get(f"{PLACE}/feed"), "form[action$='/revoke']")
    assert program.get(fresh).status_code == 404
    assert program.get("/calendar/" + "x" * 3000 + ".ics").status_code == 404


def test_whoever_reads_too_often_waits(app: Flask, address: str) -> None:
    program = app.test_client()
    answers = [program.get(address).status_code for _ in range(25)]
    assert (answers[0], answers[-1]) == (200, 429)


def test_a_viewer_has_a_feed_of_her_own(app: Flask, workshop: Workshop, news: str) -> None:
    vera = sign_in(app, workshop, "vera@acme.example", "viewer")
    page = vera.submit(vera.get(f"{PLACE}/feed"))
    address = re.sub(r"^https?://[^/]+", "", str(page.select("input#feed")[0]["value"]))
    assert b"Autumn news" in app.test_client().get(address).data
