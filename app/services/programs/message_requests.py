"""What a program asks of a message, in the order and with the errors of the REST contract (sections 9.8 to 10.4)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from app.domain.addresses import EMAIL_RULE, normalise_email
from app.domain.channels import Channel
from app.domain.content import Content, EmailContent, PushContent, content_of
from app.domain.errors import Conflict, Invalid, NotFound
from app.domain.message_states import EDITABLE, MessageStatus
from app.models.messages import Message
from app.models.targets import Target
from app.services.messages import message_files, messages
from app.services.messages.messages import COPIES, KINDS
from app.services.sending import sending
from app.services.work import Work

_ENDED = {
    MessageStatus.PROCESSING: ("message_already_processing", "This message is being sent and cannot change."),
    MessageStatus.SENT: ("message_already_sent", "This message was sent and cannot change."),
    MessageStatus.FAILED: ("message_already_failed", "This message was sent, with failures, and cannot change."),
}


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be of a message of that channel.

    `content` holds values by the names of the content's own fields; those that are not there stay as they are (or,
    for a new message, take their defaults). In `audience` (topics, contacts, targets; for emails also cc, bcc and
    emails) and below, None leaves things as they are.
    """

    channel: Channel
    content: Mapping[str, Any] = field(default_factory=dict)
    audience: Mapping[str, Sequence[str] | None] = field(default_factory=dict)
    draft: bool | None = None
    scheduled_at: datetime | None = None


def create(work: Work, request: Request, message_id: str) -> Message:
    """A new message: a draft, scheduled, or on its way. Nothing is made when anything is wrong."""
    work.require("messages.write")
    if request.scheduled_at is not None:
        sending.require_future(work, request.scheduled_at)
    content, audience = _content({}, request), _audience({}, request)
    if not request.draft:
        _require_somebody(audience)
    _require_targets(work, request.channel, [*audience["targets"], *audience["cc"], *audience["bcc"]])
    _require_files(work, content, request)
    made = messages.write(work, content, audience, message_id=message_id)
    return _move(work, made, is_draft=bool(request.draft), moment=request.scheduled_at)


def update(work: Work, message_id: str, request: Request) -> Message:
    """Change a draft or a scheduled message, then move it on as asked. NotFound when it is of another channel."""
    work.require("messages.write")
    message = messages.lock(work, message_id)
    if message.channel != request.channel:
        sentence = f"The message {message_id} is no {request.channel.noun} message."
        raise NotFound(sentence, type="message_not_found")
    if request.scheduled_at is not None:
        sending.require_future(work, request.scheduled_at)
    content, audience = _content(message.content, request), _audience(message.audience, request)
    is_moved = request.draft is not None or request.scheduled_at is not None
    stays_draft = request.draft is True or (not is_moved and message.status == MessageStatus.DRAFT)
    if not stays_draft:
        _require_somebody(audience)
    _require_editable(work, message, request)
    _require_files(work, content, request)
    messages.rewrite(work, message, content, audience)
    if is_moved:
        return _move(work, message, is_draft=request.draft is True, moment=request.scheduled_at)
    return message


def _audience(stored: Mapping[str, Sequence[str]], request: Request) -> dict[str, list[str]]:
    """Who gets it: what the request names, and what it leaves out as it is stored. Invalid for a wrong address."""
    audience = {kind: list(stored.get(kind, ())) for kind in (*KINDS, *COPIES)}
    audience |= {kind: list(named) for kind, named in request.audience.items() if named is not None}
    addresses = [normalise_email(address) for address in audience["emails"]]
    audience["emails"] = [address for address in addresses if address is not None]
    if None in addresses:
        raise Invalid({"emails": [f"Each of the emails {EMAIL_RULE}."]})
    return audience


def _content(stored: Mapping[str, Any], request: Request) -> Content:
    """What it says, with what the request changes; Invalid by field when that cannot be stored."""
    content = replace(content_of(request.channel, stored), **request.content)
    if isinstance(content, EmailContent):
        content = content.tidied()
    if problems := content.problems():
        raise Invalid(problems)
    return content


def _require_files(work: Work, content: Content, request: Request) -> None:
    """The files that the request names exist; what is stored already was judged when it was stored."""
    match content:
        case EmailContent() if "attachments" in request.content:
            message_files.require_attachments(work, content.attachments)
        case PushContent() if request.content.get("image") and content.image is not None:
            message_files.require_image(work, content.image)
        case _:
            return


def _require_editable(work: Work, message: Message, request: Request) -> None:
    status = MessageStatus(message.status)
    if status not in EDITABLE:
        wire_type, sentence = _ENDED[status]
        raise Conflict(sentence, type=wire_type)
    is_past = message.scheduled_at is not None and message.scheduled_at < work.now
    if is_past and (status is MessageStatus.SCHEDULED or request.scheduled_at is None):
        raise Conflict("The time of this message has passed. Give it a new one.", type="message_already_scheduled")


def _move(work: Work, message: Message, *, is_draft: bool, moment: datetime | None) -> Message:
    """On to draft, scheduled or processing."""
    if is_draft:
        if message.status == MessageStatus.SCHEDULED:
            sending.unschedule(work, message.id, keeps_time=True)
        return sending.pencil_in(work, message.id, moment) if moment is not None else message
    if moment is not None:
        return sending.schedule_unchecked(work, message.id, moment)
    return sending.send_unchecked(work, message.id)


def _require_somebody(audience: Mapping[str, Sequence[str]]) -> None:
    """Somebody is written to. Plain addresses are; who gets a copy only is not (contract 9.8, rule 2)."""
    if not any(audience.get(kind) for kind in (*KINDS, "emails")):
        raise Invalid(
            {"targets": ["A message that is not a draft needs topics, users or targets."]},
            type="message_missing_target",
        )


def _require_targets(work: Work, channel: Channel, ids: Sequence[str]) -> None:
    """Every id is another target of this channel that exists."""
    wanted = select(func.count()).where(
        Target.project_pk == work.project_pk, Target.channel == channel.value, Target.id.in_(set(ids))
    )
    if ids and work.session.scalar(wanted) != len(ids):
        raise Invalid(
            {"targets": [f"Each of the targets must exist, be of the type {channel.value}, and be named once."]},
            type=f"message_target_not_{channel.value}",
        )


def delete(work: Work, message_id: str) -> None:
    """Delete a message, also one on its way; Conflict for a scheduled one whose time has passed."""
    message = messages.lock(work, message_id)
    is_past = message.scheduled_at is not None and message.scheduled_at < work.now
    if message.status == MessageStatus.SCHEDULED and is_past:
        sentence = "The time of this message has passed; send it, or take it back to draft, in the dashboard."
        raise Conflict(sentence, type="message_already_scheduled")
    messages.remove(work, message_id, stops_sending=True)
