"""What the composer says of a push notification beyond its words: devices, bytes against the limit, checks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from app.domain.content import PushContent
from app.domain.exact_request import ExactRequest
from app.domain.push_previews import Device, Platform, device_of
from app.domain.push_rules import LARGEST_IMAGE, is_color
from app.domain.rendered import Recipient, Rendered, RenderedPush
from app.domain.sizes import say_size
from app.models.files import Bucket, File
from app.models.messages import Message
from app.providers import catalog
from app.providers.base import Account, Envelope
from app.rendering import Check, Compiled
from app.rendering.push_checks import check_push
from app.services.previews import exact_request, sample_links, samples
from app.services.previews.compiling import compiled
from app.services.previews.samples import Sample
from app.services.providers import sender
from app.services.work import Work

if TYPE_CHECKING:
    from app.services.previews.exact_request import Asked
    from app.services.previews.preview import Preview

NEARLY = 0.9  # of the limit: from here on a few more words of a variable may be too much


@dataclass(frozen=True, slots=True)
class Weight:
    """How many bytes the notification has for one service, at the worst of the first recipients."""

    service: str
    octets: int
    limit: int
    whose: str

    @property
    def is_over(self) -> bool:
        """Whether the service would refuse it."""
        return self.octets > self.limit

    @property
    def is_near(self) -> bool:
        """Whether little room is left."""
        return self.octets > self.limit * NEARLY


@dataclass(frozen=True, slots=True)
class Image:
    """The image of the notification; `is_gone`: it was deleted from storage."""

    bucket_id: str
    file_id: str
    name: str
    is_gone: bool = False


@dataclass(frozen=True, slots=True)
class PushLook:
    """The preview's notification on every device, its image, and what each provider would be told.

    `weights` are those of the heaviest among this and the first recipients' notifications. `tint` is the colour that
    Android gives the small icon, #rrggbb, or empty.
    """

    devices: Sequence[Device]
    weights: Sequence[Weight]
    image: Image | None
    asked: Sequence["Asked"]
    tint: str = ""

    def device(self, platform: str) -> Device:
        """What becomes of it on that platform."""
        return next(device for device in self.devices if device.platform == platform)


class _Said:
    """A notification that is rendered already."""

    def __init__(self, push: Rendered) -> None:
        self._push = push

    def render(self, recipient: Recipient) -> Any:  # noqa: ARG002 - it was rendered for this one
        """The same for whoever asks."""
        return self._push


def look(work: Work, message: Message, content: PushContent, preview: "Preview") -> PushLook:
    """The look of a push as the preview's person gets it."""
    work.require("messages.read")
    rendered = preview.rendered
    if not isinstance(rendered, RenderedPush):
        raise TypeError(f"A push is looked at, not {type(rendered).__name__}")
    first = _first_shown(work, message, compiled(content))
    return PushLook(
        [device_of(platform, rendered) for platform in Platform],
        weights_of(message.channel, [(preview.sample, rendered), *first]),
        image_of(work, content), exact_request.ask_all(work, message, preview),
        rendered.color if is_color(rendered.color) else "",
    )  # fmt: skip


def check(work: Work, message: Message, content: PushContent, prepared: Compiled) -> list[Check]:
    """What blocks sending this push and what deserves a look, for the worst of the first recipients."""
    shown = _first_shown(work, message, prepared)
    candidates = sender.candidates(work, message.channel, message.provider_pk)
    kinds = {provider.kind for provider in candidates}
    found: dict[tuple[str, str], Check] = {}
    for _, push in shown:  # one finding of a sort, however many people it is about
        for each in check_push(push, _platforms_of(kinds)):
            found.setdefault((each.code, each.field), each)
    if candidates and all(provider.is_emulated for provider in candidates):
        found.pop(("image_address", "files"), None)  # the Sandbox opens it on this machine
    return [*found.values(), *_check_weight(weights_of(message.channel, shown, kinds)), *_check_image(work, content)]


def _first_shown(work: Work, message: Message, compiled: Compiled) -> list[tuple[Sample, RenderedPush]]:
    """The notification as each of the first recipients will get it."""
    people = samples.first_samples(work, message.channel, message.audience)
    prepared = sample_links.linked_as_sample(work, message, compiled)
    return [(person, prepared.render(person.recipient)) for person in people]


def _platforms_of(kinds: set[str]) -> frozenset[Platform]:
    """Where notifications get to through providers of these kinds."""
    reached = (catalog()[kind].spec.reaches for kind in kinds)
    return frozenset(Platform(each) for platforms in reached for each in platforms or Platform)


def weights_of(
    channel: str, shown: Sequence[tuple[Sample, RenderedPush]], kinds: set[str] | None = None
) -> list[Weight]:
    """What the heaviest of these notifications weighs for each service, or only for these kinds of providers."""
    weights = []
    for kind, provider in catalog().items():
        if provider.spec.channel != channel or (kinds is not None and kind not in kinds):
            continue
        loads = [(request.load, person) for person, push in shown if (request := _written(kind, person, push))]
        if loads:
            load, person = max(loads, key=lambda pair: pair[0].octets)
            weights.append(Weight(provider.spec.label, load.octets, load.limit, person.label))
    return weights


def _written(kind: str, person: Sample, push: RenderedPush) -> ExactRequest | None:
    """The notification as that kind would send it, whatever the account; None when it has no words for it."""
    envelope = Envelope(exact_request.KEY, person.recipient)
    try:
        return catalog()[kind].request_of(Account("preview", {}), _Said(push), envelope)
    except (ValueError, LookupError):
        return None


def image_of(work: Work, content: PushContent) -> Image | None:
    """The image's name in storage."""
    if content.image is None:
        return None
    row = _find_file(work, *content.image)
    return Image(*content.image, row.name if row else "Deleted image", row is None)


def _find_file(work: Work, bucket_id: str, file_id: str) -> Any:
    return work.session.execute(
        select(File.name, File.size_original)
        .join(Bucket, Bucket.pk == File.bucket_pk)
        .where(
            Bucket.project_pk == work.project_pk, Bucket.id == bucket_id, File.id == file_id, File.store_key != ""
        )
    ).first()  # fmt: skip


def _check_weight(weights: Sequence[Weight]) -> list[Check]:
    found = []
    for weight in weights:
        has = f"For {weight.service} the notification has {weight.octets:,} bytes with its data"
        if weight.is_over:
            sentence = f"{has}; {weight.limit:,} are taken ({weight.whose}). Shorten the words, or take data out."
            found.append(Check("blocks", "body", sentence, "payload_large"))
        elif weight.is_near:
            sentence = f"{has}, of {weight.limit:,} that are taken. A longer name in it may be too much."
            found.append(Check("advises", "body", sentence, "payload_nearly_large"))
    return found


def _check_image(work: Work, content: PushContent) -> list[Check]:
    if content.image is None:
        return []
    row = _find_file(work, *content.image)
    if row is None:
        sentence = "The image was deleted from storage: nothing would be shown. Choose another one, or take it away."
        return [Check("blocks", "files", sentence, "image_gone")]
    if row.size_original > LARGEST_IMAGE:
        sentence = f"The image has {say_size(row.size_original)}; Android shows none over {say_size(LARGEST_IMAGE)}."
        return [Check("advises", "files", sentence, "image_large")]
    return []
