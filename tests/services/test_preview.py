"""What a draft will look like and what stands in its way."""

import pytest
from sqlalchemy import delete

from app.domain.content import EmailContent
from app.domain.permissions import Actor
from app.engine.recipients import say_value, variables_of
from app.models.contacts import Contact
from app.models.messages import Message
from app.models.topics import Topic
from app.rendering import prepare
from app.services.messages import messages
from app.services.previews import preview, samples
from app.services.work import Workshop
from tests.factories import (
    make_audience,
    make_contact,
    make_message,
    make_provider,
    make_suppression,
    make_target,
    make_topic,
)
from tests.services.linted import CITY, draft, look
from tests.statements import heard


@pytest.fixture
def ready(workshop: Workshop, actor: Actor) -> Message:
    """A draft to three people with a provider, at which nothing has to be mended."""
    with workshop.open(actor) as work:
        make_provider(work)
        topic = make_audience(work.session, 3)
        return make_message(work.session, audience={"topics": [topic.id]})


def codes(workshop: Workshop, actor: Actor, message: Message, level: str = "blocks") -> list[str]:
    with workshop.read(actor) as work:
        return [check.code for check in preview.review(work, message).checks if check.level == level]


def change(workshop: Workshop, message: Message, **content: str) -> Message:
    with workshop.database.begin() as session:
        message = session.merge(message)
        message.content = message.content | content
    return message


def test_nothing_blocks_a_draft_that_is_ready(workshop: Workshop, composer: Actor, ready: Message) -> None:
    assert codes(workshop, composer, ready) == []


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ({"subject": " "}, "subject_empty"),
        ({"body": ""}, "body_empty"),
        ({"body": "Hello {{ name"}, "variable_unreadable"),
        ({"subject": "Hello {{ 1st }}"}, "variable_unreadable"),
        ({"body": "Hello {{ nickname }}"}, "variable_unknown"),
        ({"body": "<div>" * 2000, "format": "html"}, "body_refused"),
    ],
)
def test_what_must_be_mended_blocks(
    workshop: Workshop, composer: Actor, ready: Message, content: dict[str, str], code: str
) -> None:
    assert code in codes(workshop, composer, change(workshop, ready, **content))


def test_a_variable_with_a_fallback_does_not_block(workshop: Workshop, composer: Actor, ready: Message) -> None:
    assert codes(workshop, composer, change(workshop, ready, body="Hello {{ nickname | friend }}")) == []


def test_how_many_lack_a_value_is_counted_exactly(workshop: Workshop, composer: Actor, ready: Message) -> None:
    with workshop.database.begin() as session:
        session.query(Contact).filter(Contact.name == "Person 1").one().attributes = {}
    message = change(workshop, ready, body="Hello {{ city }}")
    with workshop.read(composer) as work:
        sentences = [check.sentence for check in preview.review(work, message).checks]
    assert any(sentence.startswith("1 of 3 people has no value for “city”") for sentence in sentences)


def test_who_will_not_get_it_does_not_count_as_lacking(workshop: Workshop, composer: Actor) -> None:
    with workshop.database.begin() as session:
        ann, ben = make_contact(session, name="Ann"), make_contact(session, name="")
        targets = [make_target(session, ann, address="a@x.org"), make_target(session, ben, address="b@x.org")]
        make_suppression(session, "b@x.org")
        topic = make_topic(session, targets=targets)
    with workshop.read(composer) as work:
        gaps = samples.count_gaps(work, "email", {"topics": [topic.id]}, ["name", "first_name", "email", "city"], 9)
    assert (gaps.counted, gaps.lacking) == (1, {"name": 0, "first_name": 0, "email": 0, "city": 1})


def test_gaps_are_counted_the_same_on_each_database(any_workshop: Workshop, composer: Actor) -> None:
    with any_workshop.database.begin() as session:
        people = [make_contact(session, name=name) for name in ("Ann B", "", "Cem")]
        people[0].attributes, people[1].attributes = {"city": "", "no.of-pets": 2}, {"city": "Rom", "first_name": "Bo"}
        people[2].attributes = {"city": None}
        topic = make_topic(
            session, targets=[make_target(session, each, address=f"p{each.pk}@x.org") for each in people]
        )
    nobodys = [f"v{place}" for place in range(preview.MOST_NAMES - 4)]
    names = ["name", "first_name", "city", "no.of-pets", *nobodys]
    with any_workshop.read(composer) as work:
        gaps = samples.count_gaps(work, "email", {"topics": [topic.id]}, names, 9)
    assert gaps.lacking == {"name": 1, "first_name": 0, "city": 2, "no.of-pets": 2} | dict.fromkeys(nobodys, 3)
    assert gaps.known == {"name", "first_name", "city", "no.of-pets"}


