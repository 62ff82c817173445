"""Writing, saving, finding, doubling and deleting messages."""

import pytest
from sqlalchemy import select

from app.domain.errors import Conflict, Forbidden, Invalid, NotFound
from app.domain.permissions import Actor
from app.models.audit import AuditEntry
from app.models.messages import Message, MessageEvent
from app.services.lists.listing import Cursor
from app.services.messages import messages
from app.services.work import Workshop
from app.services.writing import beginnings, drafts
from app.services.writing.drafts import Draft, StaleDraft
from tests.conftest import FakeClock
from tests.factories import make_message, make_topic


def write(**fields: str) -> Draft:
    return Draft(fields)


def begin(workshop: Workshop, actor: Actor) -> str:
    with workshop.open(actor) as work:
        return beginnings.begin(work, "email").id


def stored(workshop: Workshop, message_id: str) -> Message:
    with workshop.database.read() as session:
        return session.scalars(select(Message).where(Message.id == message_id)).one()


def test_a_new_draft_is_empty_and_belongs_to_its_author(workshop: Workshop, composer: Actor) -> None:
    message = stored(workshop, begin(workshop, composer))
    assert (message.title, message.status, message.author_name) == ("Untitled email", "draft", "Ed")
    assert message.audience == {"topics": [], "contacts": [], "targets": []}


def test_a_viewer_cannot_begin_a_message(workshop: Workshop, viewer: Actor) -> None:
    with pytest.raises(Forbidden), workshop.open(viewer) as work:
        beginnings.begin(work, "email")


def test_saving_stores_what_was_typed_and_names_the_message_after_its_subject(
    workshop: Workshop, composer: Actor
) -> None:
    key = begin(workshop, composer)
    with workshop.open(composer) as work:
        drafts.save_draft(work, key, write(subject="Autumn NEWS", body="Hello"), 1)
    message = stored(workshop, key)
    assert (message.title, message.title_key, message.version) == ("Autumn NEWS", "autumn news", 2)
    assert message.content["body"] == "Hello"


def test_saving_what_is_stored_already_changes_nothing(workshop: Workshop, composer: Actor) -> None:
    key = begin(workshop, composer)
    with workshop.open(composer) as work:
        drafts.save_draft(work, key, write(subject="One"), 1)
    with workshop.open(composer) as work:
        assert drafts.save_draft(work, key, write(subject="One"), 1).version == 2


def test_a_stale_save_is_refused_with_who_and_when_and_keeps_what_was_saved(
    workshop: Workshop, composer: Actor, actor: Actor, clock: FakeClock
) -> None:
    key = begin(workshop, actor)
    clock.move(60)
    with workshop.open(composer) as work:
        drafts.save_draft(work, key, write(subject="Ed's"), 1)
    with pytest.raises(StaleDraft) as caught, workshop.open(actor) as work:
        drafts.save_draft(work, key, write(subject="Olga's"), 1)
    assert (caught.value.saved_by, caught.value.saved_at, caught.value.theirs) == ("Ed", clock.now(), 2)
    assert stored(workshop, key).title == "Ed's"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"subject": "One\r\nBcc: all@example.org"}, "subject"),
        ({"subject": "One\0two"}, "subject"),
        ({"subject": "s" * 999}, "subject"),
        ({"preheader": "a\nb"}, "preheader"),
        ({"body": "<p>\0</p>", "format": "html"}, "body"),
        ({"body": "x" * 10_000_000, "format": "html"}, "body"),
        ({"format": "exe"}, "format"),
    ],
)
def test_what_cannot_be_stored_is_refused_by_field_and_nothing_is_lost(
    workshop: Workshop, composer: Actor, fields: dict[str, str], field: str
) -> None:
    key = begin(workshop, composer)
    with workshop.open(composer) as work:
        drafts.save_draft(work, key, write(subject="Good", body="Good"), 1)
    with pytest.raises(Invalid) as caught, workshop.open(composer) as work:
        drafts.save_draft(work, key, write(**{"subject": "New", "body": "New", **fields}), 2)
    assert list(caught.value.fields) == [field]
    assert stored(workshop, key).content["body"] == "Good"


def test_choosing_adds_each_thing_once_in_order_and_removing_takes_it_away(workshop: Workshop, composer: Actor) -> None:
    key = begin(workshop, composer)
    with workshop.open(composer) as work:
        add = (("topics", "news"), ("topics", "sale"), ("topics", "news"), ("contacts", "ann"))
        drafts.save_draft(work, key, Draft(add=add), 1)
    with workshop.open(composer) as work:
        drafts.save_draft(work, key, Draft(remove=(("topics", "news"),)), 2)
    assert stored(workshop, key).audience == {"topics": ["sale"], "contacts": ["ann"], "targets": []}


