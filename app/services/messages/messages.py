"""Messages: begin, save, find, list, duplicate and delete them; what is written stays a draft until it is sent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, select

from app.domain.content import Content, channel_of, content_of, title_of
from app.domain.errors import Conflict, Invalid
from app.domain.message_states import MessageStatus
from app.domain.words import read_search
from app.engine import ledger, lifecycle, timeline
from app.infra.full_text import Match
from app.models.messages import Message, MessageEvent
from app.services.lists.listing import PAGE_SIZE, Cursor, Page, page_of
from app.services.lists.search import narrow
from app.services.messages import message_files
from app.services.tracking import deliveries
from app.services.work import Work

KINDS = ("topics", "contacts", "targets")
# Who gets a copy of an email, beside its audience: ids of targets, and addresses that need not be anybody's. Only
# programs name them; each address gets one delivery of its own (docs/adr/0013-copies.md).
COPIES = ("cc", "bcc", "emails")
MOST_WRITTEN = 5000  # the same for programs, which write lists out
SITTING = timedelta(minutes=15)  # saves of one person within this time are one line of the audit trail
PHASES = ("draft", "scheduled", "late", "sending", "paused", "cancelled", "sent", "failed")


@dataclass(frozen=True, slots=True)
class Line:
    """One message as a list shows it. `done` of `audience` deliveries have ended; both are 0 before it is sent."""

    pk: int
    id: str
    channel: str
    title: str
    phase: str
    author: str
    at: datetime
    audience: int = 0
    done: int = 0
    went_wrong: int = 0
    waiting_reason: str = ""
    is_demo: bool = False

    @property
    def is_written_here(self) -> bool:
        """Whether it is a draft that the composer can open."""
        return self.phase == MessageStatus.DRAFT

    @property
    def is_running(self) -> bool:
        """Whether deliveries of it are on their way or held: it can be cancelled, not deleted."""
        return self.phase in {"sending", "stopped", "paused"}


def write(work: Work, content: Content, audience: Mapping[str, Sequence[str]], *, message_id: str = "") -> Message:
    """A new draft with that content and audience, as a program makes it. Raises Invalid by field, Conflict by id."""
    work.require("messages.write")
    _refuse_unstorable(content, audience)
    taken = select(Message.pk).where(Message.project_pk == work.project_pk, Message.id == message_id)
    if message_id and work.session.scalar(taken) is not None:
        sentence = f"A message with the id {message_id} exists already; choose another id."
        raise Conflict(sentence, type="message_already_exists", fields={"id": [sentence]})
    return _add(work, content, audience, "created", message_id)


def rewrite(work: Work, message: Message, content: Content, audience: Mapping[str, Sequence[str]]) -> None:
    """Put that content and audience into a draft or a scheduled message that is held. Raises Invalid by field."""
    work.require("messages.write")
    _refuse_unstorable(content, audience)
    wanted = stored_audience(audience)
    if (content.to_json(), wanted) == (message.content, message.audience):
        return
    audit_edit(work, message)
    store(work, message, content, wanted)
    message_files.sign_image(work, message)


def stored_audience(audience: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """An audience as it is kept: every kind, and copies where there are any."""
    copies = {kind: list(audience[kind]) for kind in COPIES if audience.get(kind)}
    return {kind: list(audience.get(kind, ())) for kind in KINDS} | copies


def find(work: Work, message_id: str) -> Message:
    """The message with that id; NotFound when there is none."""
    work.require("messages.read")
    message: Message = work.find(Message, message_id, noun="message", type="message_not_found")
    return message


def store(work: Work, message: Message, content: Content, audience: dict[str, list[str]]) -> None:
    """Put content and audience into a message that is held; the next version of it."""
    message.content, message.audience = content.to_json(), audience
    message.title = title_of(content)
    message.title_key = message.title.casefold()[:998]
    message.version += 1
    message.editor_name = work.actor.name
    message.updated_at = work.now


def _refuse_unstorable(content: Content, audience: Mapping[str, Sequence[str]]) -> None:
    problems = content.problems()
    if sum(map(len, audience.values())) > MOST_WRITTEN:
        problems["audience"] = [f"At most {MOST_WRITTEN:,} topics, users and targets fit; more belong in a topic."]
    if problems:
        raise Invalid(problems)


def lock(work: Work, message_id: str) -> Message:
    """The message, held until the work ends, so that two tabs and two buttons come one after the other."""
    return lifecycle.lock(work.session, find(work, message_id).pk) or find(work, message_id)


def require_draft(message: Message) -> None:
    """Conflict, in words, unless the message may be changed now."""
    match MessageStatus(message.status):
        case MessageStatus.DRAFT:
            return
        case MessageStatus.SCHEDULED:
            raise Conflict(
                "This message is scheduled. Take it back to draft before you change it.",
                type="message_already_scheduled",
            )
        case MessageStatus.PROCESSING:
            raise Conflict("This message is being sent and cannot change.", type="message_already_processing")
        case MessageStatus.SENT | MessageStatus.FAILED:
            raise Conflict(
                "This message was sent and cannot change. Duplicate it instead.", type="message_already_sent"
            )


def duplicate(work: Work, message_id: str) -> Message:
    """A new draft with the same content, audience and provider, made from the same template; without its time."""
    work.require("messages.write")
    source = find(work, message_id)
    message = _add(work, content_of(source.channel, source.content), source.audience, "duplicated")
    message.provider_pk = source.provider_pk
    message.template_pk, message.template_version = source.template_pk, source.template_version
    return message


def duplicate_many(work: Work, message_ids: Sequence[str]) -> list[Message]:
    """The same for several, in the order of the list: all or none. Invalid (`message`) for none named or too many."""
    chosen = list(dict.fromkeys(message_ids))
    if not 1 <= len(chosen) <= PAGE_SIZE:
        raise Invalid({"message": [f"Tick at least one message, and at most {PAGE_SIZE}."]})
    return [duplicate(work, message_id) for message_id in reversed(chosen)]


def remove(work: Work, message_id: str, *, stops_sending: bool = False) -> str:
    """Delete a message with its deliveries; its title. Conflict while it is being sent.

    `stops_sending`: a message on its way goes too, unless a worker has some of its deliveries in hand this moment.
    """
    work.require("messages.write")
    message = lock(work, message_id)
    tally = deliveries.tallies_of(work, [message.pk]).get(message.pk)
    is_idle = stops_sending and (tally is None or tally.sending == 0)
    if message.status == MessageStatus.PROCESSING and not is_idle:
        raise Conflict(
            "This message is being sent. Cancel it first, then delete it.", type="message_already_processing"
        )
    ledger.forget(work.session, message.pk)
    work.session.execute(delete(MessageEvent).where(MessageEvent.message_pk == message.pk))
    work.session.delete(message)
    work.audit("message.delete", f"message/{message.id}", title=message.title, status=message.status)
    return message.title


def list_messages(work: Work, cursor: Cursor, *, words: str = "", phase: str = "", channel: str = "") -> Page[Line]:
    """One page of messages, newest first, that hold all `words`, of the last one its beginning.

    Words stand in the title or the id, or name the channel; what is typed with signs (`50%`) stands so in the title.
    An unknown filter finds nothing.
    """
    work.require("messages.read")
    conditions: list[ColumnElement[bool]] = [Message.project_pk == work.project_pk, *_in_phase(phase)]
    if channel:
        conditions.append(Message.channel == channel)
    asked, matched = read_search(words), Match()
    if not asked.is_empty:
        matched = narrow(work, Message, conditions, {}, asked)
    signs = [word for word in words.casefold().split()[:8] if not word.isalnum()]
    conditions += [Message.title_key.contains(word, autoescape=True) for word in signs]
    query = matched.of(select(Message)).where(*conditions)
    page: Page[Any] = page_of(work.session, query, matched.place(Message.pk), cursor)
    return replace(page, items=_lines(work, page.items))


def is_empty(work: Work) -> bool:
    """Whether the project has no message at all."""
    return work.session.scalar(select(Message.pk).where(Message.project_pk == work.project_pk).limit(1)) is None


def is_written_here(message: Message) -> bool:
    """Whether it is a draft that the composer can open."""
    return message.status == MessageStatus.DRAFT


def goes_out_at(message: Message) -> datetime | None:
    """When a scheduled message goes out; None for any other."""
    return message.scheduled_at if message.status == MessageStatus.SCHEDULED else None


def _add(
    work: Work, content: Content, audience: Mapping[str, Sequence[str]], event: str, message_id: str = ""
) -> Message:
    title = title_of(content)
    message = Message(
        id=message_id or work.unique_id(), project_pk=work.project_pk, channel=channel_of(content).value,
        title=title, title_key=title.casefold()[:998], content=content.to_json(), audience=stored_audience(audience),
        status=MessageStatus.DRAFT.value, author_pk=work.actor.pk, author_name=work.actor.name,
        editor_name=work.actor.name, **work.stamp(),
    )  # fmt: skip
    message_files.sign_image(work, message)
    work.session.add(message)
    work.session.flush()
    timeline.note(work.session, message.pk, event, work.now, by=work.actor.name)
    work.audit("message.create", f"message/{message.id}", title=title)
    return message


def audit_edit(work: Work, message: Message) -> None:
    """One line for one sitting: a draft that saves itself every second would drown the trail."""
    is_same_sitting = message.editor_name == work.actor.name and work.now - message.updated_at < SITTING
    if not is_same_sitting or message.version == 1:
        work.audit("message.edit", f"message/{message.id}", title=message.title)


def _in_phase(phase: str) -> list[ColumnElement[bool]]:
    status, cancelled = Message.status, Message.cancelled_at.is_not(None)
    match phase:
        case "":
            return []
        case "cancelled":
            return [cancelled]
        case "paused" | "sending":
            paused = Message.paused_at.is_not(None) if phase == "paused" else Message.paused_at.is_(None)
            return [status == MessageStatus.PROCESSING.value, ~cancelled, paused]
        case "late":
            return [status == MessageStatus.SCHEDULED.value, Message.late_at.is_not(None)]
        case "scheduled":
            return [status == MessageStatus.SCHEDULED.value, Message.late_at.is_(None)]
        case _:
            return [status == phase, ~cancelled]


def _lines(work: Work, messages: Sequence[Message]) -> list[Line]:
    tallies = deliveries.tallies_of(work, [message.pk for message in messages])
    stopped, lines = work.project.stopped_at is not None, []
    for message in messages:
        line = Line(
            message.pk, message.id, message.channel, message.title, message.phase(stopped=stopped),
            message.author_name,
            message.scheduled_at if message.status == MessageStatus.SCHEDULED and message.scheduled_at
            else message.started_at or message.updated_at,
            waiting_reason=message.waiting_reason, is_demo=message.is_demo,
        )  # fmt: skip
        if tally := tallies.get(message.pk):
            line = replace(
                line, audience=tally.audience, done=tally.audience - tally.queued - tally.sending,
                went_wrong=tally.failed + tally.bounced + tally.uncertain,
            )  # fmt: skip
        lines.append(line)
    return lines
