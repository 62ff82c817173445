"""The files of an email that is being written: chosen, shown, weighed against the providers; and its own sender."""

from typing import Any

import pytest

from app.domain.content import EmailContent, content_of
from app.domain.errors import Invalid, NotFound
from app.domain.permissions import Actor
from app.models.messages import Message
from app.models.providers import Provider
from app.services.messages import enclosures, messages
from app.services.previews import message_sheets, preview
from app.services.programs import message_requests
from app.services.programs.message_requests import Request
from app.services.providers import sender
from app.services.work import Workshop
from app.services.writing import drafts
from app.services.writing.drafts import Draft
from tests.conftest import FakeClock
from tests.factories import make_audience, make_file, make_message, make_provider

HAT, PRICES = ("b", "hat"), ("b", "f")
MB = 1024 * 1024


@pytest.fixture
def draft(any_workshop: Workshop, actor: Actor) -> str:
    """A draft that may go out, and two files in one bucket."""
    with any_workshop.open(actor) as work:
        make_provider(work)
        make_file(work.session, "prices.pdf")
        make_file(work.session, "autumn_hat-red.PNG", id="hat", mime_type="image/png")
        topic = make_audience(work.session, 2)
        return str(make_message(work.session, audience={"topics": [topic.id]}).id)


def save(workshop: Workshop, actor: Actor, key: str, draft: Draft) -> EmailContent:
    with workshop.open(actor) as work:
        version = messages.find(work, key).version
        drafts.save_draft(work, key, draft, version)
        return written(messages.find(work, key))


def written(message: Message) -> EmailContent:
    content = content_of(message.channel, message.content)
    assert isinstance(content, EmailContent)
    return content


def checks(workshop: Workshop, actor: Actor, key: str) -> dict[str, str]:
    """The sentences about files and sender, by level and code."""
    with workshop.read(actor) as work:
        found = preview.review(work, messages.find(work, key)).checks
    return {f"{each.level} {each.code}": each.sentence for each in found if each.field in {"files", "from_address"}}


def connect(workshop: Workshop, actor: Actor, kind: str, **columns: Any) -> None:
    with workshop.open(actor) as work:
        provider = make_provider(work, name=columns.pop("name", kind.title()))
        for name, value in {"kind": kind, **columns}.items():
            setattr(provider, name, value)


def test_an_inserted_image_stands_at_the_end_of_the_content_once(
    any_workshop: Workshop, actor: Actor, draft: str
) -> None:
    saved = save(any_workshop, actor, draft, Draft({"body": "Hello\n"}, inline=(HAT,)))
    assert (saved.body, saved.images) == ("Hello\n\n![autumn hat red](cid:hat)\n", (HAT,))
    again = save(any_workshop, actor, draft, Draft(inline=(HAT,)))
    assert again == saved
    assert checks(any_workshop, actor, draft) == {}


def test_an_image_in_html_stands_inside_the_body_with_its_words_escaped(
    any_workshop: Workshop, actor: Actor, draft: str
) -> None:
    with any_workshop.open(actor) as work:
        make_file(work.session, 'A "b" & [c].gif', id="gif", mime_type="image/gif")
    page = "<html><body><p>Hi</p></body></html>"
    saved = save(any_workshop, actor, draft, Draft({"format": "html", "body": page}, inline=(("b", "gif"),)))
    image = '<p><img src="cid:gif" alt="A &quot;b&quot; &amp; [c]"></p>'
    assert saved.body == f"<html><body><p>Hi</p>\n\n{image}\n</body></html>"
    assert save(any_workshop, actor, draft, Draft({"format": "markdown", "body": ""}, inline=(("b", "gif"),))).body == (
        '![A "b" & c](cid:gif)\n'
    )


