"""Make what people receive out of what an author wrote: the same call for the preview and for the delivery.

    prepared = prepare(content)            # once per message, milliseconds
    rendered = prepared.render(recipient)  # once per person, microseconds

Several renders of one person are equal, byte for byte.
"""

from typing import overload

from app.domain.content import Content, EmailContent, PushContent, SmsContent
from app.domain.rendered import NO_EXTRAS, Extras
from app.rendering.as_shown import preview_html
from app.rendering.checks import Check, CheckContext, Compiled, check_email, check_words
from app.rendering.email import Layout, PreparedEmail, prepare_email
from app.rendering.push import PreparedPush, prepare_push
from app.rendering.sms import PreparedSms, prepare_sms

__all__ = [
    "Check", "CheckContext", "Compiled", "Layout", "PreparedEmail", "PreparedPush", "PreparedSms", "check_email",
    "check_words", "prepare", "preview_html",
]  # fmt: skip


@overload
def prepare(content: EmailContent, *, layout: Layout | None = ..., extras: Extras = ...) -> PreparedEmail: ...
@overload
def prepare(content: SmsContent, *, extras: Extras = ...) -> PreparedSms: ...
@overload
def prepare(content: PushContent, *, extras: Extras = ...) -> PreparedPush: ...
@overload
def prepare(content: Content, *, extras: Extras = ...) -> Compiled: ...
def prepare(content: Content, *, layout: Layout | None = None, extras: Extras = NO_EXTRAS) -> Compiled:
    """Compile a message, whatever its channel. Raises Invalid by field when it could not be stored or read.

    `layout` and `extras` (what every copy carries beside its words) are an email's; the other channels have none.
    """
    match content:
        case EmailContent():
            return prepare_email(content, layout=layout, extras=extras)
        case SmsContent():
            return prepare_sms(content)
        case PushContent():
            return prepare_push(content)
