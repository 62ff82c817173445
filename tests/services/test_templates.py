"""Templates: kept from messages, in versions that never change; names, races, files that went, other projects."""

import pytest
from sqlalchemy import select

from app.domain.content import EmailContent, PushContent
from app.domain.errors import Forbidden, Invalid, NotFound
from app.domain.permissions import Actor, ActorKind, Role, permissions_of
from app.models.audit import AuditEntry
from app.models.messages import Message
from app.models.projects import Project
from app.models.templates import Template, TemplateVersion
from app.services.lists.listing import Cursor
from app.services.messages import messages, templates
from app.services.messages.templates import NewerVersion
from app.services.previews import template_sheets
from app.services.work import Workshop
from app.services.writing import beginnings
from tests.conftest import START, FakeClock
from tests.factories import make_file, make_message

PUSH = {"title": "Bells", "body": "At noon", "priority": "high"}


def write(workshop: Workshop, **options: object) -> str:
    with workshop.database.begin() as session:
        return str(make_message(session, **options).id)


def keep(workshop: Workshop, who: Actor, name: str = "News", **options: object) -> tuple[str, str]:
    """A template made of a new message, and that message."""
    message_id = write(workshop, **options)
    with workshop.open(who) as work:
        return templates.create(work, name, message_id).id, message_id


def save_next(workshop: Workshop, who: Actor, template_id: str, seen: int, note: str = "", **options: object) -> bool:
    message_id = write(workshop, **options)
    with workshop.open(who) as work:
        return templates.save_version(work, template_id, message_id, seen=seen, note=note)[1]


def stored(workshop: Workshop, message_id: str) -> Message:
    with workshop.database.read() as session:
        return session.scalars(select(Message).where(Message.id == message_id)).one()


def said(workshop: Workshop, who: Actor, template_id: str, number: int | None = None) -> object:
    with workshop.read(who) as work:
        template = templates.find(work, template_id)
        return templates.content_at(template, templates.find_version(work, template, number))


def test_a_template_says_what_the_message_said_then(workshop: Workshop, composer: Actor) -> None:
    template_id, message_id = keep(workshop, composer, "  Monthly \n letter ", subject="Autumn", body="Hello")
    with workshop.database.begin() as session:
        session.scalars(select(Message).where(Message.id == message_id)).one().content = {"subject": "Later"}
    content = said(workshop, composer, template_id)
    assert (content.subject, content.body) == ("Autumn", "Hello")  # type: ignore[attr-defined]
    with workshop.read(composer) as work:
        template = templates.find(work, template_id)
        assert (template.name, template.version, template.editor_name) == ("Monthly letter", 1, "Ed")


def test_a_viewer_reads_templates_and_makes_none(workshop: Workshop, composer: Actor, viewer: Actor) -> None:
    template_id, message_id = keep(workshop, composer)
    assert said(workshop, viewer, template_id)
    for act in (
        lambda work: templates.create(work, "Other", message_id),
        lambda work: templates.save_version(work, template_id, message_id, seen=1),
        lambda work: templates.restore(work, template_id, 1),
        lambda work: templates.rename(work, template_id, "Mine"),
        lambda work: templates.duplicate(work, template_id),
        lambda work: templates.delete(work, template_id),
        lambda work: beginnings.begin_from(work, template_id),
    ):
        with pytest.raises(Forbidden), workshop.open(viewer) as work:
            act(work)


@pytest.mark.parametrize("name", ["", "   ", "x" * 129, "a\0b", "\ud800", "bell\x07"])
def test_a_name_that_cannot_be_is_refused_in_a_sentence(workshop: Workshop, composer: Actor, name: str) -> None:
    with pytest.raises(Invalid, match="Name needs 1 to 128 characters"):
        keep(workshop, composer, name)


def test_a_name_is_taken_once_per_channel_whatever_its_case(any_workshop: Workshop, composer: Actor) -> None:
    keep(any_workshop, composer, "Straße")
    with pytest.raises(Invalid, match="taken by another email template"):
        keep(any_workshop, composer, "STRASSE")
    keep(any_workshop, composer, "strasse", channel="push", content=PUSH)
    with any_workshop.read(composer) as work:
        assert [line.template.name for line in templates.list_templates(work, Cursor()).items] == ["strasse", "Straße"]


def test_the_longest_name_fits_whatever_its_letters_become_without_case(
    any_workshop: Workshop, composer: Actor
) -> None:
    template_id, _ = keep(any_workshop, composer, "ΐ" * 128)
    with any_workshop.read(composer) as work:
        assert templates.find(work, template_id).name == "ΐ" * 128


def test_a_note_that_is_too_long_is_refused(workshop: Workshop, composer: Actor) -> None:
    template_id, _ = keep(workshop, composer)
    with pytest.raises(Invalid, match="Note can have at most 256 characters"):
        save_next(workshop, composer, template_id, 1, note="x" * 257)


