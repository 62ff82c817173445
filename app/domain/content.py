"""What a message says, by channel: the one place that knows which content belongs to which."""

from collections.abc import Callable, Mapping
from typing import Any

from app.domain.channels import Channel
from app.domain.email_content import FORMATS, EmailContent
from app.domain.push_content import PushContent
from app.domain.sms_content import SmsContent

__all__ = ["FORMATS", "Content", "EmailContent", "PushContent", "SmsContent", "channel_of", "content_of", "title_of"]

Content = EmailContent | SmsContent | PushContent


def content_of(channel: str, stored: Mapping[str, Any]) -> Content:
    """The content of a message of that channel from its JSON object; ValueError for an unknown channel."""
    read = _READERS.get(channel)
    if read is None:
        raise ValueError(f"There is no channel {channel!r}.")
    return read(stored)


_READERS: Mapping[str, Callable[[Mapping[str, Any]], Content]] = {
    Channel.EMAIL: EmailContent.from_json, Channel.SMS: SmsContent.from_json, Channel.PUSH: PushContent.from_json,
}  # fmt: skip


def channel_of(content: Content) -> Channel:
    """The channel that this content goes out on."""
    match content:
        case EmailContent():
            return Channel.EMAIL
        case SmsContent():
            return Channel.SMS
        case PushContent():
            return Channel.PUSH


def title_of(content: Content) -> str:
    """What lists call a message with this content, on one line."""
    return (content.headline if isinstance(content, PushContent) else content.title) or content.UNTITLED
