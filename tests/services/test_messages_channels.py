"""Messages of every channel: written, doubled, reviewed, tried out and read; what programs set is never lost."""

from datetime import UTC, datetime, timedelta

import jwt
import pytest
from sqlalchemy import select

from app.domain.channels import Channel
from app.domain.content import Content, EmailContent, PushContent, SmsContent
from app.domain.errors import Invalid, NotFound
from app.domain.permissions import Actor
from app.engine.plans import prepare_content
from app.models.contacts import Contact
from app.models.messages import Message
from app.models.providers import Provider
from app.services.lists.listing import Cursor
from app.services.messages import message_files, messages
from app.services.previews import message_sheets, preview
from app.services.programs import message_requests
from app.services.programs.message_requests import Request
from app.services.sending import sending
from app.services.work import Workshop
from app.services.writing import beginnings, drafts, test_send
from app.services.writing import composer as desks
from app.services.writing.drafts import Draft
from tests.conftest import START
from tests.factories import make_contact, make_file, make_target

CONTENTS = [
    EmailContent("News", format="text", body="Hi"), SmsContent("Hi {{ name }}"), PushContent(title="News", badge=0),
]  # fmt: skip


def write(workshop: Workshop, actor: Actor, content: Content, **audience: list[str]) -> str:
    with workshop.open(actor) as work:
        return messages.write(work, content, audience).id


def stored(workshop: Workshop, message_id: str) -> Message:
    with workshop.database.read() as session:
        return session.scalars(select(Message).where(Message.id == message_id)).one()


@pytest.mark.parametrize("content", CONTENTS)
def test_a_message_of_each_channel_is_kept_listed_and_doubled(
    any_workshop: Workshop, actor: Actor, content: Content
) -> None:
    key = write(any_workshop, actor, content, topics=["t"])
    with any_workshop.open(actor) as work:
        copy = messages.duplicate(work, key)
        lines = messages.list_messages(work, Cursor(), channel=copy.channel).items
    assert {line.title for line in lines} == {"Hi name" if isinstance(content, SmsContent) else "News"}
    assert (copy.content, copy.audience, copy.channel) == (
        content.to_json(), {"topics": ["t"], "contacts": [], "targets": []}, lines[0].channel,
    )  # fmt: skip
    assert [line.is_written_here for line in lines] == [True] * 2


@pytest.mark.parametrize("channel", list(Channel))
def test_an_empty_draft_of_each_channel_has_a_name(workshop: Workshop, actor: Actor, channel: Channel) -> None:
    with workshop.open(actor) as work:
        assert beginnings.begin(work, channel).title == f"Untitled {channel.noun}"


def test_an_audience_without_copies_says_nothing_of_them(workshop: Workshop, actor: Actor) -> None:
    key = write(workshop, actor, CONTENTS[0], topics=["t"], cc=[], emails=["a@example.org"])
    assert stored(workshop, key).audience == {
        "topics": ["t"], "contacts": [], "targets": [], "emails": ["a@example.org"],
    }  # fmt: skip


def test_what_a_program_set_survives_the_composer(workshop: Workshop, actor: Actor) -> None:
    email = EmailContent("News", body="Hi", reply_to="help@example.org", attachments=(("b", "f"),))
    key = write(workshop, actor, email, cc=["c"], emails=["a@example.org"])
    with workshop.open(actor) as work:
        drafts.save_draft(work, key, Draft({"subject": "New", "body": "Ho"}, (("topics", "t"), ("bogus", "x"))), 1)
    kept = stored(workshop, key)
    assert (
        kept.content == EmailContent("New", body="Ho", reply_to="help@example.org", attachments=(("b", "f"),)).to_json()
    )
    assert kept.audience == {
        "topics": ["t"], "contacts": [], "targets": [], "cc": ["c"], "emails": ["a@example.org"],
    }  # fmt: skip


