"""The list of messages and what begins, doubles and ends one."""

import pytest

from app.domain.content import content_of
from app.domain.permissions import Actor
from app.services.messages import messages
from app.services.work import Workshop
from tests.conftest import START
from tests.factories import make_message
from tests.web.page_client import PageClient

HOME = "/p/default/messages"


def make(workshop: Workshop, **options: object) -> str:
    with workshop.database.begin() as session:
        return str(make_message(session, **options).id)


def test_an_empty_project_offers_the_first_message(olga: PageClient) -> None:
    page = olga.get(HOME)
    assert "No messages yet" in page.text
    assert page.select(f"main a[href='{HOME}/new']")


def test_a_new_message_asks_one_question_and_opens_the_composer(olga: PageClient) -> None:
    page = olga.submit(olga.get(f"{HOME}/new"))
    assert page.heading == "Write an email"
    assert page.path.endswith("/edit")


def test_a_channel_that_does_not_exist_is_refused_in_words(olga: PageClient) -> None:
    token = olga.get(f"{HOME}/new").form().values["csrf_token"]
    assert olga.post(f"{HOME}/new", channel="fax", csrf_token=token).status == 400


def test_the_list_is_searched_by_words_of_the_title(olga: PageClient, workshop: Workshop) -> None:
    make(workshop, subject="Autumn news")
    make(workshop, subject="Winter sale")
    page = olga.get(HOME, q="NEWS aut")
    assert "Autumn news" in page.text
    assert "Winter sale" not in page.text


def test_a_search_without_a_match_says_so(olga: PageClient, workshop: Workshop) -> None:
    make(workshop)
    assert "No title has these words. Try fewer words." in olga.get(HOME, q="nothing like it").text
    assert "None fits the filters." in olga.get(HOME, phase="sent").text


def test_the_list_is_filtered_by_state(olga: PageClient, workshop: Workshop) -> None:
    make(workshop, subject="Old draft")
    make(workshop, subject="Sent one", status="sent")
    page = olga.get(HOME, phase="sent")
    assert "Sent one" in page.text
    assert "Old draft" not in page.text


def test_the_list_is_filtered_by_channel_together_with_the_state(olga: PageClient, workshop: Workshop) -> None:
    make(workshop, subject="Letter", status="sent")
    make(workshop, subject="Short words", channel="sms", content={"text": "Short words"}, status="sent")
    page = olga.get(HOME, phase="sent", channel="sms")
    assert [link.get_text() for link in page.select("#messages td.first a")] == ["Short words"]
    chosen = [option["value"] for option in page.select(".toolbar option[selected]")]
    assert chosen == ["sent", "sms"]


def test_each_time_says_what_happens_or_happened_then(olga: PageClient, workshop: Workshop) -> None:
    make(workshop)
    make(workshop, status="scheduled", scheduled_at=START)
    make(workshop, status="sent", started_at=START)
    assert [words.get_text() for words in olga.get(HOME).select("#messages .moment")] == [
        "went out", "goes out", "changed",
    ]  # fmt: skip


def test_the_search_swaps_the_table_alone_under_htmx(olga: PageClient, workshop: Workshop) -> None:
    make(workshop)
    fragment = olga.fragment(f"{HOME}?q=autumn")
    assert fragment.select("#messages")
    assert not fragment.select("h1")


def test_the_list_goes_on_to_older_messages(olga: PageClient, workshop: Workshop) -> None:
    with workshop.database.begin() as session:
        for number in range(55):
            make_message(session, subject=f"Number {number}")
    first = olga.get(HOME)
    assert "Number 54" in first.text
    older = olga.get(str(first.select("a[rel='next']")[0]["href"]))
    assert "Number 0" in older.text


def test_a_duplicate_opens_as_a_new_draft(olga: PageClient, workshop: Workshop) -> None:
    original = make(workshop, status="sent")
    listed = olga.get(HOME)
    button = listed.select("button[aria-label='Duplicate Autumn news']")[0]
    page = olga.post(str(button["formaction"]), csrf_token=listed.form().values["csrf_token"])
    assert page.heading == "Write an email"
    assert original not in page.path


def test_ticked_messages_are_duplicated_together_and_stand_on_top(olga: PageClient, workshop: Workshop) -> None:
    ticked = [make(workshop, subject=f"Number {number}", status="sent") for number in range(3)][1:]
    page = olga.submit(olga.get(HOME), "form.messages-list", message=ticked[::-1])
    assert "2 duplicated. The new drafts stand on top." in page.text
    titles = [link.get_text() for link in page.select("#messages td.first a")]
    assert titles == ["Number 2", "Number 1", "Number 2", "Number 1", "Number 0"]


@pytest.mark.parametrize("ticked", [[], ["nowhere"]])
def test_nothing_is_duplicated_when_nothing_was_ticked_or_one_is_gone(
    olga: PageClient, workshop: Workshop, ticked: list[str]
) -> None:
    original = make(workshop)
    page = olga.submit(olga.get(HOME), "form.messages-list", message=[*ticked, original] if ticked else None)
    assert page.status == (404 if ticked else 400)
    assert len(olga.get(HOME).select("#messages tbody tr")) == 1


@pytest.mark.parametrize(
    ("channel", "content"),
    [
        ("email", {"subject": "Bells", "format": "text", "body": "Hi", "attachments": [["b", "f"]]}),
        ("push", {"title": "Bells", "body": "Hi", "data": {"a": 1}, "priority": "high", "image": ["b", "f"]}),
        ("sms", {"text": "Bells"}),
    ],
)
def test_a_message_of_any_channel_is_duplicated_with_its_files_and_its_provider_and_without_its_time(
    olga: PageClient, workshop: Workshop, actor: Actor, channel: str, content: dict[str, object]
) -> None:
    original = make(
        workshop, channel=channel, content=content, subject="Bells", status="scheduled", scheduled_at=START,
        provider_pk=7, template_pk=3, template_version=2, audience={"topics": ["news"], "emails": ["a@example.org"]},
    )  # fmt: skip
    answer = olga.submit(olga.get(f"{HOME}/{original}"), f"form[action$='{original}/duplicate']", follow=False)
    assert answer.headers["Location"].endswith("/edit")
    with workshop.read(actor) as work:
        first, copy = (messages.find(work, id) for id in (original, answer.headers["Location"].split("/")[-2]))
        assert (copy.title, copy.status, copy.scheduled_at) == ("Bells", "draft", None)
        assert content_of(channel, copy.content).files == content_of(channel, first.content).files
        assert copy.audience == {**first.audience, "emails": ["a@example.org"]}
        assert (copy.provider_pk, copy.template_pk, copy.template_version) == (7, 3, 2)


def test_deleting_asks_first_and_then_deletes(olga: PageClient, workshop: Workshop) -> None:
    message = make(workshop, subject="Autumn news")
    page = olga.submit(olga.get(f"{HOME}/{message}/delete"))
    assert page.path == HOME
    assert "No messages yet" in page.text


def test_deleting_a_scheduled_message_says_when_it_would_have_gone_out(olga: PageClient, workshop: Workshop) -> None:
    message = make(workshop, status="scheduled", scheduled_at=START)
    assert "goes out on Sat 21 Nov 2026, 10:00 CET" in olga.get(f"{HOME}/{message}/delete").text


def test_a_viewer_sees_the_list_and_may_not_write(vera: PageClient, workshop: Workshop) -> None:
    message = make(workshop)
    assert vera.get(HOME).status == 200
    assert not vera.get(HOME).select("#messages form, #messages [type='checkbox']")
    assert vera.get(f"{HOME}/{message}/edit").status == 403