def test_versions_follow_each_other_and_never_change(
    any_workshop: Workshop, composer: Actor, actor: Actor, clock: FakeClock
) -> None:
    template_id, _ = keep(any_workshop, composer, subject="One")
    clock.move(3600)
    assert save_next(any_workshop, actor, template_id, 1, note=" Winter\nprices ", subject="Two")
    with any_workshop.read(composer) as work:
        template = templates.find(work, template_id)
        rows = templates.list_versions(work, template, Cursor()).items
        assert [(row.number, row.author_name, row.note, row.content["subject"]) for row in rows] == [
            (2, "Olga", "Winter prices", "Two"), (1, "Ed", "", "One")
        ]  # fmt: skip
        assert (template.version, template.editor_name, template.updated_at) == (2, "Olga", clock.now())


def test_the_same_words_make_no_version(workshop: Workshop, composer: Actor) -> None:
    template_id, message_id = keep(workshop, composer, subject="One")
    with workshop.open(composer) as work:
        template, is_new = templates.save_version(work, template_id, message_id, seen=1)
    assert (template.version, is_new) == (1, False)


def test_who_has_not_seen_the_newest_version_is_told_before_saving_over_it(
    workshop: Workshop, composer: Actor, actor: Actor
) -> None:
    template_id, _ = keep(workshop, composer, subject="One")
    save_next(workshop, actor, template_id, 1, subject="Two")
    with pytest.raises(NewerVersion, match="Olga saved version 2 of News since you opened"):
        save_next(workshop, composer, template_id, 1, subject="Three")
    assert save_next(workshop, composer, template_id, 2, subject="Three")


def test_content_of_one_channel_never_becomes_a_version_of_another(workshop: Workshop, composer: Actor) -> None:
    template_id, _ = keep(workshop, composer)
    with pytest.raises(Invalid, match="News is an email template; this message is not"):
        save_next(workshop, composer, template_id, 1, channel="push", content=PUSH)


def test_restoring_makes_a_version_of_its_own(workshop: Workshop, composer: Actor) -> None:
    template_id, _ = keep(workshop, composer, subject="One")
    save_next(workshop, composer, template_id, 1, subject="Two")
    with workshop.open(composer) as work:
        template, is_new = templates.restore(work, template_id, 1)
        assert (template.version, is_new) == (3, True)
        assert templates.restore(work, template_id, 1) == (template, False)
    assert said(workshop, composer, template_id).subject == "One"  # type: ignore[attr-defined]
    for number in (9, 0, 10**30):
        with pytest.raises(NotFound, match="News has no version"), workshop.open(composer) as work:
            templates.restore(work, template_id, number)


def test_the_address_that_was_signed_for_a_message_is_not_kept(workshop: Workshop, composer: Actor) -> None:
    with workshop.database.begin() as session:
        make_file(session, "bell.png", mime_type="image/png")
    content = PushContent(title="Bells", image=("b", "f"), image_url="https://example.org/signed").to_json()
    template_id, _ = keep(workshop, composer, channel="push", content=content)
    assert said(workshop, composer, template_id) == PushContent(title="Bells", image=("b", "f"))
    with workshop.open(composer) as work:
        message = beginnings.begin_from(work, template_id)
        assert "jwt=" in message.content["image_url"]


def test_a_draft_that_is_kept_counts_as_made_from_it_and_a_sent_message_does_not(
    workshop: Workshop, composer: Actor
) -> None:
    _, draft = keep(workshop, composer, "One")
    _, sent = keep(workshop, composer, "Two", status="sent")
    assert stored(workshop, draft).template_version == 1
    assert stored(workshop, sent).template_pk is None


def test_where_it_is_used_says_from_which_version(any_workshop: Workshop, composer: Actor) -> None:
    template_id, _ = keep(any_workshop, composer, status="sent", subject="One")
    with any_workshop.open(composer) as work:
        first = beginnings.begin_from(work, template_id).id
    save_next(any_workshop, composer, template_id, 1, status="sent", subject="Two")
    with any_workshop.open(composer) as work:
        second = beginnings.begin_from(work, template_id).id
        copy = messages.duplicate(work, second).id
    with any_workshop.read(composer) as work:
        template = templates.find(work, template_id)
        uses = templates.list_uses(work, template, Cursor()).items
        assert [(use.id, use.version, use.phase) for use in uses] == [
            (copy, 2, "draft"), (second, 2, "draft"), (first, 1, "draft")
        ]  # fmt: skip
        assert templates.list_templates(work, Cursor()).items[0].uses == templates.count_uses(work, template) == 3


