"""/messaging/preview: what one recipient would get, without sending anything; beyond the reference."""

from dataclasses import replace
from typing import Any

from app.api import wire_content
from app.api.kinds import BOOL, UID, choice, text
from app.api.messages_email import CONTENT
from app.api.messages_push import BODY, FLAGS, MORE, TITLE, push_fields
from app.api.operations import Call, operation
from app.api.params import Param
from app.domain.channels import Channel
from app.domain.content import Content, EmailContent, PushContent, SmsContent
from app.domain.errors import Invalid
from app.services.previews import preview
from app.services.work import Work


def _content(call: Call) -> Content:
    match Channel(call.provider_type):
        case Channel.EMAIL:
            return EmailContent(subject=call.subject, format="html" if call.html else "text", body=_words(call))
        case Channel.SMS:
            return SmsContent(_words(call))
        case Channel.PUSH:
            said = {name: value for name, value in push_fields(call).items() if value is not None}
            return replace(PushContent(), **said)


def _words(call: Call) -> str:
    if call.content is None:
        raise Invalid({"content": ['Param "content" is not optional.']})
    return str(call.content)


@operation(
    "POST", "/messaging/preview", "messages.read", Param("provider_type", choice(*Channel), Channel.EMAIL.value),
    Param("subject", text(EmailContent.MAX_SUBJECT, 0), ""), Param("content", CONTENT), Param("html", BOOL, False),
    TITLE, BODY, *MORE, *FLAGS, Param("target_id", UID, ""), model="Preview",
)  # fmt: skip
def preview_message(work: Work, call: Call) -> dict[str, Any]:
    """Render an email, a text message or a push as a recipient would get it, without sending it."""
    return wire_content.preview(preview.preview_content(work, _content(call), call.target_id))
