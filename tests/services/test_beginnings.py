"""How a message begins: empty or from a template, for a time and for somebody."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from app.domain.content import content_of
from app.domain.errors import Invalid, NotFound
from app.domain.permissions import Actor
from app.models.messages import Message, MessageEvent
from app.services.messages import messages, templates
from app.services.work import Workshop
from app.services.writing import beginnings
from app.services.writing.beginnings import Wish
from tests.factories import make_contact, make_message, make_provider, make_topic


def events_of(workshop: Workshop, message_id: str) -> list[tuple[str, dict[str, object]]]:
    with workshop.database.read() as session:
        pk = session.scalars(select(Message.pk).where(Message.id == message_id)).one()
        mine = select(MessageEvent).where(MessageEvent.message_pk == pk).order_by(MessageEvent.pk)
        return [(event.event, event.details) for event in session.scalars(mine)]


def keep(workshop: Workshop, who: Actor, name: str = "News", **options: object) -> str:
    with workshop.database.begin() as session:
        message_id = make_message(session, status="sent", **options).id
    with workshop.open(who) as work:
        return templates.create(work, name, message_id).id


@pytest.mark.parametrize("channel", ["email", "push", "sms"])
def test_a_message_begins_empty_on_any_channel(workshop: Workshop, composer: Actor, channel: str) -> None:
    with workshop.open(composer) as work:
        message = beginnings.begin(work, channel)
        assert content_of(channel, message.content) == content_of(channel, {})
        assert (message.status, message.scheduled_at, message.template_pk) == ("draft", None, None)


def test_a_channel_that_does_not_exist_is_refused(workshop: Workshop, composer: Actor) -> None:
    with pytest.raises(Invalid, match="choose email, sms, push"), workshop.open(composer) as work:
        beginnings.begin(work, "fax")


def test_a_message_from_a_template_remembers_which_version_it_was(workshop: Workshop, composer: Actor) -> None:
    template_id = keep(workshop, composer, subject="Autumn")
    with workshop.open(composer) as work:
        message = beginnings.begin_from(work, template_id)
        assert (message.title, message.template_version) == ("Autumn", 1)
        assert templates.origin_of(work, message) is not None
        assert not beginnings.is_for_template(work, message)
    assert events_of(workshop, message.id) == [("created", {}), ("from_template", {"name": "News", "version": 1})]


def test_a_time_is_kept_as_the_wall_shows_it_there(any_workshop: Workshop, composer: Actor) -> None:
    with any_workshop.open(composer) as work:
        message = beginnings.begin(work, "email", Wish("2026-11-24T09:00", "America/New_York"))
        assert message.scheduled_at == datetime(2026, 11, 24, 14, 0, tzinfo=UTC)
        assert (message.scheduled_wall, message.scheduled_zone) == ("2026-11-24T09:00", "America/New_York")
        assert message.status == "draft"


def test_a_time_without_a_zone_is_the_projects(workshop: Workshop, composer: Actor) -> None:
    with workshop.open(composer) as work:
        message = beginnings.begin(work, "email", Wish("2026-11-24T09:00"))
        assert (message.scheduled_at, message.scheduled_zone) == (
            datetime(2026, 11, 24, 8, 0, tzinfo=UTC), "Europe/Berlin"
        )  # fmt: skip


@pytest.mark.parametrize(
    ("at", "zone", "sentence"),
    [
        ("2026-11-20T09:00", "Europe/Berlin", "lies in the past"),
        ("2030-01-01T09:00", "Europe/Berlin", "more than two years ahead"),
        ("2027-03-28T02:30", "Europe/Berlin", "go forward over 02:30"),
        ("tomorrow", "Europe/Berlin", "needs a date and a time"),
        ("2026-11-24T09:00", "Europe/Atlantis", "does not exist"),
    ],
)
def test_a_time_that_cannot_be_is_refused_and_nothing_begins(
    workshop: Workshop, composer: Actor, at: str, zone: str, sentence: str
) -> None:
    with pytest.raises(Invalid, match=sentence), workshop.open(composer) as work:
        beginnings.begin(work, "email", Wish(at, zone))
    with workshop.read(composer) as work:
        assert sentence in beginnings.look_ahead(work, Wish(at, zone)).refusal
        assert messages.is_empty(work)


def test_an_audience_that_is_named_is_chosen_already(workshop: Workshop, composer: Actor) -> None:
    with workshop.database.begin() as session:
        topic, contact = make_topic(session), make_contact(session)
    with workshop.open(composer) as work:
        message = beginnings.begin(work, "sms", Wish(topic=topic.id, contact=contact.id))
        assert message.audience == {"topics": [topic.id], "contacts": [contact.id], "targets": []}


@pytest.mark.parametrize("wish", [Wish(topic="nowhere"), Wish(contact="nobody")])
def test_an_audience_that_does_not_exist_leads_nowhere(workshop: Workshop, composer: Actor, wish: Wish) -> None:
    with pytest.raises(NotFound), workshop.open(composer) as work:
        beginnings.begin(work, "email", wish)


def test_each_channel_says_whether_anything_carries_it_and_which_templates_were_used_last(
    workshop: Workshop, composer: Actor
) -> None:
    with workshop.open(composer) as work:
        make_provider(work)
    for number in range(6):
        keep(workshop, composer, f"News {number}")
    with workshop.read(composer) as work:
        ways = {way.channel: way for way in beginnings.ways(work)}
    assert {name: way.has_provider for name, way in ways.items()} == {"email": True, "push": False, "sms": False}
    assert [template.name for template in ways["email"].templates] == ["News 5", "News 4", "News 3", "News 2"]
    assert (ways["email"].total, ways["sms"].total) == (6, 0)


def test_a_draft_that_was_only_written_for_a_template_can_end_with_it(workshop: Workshop, composer: Actor) -> None:
    template_id = keep(workshop, composer)
    with workshop.open(composer) as work:
        draft = beginnings.begin_from(work, template_id, for_template=True)
        assert beginnings.is_for_template(work, draft)
    with workshop.open(composer) as work:
        assert beginnings.end_draft(work, draft.id)
    with pytest.raises(NotFound), workshop.read(composer) as work:
        messages.find(work, draft.id)


def test_what_is_more_than_a_draft_does_not_end_with_it(workshop: Workshop, composer: Actor) -> None:
    with workshop.database.begin() as session:
        message_id = make_message(session, status="scheduled").id
    with workshop.open(composer) as work:
        assert not beginnings.end_draft(work, message_id)
        assert messages.find(work, message_id).status == "scheduled"
