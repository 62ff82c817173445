"""Text messages and pushes that programs made, in the dashboard: shown, sent, doubled, and never in the composer."""

import pytest

from app.domain.content import Content, EmailContent, PushContent, SmsContent
from app.domain.permissions import Actor
from app.models.messages import Message
from app.services import messages
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
    assert "62 of 70 characters (UCS-2): charged as 1 message" in page.text
    assert "is not in the plain alphabet of text messages" in page.text
    assert not page.select("iframe")


def test_a_push_is_shown_with_everything_it_does(workshop: Workshop, actor: Actor, olga: PageClient) -> None:
    with workshop.database.begin() as session:
        make_file(session, "rain.png", mime_type="image/png")
    page = olga.get(make(workshop, actor, PUSH))
    assert page.select(".notification")[0].get_text(" ", strip=True) == "Rain <i>soon</i> Take an umbrella,"
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
    assert "Nothing is shown: the app wakes up" in page.text


def test_an_email_says_who_is_in_copy_and_what_is_attached(workshop: Workshop, actor: Actor, olga: PageClient) -> None:
    with workshop.database.begin() as session:
        boss = make_target(session, make_contact(session), address="boss@example.org").id
        make_file(session, "flyer.pdf")
    email = EmailContent("News", body="Hi", reply_to="help@example.org", attachments=(("b", "f"),))
    page = olga.get(make(workshop, actor, email, cc=[boss], bcc=["gone"], emails=["extra@example.net"]))
    assert page.select("iframe")
    for words in ("boss@example.org", "gone (deleted)", "extra@example.net", "help@example.org", "flyer.pdf"):
        assert words in page.text


@pytest.mark.parametrize("content", [SMS, PUSH])
@pytest.mark.parametrize("status", ["draft", "scheduled", "processing", "sent"])
def test_no_page_of_another_channel_leads_into_the_composer(
    workshop: Workshop, actor: Actor, olga: PageClient, content: Content, status: str
) -> None:
    path = make(workshop, actor, content, status)
    for place in (HOME, path, "/p/default"):
        page = olga.get(place)
        assert page.status == 200
        assert not page.select(f"a[href='{path}/edit']")
    for question in ("send", "schedule", "test", "delete", "cancel", "retry", "edit", "verify"):
        assert olga.get(f"{path}/{question}").status == 200


@pytest.mark.parametrize("content", [SMS, PUSH])
def test_a_draft_of_a_program_can_be_sent_from_its_page_and_says_where_to_change_it(
    workshop: Workshop, actor: Actor, olga: PageClient, content: Content
) -> None:
    path = make(workshop, actor, content)
    page = olga.get(path)
    assert "its words can be changed over the API" in page.text
    question = olga.get(str(page.select("#act-send")[0]["href"]))
    assert question.select(f"a[href='{path}']")
    assert "Nobody is chosen" in question.text
    assert page.select("#act-when")[0].get_text(strip=True) == "Schedule"


@pytest.mark.parametrize("content", [SMS, PUSH])
def test_a_duplicate_of_another_channel_opens_on_its_own_page(
    workshop: Workshop, actor: Actor, olga: PageClient, content: Content
) -> None:
    path = make(workshop, actor, content, "sent")
    page = olga.submit(olga.get(HOME), f"form[action='{path}/duplicate']")
    assert page.path.startswith(HOME)
    assert page.path not in {path, f"{path}/edit"}
    assert "This is a draft" in page.text


def test_a_post_to_the_composer_does_not_write_over_a_text_message(
    workshop: Workshop, actor: Actor, olga: PageClient
) -> None:
    path = make(workshop, actor, SMS)
    token = olga.get(f"{HOME}/new").form().values["csrf_token"]
    typed = {"version": "1", "subject": "New", "format": "text", "body": "New", "csrf_token": token}
    assert olga.post(f"{path}/edit", **typed).status == 409
    assert olga.post(f"{path}/-/save", **typed).status == 409
    assert olga.get(f"{path}/-/preview").status == 409
    with workshop.database.read() as session:
        assert session.query(Message).one().content == SMS.to_json()


def test_the_question_before_sending_counts_copies_too(workshop: Workshop, actor: Actor, olga: PageClient) -> None:
    with workshop.open(actor) as work:
        make_provider(work)
        ann = make_target(work.session, make_contact(work.session), address="ann@example.org").id
    email = EmailContent("News", format="text", body="Hi")
    path = make(workshop, actor, email, targets=[ann], emails=["a@example.net", "b@example.net"])
    page = olga.get(f"{path}/send")
    assert "Send to 3 people now" in page.text
