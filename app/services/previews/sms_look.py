"""What the composer says of a text message beyond its words: parts, dear signs, where it goes and what it costs."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.domain.content import SmsContent
from app.domain.prices import Estimate, Part, estimate
from app.domain.rendered import RenderedSms
from app.domain.sms_savings import Saving, Sign, saving_of, signs_of
from app.domain.sms_segments import Segments, segment
from app.domain.sms_senders import Arrival, arrival_of, digits_of
from app.infra.phone_numbers import region_of
from app.infra.vault import VaultError
from app.models.messages import Message
from app.models.providers import Provider
from app.providers import get
from app.rendering import Check, Compiled
from app.rendering.sms_checks import check_sms
from app.services.previews import exact_request, sample_links, samples, sms_reach
from app.services.previews.lint_reading import Reading, Somebody
from app.services.previews.samples import Sample
from app.services.previews.sms_reach import Reach
from app.services.providers import prices, sender
from app.services.providers.provider_settings import kept_of
from app.services.work import Work

if TYPE_CHECKING:
    from app.services.previews.exact_request import Asked
    from app.services.previews.preview import Preview

MOST_COUNTRIES = 12  # lines of the table; the rest in one
_SENDER_FIELDS = ("from", "senderId")  # what kinds of providers call it


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the text: plain, or one sign that makes it dear."""

    text: str
    sign: Sign | None = None


@dataclass(frozen=True, slots=True)
class Bubble:
    """One part of the text as the network carries it: which of how many, its units, and its pieces in order."""

    number: int
    of: int
    units: int
    room: int
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Dear:
    """A sign that forces UCS-2: whether the author wrote it, else it stands in this person's values."""

    sign: Sign
    is_own: bool


@dataclass(frozen=True, slots=True)
class Country:
    """One line of where it goes; `name` is in words, `arrival` the sender as phones there likely show it."""

    name: str
    part: Part
    arrival: Arrival


@dataclass(frozen=True, slots=True)
class Cost:
    """What all of it would cost through one provider; `carries` says that this one goes first."""

    provider: Provider
    carries: bool
    estimate: Estimate
    note: str


@dataclass(frozen=True, slots=True)
class SmsLook:
    """A text message as one person gets it, and as all of them cost.

    `dear` are the signs of this person's text that plain SMS lacks, `saving` what replacing all of them would save.
    `countries` are lines of the first of `costs`, `others` how many more there are.
    """

    segments: Segments
    bubbles: Sequence[Bubble]
    dear: Sequence[Dear]
    saving: Saving
    arrival: Arrival
    reach: Reach
    countries: Sequence[Country]
    others: int
    costs: Sequence[Cost]
    asked: Sequence["Asked"]

    @property
    def fixable(self) -> Sequence[Dear]:
        """The author's signs that can be replaced or left out."""
        return [dear for dear in self.dear if dear.is_own and dear.sign.replacement is not None]


def look(work: Work, message: Message, content: SmsContent, preview: "Preview", total: int) -> SmsLook:
    """The look of a text as the preview's person gets it; `total` is how many will receive it."""
    work.require("messages.read")
    rendered = preview.rendered
    if not isinstance(rendered, RenderedSms):
        raise TypeError(f"A text message is looked at, not {type(rendered).__name__}")
    candidates = sender.candidates(work, message.channel, message.provider_pk)
    carrier = sender.provider_of(work, message)
    address = sender_of(work, carrier) if carrier is not None else ""
    home, found = region_of(f"+{digits_of(address)}"), segment(rendered.text)
    reach = sms_reach.reach_of(work, message, total)
    costs = _costs(work, message, candidates, carrier, reach)
    parts = costs[0].estimate.parts if costs else estimate({}, reach.of_all()).parts
    own = {sign.text for sign in signs_of(content.text)}
    return SmsLook(
        segments=found,
        bubbles=_bubbles(found),
        dear=[Dear(sign, sign.text in own) for sign in signs_of(rendered.text)],
        saving=saving_of(rendered.text),
        arrival=arrival_of(address, region_of(preview.sample.recipient.address), home),
        reach=reach,
        countries=[
            Country(prices.country_of(part.country), part, arrival_of(address, part.country, home))
            for part in parts[:MOST_COUNTRIES]
        ],
        others=max(len(parts) - MOST_COUNTRIES, 0),
        costs=costs,
        asked=exact_request.ask_all(work, message, preview),
    )


