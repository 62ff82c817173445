"""The composer: saving, choosing, previewing, testing, scheduling and sending, with and without htmx."""

import re

import pytest

from app.models.messages import Message
from app.models.topics import Topic
from app.services.work import Workshop
from tests.conftest import FakeClock
from tests.factories import (
    make_audience,
    make_contact,
    make_message,
    make_provider,
    make_suppression,
    make_target,
    make_topic,
)
from tests.web.page_client import Page, PageClient

HOME = "/p/default/messages"


def make(workshop: Workshop, **options: object) -> str:
    with workshop.database.begin() as session:
        return str(make_message(session, **options).id)


def make_ready(workshop: Workshop, size: int = 3) -> str:
    """A draft that may go out: a topic with people, and a provider."""
    from app.domain.permissions import system  # noqa: PLC0415

    with workshop.open(system(1)) as work:
        make_provider(work)
        topic = make_audience(work.session, size)
        return str(make_message(work.session, audience={"topics": [topic.id]}).id)


def stored(workshop: Workshop, key: str) -> Message:
    with workshop.database.read() as session:
        return session.query(Message).filter(Message.id == key).one()


def open_draft(client: PageClient, key: str, **query: str) -> Page:
    return client.get(f"{HOME}/{key}/edit", **query)


def autosave(client: PageClient, page: Page, **values: str) -> Page:
    card = page.form("#compose")
    path = card.action.replace("/edit", "/-/save")
    return client.fragment(path, method="POST", target="saved", data=card.values | values)


# --- saving ---


def test_saving_by_the_button_keeps_everything_typed(olga: PageClient, workshop: Workshop) -> None:
    key = make(workshop)
    page = olga.submit(
        open_draft(olga, key), "#compose", subject="Grüße & <b>", body="Line one\r\nLine two", then="save"
    )
    assert page.path == f"{HOME}/{key}/edit"
    message = stored(workshop, key)
    assert (message.title, message.content["body"]) == ("Grüße & <b>", "Line one\nLine two")


def test_typing_saves_by_itself_and_everything_around_follows(olga: PageClient, workshop: Workshop) -> None:
    key = make(workshop)
    answer = autosave(olga, open_draft(olga, key), subject="New subject")
    assert stored(workshop, key).title == "New subject"
    assert [tag["value"] for tag in answer.select("#version")] == ["2"]
    assert all(answer.select(f"#{part}[hx-swap-oob]") for part in ("preview-paper", "checks", "actions"))


def test_the_field_that_is_typed_in_is_never_swapped(olga: PageClient, workshop: Workshop) -> None:
    answer = autosave(olga, open_draft(olga, make(workshop)), body="More")
    assert not answer.select("#body, #subject, #q")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"subject": "One\r\nBcc: all@example.org"}, "Subject has a line break"),
        ({"subject": "a\0b"}, "Subject has a control character"),
        ({"body": "x" * 10_000_000, "format": "html"}, "can be stored. Shorten it"),
        ({"format": "word"}, "Format"),
    ],
)
def test_what_cannot_be_saved_gets_a_sentence_and_nothing_is_lost(
    olga: PageClient, workshop: Workshop, values: dict[str, str], words: str
) -> None:
    key = make(workshop, body="Saved before")
    page = open_draft(olga, key)
    assert words in autosave(olga, page, **values).text
    again = olga.submit(page, "#compose", **values)
    assert again.status == 422
    assert words in again.text
    assert stored(workshop, key).content["body"] == "Saved before"


def test_two_tabs_on_one_draft_are_told_who_saved_and_choose(olga: PageClient, workshop: Workshop) -> None:
    key = make(workshop)
    first, second = open_draft(olga, key), open_draft(olga, key)
    autosave(olga, first, subject="From the first")
    answer = autosave(olga, second, subject="From the second")
    assert "Olga saved this draft at" in answer.text
    assert stored(workshop, key).title == "From the first"
    page = olga.submit(second, "#compose", subject="From the second")
    assert page.status == 422
    assert page.select("#subject")[0]["value"] == "From the second"
    theirs = str(page.select("button[name='keep']")[0]["value"])
    olga.submit(page, "#compose", keep=theirs)
    assert stored(workshop, key).title == "From the second"