@pytest.mark.parametrize(
    ("draft_of", "field", "words"),
    [
        (
            Draft(inline=(PRICES,)),
            "files",
            "prices.pdf cannot be shown in an email, which shows JPEG, PNG, GIF or WebP.",
        ),
        (Draft({"format": "text"}, inline=(HAT,)), "format", "Plain text shows no images."),
    ],
)
def test_what_cannot_be_shown_is_refused_in_words_and_nothing_is_saved(
    any_workshop: Workshop, actor: Actor, draft: str, draft_of: Draft, field: str, words: str
) -> None:
    with pytest.raises(Invalid) as refused:
        save(any_workshop, actor, draft, draft_of)
    assert refused.value.fields[field][0].startswith(words)
    with any_workshop.read(actor) as work:
        assert (written(messages.find(work, draft)).images, messages.find(work, draft).version) == ((), 1)


def test_an_image_that_does_not_exist_is_refused(any_workshop: Workshop, actor: Actor, draft: str) -> None:
    with pytest.raises(NotFound, match="nothing"):
        save(any_workshop, actor, draft, Draft(inline=(("b", "nothing"),)))


def test_each_file_says_how_it_travels(any_workshop: Workshop, actor: Actor, draft: str) -> None:
    with any_workshop.open(actor) as work:
        make_file(work.session, "old.png", id="old", mime_type="image/png")
    files = Draft({"body": "![](cid:hat) ![](cid:lost)"}, attach=(PRICES,), inline=(HAT, ("b", "old")))
    save(any_workshop, actor, draft, files)
    save(any_workshop, actor, draft, Draft({"body": "![](cid:hat) ![](cid:lost)"}))
    with any_workshop.open(actor) as work:
        message = messages.find(work, draft)
        message.content = message.content | {"attachments": [["b", "f"], ["b", "gone"]]}
        seen = enclosures.lay_out(work, message, written(message), None)
        sheet = message_sheets.lay_out_sheet(work, message)
    assert [(each.name, each.place, each.travels) for each in seen.files] == [
        ("prices.pdf", "attached", True), ("gone", "gone", False), ("autumn_hat-red.PNG", "shown", True),
        ("old.png", "unused", False),
    ]  # fmt: skip
    assert (sheet.files, sheet.images) == (["prices.pdf", "gone (deleted)"], ["autumn_hat-red.PNG"])
    assert checks(any_workshop, actor, draft) == {
        "blocks attachment_gone": "The file gone was deleted. Take it out.",
        "advises image_unused": "old.png is not sent: the content shows it no more.",
    }
    with any_workshop.read(actor) as work:
        blocking = preview.blocking(work, messages.find(work, draft))
    assert "1 image has no file here (lost)" in next(each for each in blocking if each.field == "body").sentence


def test_taking_a_file_away_takes_it_from_attachments_and_images(
    any_workshop: Workshop, actor: Actor, draft: str
) -> None:
    save(any_workshop, actor, draft, Draft(attach=(PRICES, HAT), inline=(HAT,)))
    saved = save(any_workshop, actor, draft, Draft(detach=(HAT,)))
    assert (saved.attachments, saved.images) == ((PRICES,), ())


def test_what_is_too_large_for_everybody_blocks_and_for_some_names_who_carries_it(
    any_workshop: Workshop, actor: Actor, draft: str
) -> None:
    with any_workshop.open(actor) as work:
        make_file(work.session, "film.mp4", id="film", size=26 * MB)
    save(any_workshop, actor, draft, Draft(attach=(("b", "film"),)))
    [(level, sentence)] = checks(any_workshop, actor, draft).items()
    assert (level, sentence) == (
        "blocks size_over",
        "The email has 36 MB with its files, too large for Mail (34 MB). Remove files, or link to them.",
    )
    connect(any_workshop, actor, "resend", rank=1)
    [(level, sentence)] = checks(any_workshop, actor, draft).items()
    assert (level, sentence) == (
        "advises size_of_others",
        "The email has 36 MB with its files, too large for Mail (34 MB). Resend carries it.",
    )