def sender_of(work: Work, provider: Provider) -> str:
    """The sender as it is set: a number, a short code, a name, or what the service calls a pool of them."""
    values = dict(provider.options)
    with suppress(VaultError):  # its own page says that its credentials cannot be read
        values |= kept_of(work, provider)
    return next((str(values[name]) for name in _SENDER_FIELDS if values.get(name)), "")


def _bubbles(found: Segments) -> list[Bubble]:
    return [
        Bubble(number, found.count, units, found.per_part, tuple(_pieces(text)))
        for number, (text, units) in enumerate(zip(found.parts, found.units_of_parts, strict=True), start=1)
    ]


def _pieces(text: str) -> list[Piece]:
    """The text with each sign on its own that could be replaced."""
    signs = [sign for sign in signs_of(text) if sign.replacement is not None]
    places = sorted(((position, sign) for sign in signs for position in sign.positions), key=lambda place: place[0])
    pieces, end = [], 0
    for position, sign in places:
        if position > end:
            pieces.append(Piece(text[end:position]))
        pieces.append(Piece(sign.text, sign))
        end = position + len(sign.text)
    return [*pieces, Piece(text[end:])] if end < len(text) else pieces


def _costs(
    work: Work, message: Message, candidates: Sequence[Provider], carrier: Provider | None, reach: Reach
) -> list[Cost]:
    """What each provider that may come to carry it would charge, the one that goes first in front."""
    day = prices.day_of(work, message.scheduled_at or work.now)
    tariffs = prices.tariffs_on(work, candidates, day)
    costs = [
        Cost(
            provider, carrier is not None and provider.pk == carrier.pk,
            estimate(tariffs[provider.pk], reach.of_all()), get(provider.kind).spec.preview_note,
        )
        for provider in candidates
    ]  # fmt: skip
    return sorted(costs, key=lambda cost: not cost.carries)


def check(work: Work, message: Message, content: SmsContent, prepared: Compiled, *, has_topic: bool) -> list[Check]:
    """What blocks sending this text and what deserves a look, for the first people of the audience."""
    people = samples.first_samples(work, message.channel, message.audience)
    linked = sample_links.linked_as_sample(work, message, prepared)
    texts = [linked.render(person.recipient).text for person in people]
    carrier = sender.provider_of(work, message)
    address = sender_of(work, carrier) if carrier is not None else ""
    found = check_sms(content.text, texts, address, has_topic=has_topic)
    if not content.text.strip():
        return found
    return [*_check_sender(carrier, address), *_check_refusals(Reading(work, message), people), *found]


def _check_sender(carrier: Provider | None, address: str) -> Iterator[Check]:
    fields = get(carrier.kind).spec.fields if carrier is not None else ()
    if carrier is not None and not address and any(each.name in _SENDER_FIELDS and each.needed for each in fields):
        sentence = f"{carrier.name} has no sender. Give it a number of yours, such as +15551234567."
        yield Check("blocks", "provider", sentence, "sender_missing")


def _check_refusals(reading: Reading, people: Sequence[Sample]) -> Iterator[Check]:
    """What the provider that goes first would not take: for everybody it blocks, for some it is said of whom."""
    looks = [(person, reading.look(Somebody(0, person.id, person.recipient))) for person in people]
    refused = [(person, look.refusal) for person, look in looks if look.refusal is not None]
    if refused:
        person, refusal = refused[0]
        if len(refused) == len(people):
            yield Check("blocks", "text", f"{refusal.detail} Shorten it.", "text_refused_by_provider")
        else:
            sentence = f"For {person.label} it would not be taken: {refusal.detail} A shorter value or fallback helps."
            yield Check("advises", "text", sentence, "text_refused_for_some")