@pytest.mark.parametrize(
    ("status", "words"), [("sent", "Duplicate it instead"), ("scheduled", "Take it back to draft")]
)
def test_what_is_typed_into_a_draft_that_went_out_meanwhile_stays_on_the_page(
    olga: PageClient, workshop: Workshop, status: str, words: str
) -> None:
    key = make(workshop)
    page = open_draft(olga, key)
    with workshop.database.begin() as session:
        session.query(Message).update({"status": status})
    answer = autosave(olga, page, subject="Too late")
    assert words in answer.select("#notice")[0].text
    again = olga.submit(page, "#compose", subject="Too late")
    assert again.status == 422
    assert words in again.text
    assert again.select("#subject")[0]["value"] == "Too late"
    assert stored(workshop, key).title == "Autumn news"


def test_a_scheduled_message_asks_before_it_becomes_a_draft_again(
    olga: PageClient, workshop: Workshop, clock: FakeClock
) -> None:
    key = make(workshop, status="scheduled", scheduled_at=clock.now(), scheduled_zone="Europe/Berlin")
    page = open_draft(olga, key)
    assert page.heading == "Change a scheduled message"
    assert olga.submit(page).heading == "Write an email"


# --- the audience ---


def test_the_picker_searches_while_typing(olga: PageClient, workshop: Workshop) -> None:
    with workshop.database.begin() as session:
        make_topic(session, name="Autumn walks")
    answer = olga.fragment(f"{HOME}/{make(workshop)}/-/found?q=walk")
    assert answer.select("button[name='add']")[0].get_text(strip=True).startswith("Autumn walks")


def test_without_a_script_the_search_saves_and_shows_what_it_found(olga: PageClient, workshop: Workshop) -> None:
    with workshop.database.begin() as session:
        make_contact(session, name="Ann Berg", email="ann@example.org")
    key = make(workshop)
    page = olga.submit(open_draft(olga, key), "#compose", subject="Typed before", q="ann", then="search")
    assert stored(workshop, key).title == "Typed before"
    added = olga.submit(page, "#compose", add=str(page.select("button[name='add']")[0]["value"]))
    assert added.select("#chosen button[aria-label='Remove Ann Berg']")
    assert "= 1 will receive it" in added.text


def test_a_topic_is_added_and_removed_with_the_equation_following(olga: PageClient, workshop: Workshop) -> None:
    with workshop.database.begin() as session:
        topic = make_audience(session, 12)
    page = open_draft(olga, make(workshop))
    answer = autosave(olga, page, add=f"topics:{topic.id}")
    assert "12 in the topic = 12 will receive it" in answer.text
    assert "Send to 12 people" in answer.text
    people = [option.get_text() for option in answer.select("#preview-as option")]
    assert "Person 1, person1@example.org" in people
    assert "Alex Example, alex@example.org" not in people
    gone = autosave(olga, page, version="2", remove=f"topics:{topic.id}")
    assert "Nobody is chosen yet" in gone.text


def test_a_topic_deleted_while_composing_is_named_and_blocks(olga: PageClient, workshop: Workshop) -> None:
    key = make_ready(workshop)
    with workshop.database.begin() as session:
        session.query(Topic).delete()
    page = open_draft(olga, key)
    assert "deleted topic" in page.select("#chosen")[0].get_text(" ")
    assert "Audience holds a deleted topic" in page.text
    refused = olga.post(f"{HOME}/{key}/send", csrf_token=page.form("#compose").values["csrf_token"], version="1")
    assert refused.status == 422
    assert stored(workshop, key).status == "draft"


# --- the preview ---


def test_the_frame_shows_the_email_with_no_script_and_no_origin(olga: PageClient, workshop: Workshop) -> None:
    key = make(workshop, body="<script>alert(1)</script>[x](javascript:alert(2)) Hello")
    answer = olga.raw.get(f"{HOME}/{key}/-/preview.html")
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox; default-src 'none'")
    assert "frame-ancestors 'self'" in policy
    assert "script-src" not in policy
    assert not re.search(r"<script|javascript:", answer.get_data(as_text=True))


