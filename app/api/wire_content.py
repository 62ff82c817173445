"""What messages say, as JSON: the `data` of a stored message by channel (contract, 8.5), and what one person gets."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from app.domain.content import Content, EmailContent, PushContent, SmsContent
from app.domain.rendered import RenderedEmail, RenderedPush, RenderedSms
from app.domain.sms_segments import Segments

if TYPE_CHECKING:
    from app.services.previews.preview import Preview


def content(found: Content, audience: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """The `data` of a message; what the reference does not know stands there only when it was given."""
    match found:
        case EmailContent():
            drawn = {
                "subject": found.subject, "content": found.body, "html": found.format == "html",
                "cc": list(audience.get("cc", ())), "bcc": list(audience.get("bcc", ())),
                "attachments": [{"bucketId": bucket, "fileId": file} for bucket, file in found.attachments],
            }  # fmt: skip
            emails = audience.get("emails")
            if emails or found.reply_to or found.reply_to_name:
                drawn |= _filled({
                    "replyToEmail": found.reply_to, "replyToName": found.reply_to_name, "emails": list(emails or ())
                })  # fmt: skip
            return drawn
        case SmsContent():
            return {"content": found.text}
        case PushContent():
            return _push(found) | {"priority": found.priority}


def _push(found: PushContent) -> dict[str, Any]:
    image = {}
    if found.image is not None:
        image = {"bucketId": found.image[0], "fileId": found.image[1], "url": found.image_url}
    badge = {"badge": found.badge} if found.badge is not None and found.badge >= 0 else {}
    return badge | _filled({
        "title": found.title, "body": found.body, "data": dict(found.data), "action": found.action, "image": image,
        "icon": found.icon, "sound": found.sound, "color": found.color, "tag": found.tag,
        "contentAvailable": found.content_available, "critical": found.critical, "channelId": found.channel_id,
    })  # fmt: skip


def preview(found: "Preview") -> dict[str, Any]:
    """What one recipient will receive; beyond the reference."""
    rendered, person = found.rendered, found.sample.recipient
    head = {"identifier": person.address, "userName": person.name, "missing": list(rendered.missing)}
    match rendered:
        case RenderedEmail():
            words = {"subject": rendered.subject, "html": rendered.html, "text": rendered.text, "size": found.size}
            return head | {"providerType": "email"} | words
        case RenderedSms():
            return head | {"providerType": "sms", "text": rendered.text} | _segments(found.segments)
        case RenderedPush():
            return head | {"providerType": "push"} | _rendered_push(rendered)


def _segments(found: Segments | None) -> dict[str, Any]:
    if found is None:
        return {}
    parts = zip(found.parts, found.units_of_parts, strict=True)
    return {
        "encoding": found.encoding.value, "units": found.units, "segments": found.count,
        "unitsPerSegment": found.per_part, "parts": [{"text": text, "units": units} for text, units in parts],
        "offenders": [
            {"position": each.position, "character": each.character, "replacement": each.replacement}
            for each in found.offenders
        ],
    }  # fmt: skip


def _rendered_push(found: RenderedPush) -> dict[str, Any]:
    badge = {"badge": found.badge} if found.badge is not None else {}
    return {"priority": found.priority} | badge | _filled({
        "title": found.title, "body": found.body, "data": dict(found.data), "action": found.action,
        "image": found.image, "icon": found.icon, "sound": found.sound, "color": found.color, "tag": found.tag,
        "contentAvailable": found.content_available, "critical": found.critical, "channelId": found.channel_id,
    })  # fmt: skip


def _filled(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value}
