"""Text messages and pushes in the dashboard: shown, written, sent, doubled."""

import pytest

from app.domain.content import Content, EmailContent, PushContent, SmsContent
from app.domain.permissions import Actor
from app.models.messages import Message
from app.services.messages import messages
from app.services.work import Workshop
from tests.conftest import START
from tests.factories import make_contact, make_file, make_provider, make_target
from tests.web.page_client import PageClient

HOME = "/p/default/messages"
SMS = SmsContent("Dear {{ name }},\nyour table is ready “now” <b>& waiting</b>.")
PUSH = PushContent(
    title="Rain <i>soon</i>", body="Take an umbrella, {{ nick }}", action="https://example.org/rain", image=("b", "f"),
    sound="ping", badge=0, critical=True, priority="normal", data={"city": "Bonn", "deep": {"a": [1]}},
)  # fmt: skip


def make(workshop: Workshop, actor: Actor, content: Content, status: str = "draft", **audience: list[str]) -> str:
    with workshop.open(actor) as work:
        message = messages.write(work, content, audience)
        message.status = status
        message.scheduled_at = START if status == "scheduled" else None
        return f"{HOME}/{message.id}"


def test_a_text_message_is_shown_as_its_first_reader_gets_it(
    workshop: Workshop, actor: Actor, olga: PageClient
) -> None:
    page = olga.get(make(workshop, actor, SMS, topics=["t"]))
    bubble = page.select(".bubble")[0].get_text()
    assert bubble == "Dear Alex Example,\nyour table is ready “now” <b>& waiting</b>."
    assert "For Alex Example: 62 of 70 characters (UCS-2), charged as 1 part." in page.text
    assert "is not in the plain alphabet of text messages" in page.text
    assert not page.select("iframe")


def test_a_push_is_shown_with_everything_it_does(workshop: Workshop, actor: Actor, olga: PageClient) -> None:
    with workshop.database.begin() as session:
        make_file(session, "rain.png", mime_type="image/png")
    page = olga.get(make(workshop, actor, PUSH))
    assert page.select(".ios-words")[0].get_text(" ", strip=True) == "Rain <i>soon</i> Take an umbrella,"
    assert page.select(".android-words")[0].get_text(" ", strip=True) == "Rain <i>soon</i> Take an umbrella,"
    for words in (
        "rain.png",
        "https://example.org/rain",
        "ping",
        "Cleared",
        "Normal: it may wait",
        "Bonn",
        '{"a": [1]}',
    ):
        assert words in page.text
    assert "has no value for nick" in page.text


def test_a_silent_push_says_so(workshop: Workshop, actor: Actor, olga: PageClient) -> None:
    page = olga.get(make(workshop, actor, PushContent(data={"sync": True}, content_available=True)))
    assert "Nobody sees this: the app wakes up" in page.text


def test_an_email_says_who_is_in_copy_and_what_is_attached(workshop: Workshop, actor: Actor, olga: PageClient) -> None:
    with workshop.database.begin() as session:
        boss = make_target(session, make_contact(session), address="boss@example.org").id
        make_file(session, "flyer.pdf")
    email = EmailContent("News", body="Hi", reply_to="help@example.org", attachments=(("b", "f"),))
    page = olga.get(make(workshop, actor, email, cc=[boss], bcc=["gone"], emails=["extra@example.net"]))
    assert page.select("iframe")
    for words in ("boss@example.org", "gone (deleted)", "extra@example.net", "help@example.org", "flyer.pdf"):
        assert words in page.text


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (EmailContent("News", body="Hi", attachments=(("b", "f"),)), "Nobody will get it as it is"),
        (PUSH, "Its picture was deleted"),
    ],
)
def test_what_waits_without_a_file_of_it_says_so_and_where_to_mend_it(
    workshop: Workshop, actor: Actor, olga: PageClient, content: Content, words: str
) -> None:
    page = olga.get(make(workshop, actor, content, "scheduled"))
    assert words in page.text
    assert "Take it back to draft" in page.text
    assert "Take it back" not in olga.get(make(workshop, actor, content)).text
    assert words not in olga.get(make(workshop, actor, content, "sent")).text
    with workshop.database.begin() as session:
        make_file(session, "rain.png", mime_type="image/png")
    assert words not in olga.get(make(workshop, actor, content, "scheduled")).text


def test_another_time_for_what_is_scheduled_is_called_so(workshop: Workshop, actor: Actor, olga: PageClient) -> None:
    assert olga.get(f"{make(workshop, actor, SMS, 'scheduled')}/schedule").select("h1")[0].get_text() == "Reschedule"
    assert olga.get(f"{make(workshop, actor, SMS)}/schedule").select("h1")[0].get_text() == "Schedule"