@pytest.mark.parametrize("view", ["email", "text", "source"])
def test_every_view_stands_in_the_address_and_works_without_a_script(
    olga: PageClient, workshop: Workshop, view: str
) -> None:
    page = open_draft(olga, make(workshop), view=view)
    pressed = [str(tag["value"]) for tag in page.select(".preview-views button[aria-pressed='true']")]
    assert pressed == [view]
    assert bool(page.select("#preview-paper iframe")) == (view == "email")


def test_choosing_a_view_by_button_saves_first(olga: PageClient, workshop: Workshop) -> None:
    key = make(workshop)
    page = olga.submit(open_draft(olga, key), "#compose", subject="Kept", show="text")
    assert stored(workshop, key).title == "Kept"
    assert page.select("pre.preview-source")


def test_the_preview_shows_a_real_recipients_values(olga: PageClient, workshop: Workshop) -> None:
    with workshop.database.begin() as session:
        ann = make_contact(session, name="Ann Berg", city="Bremen")
        target = make_target(session, ann, address="ann@example.org")
        topic = make_topic(session, targets=[target])
        body = "Dear {{ first_name | friend }} of {{ city }}"
        key = make_message(session, body=body, audience={"topics": [topic.id]}).id
    page = open_draft(olga, key, view="text")
    assert "Dear Ann of Bremen" in page.select("pre.preview-source")[0].get_text()
    assert page.select("#preview-as option[selected]")[0].get_text() == "Ann Berg, ann@example.org"


def test_a_recipient_is_found_for_the_preview(olga: PageClient, workshop: Workshop) -> None:
    with workshop.database.begin() as session:
        make_contact(session, name="Zoe Last", email="zoe@example.org")
    answer = olga.fragment(f"{HOME}/{make(workshop)}/-/preview?view=text&who=zoe")
    assert "Zoe Last, zoe@example.org" in [option.get_text() for option in answer.select("#preview-as option")]


def test_an_example_stands_in_while_nobody_is_chosen(olga: PageClient, workshop: Workshop) -> None:
    page = open_draft(olga, make(workshop), view="text")
    assert "Hello Alex Example" in page.select("pre.preview-source")[0].get_text()


def test_checks_name_an_unclosed_variable_and_lead_to_its_field(olga: PageClient, workshop: Workshop) -> None:
    page = open_draft(olga, make(workshop, body="Hello {{ name"))
    lines = page.select("#checks .check-bad a[href='#body']")
    assert any("never closed" in line.get_text() for line in lines)


# --- test, schedule, send ---


def test_the_bar_saves_what_was_typed_before_it_asks(olga: PageClient, workshop: Workshop) -> None:
    key = make_ready(workshop)
    page = olga.submit(open_draft(olga, key), "#compose", subject="Last word", then="send")
    assert page.path == f"{HOME}/{key}/send"
    assert "Last word" in page.text
    assert page.select("main button.btn-primary")[0].get_text(strip=True) == "Send to 3 people now"


def test_pressing_send_twice_sends_once(olga: PageClient, workshop: Workshop) -> None:
    key = make_ready(workshop)
    page = olga.get(f"{HOME}/{key}/send")
    first = olga.submit(page, follow=False)
    second = olga.submit(page, follow=False)
    assert (first.status, second.status) == (303, 303)
    assert stored(workshop, key).status == "processing"
    assert workshop.broker.waiting() == {"urgent": 1, "bulk": 0}


def test_the_question_counts_those_who_are_left_out(olga: PageClient, workshop: Workshop) -> None:
    key = make_ready(workshop, 4)
    for number, words in (
        (0, "1 more is suppressed or expired"), (1, "2 more are suppressed or expired"),
    ):  # fmt: skip
        with workshop.database.begin() as session:
            make_suppression(session, address=f"person{number}@example.org")
        assert words in olga.get(f"{HOME}/{key}/send").text


def test_a_draft_changed_in_another_tab_is_not_sent_unseen(olga: PageClient, workshop: Workshop) -> None:
    key = make_ready(workshop)
    question = olga.get(f"{HOME}/{key}/send")
    autosave(olga, open_draft(olga, key), subject="Changed meanwhile")
    page = olga.submit(question)
    assert stored(workshop, key).status == "draft"
    assert "changed in another window" in page.text


