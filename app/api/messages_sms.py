"""/messaging/messages/sms: write and change text messages."""

from typing import Any

from app.api.kinds import NEW_ID, text
from app.api.messages import AUDIENCE, DRAFT, SCHEDULED_AT, draw, request_of
from app.api.operations import Call, operation
from app.api.params import Param
from app.domain.channels import Channel
from app.domain.sms_content import SmsContent
from app.services.programs import message_requests
from app.services.programs.message_requests import Request
from app.services.work import Work

_CONTENT = text(SmsContent.MAX_BODY)
_FIELDS = {"id": "messageId", "text": "content", "audience": "targets"}


def _request(call: Call) -> Request:
    return request_of(call, Channel.SMS, {"text": call.content})


@operation(
    "POST", "/messaging/messages/sms", "messages.write", Param("message_id", NEW_ID, required=True),
    Param("content", _CONTENT, required=True), *AUDIENCE, DRAFT, SCHEDULED_AT, status=201, fields=_FIELDS,
    model="Message",
)  # fmt: skip
def create_sms(work: Work, call: Call) -> dict[str, Any]:
    """Write a text message, and send it now, later or not yet."""
    return draw(work, message_requests.create(work, _request(call), call.message_id).id)


@operation(
    "PATCH", "/messaging/messages/sms/{messageId}", "messages.write", *AUDIENCE, Param("content", _CONTENT), DRAFT,
    SCHEDULED_AT, fields=_FIELDS, model="Message",
)  # fmt: skip
def update_sms(work: Work, call: Call) -> dict[str, Any]:
    """Change a text message that was not sent yet, and send it now, later or not yet."""
    return draw(work, message_requests.update(work, call.message_id, _request(call)).id)
