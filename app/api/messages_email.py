"""/messaging/messages/email: write and change emails."""

from typing import Any

from app.api.kinds import BOOL, COMPOUNDS, EMAIL, EMAILS, NEW_ID, UIDS, or_empty, text
from app.api.messages import AUDIENCE, DRAFT, SCHEDULED_AT, draw, request_of
from app.api.operations import Call, operation
from app.api.params import Param
from app.domain.channels import Channel
from app.domain.content_limits import MAX_TEXT
from app.domain.email_content import EmailContent
from app.services.programs import message_requests
from app.services.programs.message_requests import Request
from app.services.work import Work

SUBJECT, CONTENT = text(EmailContent.MAX_SUBJECT), text(MAX_TEXT)
_COPIES = (Param("cc", UIDS), Param("bcc", UIDS), Param("attachments", COMPOUNDS))
_MORE = (
    Param("reply_to_email", or_empty(EMAIL)), Param("reply_to_name", text(EmailContent.MAX_NAME, 0)),
    Param("emails", EMAILS),
)  # fmt: skip
_FIELDS = {
    "id": "messageId", "body": "content", "audience": "targets", "reply_to": "replyToEmail",
    "reply_to_name": "replyToName",
}  # fmt: skip


def _request(call: Call, default_format: str | None = None) -> Request:
    written = default_format if call.html is None else "html" if call.html else "text"
    content = {
        "subject": call.subject, "body": call.content, "format": written, "reply_to": call.reply_to_email,
        "reply_to_name": call.reply_to_name,
        "attachments": None if call.attachments is None else tuple(call.attachments),
    }  # fmt: skip
    return request_of(call, Channel.EMAIL, content, cc=call.cc, bcc=call.bcc, emails=call.emails)


@operation(
    "POST", "/messaging/messages/email", "messages.write", Param("message_id", NEW_ID, required=True),
    Param("subject", SUBJECT, required=True), Param("content", CONTENT, required=True), *AUDIENCE, *_COPIES, DRAFT,
    Param("html", BOOL), SCHEDULED_AT, *_MORE, status=201, fields=_FIELDS, model="Message",
)  # fmt: skip
def create_email(work: Work, call: Call) -> dict[str, Any]:
    """Write an email, and send it now, later or not yet."""
    return draw(work, message_requests.create(work, _request(call, "text"), call.message_id).id)


@operation(
    "PATCH", "/messaging/messages/email/{messageId}", "messages.write", *AUDIENCE, Param("subject", SUBJECT),
    Param("content", CONTENT), DRAFT, Param("html", BOOL), *_COPIES, SCHEDULED_AT, *_MORE, fields=_FIELDS,
    model="Message",
)  # fmt: skip
def update_email(work: Work, call: Call) -> dict[str, Any]:
    """Change an email that was not sent yet, and send it now, later or not yet."""
    return draw(work, message_requests.update(work, call.message_id, _request(call)).id)
