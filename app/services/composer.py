"""The composer's desk: everything one page of writing needs to know of a draft, read in one go."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.domain.content import Content, EmailContent, content_of
from app.domain.errors import Invalid
from app.domain.unsubscribing import VARIABLES
from app.engine.recipients import BUILT_IN
from app.models.messages import Message
from app.models.providers import Provider
from app.services import audience, drafts, messages, preview, samples
from app.services.audience import Choice
from app.services.preview import Preview, Review
from app.services.samples import Sample
from app.services.work import Work


@dataclass(frozen=True, slots=True)
class Desk:
    """A draft with its preview, its checks and what the audience picker found.

    `preview` is None when the content cannot be rendered (the checks say why). `variables` are the names worth
    offering: those every contact has, the attributes of the first recipients, and (in emails) the links to leave by.
    `providers` are those that may be chosen to carry it.
    """

    message: Message
    content: Content
    review: Review
    preview: Preview | None
    people: list[Sample]
    variables: list[str]
    found: list[Choice]
    providers: Sequence[Provider]

    @property
    def pinned(self) -> str:
        """The public id of the provider that was chosen for it; empty for whichever comes first."""
        chosen = (provider.id for provider in self.providers if provider.pk == self.message.provider_pk)
        return next(chosen, "")

    @property
    def is_written_here(self) -> bool:
        """Whether it is a draft that the composer can open."""
        return messages.is_written_here(self.message)


def lay_out(work: Work, message_id: str, *, as_target: str = "", looking_for: str = "", who: str = "") -> Desk:
    """The desk for a message, previewed as `as_target`; `looking_for` searches the picker, `who` the people."""
    message = messages.find(work, message_id)
    few = samples.first_samples(work, message.channel, message.audience)
    shown = samples.find_sample(work, message.channel, as_target) or few[0]
    people = samples.search_samples(work, message.channel, who) or few
    names = {name for sample in few for name in sample.recipient.variables}
    content = content_of(message.channel, message.content)
    links = VARIABLES if isinstance(content, EmailContent) else ()
    return Desk(
        message=message,
        content=content,
        review=preview.review(work, message),
        preview=_try_preview(work, message, shown),
        people=people if shown.id in {person.id for person in people} else [shown, *people],
        variables=[*BUILT_IN, *sorted(names - set(BUILT_IN)), *links],
        found=audience.search(work, message.channel, looking_for, message.audience),
        providers=drafts.providers_to_choose(work, message),
    )


def _try_preview(work: Work, message: Message, sample: Sample) -> Preview | None:
    try:
        return preview.preview_for(work, message, sample)
    except Invalid:
        return None


def search_picker(work: Work, message_id: str, text: str) -> list[Choice]:
    """What the audience picker offers for a text, without what is chosen already."""
    message = messages.find(work, message_id)
    return audience.search(work, message.channel, text, message.audience)


def show(work: Work, message_id: str, as_target: str, *, is_dark: bool = False) -> str:
    """The HTML of the preview's frame. Raises Invalid when the content cannot be rendered."""
    message = messages.find(work, message_id)
    return preview.page_of(preview.preview(work, message, as_target), is_dark=is_dark)
