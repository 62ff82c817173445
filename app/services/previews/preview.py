"""What people will receive, before it is sent: the rendered preview, and what blocks sending or deserves a look."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from html import escape
from typing import Any

from app.domain.channels import Channel
from app.domain.content import Content, EmailContent, PushContent, SmsContent, channel_of, content_of
from app.domain.errors import Invalid, NotFound
from app.domain.rendered import Prepared, Rendered, RenderedEmail, RenderedPush, RenderedSms
from app.domain.sms_segments import Segments, segment
from app.domain.unsubscribing import VARIABLES
from app.engine.recipients import ADDRESS_NAMES
from app.models.messages import Message
from app.rendering import (
    Check,
    CheckContext,
    Compiled,
    PreparedEmail,
    check_email,
    check_words,
    preview_html,
)
from app.services.messages import audience, copies, enclosures, message_files
from app.services.messages.audience import Choice, Equation
from app.services.messages.enclosures import Enclosures
from app.services.previews import lint, push_look, sample_links, samples, sms_look
from app.services.previews.compiling import compiled
from app.services.previews.lint import Report
from app.services.previews.samples import Gaps, Sample
from app.services.providers import sender
from app.services.providers.sender import Sender
from app.services.storage.file_links import push_image_url
from app.services.work import Work

_PICTURES_LAST = timedelta(hours=2)
MOST_NAMES = 40  # variables counted in one email; more than anybody reads
_WITH_SENDER = frozenset({Channel.EMAIL.value})  # where providers send nothing without a sender's address
_IMAGE = re.compile(r"<img\b")


@dataclass(frozen=True, slots=True)
class Preview:
    """One message as one person will get it; `size` is that of an email's HTML, in octets.

    `height` and `narrow_height` are about how tall an email stands on a desktop and on a narrow phone, in pixels.
    """

    sample: Sample
    rendered: Rendered
    size: int = 0
    height: int = 0
    narrow_height: int = 0

    @property
    def headline(self) -> str:
        """What people see first of it."""
        match self.rendered:
            case RenderedEmail(subject=subject):
                return subject
            case RenderedSms(text=text):
                return text
            case RenderedPush(title=title, body=body):
                return title or body

    @property
    def segments(self) -> Segments | None:
        """How a text message travels; None for other channels."""
        return segment(self.rendered.text) if isinstance(self.rendered, RenderedSms) else None


@dataclass(frozen=True, slots=True)
class Review:
    """Everything the composer says about a draft: who gets it, through whom, and the checks, those that block first.

    `enclosures` are the files of an email; None on other channels.
    """

    chosen: list[Choice]
    equation: Equation
    sender: Sender | None
    checks: list[Check]
    enclosures: Enclosures | None = None

    @property
    def blocking(self) -> list[Check]:
        """What must be mended before sending."""
        return [check for check in self.checks if check.level == "blocks"]


def text_of(content: Content) -> str:
    """The plain text that goes out with an email, with its variables; empty where nothing can be made of it."""
    try:
        prepared = compiled(content)
    except Invalid:
        return ""
    return prepared.written_text() if isinstance(prepared, PreparedEmail) else ""


def preview(work: Work, message: Message, target_id: str = "") -> Preview:
    """The message as that recipient will get it: the first one of the audience, or an example, when none is named."""
    work.require("messages.read")
    sample = samples.find_sample(work, message.channel, target_id)
    if sample is None:
        sample = samples.first_samples(work, message.channel, message.audience, 1)[0]
    return preview_for(work, message, sample)


def preview_for(work: Work, message: Message, sample: Sample) -> Preview:
    """The message as this person will get it, made by the very call that delivery uses."""
    content = content_of(message.channel, message.content)
    return _preview_as(sample_links.linked_as_sample(work, message, compiled(content)), sample)


def preview_content(work: Work, content: Content, target_id: str = "") -> Preview:
    """Content that no message holds yet, as that recipient would get it; as the example would, when none is named.

    NotFound when that target (or a push's image) does not exist, Invalid by field for content that cannot be rendered.
    """
    work.require("messages.read")
    channel = channel_of(content)
    sample = samples.find_sample(work, channel.value, target_id)
    if sample is None and target_id:
        sentence = f"This {channel.value} target does not exist, or was deleted."
        raise NotFound(sentence, type="user_target_not_found")
    if isinstance(content, PushContent) and content.image is not None:
        message_files.require_image(work, content.image)
        content = message_files.with_signed_image(work, content)
    message = Message(
        project_pk=work.project_pk, channel=channel.value, content=content.to_json(), audience={}, created_at=work.now
    )  # fmt: skip
    prepared = sample_links.linked_as_sample(work, message, compiled(content))
    return _preview_as(prepared, sample or samples.example_of(channel.value))


def _preview_as(prepared: Prepared[Any], sample: Sample) -> Preview:
    rendered = prepared.render(sample.recipient)
    if not isinstance(rendered, RenderedEmail):
        return Preview(sample, rendered)
    size = len(rendered.html.encode("utf-8", "replace"))
    return Preview(sample, rendered, size, _guess_height(rendered, 75), _guess_height(rendered, 36))


def page_of(
    preview: Preview, *, inverted: bool = False, images: bool = True, pictures: Mapping[str, str] | None = None
) -> str:
    """The preview's HTML for a sandboxed frame; colours turned over, or without images, as some programs show it.

    `pictures` are where the frame finds the images that travel with it. Plain text stands in a bare page.
    """
    rendered = preview.rendered
    if not isinstance(rendered, RenderedEmail):
        rendered = RenderedEmail(preview.headline, preview.headline)
    if not rendered.html:
        words = f'<pre style="white-space:pre-wrap;overflow-wrap:anywhere">{escape(rendered.text)}</pre>'
        bare = f"<!doctype html>\n<html><head><title>Plain text</title></head><body>{words}</body></html>\n"
        rendered = rendered._replace(html=bare)
    return preview_html(rendered, inverted=inverted, images=images, pictures=pictures or {})


def pictures_of(work: Work, content: Content) -> dict[str, str]:
    """Where a frame finds the images that travel with an email, by content id, for an hour or two.

    A sandboxed frame has no session, so the addresses are signed; they lead to this host, whatever it is called. They
    change with the hour only, so that a browser asks once while somebody types.
    """
    shown = content.shown if isinstance(content, EmailContent) else {}
    until = work.now.replace(minute=0, second=0, microsecond=0) + _PICTURES_LAST
    return {
        content_id: push_image_url(work, *file, until).removeprefix(work.settings.address)
        for content_id, file in shown.items()
    }


def review(work: Work, message: Message) -> Review:
    """What blocks sending this draft and what only deserves a look, with its audience and sender.

    Of a large audience it counts only the first who lack a value, until everybody's copy was looked at.
    """
    return _review(work, message, samples.COUNTED_AT_FIRST)


def _review(work: Work, message: Message, most: int) -> Review:
    work.require("messages.read")
    chosen = audience.chosen(work, message.channel, message.audience)
    chosen += copies.chosen(work, message.channel, message.audience)
    equation = audience.equation(work, message.channel, message.audience)
    carrier = sender.sender_for(work, message)
    found, shown = _check_content(work, message, equation, most)
    found += _check_audience(chosen, equation) + copies.check(message.audience, equation)
    found += _check_sender(message.channel, carrier)
    content, enclosed = content_of(message.channel, message.content), None
    if isinstance(content, EmailContent):
        enclosed = enclosures.lay_out(work, message, content, shown)
        found += enclosures.check(work, message, content, enclosed)
    return Review(chosen, equation, carrier, sorted(found, key=lambda check: check.level != "blocks"), enclosed)


def blocking(work: Work, message: Message) -> list[Check]:
    """What must be mended before this message may be sent; empty when nothing must."""
    return _review(work, message, samples.MOST_COUNTED).blocking


def _check_content(
    work: Work, message: Message, equation: Equation, most: int
) -> tuple[list[Check], RenderedEmail | None]:
    """The findings about the words, and an email as its first recipient gets it."""
    content = content_of(message.channel, message.content)
    try:
        prepared = compiled(content)
    except Invalid as error:
        refused = [
            Check("blocks", field, sentence, f"{field}_refused")
            for field, sentences in error.fields.items()
            for sentence in sentences
        ]
        return refused, None
    address = sample_links.address_of(work, message)
    links = set(VARIABLES) if address else set()
    whole = lint.whole_report_of(work, message)
    names = [name for name in prepared.placeholders if name not in links]
    gaps = _count_gaps(work, message, names, most) if whole is None else _gaps_of_all(whole, names)
    context = CheckContext(
        known=gaps.known | _always_known(message.channel) | links,
        lacking=gaps.lacking,
        audience=gaps.counted,
        cut=sum(found.count for found in whole.findings if found.code == "large") if whole is not None else 0,
        has_topic=equation.topics > 0,
        has_links=bool(links),
        here="" if work.settings.public_url else address,
    )
    sampled = _say_sampled(prepared, gaps)
    if isinstance(content, PushContent):
        found = check_words(content, prepared, context) + push_look.check(work, message, content, prepared)
        return found + sampled, None
    if isinstance(content, SmsContent):
        has_topic = equation.topics > 0
        found = check_words(content, prepared, context)
        return found + sms_look.check(work, message, content, prepared, has_topic=has_topic) + sampled, None
    if not isinstance(prepared, PreparedEmail):
        return check_words(content, prepared, context) + sampled, None
    sample = samples.first_samples(work, message.channel, message.audience, 1)[0]
    shown = sample_links.linked_as_sample(work, message, prepared).render(sample.recipient)
    return check_email(content, prepared, shown, context) + sampled, shown


def _count_gaps(work: Work, message: Message, names: Sequence[str], most: int) -> Gaps:
    """Who lacks what among the first `most`; variables beyond those that are counted are taken for known."""
    counted = samples.count_gaps(work, message.channel, message.audience, names[:MOST_NAMES], most)
    return replace(counted, known=counted.known.union(names[MOST_NAMES:]))


def _gaps_of_all(whole: Report, names: Sequence[str]) -> Gaps:
    """Who lacks what, as the look at everybody's copy found."""
    lacking = {found.name: found.count for found in whole.findings if found.code == "missing"}
    return Gaps(whole.checked, dict.fromkeys(names, 0) | lacking, whole.filled)


def _always_known(channel: str) -> set[str]:
    """The variables that everybody has who can be reached on that channel."""
    return {"first_name", ADDRESS_NAMES.get(channel, "first_name")}


def _say_sampled(prepared: Compiled, gaps: Gaps) -> list[Check]:
    if gaps.is_all or not gaps.counted or all(prepared.placeholders.values()):
        return []
    sentence = f"Values of variables were looked at for the first {gaps.counted:,} people; the others may lack some."
    return [Check("advises", "body", sentence, "variables_sampled")]


def _check_audience(chosen: list[Choice], equation: Equation) -> list[Check]:
    found = [
        Check("blocks", "audience", f"Audience holds a {choice.name} ({choice.id}). Remove it.", "audience_gone")
        for choice in chosen
        if choice.is_gone
    ]
    if equation.is_empty:
        sentence = "Nobody is chosen. Choose a topic, a person or an address."
        found.append(Check("blocks", "audience", sentence, "audience_empty"))
    elif equation.total == 0:
        sentence = "Nobody in the audience can receive it: see what was taken away. Choose somebody else."
        found.append(Check("blocks", "audience", sentence, "audience_nobody"))
    return found


def _check_sender(channel: str, carrier: Sender | None) -> list[Check]:
    if carrier is None:
        sentence = f"No provider can send {Channel(channel).noun}. Connect one, or switch one on."
        return [Check("blocks", "provider", sentence, "provider_missing")]
    if channel in _WITH_SENDER and not carrier.address:
        sentence = f"{carrier.provider_name} has no sender address. Give it one like news@example.org."
        return [Check("blocks", "provider", sentence, "sender_missing")]
    if carrier.trouble:
        what = "is not working, so the message would wait"
        what = what if carrier.waits else "failed lately: a few copies try it first"
        sentence = f"{carrier.provider_name} {what}. {carrier.trouble}"
        return [Check("advises", "provider", sentence, "provider_blocked")]
    return []


def _guess_height(rendered: RenderedEmail, per_line: int) -> int:
    """Roughly how tall the email is in pixels: a sandboxed frame cannot be asked, and the page must not jump."""
    lines = sum(1 + len(line) // per_line for line in rendered.text.split("\n"))
    images = len(_IMAGE.findall(rendered.html))
    return max(480, min(6000, 160 + lines * 26 + images * 180))
