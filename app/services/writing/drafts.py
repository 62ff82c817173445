"""Drafts as the composer writes them: what was typed, chosen and attached is saved together, or nothing is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from app.domain.addresses import EMAIL_RULE, normalise_email
from app.domain.channels import Channel
from app.domain.content import Content, EmailContent, PushContent, SmsContent, content_of
from app.domain.content_limits import File
from app.domain.errors import Conflict, Invalid, NotFound
from app.domain.ids import is_custom_id
from app.models.messages import Message
from app.models.providers import Provider
from app.services.messages import message_files, messages
from app.services.messages.messages import COPIES, KINDS
from app.services.previews import lint
from app.services.providers import sender
from app.services.work import Work

CHOSEN = (*KINDS, "cc", "bcc", "emails")  # what a composer may add to an audience
MOST_CHOSEN = 1000  # topics, people and addresses in one audience; more belong in a topic


class StaleDraft(Conflict):
    """Somebody saved this draft since it was opened; `theirs` is the version that is stored now."""

    type = "general_conflict"

    def __init__(self, message: Message) -> None:
        super().__init__("This draft was saved in another place since you opened it.")
        self.saved_by = message.editor_name or message.author_name
        self.saved_at = message.updated_at
        self.theirs = message.version


@dataclass(frozen=True, slots=True)
class Draft:
    """What a composer changes.

    `typed` holds values by the names of the content's own fields; those that are not there stay as they are. `add` and
    `remove` are pairs of a kind of `CHOSEN` and a public id (for `emails`, the address). `attach`, `detach` and
    `inline` (images that an email's body shows) are files, pairs of a bucket's and a file's id; a push has one image,
    so the last one attached. `provider` is the public id of the one that shall carry the message, "" for whichever
    comes first; None leaves it as it is.
    """

    typed: Mapping[str, Any] = field(default_factory=dict)
    add: tuple[tuple[str, str], ...] = ()
    remove: tuple[tuple[str, str], ...] = ()
    attach: tuple[File, ...] = ()
    detach: tuple[File, ...] = ()
    inline: tuple[File, ...] = ()
    provider: str | None = None


def save_draft(work: Work, message_id: str, draft: Draft, version: int) -> Message:
    """Store what was changed, if nobody stored something else since `version`.

    Saving what is stored already changes nothing. Raises StaleDraft, Invalid by field (nothing is saved then),
    NotFound for a file that does not exist, and Conflict when the message is not a draft any more.
    """
    work.require("messages.write")
    message = messages.lock(work, message_id)
    messages.require_draft(message)
    content = _with_files(work, replace(content_of(message.channel, message.content), **draft.typed), draft)
    problems = content.problems()
    audience = _change(message, content, draft, problems)
    provider_pk = _provider_pk(work, message, draft.provider, problems)
    if problems:
        raise Invalid(problems)
    if (content.to_json(), audience, provider_pk) == (message.content, message.audience, message.provider_pk):
        return message
    if message.version != version:
        raise StaleDraft(message)
    messages.audit_edit(work, message)
    message.provider_pk = provider_pk
    messages.store(work, message, content, audience)
    if draft.attach:
        message_files.sign_image(work, message)
    lint.want(work, message)
    return message


def _with_files(work: Work, content: Content, draft: Draft) -> Content:
    """The content with what was attached and without what was taken away; NotFound or Invalid for the files."""
    match content:
        case EmailContent():
            return _with_enclosures(work, content.tidied(), draft)
        case PushContent():
            if draft.attach:
                message_files.require_image(work, draft.attach[-1])
                return replace(content, image=draft.attach[-1], image_url="")
            return replace(content, image=None, image_url="") if content.image in draft.detach else content
        case SmsContent():
            return content


def _with_enclosures(work: Work, content: EmailContent, draft: Draft) -> EmailContent:
    added = [file for file in draft.attach if file not in content.attachments]
    message_files.require_attachments(work, added)
    for file in draft.inline:
        words = message_files.words_for_image(work, file)
        try:
            content = content.with_image(file, words)
        except ValueError as error:
            raise Invalid({"format": [str(error)]}) from error
    attachments = (*content.attachments, *dict.fromkeys(added))
    return replace(
        content,
        attachments=tuple(file for file in attachments if file not in draft.detach),
        images=tuple(file for file in content.images if file not in draft.detach),
    )


def _change(message: Message, content: Content, draft: Draft, problems: dict[str, list[str]]) -> dict[str, list[str]]:
    """The audience with what was added and without what was removed, in the order of choosing."""
    kinds = (*KINDS, *COPIES) if isinstance(content, EmailContent) else KINDS
    audience = {kind: list(message.audience.get(kind, ())) for kind in kinds}
    for kind, chosen in draft.add:
        each = normalise_email(chosen) if kind == "emails" else chosen if is_custom_id(chosen) else None
        if kind == "emails" and each is None:
            problems["emails"] = [f"Address {EMAIL_RULE}."]
        if kind in audience and each is not None and each not in audience[kind]:
            audience[kind].append(each)
    gone = set(draft.remove)
    for kind, named in audience.items():
        audience[kind] = [each for each in named if (kind, each) not in gone]
    if sum(map(len, audience.values())) > MOST_CHOSEN:
        problems["audience"] = [f"Audience holds at most {MOST_CHOSEN:,} topics, people and addresses. Use a topic."]
    return messages.stored_audience(audience)


def _provider_pk(work: Work, message: Message, wanted: str | None, problems: dict[str, list[str]]) -> int | None:
    """The number of the provider that shall carry it; None for whichever comes first."""
    if wanted is None:
        return message.provider_pk
    if not wanted:
        return None
    try:
        provider = sender.find_provider(work, wanted)
    except NotFound:
        provider = None
    if provider is None or provider.channel != message.channel:
        noun = Channel(message.channel).noun
        problems["provider"] = [f"This provider does not exist any more, or sends no {noun}. Choose another one."]
        return message.provider_pk
    return provider.pk


def providers_to_choose(work: Work, message: Message) -> Sequence[Provider]:
    """The providers that are switched on for the message's channel, in failover order; the chosen one in any case."""
    work.require("messages.read")
    found = sender.everyone(work, message.channel)
    return [provider for provider in found if provider.enabled or provider.pk == message.provider_pk]