def test_deleting_takes_the_versions_and_leaves_the_messages(any_workshop: Workshop, composer: Actor) -> None:
    template_id, message_id = keep(any_workshop, composer, subject="One")
    with any_workshop.open(composer) as work:
        assert templates.delete(work, template_id) == "News"
    with any_workshop.database.read() as session:
        assert session.scalars(select(TemplateVersion)).all() == []
    assert stored(any_workshop, message_id).title == "One"
    keep(any_workshop, composer, "Another")
    with any_workshop.read(composer) as work:  # its number is not given to another one
        assert templates.origin_of(work, messages.find(work, message_id)) is None


def test_a_copy_has_a_name_of_its_own(workshop: Workshop, composer: Actor) -> None:
    template_id, _ = keep(workshop, composer, "n" * 128, subject="One")
    with workshop.open(composer) as work:
        names = [templates.duplicate(work, template_id).name for _ in range(2)]
    assert names == ["n" * 121 + " (copy)", "n" * 119 + " (copy 2)"]


def test_a_template_can_take_its_own_name_in_other_letters(workshop: Workshop, composer: Actor) -> None:
    template_id, _ = keep(workshop, composer, "news")
    with workshop.open(composer) as work:
        assert templates.rename(work, template_id, "NEWS").name == "NEWS"


def test_two_versions_are_compared_with_the_names_of_their_files(workshop: Workshop, composer: Actor) -> None:
    with workshop.database.begin() as session:
        make_file(session, "menu.pdf", id="f1")
        make_file(session, "menu.pdf", id="f2")
    for_email = EmailContent(subject="Lunch", attachments=(("b", "f1"), ("b", "gone")))
    template_id, _ = keep(workshop, composer, content=for_email.to_json())
    later = EmailContent(subject="Lunch", attachments=(("b", "f2"), ("b", "gone")))
    save_next(workshop, composer, template_id, 1, content=later.to_json())
    with workshop.read(composer) as work:
        (change,) = templates.compare(work, templates.find(work, template_id), 1, 2)
    assert change.label == "Attachments"
    assert [(piece.kind, piece.text) for piece in change.pieces] == [
        ("same", "menu.pdf ("), ("gone", "f1"), ("new", "f2"), ("same", ")\ngone (deleted)")
    ]  # fmt: skip


def test_a_template_whose_files_were_deleted_says_so_and_is_shown_without_them(
    workshop: Workshop, composer: Actor
) -> None:
    push, _ = keep(workshop, composer, channel="push", content={**PUSH, "image": ["b", "f"], "image_url": ""})
    email, _ = keep(workshop, composer, content=EmailContent(body="Hi", attachments=(("b", "f"),)).to_json())
    for template_id in (push, email):
        with workshop.read(composer) as work:
            template = templates.find(work, template_id)
            sheet = template_sheets.lay_out(work, template, templates.find_version(work, template))
            assert (sheet.gone, sheet.files, sheet.refusal) == (["f"], [], "")
            assert sheet.preview is not None
        with workshop.open(composer) as work:
            assert beginnings.files_gone(work, beginnings.begin_from(work, template_id)) == 1


def test_templates_are_found_by_words_of_their_name(workshop: Workshop, composer: Actor) -> None:
    keep(workshop, composer, "Monthly letter")
    keep(workshop, composer, "Winter sale")
    with workshop.read(composer) as work:
        for words, expected in (("MON", ["Monthly letter"]), ("letter month", ["Monthly letter"]), ("%", [])):
            page = templates.list_templates(work, Cursor(), words=words)
            assert [line.template.name for line in page.items] == expected


def test_another_project_neither_sees_nor_uses_a_template(workshop: Workshop, composer: Actor) -> None:
    template_id, _ = keep(workshop, composer)
    with workshop.database.begin() as session:
        session.add(Project(id="other", name="Other", created_at=START, updated_at=START))
    mallory = Actor(ActorKind.MEMBER, "Mallory", 2, 9, permissions_of(frozenset({Role.ADMIN})))
    with workshop.read(mallory) as work:
        assert templates.list_templates(work, Cursor()).items == []
        with pytest.raises(NotFound):
            templates.find(work, template_id)
    with pytest.raises(NotFound), workshop.open(mallory) as work:
        beginnings.begin_from(work, template_id)


def test_every_act_leaves_a_line_in_the_trail(workshop: Workshop, composer: Actor) -> None:
    template_id, _ = keep(workshop, composer, subject="One")
    save_next(workshop, composer, template_id, 1, subject="Two")
    with workshop.open(composer) as work:
        templates.restore(work, template_id, 1)
        templates.rename(work, template_id, "Letter")
        templates.delete(work, templates.duplicate(work, template_id).id)
    with workshop.database.read() as session:
        events = session.scalars(
            select(AuditEntry.event).where(AuditEntry.event.like("template.%")).order_by(AuditEntry.pk)
        ).all()
        assert session.scalars(select(Template.name)).all() == ["Letter"]
    assert events == [
        "template.create", "template.save", "template.restore", "template.update", "template.create", "template.delete"
    ]  # fmt: skip
