"""/messaging/messages/push: write and change push notifications."""

from typing import Any

from app.api.kinds import BOOL, COMPOUND, INT32, NEW_ID, OBJECT, choice, text
from app.api.messages import AUDIENCE, DRAFT, SCHEDULED_AT, draw, request_of
from app.api.operations import Call, operation
from app.api.params import Param
from app.domain.channels import Channel
from app.domain.push_content import PRIORITIES, PushContent
from app.services.programs import message_requests
from app.services.programs.message_requests import Request
from app.services.work import Work

LINE = text(PushContent.MAX_LINE)
TITLE, BODY = Param("title", text(PushContent.MAX_TITLE)), Param("body", text(PushContent.MAX_BODY))
# In the order of the contract's table (9.8).
MORE = (
    Param("data", OBJECT), Param("action", LINE), Param("image", COMPOUND), Param("icon", LINE), Param("sound", LINE),
    Param("color", LINE), Param("tag", LINE), Param("badge", INT32),
)  # fmt: skip
FLAGS = (
    Param("content_available", BOOL), Param("critical", BOOL), Param("priority", choice(*PRIORITIES)),
    Param("channel_id", LINE),
)  # fmt: skip
_FIELDS = {"id": "messageId", "audience": "targets"}


def push_fields(call: Call) -> dict[str, Any]:
    """The content of a push as the call gives it, by the names of PushContent; None for what it leaves out."""
    return {param.name: call.given[param.name] for param in (TITLE, BODY, *MORE, *FLAGS)}


def _request(call: Call) -> Request:
    return request_of(call, Channel.PUSH, push_fields(call))


@operation(
    "POST", "/messaging/messages/push", "messages.write", Param("message_id", NEW_ID, required=True), TITLE, BODY,
    *AUDIENCE, *MORE, DRAFT, SCHEDULED_AT, *FLAGS, status=201, fields=_FIELDS, model="Message",
)  # fmt: skip
def create_push(work: Work, call: Call) -> dict[str, Any]:
    """Write a push notification, and send it now, later or not yet."""
    return draw(work, message_requests.create(work, _request(call), call.message_id).id)


@operation(
    "PATCH", "/messaging/messages/push/{messageId}", "messages.write", *AUDIENCE, TITLE, BODY, *MORE, DRAFT,
    SCHEDULED_AT, *FLAGS, fields=_FIELDS, model="Message",
)  # fmt: skip
def update_push(work: Work, call: Call) -> dict[str, Any]:
    """Change a push notification that was not sent yet, and send it now, later or not yet."""
    return draw(work, message_requests.update(work, call.message_id, _request(call)).id)