def test_what_a_stand_in_would_refuse_only_deserves_a_look(any_workshop: Workshop, actor: Actor, draft: str) -> None:
    with any_workshop.open(actor) as work:
        make_file(work.session, "film.mp4", id="film", size=20 * MB)
    connect(any_workshop, actor, "mailgun", rank=1)
    save(any_workshop, actor, draft, Draft(attach=(("b", "film"),)))
    assert checks(any_workshop, actor, draft) == {
        "advises size_of_others": (
            "The email has 27 MB with its files, too large for Mailgun (25 MB) to stand in for Mail."
        )
    }
    with any_workshop.open(actor) as work:
        mail = work.session.query(Provider).filter_by(kind="smtp").one()
        mail.blocked_at = work.now
        mail.blocked_detail = "Down"
    assert checks(any_workshop, actor, draft) == {
        "advises size_of_others": (
            "The email has 27 MB with its files, too large for Mailgun (25 MB). Mail carries it once it takes messages "
            "again."
        )
    }


def test_what_a_server_said_of_its_size_counts_for_a_day(
    any_workshop: Workshop, actor: Actor, draft: str, clock: FakeClock
) -> None:
    with any_workshop.open(actor) as work:
        mail = work.session.query(Provider).filter_by(kind="smtp").one()
        mail.size_limit, mail.size_limit_at = 20_000, work.now
    save(any_workshop, actor, draft, Draft({"body": "Many words. " * 2000}))
    with any_workshop.read(actor) as work:
        found = {each.code: each for each in preview.review(work, messages.find(work, draft)).checks}
    assert (found["size_over"].level, found["size_over"].field) == ("blocks", "body")
    assert found["size_over"].sentence.endswith("too large for Mail (20 KB). Shorten it, or link to the rest.")
    clock.move(25 * 60 * 60)
    with any_workshop.read(actor) as work:
        assert "size_over" not in {each.code for each in preview.review(work, messages.find(work, draft)).checks}


def test_the_size_is_that_of_the_words_and_of_the_files_as_they_travel(
    any_workshop: Workshop, actor: Actor, draft: str
) -> None:
    save(any_workshop, actor, draft, Draft({"format": "text", "body": "ä" * 100}, attach=(PRICES,)))
    with any_workshop.read(actor) as work:
        seen = preview.review(work, messages.find(work, draft)).enclosures
    assert seen is not None
    assert (seen.words, seen.encoded, seen.total) == (201, 78, 279)


def test_a_sender_of_the_messages_own_is_shown_and_held_against_the_provider(
    any_workshop: Workshop, actor: Actor, draft: str
) -> None:
    save(any_workshop, actor, draft, Draft({"from_name": "Ann", "from_address": " Ann@ELSEWHERE.example "}))
    with any_workshop.read(actor) as work:
        carrier = sender.sender_for(work, messages.find(work, draft))
    assert carrier is not None
    assert carrier.usual is not None
    assert (carrier.label, carrier.usual.label) == ("Ann <Ann@elsewhere.example>", "Acme News <news@acme.example>")
    assert checks(any_workshop, actor, draft)["advises sender_domain"].startswith(
        "From is at elsewhere.example, and Mail sends for acme.example: it may refuse the email"
    )
    save(any_workshop, actor, draft, Draft({"from_address": "ann@mail.acme.example"}))
    assert checks(any_workshop, actor, draft) == {}


def test_programs_that_know_nothing_of_the_new_fields_keep_them(
    any_workshop: Workshop, actor: Actor, draft: str
) -> None:
    own = {"from_name": "Ann", "from_address": "ann@acme.example", "text": "In plain"}
    before = save(any_workshop, actor, draft, Draft({**own, "body": "Hi"}, inline=(HAT,)))
    with any_workshop.open(actor) as work:
        request = Request(messages.channel_of(before), {"subject": "By a program"}, {}, draft=True)
        message_requests.update(work, draft, request)
        after = written(messages.find(work, draft))
    assert after == EmailContent(
        "By a program", before.preheader, "markdown", before.body, images=(HAT,), **own
    )  # fmt: skip