def test_a_large_audience_is_sampled_and_that_is_said(
    workshop: Workshop, composer: Actor, ready: Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(samples, "COUNTED_AT_FIRST", 1)
    message = change(workshop, ready, body="Hello {{ city }}")
    assert "variables_sampled" in codes(workshop, composer, message, "advises")


def test_a_variable_that_only_the_others_may_have_does_not_block_a_large_audience(
    workshop: Workshop, composer: Actor, ready: Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = change(workshop, ready, body="Hello {{ nickname }}")
    assert "variable_unknown" in codes(workshop, composer, message, "blocks")
    monkeypatch.setattr(samples, "COUNTED_AT_FIRST", 1)
    assert "variable_unknown" not in codes(workshop, composer, message, "blocks")
    assert {"variable_lacking", "variables_sampled"} <= set(codes(workshop, composer, message, "advises"))


def test_more_are_counted_before_sending_than_on_a_page(
    workshop: Workshop, composer: Actor, ready: Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = change(workshop, ready, body="Hello {{ nickname }}")
    monkeypatch.setattr(samples, "COUNTED_AT_FIRST", 1)
    for most, blocking in ((3, ["variable_unknown"]), (1, [])):
        monkeypatch.setattr(samples, "MOST_COUNTED", most)
        with workshop.read(composer) as work:
            assert [check.code for check in preview.blocking(work, message)] == blocking


def test_of_many_variables_those_that_nobody_counts_do_not_block(
    workshop: Workshop, composer: Actor, ready: Message
) -> None:
    with workshop.database.begin() as session:
        for contact in session.query(Contact):
            contact.attributes = {f"v{place}": "x" for place in range(preview.MOST_NAMES + 1)}
    body = " ".join(f"{{{{ v{place} }}}}" for place in range(preview.MOST_NAMES + 1))
    assert codes(workshop, composer, change(workshop, ready, body=body)) == []


def test_an_audience_of_nobody_blocks(workshop: Workshop, composer: Actor, ready: Message) -> None:
    with workshop.database.begin() as session:
        ready = session.merge(ready)
        ready.audience = {"topics": [], "contacts": [], "targets": []}
    assert codes(workshop, composer, ready) == ["audience_empty"]


def test_an_audience_that_is_suppressed_to_the_last_blocks(workshop: Workshop, composer: Actor, ready: Message) -> None:
    with workshop.database.begin() as session:
        for number in range(3):
            make_suppression(session, f"person{number}@example.org")
    assert codes(workshop, composer, ready) == ["audience_nobody"]


def test_a_topic_deleted_while_composing_blocks(workshop: Workshop, composer: Actor, ready: Message) -> None:
    with workshop.database.begin() as session:
        session.execute(delete(Topic))
    assert "audience_gone" in codes(workshop, composer, ready)


def test_no_provider_blocks(workshop: Workshop, composer: Actor) -> None:
    with workshop.database.begin() as session:
        message = make_message(session, audience={"topics": [make_audience(session, 1).id]})
    assert codes(workshop, composer, message) == ["provider_missing"]


def test_a_provider_that_rests_only_advises(workshop: Workshop, actor: Actor, ready: Message) -> None:
    with workshop.open(actor) as work:
        from app.services.providers.sender import provider_of  # noqa: PLC0415

        provider = provider_of(work, ready)
        assert provider is not None
        provider.blocked_at, provider.blocked_detail = work.now, "535 wrong password"
    assert codes(workshop, actor, ready) == []
    assert "provider_blocked" in codes(workshop, actor, ready, "advises")


def test_the_preview_is_what_the_delivery_renders(workshop: Workshop, composer: Actor, ready: Message) -> None:
    with workshop.read(composer) as work:
        shown = preview.preview(work, ready)
    assert shown.rendered == prepare(EmailContent.from_json(ready.content)).render(shown.sample.recipient)
    assert "Hello Person 0" in shown.rendered.text


def test_a_preview_is_made_for_the_named_recipient(workshop: Workshop, composer: Actor, ready: Message) -> None:
    with workshop.database.begin() as session:
        target = make_target(session, make_contact(session, name="Zoe"), address="zoe@example.org")
    with workshop.read(composer) as work:
        assert "Hello Zoe" in preview.preview(work, ready, target.id).rendered.text


def test_plain_text_is_shown_in_a_bare_page_with_nothing_active(
    workshop: Workshop, composer: Actor, ready: Message
) -> None:
    message = change(workshop, ready, format="text", body="1 < 2 <script>alert(1)</script>")
    with workshop.read(composer) as work:
        page = preview.page_of(preview.preview(work, message), inverted=True)
    assert "1 &lt; 2 &lt;script&gt;" in page
    assert "filter:invert" in page


def test_a_persons_variables_are_the_built_in_ones_and_the_attributes() -> None:
    contact = Contact(name=" Ann Berg ", attributes={"City": "Bremen", "vip": True, "points": 12.0, "email": "evil"})
    assert variables_of(contact, "ann@example.org") == {
        "name": "Ann Berg", "first_name": "Ann", "email": "ann@example.org", "city": "Bremen", "vip": "yes",
        "points": "12",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "yes"),
        (False, "no"),
        (3, "3"),
        (2.5, "2.5"),
        (["a", 1], "a, 1"),
        ({"a": 1}, ""),
        (" x", " x"),
    ],
)
def test_attributes_of_every_sort_become_text(value: object, text: str) -> None:
    assert say_value(value) == text


def test_once_everybody_was_looked_at_the_check_counts_them_all(
    workshop: Workshop, composer: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(samples, "COUNTED_AT_FIRST", 2)
    with workshop.database.begin() as session:
        people = [make_contact(session, email=f"p{place}@example.org", city="Bern") for place in range(3)]
        people += [make_contact(session, email=f"q{place}@example.org") for place in range(2)]
        chosen = [contact.id for contact in people]
    message = draft(workshop, composer, {**CITY, "body": "In {{ city }}"}, contacts=chosen)
    assert "variable_lacking" not in codes(workshop, composer, message, "advises")
    look(workshop, composer, message)
    with workshop.read(composer) as work:
        found = {each.code: each for each in preview.review(work, messages.find(work, message.id)).checks}
    assert found["variable_lacking"].sentence.startswith("2 of 5 people have no value for “city”")
    assert found["variable_lacking"].found == "missing:city"
    assert "variables_sampled" not in found


def test_a_variable_that_nobody_has_blocks_however_many_were_looked_at(
    workshop: Workshop, composer: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(samples, "COUNTED_AT_FIRST", 1)
    monkeypatch.setattr(samples, "MOST_COUNTED", 1)
    with workshop.database.begin() as session:
        chosen = [make_contact(session, email=f"p{place}@example.org", city="Bern").id for place in range(3)]
    content = {**CITY, "body": "{{ nickname }}, {{ city }}, {{ plan | none }}"}
    message = draft(workshop, composer, content, contacts=chosen)
    assert "variable_unknown" not in codes(workshop, composer, message)
    look(workshop, composer, message)
    with workshop.read(composer) as work:
        checks = preview.review(work, messages.find(work, message.id)).checks
    found = [(each.level, each.sentence) for each in checks if each.code == "variable_unknown"]
    assert [(level, sentence.split(":")[0]) for level, sentence in found] == [
        ("blocks", "Nobody in the audience has a value for “nickname”"),
        ("advises", "Nobody in the audience has a value for “plan”"),
    ]


def test_people_are_not_counted_again_once_everybody_was_looked_at(
    any_workshop: Workshop, composer: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(samples, "COUNTED_AT_FIRST", 7)
    with any_workshop.database.begin() as session:
        topic = make_audience(session, 3)
    message = draft(any_workshop, composer, CITY, topics=[topic.id])
    for is_looked_at in (False, True):
        if is_looked_at:
            look(any_workshop, composer, message)
        with any_workshop.read(composer) as work, heard() as statements:
            preview.review(work, messages.find(work, message.id))
        counting = [given for statement, given in statements if "attributes" in statement and "GROUP BY" in statement]
        assert len(counting) == (0 if is_looked_at else 1)
        for given in counting:
            assert 7 in (given.values() if isinstance(given, dict) else given)