def test_saving_what_is_stored_already_changes_nothing_also_with_copies(workshop: Workshop, actor: Actor) -> None:
    key = write(workshop, actor, EmailContent("News", reply_to="help@example.org"), cc=["c"])
    with workshop.open(actor) as work:
        assert drafts.save_draft(work, key, Draft({"subject": "News"}), 1).version == 1


@pytest.mark.parametrize("content", CONTENTS)
def test_the_worker_compiles_what_the_preview_shows(workshop: Workshop, actor: Actor, content: Content) -> None:
    key = write(workshop, actor, content)
    with workshop.read(actor) as work:
        shown = preview.preview(work, messages.find(work, key))
    assert prepare_content(stored(workshop, key)).render(shown.sample.recipient) == shown.rendered


@pytest.mark.parametrize(
    ("content", "codes"),
    [
        (SmsContent("Hi"), {"provider_missing", "audience_empty"}),
        (SmsContent(" "), {"text_empty", "provider_missing", "audience_empty"}),
        (PushContent(), {"title_empty", "provider_missing", "audience_empty"}),
        (PushContent(title="{{ a"), {"variable_unreadable", "provider_missing", "audience_empty"}),
    ],
)
def test_a_review_says_what_blocks_on_each_channel(
    workshop: Workshop, actor: Actor, content: Content, codes: set[str]
) -> None:
    key = write(workshop, actor, content)
    with workshop.read(actor) as work:
        found = preview.blocking(work, messages.find(work, key))
    assert {check.code for check in found} == codes
    assert not any("email" in check.sentence for check in found)


def test_variables_of_a_text_message_are_those_of_its_people(workshop: Workshop, actor: Actor) -> None:
    with workshop.database.begin() as session:
        ann = make_contact(session, name="Ann", phone="+447700900123", city="Bonn")
        ben = make_contact(session, name="Ben", phone="+447700900124")
        people = [ann.id, ben.id]
    key = write(workshop, actor, SmsContent("{{ phone }} {{ city }} {{ email }}"), contacts=people)
    with workshop.read(actor) as work:
        checks = preview.review(work, messages.find(work, key)).checks
    about = {check.code: check.sentence for check in checks if check.code.startswith("variable")}
    assert "1 of 2 people has no value for “city”" in about["variable_lacking"]
    assert "“email”" in about["variable_unknown"]
    assert "phone" not in "".join(about.values())


def test_the_desk_of_another_channel_can_be_laid_out_and_sent_from(workshop: Workshop, actor: Actor) -> None:
    key = write(workshop, actor, SmsContent("Hi {{ name }}"))
    with workshop.read(actor) as work:
        desk = desks.lay_out(work, key)
        assert desk.preview is not None
        assert (desk.preview.headline, desk.is_written_here) == ("Hi Alex Example", True)
        assert "Hi Alex Example" in desks.show(work, key, "")


def test_addresses_that_a_program_wrote_down_are_somebody(workshop: Workshop, actor: Actor) -> None:
    key = write(workshop, actor, EmailContent("News", format="text", body="Hi"), emails=["a@example.org"])
    with workshop.read(actor) as work:
        codes = {check.code for check in preview.blocking(work, messages.find(work, key))}
    assert codes == {"provider_missing"}


def test_a_sheet_names_who_is_in_copy_and_what_is_attached(workshop: Workshop, actor: Actor) -> None:
    with workshop.database.begin() as session:
        target = make_target(session, make_contact(session), address="ben@example.org").id
        make_file(session, "flyer.pdf")
    email = EmailContent("News", format="text", body="Hi", attachments=(("b", "f"), ("b", "gone")))
    key = write(workshop, actor, email, cc=[target, "gone"], emails=["a@example.org"])
    with workshop.read(actor) as work:
        sheet = message_sheets.lay_out_sheet(work, messages.find(work, key))
    assert (sheet.cc, sheet.bcc, sheet.emails) == (["ben@example.org", "gone (deleted)"], [], ["a@example.org"])
    assert sheet.files == ["flyer.pdf", "gone (deleted)"]


