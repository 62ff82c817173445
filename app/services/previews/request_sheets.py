"""A message laid out as every provider would be told it, for one of its recipients: what the request page shows."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.domain.errors import Invalid
from app.models.messages import Message
from app.services.messages import messages
from app.services.previews import exact_request, preview, samples
from app.services.previews.exact_request import Asked
from app.services.previews.samples import Sample
from app.services.work import Work


@dataclass(frozen=True, slots=True)
class RequestSheet:
    """`shown` is whom the requests are for, `people` whom they can be made for; `refusal` says why there are none."""

    message: Message
    shown: Sample
    people: Sequence[Sample]
    asked: Sequence[Asked] = ()
    refusal: str = ""

    @property
    def is_written_here(self) -> bool:
        """Whether it is a draft that the composer can open."""
        return messages.is_written_here(self.message)


def lay_out_requests(work: Work, message_id: str, as_target: str = "") -> RequestSheet:
    """The requests for that target, or for the first recipient. NotFound for a message that does not exist."""
    work.require("messages.read")
    message = messages.find(work, message_id)
    people = samples.first_samples(work, message.channel, message.audience)
    shown = samples.find_sample(work, message.channel, as_target) or people[0]
    if shown.id not in {person.id for person in people}:
        people = [shown, *people]
    try:
        made = preview.preview_for(work, message, shown)
    except Invalid as error:
        return RequestSheet(message, shown, people, refusal=error.message)
    return RequestSheet(message, shown, people, exact_request.ask_all(work, message, made))
