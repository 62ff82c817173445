"""What each provider would be told of a message: made by the adapter that sends, without secrets, without sending."""

import importlib
import json
from typing import Any

import pytest

from app.domain.permissions import Actor
from app.domain.provider_spec import FieldKind
from app.engine.accounts import account_of
from app.models.messages import Message
from app.models.providers import Provider
from app.providers import catalog, get
from app.services.previews import exact_request, preview
from app.services.previews.exact_request import Asked
from app.services.previews.request_sheets import lay_out_requests
from app.services.work import Work, Workshop
from tests.conftest import START
from tests.factories import make_contact, make_message, make_provider, make_push_provider, make_target, number

CANARY = "canary5sings"
CONTENTS = {
    "email": {"subject": "Grüße {{ name }}", "preheader": "", "format": "markdown", "body": "Hello **{{ name }}**"},
    "sms": {"text": "Grüße {{ name }}"},
    "push": {"title": "Grüße {{ name }}", "body": "Hello", "priority": "high"},
}
ADDRESSES = {"email": "zoe@example.org", "sms": "+447700900123", "push": "f1" * 32}


def connect(work: Work, kind: str) -> Provider:
    """A provider of that kind, every secret of which is a canary."""
    spec, good = get(kind).spec, importlib.import_module(f"tests.providers.test_{kind}").RIG.good_values
    values = dict(good)
    for field in spec.fields:
        if field.secret:
            is_file = field.kind is FieldKind.JSON
            values[field.name] = {**good[field.name], "private_key": CANARY} if is_file else CANARY
    options = {field.name: values[field.name] for field in spec.fields if field.section == "options" and
               field.name in values}  # fmt: skip
    credentials = {name: value for name, value in values.items() if name not in options}
    provider = Provider(
        id=number(), project_pk=1, name=kind, kind=kind, channel=spec.channel.value, options=options,
        credentials=work.vault.encrypt_json(credentials), created_at=START, updated_at=START,
    )  # fmt: skip
    work.session.add(provider)
    work.session.flush()
    return provider


def draft(work: Work, channel: str, **content: Any) -> Message:
    zoe = make_target(work.session, make_contact(work.session, name="Zoë"), address=ADDRESSES[channel], channel=channel)
    wanted = {**CONTENTS[channel], **content}
    return make_message(work.session, channel=channel, content=wanted, audience={"targets": [zoe.id]})


def asked(work: Work, message: Message) -> list[Asked]:
    return list(exact_request.ask_all(work, message, preview.preview(work, message)))


@pytest.mark.parametrize("kind", sorted(catalog()))
def test_every_kind_is_shown_whole_and_without_a_secret(workshop: Workshop, actor: Actor, kind: str) -> None:
    with workshop.open(actor) as work:
        provider = connect(work, kind)
        (found,) = asked(work, draft(work, provider.channel))
        assert found.trouble == ""
        assert found.request is not None
        assert (found.provider_name, found.carries) == (kind, True)
        shown = "\n".join([found.request.address, repr(found.request.headers), found.request.text, repr(found)])
        assert "Zo" in found.request.text + found.request.enclosed
        assert CANARY not in shown
        assert CANARY.encode() not in found.request.body
        assert found.varies or kind == "twilio", "which is told our key with the address for receipts alone"


def test_the_secret_of_the_address_for_receipts_is_not_shown(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        provider = connect(work, "twilio")
        provider.is_emulated = True  # the Sandbox is told where to report
        url = account_of(work.vault, work.settings, provider).receipts_url
        (found,) = asked(work, draft(work, "sms"))
        assert found.request is not None
        text = found.request.text
        assert f"StatusCallback: {url.rpartition('/')[0]}/…?delivery=" in text
        assert url.rpartition("/")[2] not in text


def test_each_is_asked_as_the_preview_shows_it(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        make_push_provider(work, "apns")
        message = draft(work, "push", body="{{ name }} & {{ nick | you }}")
        made = preview.preview(work, message)
        (found,) = exact_request.ask_all(work, message, made)
        assert found.request is not None
        assert json.loads(found.request.body)["aps"]["alert"] == {"title": "Grüße Zoë", "body": "Zoë & you"}


def test_who_owns_the_address_carries_it_whatever_comes_first(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        make_push_provider(work, "fcm", rank=0)
        make_push_provider(work, "apns", rank=1)
        found = asked(work, draft(work, "push"))
        assert [(each.provider_name, each.carries) for each in found] == [("APNS", True), ("FCM", False)]


def test_a_pinned_provider_is_asked_alone(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        make_provider(work, name="First")
        second = make_provider(work, name="Second")
        message = draft(work, "email")
        message.provider_pk = second.pk
        assert [each.provider_name for each in asked(work, message)] == ["Second"]


def test_an_email_with_a_sender_of_its_own_is_shown_with_it(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        make_provider(work)
        message = draft(work, "email", from_name="The Tower", from_address="tower@acme.example")
        (found,) = asked(work, message)
        assert found.request is not None
        assert "From: The Tower <tower@acme.example>" in found.request.text
        assert dict(found.request.headers)["RCPT TO"] == "<zoe@example.org>"


def test_settings_that_are_not_complete_are_told(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        provider = connect(work, "mailgun")
        provider.options = {}
        (found,) = asked(work, draft(work, "email"))
        assert found.request is None
        assert found.trouble == "The settings of mailgun are not complete: it could not send this."


def test_a_file_that_is_gone_is_told(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        make_provider(work)
        (found,) = asked(work, draft(work, "email", attachments=[["b", "f"]]))
        assert "does not exist any more" in found.trouble


def test_the_sheet_takes_another_person_and_says_what_cannot_be_shown(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        make_push_provider(work, "fcm")
        message = draft(work, "push")
        ann = make_target(work.session, make_contact(work.session, name="Ann"), address="t:ann", channel="push")
        sheet = lay_out_requests(work, message.id, ann.id)
        assert (sheet.shown.recipient.name, sheet.people[0].id) == ("Ann", ann.id)
        assert sheet.asked[0].request is not None
        assert b'"token":"t:ann"' in sheet.asked[0].request.body
        message.content = {**message.content, "title": "x" * 300}
        sheet = lay_out_requests(work, message.id)
        assert sheet.refusal
        assert not sheet.asked