@pytest.mark.parametrize(("content", "has_preview"), [*zip(CONTENTS, [False, True, True], strict=True)])
def test_a_sheet_renders_what_no_frame_shows(
    workshop: Workshop, actor: Actor, content: Content, has_preview: bool
) -> None:
    key = write(workshop, actor, content)
    with workshop.read(actor) as work:
        assert (message_sheets.lay_out_sheet(work, messages.find(work, key)).preview is not None) is has_preview


def test_files_of_another_project_are_not_found(workshop: Workshop, actor: Actor) -> None:
    with workshop.database.begin() as session:
        make_file(session, mime_type="image/png")
    elsewhere = Actor(actor.kind, actor.name, project_pk=2, pk=1, permissions=actor.permissions)
    with workshop.read(elsewhere) as work:
        with pytest.raises(NotFound):
            message_files.require_attachments(work, [("b", "f")])
        with pytest.raises(NotFound):
            message_files.require_image(work, ("b", "f"))


def test_a_person_who_moves_a_push_of_a_program_moves_the_end_of_its_image_too(
    workshop: Workshop, actor: Actor
) -> None:
    with workshop.database.begin() as session:
        make_file(session, mime_type="image/png")
        make_contact(session, name="Ann")
        session.add(
            Provider(
                id="p", project_pk=1, name="FCM", kind="fcm", channel="push", credentials="", options={},
                created_at=START, updated_at=START,
            )
        )  # fmt: skip
        device = make_target(session, session.query(Contact).one(), address="token", channel="push").id
    request = Request(
        Channel.PUSH, {"title": "a", "image": ("b", "f")}, {"targets": [device]}, scheduled_at=START + timedelta(days=1)
    )  # fmt: skip
    with workshop.open(actor) as work:
        key = message_requests.create(work, request, "").id
    before = stored(workshop, key).content["image_url"]
    with workshop.open(actor) as work:
        sending.schedule(work, key, "2027-01-10T09:00", "UTC")
    after = stored(workshop, key).content["image_url"]
    ends = [jwt.decode(url.partition("jwt=")[2], options={"verify_signature": False})["exp"] for url in (before, after)]
    assert [datetime.fromtimestamp(end, UTC) for end in ends] == [
        START + timedelta(days=16), datetime(2027, 1, 25, 9, tzinfo=UTC),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "address", "rule"),
    [
        (SmsContent("Hi"), "nobody", "international number"),
        (SmsContent("Hi"), "a@example.org", "international number"),
        (PushContent(title="Hi"), "two words", "token of a device"),
        (PushContent(title="Hi"), "", "token of a device"),
    ],
)
def test_a_test_goes_to_an_address_of_its_channel_only(
    workshop: Workshop, actor: Actor, content: Content, address: str, rule: str
) -> None:
    key = write(workshop, actor, content)
    with pytest.raises(Invalid, match=rule):
        test_send.send_test(workshop, actor, key, address)


@pytest.mark.parametrize(
    ("content", "address"), [(SmsContent("Hi"), "+44 7700 900123"), (PushContent(title="a"), "tok")]
)
def test_a_test_without_a_provider_says_which_is_missing(
    workshop: Workshop, actor: Actor, content: Content, address: str
) -> None:
    key = write(workshop, actor, content)
    with pytest.raises(Invalid, match=r"No provider can send (SMS|push)\."):
        test_send.send_test(workshop, actor, key, address)


def test_a_test_of_a_vanished_attachment_is_refused_in_words(workshop: Workshop, actor: Actor) -> None:
    key = write(workshop, actor, EmailContent("News", format="text", body="Hi", attachments=(("b", "f"),)))
    with pytest.raises(Invalid) as caught:
        test_send.send_test(workshop, actor, key, "ed@example.org")
    assert list(caught.value.fields) == ["attachments"]
