"""What a program asks of a message, in the order and with the errors of the REST contract (sections 9.8 to 10.4)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import func, select

from app.domain.content import EmailContent
from app.domain.errors import Conflict, Invalid
from app.domain.message_states import EDITABLE, MessageStatus
from app.models.messages import Message
from app.models.targets import Target
from app.services import messages, sending
from app.services.messages import KINDS
from app.services.work import Work

_ENDED = {
    MessageStatus.PROCESSING: ("message_already_processing", "This message is being sent and cannot change."),
    MessageStatus.SENT: ("message_already_sent", "This message was sent and cannot change."),
    MessageStatus.FAILED: ("message_already_failed", "This message was sent, with failures, and cannot change."),
}


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be; None leaves it as it is (or, for a new message, takes the default)."""

    subject: str | None
    body: str | None
    is_html: bool | None
    audience: Mapping[str, Sequence[str] | None]
    draft: bool | None
    scheduled_at: datetime | None


def content_of(subject: str, body: str, *, is_html: bool) -> EmailContent:
    """The content of an email as programs write it: HTML or plain text."""
    return EmailContent(subject=subject, format="html" if is_html else "text", body=body)


def create(work: Work, request: Request, message_id: str) -> Message:
    """A new email: a draft, scheduled, or on its way. Nothing is made when anything is wrong."""
    work.require("messages.write")
    if request.scheduled_at is not None:
        sending.require_future(work, request.scheduled_at)
    audience = {kind: list(request.audience.get(kind) or ()) for kind in KINDS}
    if not request.draft:
        _require_somebody(audience)
    _require_targets(work, "email", audience["targets"])
    content = content_of(request.subject or "", request.body or "", is_html=bool(request.is_html))
    made = messages.write(work, content, audience, message_id=message_id)
    return _move(work, made, is_draft=bool(request.draft), moment=request.scheduled_at)


def update(work: Work, message_id: str, request: Request) -> Message:
    """Change a draft or a scheduled message, then move it on as asked."""
    work.require("messages.write")
    message = messages.lock(work, message_id)
    if request.scheduled_at is not None:
        sending.require_future(work, request.scheduled_at)
    is_moved = request.draft is not None or request.scheduled_at is not None
    stays_draft = request.draft is True or (not is_moved and message.status == MessageStatus.DRAFT)
    audience = {kind: _kept(request.audience.get(kind), message.audience.get(kind, ())) for kind in KINDS}
    if not stays_draft:
        _require_somebody(audience)
    _require_editable(work, message, request)
    messages.rewrite(work, message, _changed(message, request), audience)
    if is_moved:
        return _move(work, message, is_draft=request.draft is True, moment=request.scheduled_at)
    return message


def _kept(wanted: Sequence[str] | None, stored: Sequence[str]) -> list[str]:
    return list(stored if wanted is None else wanted)


def _changed(message: Message, request: Request) -> EmailContent:
    content = EmailContent.from_json(message.content)
    if request.is_html is not None:
        content = replace(content, format="html" if request.is_html else "text")
    subject = content.subject if request.subject is None else request.subject
    return replace(content, subject=subject, body=content.body if request.body is None else request.body)


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
    if not any(audience.values()):
        raise Invalid(
            {"targets": ["A message that is not a draft needs topics, users or targets."]},
            type="message_missing_target",
        )


def _require_targets(work: Work, channel: str, ids: Sequence[str]) -> None:
    """Every id is another target of this channel that exists."""
    wanted = select(func.count()).where(
        Target.project_pk == work.project_pk, Target.channel == channel, Target.id.in_(ids)
    )
    if ids and work.session.scalar(wanted) != len(ids):
        raise Invalid(
            {"targets": [f"Each of the targets must exist, be of the type {channel}, and be named once."]},
            type=f"message_target_not_{channel}",
        )


def delete(work: Work, message_id: str) -> None:
    """Delete a message, also one on its way; Conflict for a scheduled one whose time has passed."""
    message = messages.lock(work, message_id)
    is_past = message.scheduled_at is not None and message.scheduled_at < work.now
    if message.status == MessageStatus.SCHEDULED and is_past:
        raise Conflict("The time of this message has passed; it is being sent.", type="message_already_scheduled")
    messages.remove(work, message_id, stops_sending=True)