@pytest.mark.parametrize("content", [SMS, PUSH])
@pytest.mark.parametrize("status", ["draft", "scheduled", "processing", "sent"])
def test_every_question_about_another_channel_has_a_page(
    workshop: Workshop, actor: Actor, olga: PageClient, content: Content, status: str
) -> None:
    path = make(workshop, actor, content, status)
    for place in (HOME, path, "/p/default"):
        assert olga.get(place).status == 200
    for question in ("send", "schedule", "test", "delete", "cancel", "retry", "edit", "verify"):
        assert olga.get(f"{path}/{question}").status == 200


@pytest.mark.parametrize(
    ("content", "typed"),
    [
        (SMS, {"text": "New {{ name }}"}),
        (PUSH, {"title": "New", "body": "{{ nick }}", "color": "#0f766e", "priority": "high"}),
    ],
)
def test_the_composer_writes_each_channel_and_keeps_what_was_not_typed(
    workshop: Workshop, actor: Actor, olga: PageClient, content: Content, typed: dict[str, str]
) -> None:
    path = make(workshop, actor, content)
    page = olga.get(f"{path}/edit")
    assert page.status == 200
    saved = olga.submit(page, "#compose", **typed, then="save")
    assert saved.path == f"{path}/edit"
    with workshop.database.read() as session:
        stored = session.query(Message).one().content
    kept = {name: value for name, value in content.to_json().items() if name not in {*typed, "image_url"}}
    assert {name: stored[name] for name in kept} == kept
    assert {name: stored.get(name) for name in typed if name != "priority"} | {"priority": ""} == {
        **typed, "priority": "",
    }  # fmt: skip


@pytest.mark.parametrize("content", [SMS, PUSH])
def test_a_duplicate_of_any_channel_opens_in_the_composer(
    workshop: Workshop, actor: Actor, olga: PageClient, content: Content
) -> None:
    path = make(workshop, actor, content, "sent")
    page = olga.submit(olga.get(path), f"form[action='{path}/duplicate']")
    assert page.path.startswith(HOME)
    assert page.path.endswith("/edit")
    assert not page.path.startswith(path)


def test_words_of_another_channel_change_nothing(workshop: Workshop, actor: Actor, olga: PageClient) -> None:
    path = make(workshop, actor, SMS)
    token = olga.get(f"{HOME}/new").form().values["csrf_token"]
    typed = {"version": "1", "subject": "New", "format": "text", "body": "New", "csrf_token": token}
    assert olga.post(f"{path}/edit", **typed).status == 200
    assert olga.fragment(f"{path}/-/preview").status == 200
    with workshop.database.read() as session:
        assert session.query(Message).one().content == SMS.to_json()


def test_a_chosen_provider_carries_the_message_and_can_be_let_go(
    workshop: Workshop, actor: Actor, olga: PageClient
) -> None:
    with workshop.open(actor) as work:
        chosen = make_provider(work)
    path = make(workshop, actor, EmailContent("News", body="Hi"))
    olga.submit(olga.get(f"{path}/edit"), "#compose", provider=chosen.id, then="save")
    with workshop.database.read() as session:
        assert session.query(Message).one().provider_pk == chosen.pk
    page = olga.get(f"{path}/edit")
    assert page.form("#compose").values["provider"] == chosen.id
    refused = olga.submit(page, "#compose", provider="nobody", then="save")
    assert "This provider does not exist any more, or sends no email" in refused.text
    olga.submit(page, "#compose", provider="", then="save")
    with workshop.database.read() as session:
        assert session.query(Message).one().provider_pk is None


def test_an_image_is_put_on_a_push_and_taken_away_by_a_button_alone(
    workshop: Workshop, actor: Actor, olga: PageClient
) -> None:
    with workshop.database.begin() as session:
        make_file(session, "rain.png", mime_type="image/png")
        make_file(session, "rain.pdf", mime_type="application/pdf", id="p")
    path = make(workshop, actor, PushContent(title="Rain"))
    token = olga.get(f"{HOME}/new").form().values["csrf_token"]

    def press(version: int, **button: str) -> tuple[int, dict[str, object]]:
        status = olga.post(f"{path}/edit", csrf_token=token, keep=str(version), **button).status
        with workshop.database.read() as session:
            return status, session.query(Message).one().content

    status, stored = press(1, attach="b:f")
    assert (status, stored["image"], stored["title"]) == (200, ["b", "f"], "Rain")
    assert str(stored["image_url"]).startswith("http")
    assert press(2, attach="b:p") == (422, stored)
    assert press(2, attach="b:gone") == (422, stored)
    status, stored = press(2, detach="b:f")
    assert (status, "image" in stored, stored["title"]) == (200, False, "Rain")


def test_the_question_before_sending_counts_copies_too(workshop: Workshop, actor: Actor, olga: PageClient) -> None:
    with workshop.open(actor) as work:
        make_provider(work)
        ann = make_target(work.session, make_contact(work.session), address="ann@example.org").id
    email = EmailContent("News", format="text", body="Hi")
    path = make(workshop, actor, email, targets=[ann], emails=["a@example.net", "b@example.net"])
    page = olga.get(f"{path}/send")
    assert "Send to 3 people now" in page.text
