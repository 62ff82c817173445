"""What one person's copy came to: looked at once for each of thousands, so in microseconds."""

from collections.abc import Callable, Mapping
from typing import Any

from app.domain.content import Content, EmailContent, PushContent, SmsContent
from app.domain.lint_findings import Found, Verdict
from app.domain.personalise import compile
from app.domain.rendered import Recipient, RenderedEmail, RenderedPush, RenderedSms
from app.domain.sms_segments import Encoding, encoding_of, segment
from app.domain.unsubscribing import VARIABLES
from app.rendering.checks import GMAIL_LIMIT, LONG_SUBJECT, Compiled
from app.rendering.plain_text import clean_text

Judge = Callable[[Recipient, Any], Verdict]

# What programs write where a value is missing, and no person does.
_MISTAKES = frozenset({"null", "NULL", "(null)", "None", "undefined", "NaN", "nil", "[object Object]", "#N/A"})
_LONGEST_MISTAKE = max(map(len, _MISTAKES))


def judge_of(content: Content, prepared: Compiled) -> Judge:
    """What looks at each copy of this message: called with a recipient and the copy that was rendered for it."""
    judge = _of_channel(content, prepared)
    names = tuple(name for name in prepared.placeholders if name not in VARIABLES)

    def look(recipient: Recipient, rendered: Any) -> Verdict:
        found, length, segments = judge(rendered)
        missing = rendered.missing
        if missing:
            found += [("missing", name) for name in missing]
        filled = []
        for name in names:
            value = recipient.variables.get(name)
            if value:
                filled.append(name)
                if mistake := _mistake_in(value):
                    found.append((mistake, name))
        return Verdict(found, length, len(missing), segments, filled)

    return look


def _of_channel(content: Content, prepared: Compiled) -> Callable[[Any], tuple[list[Found], int, int]]:
    match content:
        case EmailContent():
            return _email_judge("subject" in prepared.places.values())
        case SmsContent():
            return _sms_judge(content)
        case PushContent():
            return _push_judge(content)


def values_of(variables: Mapping[str, str], names: tuple[str, ...]) -> tuple[str | None, ...]:
    """What one copy differs by from another: people with the same values get the same."""
    return tuple([variables.get(name) for name in names])


def _mistake_in(value: str) -> str:
    if value.isspace():
        return "blank"
    return "broken" if (len(value) <= _LONGEST_MISTAKE and value in _MISTAKES) or "{{" in value or "}}" in value else ""


def _email_judge(has_subject_filled: bool) -> Callable[[RenderedEmail], tuple[list[Found], int, int]]:
    def judge(email: RenderedEmail) -> tuple[list[Found], int, int]:
        found: list[Found] = []
        subject, text, page = email.subject, email.text, email.html
        if has_subject_filled:
            if not subject or subject.isspace():
                found.append(("subject_empty", ""))
            elif len(subject) > LONG_SUBJECT:
                found.append(("subject_long", ""))
        if not text or text.isspace():
            found.append(("empty", ""))
        # A character takes one to four octets: most emails need not be encoded to know.
        if len(page) * 4 > GMAIL_LIMIT and (
            len(page) > GMAIL_LIMIT or len(page.encode("utf-8", "replace")) > GMAIL_LIMIT
        ):
            found.append(("large", ""))
        return found, len(subject) + len(text), 0

    return judge


def _sms_judge(content: SmsContent) -> Callable[[RenderedSms], tuple[list[Found], int, int]]:
    own = "".join(part for part in compile(clean_text(content.text)).parts if isinstance(part, str))
    is_plain = encoding_of(own) is Encoding.GSM7

    def judge(sms: RenderedSms) -> tuple[list[Found], int, int]:
        found: list[Found] = []
        text = sms.text
        cut = segment(text, names_offenders=False)
        if is_plain and cut.encoding is Encoding.UCS2:
            found.append(("unicode", ""))
        if not text or text.isspace():
            found.append(("empty", ""))
        return found, len(text), cut.count

    return judge


def _push_judge(content: PushContent) -> Callable[[RenderedPush], tuple[list[Found], int, int]]:
    shows = bool(content.title.strip() or content.body.strip())

    def judge(push: RenderedPush) -> tuple[list[Found], int, int]:
        is_empty = shows and not (push.title.strip() or push.body.strip())
        return [("empty", "")] if is_empty else [], len(push.title) + len(push.body), 0

    return judge