def test_an_audience_of_too_many_single_things_is_refused(workshop: Workshop, composer: Actor) -> None:
    key = begin(workshop, composer)
    add = tuple(("targets", f"t{number}") for number in range(1001))
    with pytest.raises(Invalid, match="Use a topic"), workshop.open(composer) as work:
        drafts.save_draft(work, key, Draft(add=add), 1)


@pytest.mark.parametrize("status", ["scheduled", "processing", "sent", "failed"])
def test_only_a_draft_is_changed(workshop: Workshop, composer: Actor, status: str) -> None:
    with workshop.database.begin() as session:
        key = make_message(session, status=status).id
    with pytest.raises(Conflict), workshop.open(composer) as work:
        drafts.save_draft(work, key, write(subject="New"), 1)


def test_one_sitting_is_one_line_of_the_trail(workshop: Workshop, composer: Actor, clock: FakeClock) -> None:
    key = begin(workshop, composer)
    for number, pause in enumerate((1, 1, 1, 3600)):
        clock.move(pause)
        with workshop.open(composer) as work:
            drafts.save_draft(work, key, write(subject=f"Try {number}"), number + 1)
    with workshop.database.read() as session:
        events = session.scalars(select(AuditEntry.event).order_by(AuditEntry.pk)).all()
    assert events == ["message.create", "message.edit", "message.edit"]


def test_a_duplicate_has_the_same_content_and_audience(workshop: Workshop, composer: Actor) -> None:
    with workshop.database.begin() as session:
        topic = make_topic(session)
        source = make_message(session, status="sent", audience={"topics": [topic.id]})
    with workshop.open(composer) as work:
        copy = messages.duplicate(work, source.id)
    assert (copy.content, copy.audience, copy.status) == (source.content, source.audience, "draft")
    assert copy.id != source.id


def test_a_deleted_message_is_gone_with_its_timeline(workshop: Workshop, composer: Actor) -> None:
    key = begin(workshop, composer)
    with workshop.open(composer) as work:
        messages.remove(work, key)
    with pytest.raises(NotFound), workshop.read(composer) as work:
        messages.find(work, key)
    with workshop.database.read() as session:
        assert session.scalars(select(MessageEvent)).all() == []


def test_a_message_that_is_being_sent_is_not_deleted(workshop: Workshop, composer: Actor) -> None:
    with workshop.database.begin() as session:
        key = make_message(session, status="processing").id
    with pytest.raises(Conflict, match="Cancel it first"), workshop.open(composer) as work:
        messages.remove(work, key)


def test_percent_and_underscore_are_searched_as_they_are(workshop: Workshop, viewer: Actor) -> None:
    with workshop.database.begin() as session:
        make_message(session, subject="50% off")
        make_message(session, subject="500 ways")
    with workshop.read(viewer) as work:
        titles = [line.title for line in messages.list_messages(work, Cursor(), words="50%").items]
    assert titles == ["50% off"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("news autumn", ["Autumn news"]),
        ("AUT", ["Autumn news", "Automne à Paris"]),
        ("news aut", ["Autumn news"]),
        ("paris a", ["Automne à Paris"]),
        ("summer", []),
        ("aut %", []),
        ("%", ["50% off"]),
    ],
)
def test_the_list_is_searched_by_whole_words_and_the_beginning_of_the_last(
    any_workshop: Workshop, viewer: Actor, words: str, expected: list[str]
) -> None:
    with any_workshop.database.begin() as session:
        for subject in ("50% off", "Automne à Paris", "Autumn news"):
            make_message(session, subject=subject)
    with any_workshop.read(viewer) as work:
        titles = [line.title for line in messages.list_messages(work, Cursor(), words=words).items]
    assert titles == expected


def test_the_list_tells_paused_and_cancelled_from_sending(workshop: Workshop, viewer: Actor, clock: FakeClock) -> None:
    with workshop.database.begin() as session:
        make_message(session, status="processing", subject="Goes")
        make_message(session, status="processing", subject="Stands", paused_at=clock.now())
        make_message(session, status="failed", subject="Ended", cancelled_at=clock.now())
    with workshop.read(viewer) as work:
        found = {
            phase: [line.title for line in messages.list_messages(work, Cursor(), phase=phase).items]
            for phase in ("sending", "paused", "cancelled", "failed")
        }
    assert found == {"sending": ["Goes"], "paused": ["Stands"], "cancelled": ["Ended"], "failed": []}
