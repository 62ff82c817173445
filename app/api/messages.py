"""/messaging/messages: write, change, send and read messages. Only email can be written yet."""

from typing import Any

from app.api import wire
from app.api.kinds import BOOL, COMPOUNDS, DATE, EMAIL, NEW_ID, UID, UIDS, or_empty, text
from app.api.lists import MESSAGES, QUERY, SEARCH, TARGETS, TOTAL, wish
from app.api.operations import Call, operation
from app.api.params import Param
from app.domain.content import EmailContent
from app.domain.errors import Invalid
from app.services import message_requests, messages, preview, records, sending, shelves
from app.services.message_requests import Request
from app.services.work import Work

_SUBJECT, _CONTENT = text(EmailContent.MAX_SUBJECT), text(64_230)
_AUDIENCE = (Param("topics", UIDS), Param("users", UIDS), Param("targets", UIDS))
_LATER = (  # known to the reference; refused when they say something, because nothing would come of it
    Param("cc", UIDS, ()), Param("bcc", UIDS, ()), Param("attachments", COMPOUNDS, ()), Param("emails", COMPOUNDS, ()),
    Param("reply_to_email", or_empty(EMAIL), ""), Param("reply_to_name", text(128, 0), ""),
)  # fmt: skip
_FIELDS = {"id": "messageId", "body": "content", "audience": "targets"}


def _draw(work: Work, message_id: str) -> dict[str, Any]:
    return wire.message(records.of_messages(work, [messages.find(work, message_id)])[0])


def _request(call: Call) -> Request:
    """What the call says of a message; None for what it leaves out."""
    for param in _LATER:
        if call.given[param.name]:
            sentence = "Value must be left out: this is not supported yet."
            raise Invalid({param.name: [sentence]})
    audience = {"topics": call.topics, "contacts": call.users, "targets": call.targets}
    return Request(call.subject, call.content, call.html, audience, call.draft, call.scheduled_at)


@operation(
    "POST", "/messaging/messages/email", "messages.write", Param("message_id", NEW_ID, required=True),
    Param("subject", _SUBJECT, required=True), Param("content", _CONTENT, required=True), *_AUDIENCE, *_LATER,
    Param("draft", BOOL, False), Param("html", BOOL, False), Param("scheduled_at", DATE), status=201, fields=_FIELDS,
)  # fmt: skip
def create_email(work: Work, call: Call) -> dict[str, Any]:
    """Write an email, and send it now, later or not yet."""
    return _draw(work, message_requests.create(work, _request(call), call.message_id).id)


@operation(
    "PATCH", "/messaging/messages/email/{messageId}", "messages.write", *_AUDIENCE, Param("subject", _SUBJECT),
    Param("content", _CONTENT), Param("draft", BOOL), Param("html", BOOL), *_LATER, Param("scheduled_at", DATE),
    fields=_FIELDS,
)  # fmt: skip
def update_email(work: Work, call: Call) -> dict[str, Any]:
    """Change an email that was not sent yet, and send it now, later or not yet."""
    return _draw(work, message_requests.update(work, call.message_id, _request(call)).id)


@operation("GET", "/messaging/messages", "messages.read", QUERY, SEARCH, TOTAL)
def list_messages(work: Work, call: Call) -> dict[str, Any]:
    """List messages."""
    found = shelves.list_messages(work, wish(call, MESSAGES))
    return wire.page("messages", wire.message, found.rows, found.total)


@operation("GET", "/messaging/messages/{messageId}", "messages.read")
def get_message(work: Work, call: Call) -> dict[str, Any]:
    """Get a message."""
    return _draw(work, call.message_id)


@operation("DELETE", "/messaging/messages/{messageId}", "messages.write")
def delete_message(work: Work, call: Call) -> None:
    """Delete a message with its deliveries."""
    message_requests.delete(work, call.message_id)


@operation("GET", "/messaging/messages/{messageId}/targets", "messages.read", QUERY, TOTAL)
def list_targets(work: Work, call: Call) -> dict[str, Any]:
    """List the targets that a message names one by one."""
    message = messages.find(work, call.message_id)
    found = shelves.list_targets_of_message(work, message, wish(call, TARGETS))
    return wire.page("targets", wire.target, found.rows, found.total)


@operation("POST", "/messaging/messages/{messageId}/pause", "messages.write")
def pause_message(work: Work, call: Call) -> dict[str, Any]:
    """Stop between two recipients."""
    sending.pause(work, call.message_id)
    return _draw(work, call.message_id)


@operation("POST", "/messaging/messages/{messageId}/resume", "messages.write")
def resume_message(work: Work, call: Call) -> dict[str, Any]:
    """Go on after a pause."""
    sending.resume(work, call.message_id)
    return _draw(work, call.message_id)


@operation("POST", "/messaging/messages/{messageId}/cancel", "messages.write")
def cancel_message(work: Work, call: Call) -> dict[str, Any]:
    """Stop for good; whoever was not written to yet is skipped."""
    sending.cancel(work, call.message_id)
    return _draw(work, call.message_id)


@operation(
    "POST", "/messaging/preview", "messages.read", Param("subject", text(998, 0), ""),
    Param("content", _CONTENT, required=True), Param("html", BOOL, False), Param("target_id", UID, ""),
    fields={"body": "content"},
)  # fmt: skip
def preview_email(work: Work, call: Call) -> dict[str, Any]:
    """Render an email as a recipient would get it, without sending it."""
    content = message_requests.content_of(call.subject, call.content, is_html=call.html)
    return wire.preview(preview.preview_content(work, content, call.target_id))
