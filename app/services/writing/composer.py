"""The composer's desk: everything one page of writing needs to know of a draft, read in one go."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.domain.content import Content, EmailContent, PushContent, SmsContent, content_of
from app.domain.errors import Invalid
from app.domain.unsubscribing import VARIABLES
from app.engine.recipients import BUILT_IN
from app.models.messages import Message
from app.models.providers import Provider
from app.models.templates import Template
from app.services.messages import audience, copies, messages, templates
from app.services.messages.audience import Choice
from app.services.previews import email_look, lint, lint_picks, preview, push_look, samples, sms_look
from app.services.previews.email_look import EmailLook
from app.services.previews.lint import Report
from app.services.previews.lint_picks import Pick
from app.services.previews.preview import Preview, Review
from app.services.previews.push_look import PushLook
from app.services.previews.samples import Sample
from app.services.previews.sms_look import SmsLook
from app.services.work import Work
from app.services.writing import drafts


@dataclass(frozen=True, slots=True)
class Desk:
    """A draft with its preview, its checks and what the audience picker found.

    `preview` is None when the content cannot be rendered (the checks say why). `variables` are the names worth
    offering: those every contact has, the attributes of the first recipients, and but for pushes the links to leave.
    `providers` are those that may be chosen to carry it. `look` is what the channel's preview says beyond the rendered
    message. `lint` is what rendering it for everybody brought to light, `worst` are the people worth a look.
    `template` is what it was made from. `is_past`: the time that it is meant for is over.
    """

    message: Message
    content: Content
    review: Review
    preview: Preview | None
    people: list[Sample]
    variables: list[str]
    found: list[Choice]
    providers: Sequence[Provider]
    look: EmailLook | PushLook | SmsLook | None = None
    lint: Report | None = None
    worst: Sequence[Pick] = ()
    template: Template | None = None
    is_past: bool = False

    @property
    def pinned(self) -> str:
        """The public id of the provider that was chosen for it; empty for whichever comes first."""
        chosen = (provider.id for provider in self.providers if provider.pk == self.message.provider_pk)
        return next(chosen, "")

    @property
    def is_written_here(self) -> bool:
        """Whether it is a draft that the composer can open."""
        return messages.is_written_here(self.message)


def lay_out(
    work: Work, message_id: str, *, as_target: str = "", looking_for: str = "", who: str = "", view: str = ""
) -> Desk:
    """The desk for a message, previewed as `as_target`; `looking_for` searches the picker, `who` the people.

    `view` is the part of the preview that is looked at (`previews.email_look`); an empty one is where one begins.
    """
    message = messages.find(work, message_id)
    few = samples.first_samples(work, message.channel, message.audience)
    shown = samples.find_sample(work, message.channel, as_target) or few[0]
    people = samples.search_samples(work, message.channel, who) or few
    names = {name for sample in few for name in sample.recipient.variables}
    content = content_of(message.channel, message.content)
    rendered = _try_preview(work, message, shown)
    links = () if isinstance(content, PushContent) else VARIABLES
    review = preview.review(work, message)
    return Desk(
        message=message,
        content=content,
        review=review,
        preview=rendered,
        look=_look_at(work, message, rendered, review, view),
        people=people if shown.id in {person.id for person in people} else [shown, *people],
        variables=[*BUILT_IN, *sorted(names - set(BUILT_IN)), *links],
        lint=lint.report_of(work, message),
        worst=lint_picks.picks(work, message, few),
        found=_search(work, message, looking_for),
        providers=drafts.providers_to_choose(work, message),
        template=templates.origin_of(work, message),
        is_past=message.scheduled_at is not None and message.scheduled_at <= work.now,
    )


def _look_at(
    work: Work, message: Message, rendered: Preview | None, review: Review, view: str
) -> EmailLook | PushLook | SmsLook | None:
    """What there is to say of it beyond the rendered message; None when it cannot be rendered."""
    if rendered is None:
        return None
    match content_of(message.channel, message.content):
        case EmailContent() as content:
            return email_look.look(work, message, content, rendered, view)
        case PushContent() as content:
            return push_look.look(work, message, content, rendered)
        case SmsContent() as content:
            return sms_look.look(work, message, content, rendered, review.equation.total)


def _try_preview(work: Work, message: Message, sample: Sample) -> Preview | None:
    try:
        return preview.preview_for(work, message, sample)
    except Invalid:
        return None


def search_picker(work: Work, message_id: str, text: str) -> list[Choice]:
    """What the audience picker offers for a text, without what is chosen already."""
    return _search(work, messages.find(work, message_id), text)


def _search(work: Work, message: Message, text: str) -> list[Choice]:
    found = audience.search(work, message.channel, text, message.audience)
    return copies.offered(work, message.channel, text, message.audience, found)


def show(work: Work, message_id: str, as_target: str, *, inverted: bool = False, images: bool = True) -> str:
    """The HTML of the preview's frame, as sent or as some programs show it (`rendering.as_shown`).

    Raises Invalid when the content cannot be rendered.
    """
    message = messages.find(work, message_id)
    pictures = preview.pictures_of(work, content_of(message.channel, message.content))
    made = preview.preview(work, message, as_target)
    return preview.page_of(made, inverted=inverted, images=images, pictures=pictures)
