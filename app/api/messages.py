"""/messaging/messages: what messages of all channels have in common: list, read, delete, pause, resume, cancel."""

from collections.abc import Mapping
from typing import Any

from app.api import wire
from app.api.kinds import BOOL, DATE, UIDS
from app.api.lists import MESSAGES, QUERY, SEARCH, TARGETS, TOTAL, wish
from app.api.operations import Call, operation
from app.api.params import Param
from app.domain.channels import Channel
from app.services.messages import messages
from app.services.programs import message_records, message_requests, shelves
from app.services.programs.message_requests import Request
from app.services.sending import sending
from app.services.work import Work

AUDIENCE = (Param("topics", UIDS), Param("users", UIDS), Param("targets", UIDS))
DRAFT, SCHEDULED_AT = Param("draft", BOOL), Param("scheduled_at", DATE)


def request_of(call: Call, channel: Channel, content: Mapping[str, Any], **copies: Any) -> Request:
    """What the call says of a message; what it leaves out is not in `content` and is None elsewhere."""
    audience = {"topics": call.topics, "contacts": call.users, "targets": call.targets} | copies
    said = {name: value for name, value in content.items() if value is not None}
    return Request(channel, said, audience, call.draft, call.scheduled_at)


def draw(work: Work, message_id: str) -> dict[str, Any]:
    """The message as it is now."""
    return wire.message(message_records.find_message(work, message_id))


@operation("GET", "/messaging/messages", "messages.read", QUERY, SEARCH, TOTAL, model="MessageList")
def list_messages(work: Work, call: Call) -> dict[str, Any]:
    """List messages."""
    found = shelves.list_messages(work, wish(call, MESSAGES))
    return wire.page("messages", wire.message, found.rows, found.total)


@operation("GET", "/messaging/messages/{messageId}", "messages.read", model="Message")
def get_message(work: Work, call: Call) -> dict[str, Any]:
    """Get a message."""
    return draw(work, call.message_id)


@operation("DELETE", "/messaging/messages/{messageId}", "messages.write")
def delete_message(work: Work, call: Call) -> None:
    """Delete a message with its deliveries."""
    message_requests.delete(work, call.message_id)


@operation("GET", "/messaging/messages/{messageId}/targets", "messages.read", QUERY, TOTAL, model="TargetList")
def list_targets(work: Work, call: Call) -> dict[str, Any]:
    """List the targets that a message names one by one."""
    message = messages.find(work, call.message_id)
    found = shelves.list_targets_of_message(work, message, wish(call, TARGETS))
    return wire.page("targets", wire.target, found.rows, found.total)


@operation("POST", "/messaging/messages/{messageId}/pause", "messages.write", model="Message")
def pause_message(work: Work, call: Call) -> dict[str, Any]:
    """Stop between two recipients."""
    sending.pause(work, call.message_id)
    return draw(work, call.message_id)


@operation("POST", "/messaging/messages/{messageId}/resume", "messages.write", model="Message")
def resume_message(work: Work, call: Call) -> dict[str, Any]:
    """Go on after a pause."""
    sending.resume(work, call.message_id)
    return draw(work, call.message_id)


@operation("POST", "/messaging/messages/{messageId}/cancel", "messages.write", model="Message")
def cancel_message(work: Work, call: Call) -> dict[str, Any]:
    """Stop for good; whoever was not written to yet is skipped."""
    sending.cancel(work, call.message_id)
    return draw(work, call.message_id)
