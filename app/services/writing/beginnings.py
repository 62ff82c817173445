"""How a message begins: empty or from a template, perhaps for a time and with somebody in its audience already."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from app.domain.channels import Channel
from app.domain.content import content_of
from app.domain.errors import Invalid
from app.engine import timeline
from app.models.contacts import Contact
from app.models.messages import Message, MessageEvent
from app.models.templates import Template
from app.models.topics import Topic
from app.services.messages import message_files, messages, templates
from app.services.people import contacts, topics
from app.services.providers import sender
from app.services.sending import sending
from app.services.work import Work

MOST_OFFERED = 4  # templates of a channel that the first question shows
FOR_TEMPLATE = "for_template"


@dataclass(frozen=True, slots=True)
class Wish:
    """What a message shall begin with; what is empty is not asked for.

    `at` is a wall time (`2026-11-24T09:00`) in `zone`, an IANA name. `topic` and `contact` are public ids.
    """

    at: str = ""
    zone: str = ""
    topic: str = ""
    contact: str = ""


@dataclass(frozen=True, slots=True)
class Prospect:
    """A wish, looked at: its moment in UTC, or why that cannot be, and who it is for; nothing for what is not asked."""

    moment: datetime | None = None
    refusal: str = ""
    topic: Topic | None = None
    contact: Contact | None = None


@dataclass(frozen=True, slots=True)
class Way:
    """One channel as the first question shows it: whether anything can carry it, and the templates used last."""

    channel: str
    has_provider: bool
    templates: list[Template]
    total: int


def look_ahead(work: Work, wish: Wish) -> Prospect:
    """What would come of a wish. NotFound for a topic or contact that does not exist."""
    work.require("messages.write")
    moment, refusal = None, ""
    if wish.at:
        try:
            moment = sending.parse_wall_time(wish.at, wish.zone or work.project.time_zone, work.now)
        except Invalid as error:
            refusal = error.message
    return Prospect(
        moment, refusal, topics.find_topic(work, wish.topic) if wish.topic else None,
        contacts.find_contact(work, wish.contact) if wish.contact else None,
    )  # fmt: skip


def ways(work: Work) -> list[Way]:
    """Every channel with what one can begin with there."""
    work.require("messages.read")
    found = []
    for channel in Channel:
        offered, total = templates.latest(work, channel.value, MOST_OFFERED)
        is_carried = bool(sender.candidates(work, channel.value))
        found.append(Way(channel.value, is_carried, offered, total))
    return found


def begin(work: Work, channel: str, wish: Wish | None = None, *, for_template: bool = False) -> Message:
    """An empty draft. Raises Invalid (`channel`, `time`, `zone`) and NotFound as `look_ahead` does.

    `for_template`: it is only written to become a template.
    """
    if channel not in set(Channel):
        raise Invalid({"channel": [f"Channel {channel[:20]!r} does not exist; choose {', '.join(Channel)}."]})
    message = messages.write(work, content_of(channel, {}), _audience(work, wish))
    if for_template:
        timeline.note(work.session, message.pk, FOR_TEMPLATE, work.now, by=work.actor.name)
    return _at_its_time(work, message, wish)


def begin_from(work: Work, template_id: str, wish: Wish | None = None, *, for_template: bool = False) -> Message:
    """A draft that says what the newest version of a template says; it remembers where that came from.

    `for_template`: it is only written to become the next version. Raises NotFound, and Invalid (`time`, `zone`).
    """
    template = templates.find(work, template_id)
    content = templates.content_at(template, templates.find_version(work, template))
    message = messages.write(work, content, _audience(work, wish))
    message.template_pk, message.template_version = template.pk, template.version
    event = FOR_TEMPLATE if for_template else "from_template"
    timeline.note(
        work.session, message.pk, event, work.now, by=work.actor.name, name=template.name, version=template.version
    )
    return _at_its_time(work, message, wish)


def is_for_template(work: Work, message: Message) -> bool:
    """Whether a message that was found is only written to become a template, or a version of one."""
    if messages.is_written_here(message):
        noted = select(MessageEvent.pk).where(MessageEvent.message_pk == message.pk, MessageEvent.event == FOR_TEMPLATE)
        return work.session.scalar(noted.limit(1)) is not None
    return False


def end_draft(work: Work, message_id: str) -> bool:
    """Delete a draft that has become a template; whether it was one. What is more than a draft stays."""
    is_draft = messages.is_written_here(messages.find(work, message_id))
    if is_draft:
        messages.remove(work, message_id)
    return is_draft


def files_gone(work: Work, message: Message) -> int:
    """How many of the files that a message needs were deleted."""
    files = content_of(message.channel, message.content).files
    return len(set(files) - message_files.names_of(work, files).keys())


def _audience(work: Work, wish: Wish | None) -> dict[str, list[str]]:
    if wish is None:
        return {}
    ahead = look_ahead(work, wish)
    chosen = {
        "topics": [ahead.topic.id] if ahead.topic else [],
        "contacts": [ahead.contact.id] if ahead.contact else [],
    }
    return {kind: ids for kind, ids in chosen.items() if ids}


def _at_its_time(work: Work, message: Message, wish: Wish | None) -> Message:
    if wish is None or not wish.at:
        return message
    return sending.pencil_in_wall(work, message.id, wish.at, wish.zone or work.project.time_zone)