@pytest.mark.parametrize("step", ["send", "schedule"])
def test_what_blocks_is_said_before_the_button(olga: PageClient, workshop: Workshop, step: str) -> None:
    page = olga.get(f"{HOME}/{make(workshop)}/{step}")
    assert "Nobody is chosen" in page.text
    assert not page.select("main button.btn-primary")


def test_a_time_is_chosen_and_shown_in_both_zones(olga: PageClient, workshop: Workshop) -> None:
    key = make_ready(workshop)
    query = "date=2026-11-24&time=09:00&zone=America/New_York"
    answer = olga.fragment(f"{HOME}/{key}/-/when?{query}")
    assert "Tue 24 Nov 2026, 09:00 in America/New York" in answer.text
    assert "15:00 CET" in answer.text
    olga.submit(olga.get(f"{HOME}/{key}/schedule"), date="2026-11-24", time="09:00", zone="America/New_York")
    message = stored(workshop, key)
    assert (message.status, message.scheduled_wall) == ("scheduled", "2026-11-24T09:00")


@pytest.mark.parametrize(
    ("when", "words"),
    [
        ({"date": "2026-11-20", "time": "09:00"}, "Time lies in the past"),
        ({"date": "2027-03-28", "time": "02:30", "zone": "Europe/Berlin"}, "The clocks in Europe/Berlin go forward"),
        ({"date": "", "time": "09:00"}, "Date needs a day, like 24 November 2026."),
        ({"date": "2026-12-01", "time": ""}, "Time needs an hour and minutes, like 09:00."),
        ({"date": "2026-12-01", "time": "09:00", "zone": "Mars/Base"}, "does not exist"),
        ({"date": "2036-12-01", "time": "09:00"}, "more than two years"),
    ],
)
def test_a_time_that_cannot_be_is_refused_in_words(
    olga: PageClient, workshop: Workshop, when: dict[str, str], words: str
) -> None:
    key = make_ready(workshop)
    page = olga.submit(olga.get(f"{HOME}/{key}/schedule"), **when)
    assert page.status == 422
    assert words in page.text
    assert stored(workshop, key).status == "draft"


def test_a_test_goes_to_the_members_own_address_by_default(olga: PageClient, workshop: Workshop) -> None:
    page = olga.get(f"{HOME}/{make_ready(workshop)}/test")
    assert page.form().values["address"] == "olga@acme.example"


def test_a_test_says_that_nobody_else_gets_it_and_whose_values_it_has(olga: PageClient, workshop: Workshop) -> None:
    page = olga.get(f"{HOME}/{make_ready(workshop)}/test")
    assert "It goes to nobody else, at once" in page.text
    assert "Names and other values are those of Person 0." in page.text
    assert "person0@example.org" not in page.text, "nothing may look as if a recipient would get it"


@pytest.mark.parametrize(
    ("channel", "content", "asked", "keyboard"),
    [
        ("sms", {"text": "Hello"}, "Phone number", "tel"),
        ("push", {"title": "Hello", "body": ""}, "Push token", "text"),
    ],
)
def test_a_test_asks_for_an_address_of_its_channel_and_never_offers_an_email_there(
    olga: PageClient, workshop: Workshop, channel: str, content: dict[str, str], asked: str, keyboard: str
) -> None:
    page = olga.get(f"{HOME}/{make(workshop, channel=channel, content=content)}/test")
    assert page.form().values["address"] == ""
    assert page.select("label[for='address']")[0].get_text(strip=True) == asked
    assert page.select("#address")[0]["inputmode"] == keyboard
    page = olga.submit(page, address="not an address")
    assert page.status == 422
    assert page.select("label[for='address']")[0].get_text(strip=True) == asked, "it is asked again by the same name"


def test_a_test_without_an_address_or_a_provider_is_refused_in_words(olga: PageClient, workshop: Workshop) -> None:
    key = make(workshop)
    page = olga.submit(olga.get(f"{HOME}/{key}/test"), address="not an address")
    assert "needs an address like name@example.org" in page.text
    page = olga.submit(olga.get(f"{HOME}/{key}/test"), address="a@example.org")
    assert "No provider can send email" in page.text


def test_a_composer_who_may_not_send_is_not_offered_it(vera: PageClient, workshop: Workshop) -> None:
    assert vera.get(f"{HOME}/{make_ready(workshop)}/send").status == 403
