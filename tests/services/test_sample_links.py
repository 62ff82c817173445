"""Unsubscribe links before anything is sent: previews and tests show them as they will be, without effect."""

import re

import pytest

from app.domain.permissions import Actor
from app.domain.rendered import RenderedEmail, RenderedSms
from app.models.messages import Message
from app.models.providers import Provider
from app.services.people import preferences
from app.services.previews import preview
from app.services.work import Workshop
from app.services.writing import composer
from tests.factories import make_audience, make_contact, make_message, make_provider

PUBLIC = "https://messages.acme.example"
BODY = "Hello\n\n[Unsubscribe]({{ unsubscribe_url }}) or [choose]({{ preferences_url }})"
LINK = re.compile(rf"{PUBLIC}/u/([\w-]+)")


@pytest.fixture
def draft(workshop: Workshop, actor: Actor) -> Message:
    workshop.settings = workshop.settings.but({"public_url": PUBLIC})
    with workshop.open(actor) as work:
        make_provider(work)
        topic = make_audience(work.session, 3)
        return make_message(work.session, body=BODY, audience={"topics": [topic.id]})


def codes(workshop: Workshop, actor: Actor, message: Message) -> dict[str, str]:
    with workshop.read(actor) as work:
        return {check.code: check.level for check in preview.review(work, message).checks}


def shown(workshop: Workshop, actor: Actor, message: Message) -> RenderedEmail:
    with workshop.read(actor) as work:
        rendered = preview.preview(work, message).rendered
    assert isinstance(rendered, RenderedEmail)
    return rendered


def test_the_preview_shows_a_link_in_words_and_header_that_does_nothing(
    workshop: Workshop, actor: Actor, draft: Message
) -> None:
    rendered = shown(workshop, actor, draft)
    token = LINK.findall(rendered.html)[0]
    assert rendered.headers[0] == ("List-Unsubscribe", f"<{PUBLIC}/u/{token}>")
    assert f"{PUBLIC}/u/{token}/preferences" in rendered.html
    ticket = preferences.open_link(workshop.vault, token)
    assert (ticket.is_sample, ticket.address) == (True, "person0@example.org")
    assert shown(workshop, actor, draft) == rendered, "a preview does not change while nobody types"


def test_nothing_is_missing_and_nothing_blocks(workshop: Workshop, actor: Actor, draft: Message) -> None:
    found = codes(workshop, actor, draft)
    assert found.keys().isdisjoint({"unsubscribe_missing", "variable_unknown", "variable_lacking", "link_empty"})


def test_without_a_public_address_the_checks_say_what_is_lost(workshop: Workshop, actor: Actor, draft: Message) -> None:
    workshop.settings = workshop.settings.but({"public_url": ""})
    found = codes(workshop, actor, draft)
    assert found["link_address_missing"] == "blocks"
    assert found["unsubscribe_header_missing"] == "advises"
    assert shown(workshop, actor, draft).headers == ()


def test_a_fallback_makes_it_an_advice(workshop: Workshop, actor: Actor, draft: Message) -> None:
    workshop.settings = workshop.settings.but({"public_url": ""})
    with workshop.database.begin() as session:
        draft = session.merge(draft)
        draft.content = draft.content | {"body": "[Leave]({{ unsubscribe_url | https://acme.example/leave }})"}
    assert codes(workshop, actor, draft)["link_address_missing"] == "advises"


def test_the_sandbox_needs_no_public_address(workshop: Workshop, actor: Actor, draft: Message) -> None:
    workshop.settings = workshop.settings.but({"public_url": ""})
    with workshop.open(actor) as work:
        work.session.query(Provider).one().is_emulated = True
    found = codes(workshop, actor, draft)
    assert found.keys().isdisjoint({"link_address_missing", "link_http"}), "nobody could mend that"
    assert shown(workshop, actor, draft).headers[1] == ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")


def test_an_email_to_people_shows_no_field(workshop: Workshop, actor: Actor, draft: Message) -> None:
    with workshop.database.begin() as session:
        contact = make_contact(session, email="code@example.org")
        message = make_message(session, audience={"contacts": [contact.id]})
    assert shown(workshop, actor, message).headers == ()


def test_a_text_message_counts_the_link_as_it_will_be(workshop: Workshop, actor: Actor, draft: Message) -> None:
    with workshop.database.begin() as session:
        message = make_message(session, channel="sms", content={"text": "Stop: {{ unsubscribe_url }}"})
    with workshop.read(actor) as work:
        found = preview.preview(work, message)
    assert isinstance(found.rendered, RenderedSms)
    assert LINK.search(found.rendered.text)
    assert found.segments is not None
    assert found.segments.count == 1 + (len(found.rendered.text) > 160)


def test_the_composer_offers_both_links(workshop: Workshop, actor: Actor, draft: Message) -> None:
    with workshop.read(actor) as work:
        assert {"unsubscribe_url", "preferences_url"} <= set(composer.lay_out(work, draft.id).variables)
