"""What a mail that comes back says: delivery reports (RFC 3464), complaints (RFC 5965), and the words of old servers.

Whom it speaks of is not read here: the address it was sent to says that (`domain.return_paths`), and nothing inside it
is believed about it.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parseaddr, parsedate_to_datetime

from app.domain.mail_parts import Part, fields_of, read_parts
from app.domain.outcomes import Reason
from app.domain.receipts import Receipt, ReceiptEvent, judge_bounce
from app.domain.smtp_replies import Reply, Stage, describe, judge

MOST_GROUPS = 50  # recipients of one report that are read
LONGEST_SPOKEN = 16_384  # characters of a text for people that are searched
OLDEST = timedelta(days=60)  # a moment further back is not believed

_STATUS = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
_REPLY = re.compile(r"\b([45]\d\d)(?:[ -]|$)")
_LINE_CODES = re.compile(r"\n?\b[45]\d\d-(?:[45]\.\d{1,3}\.\d{1,3} )?")  # each line of a long reply repeats them
_SPOKEN = re.compile(r"(?:\b(?P<basic>[45]\d\d)[ -]+)?#?\b(?P<enhanced>[45]\.\d{1,3}\.\d{1,3})\b")
_SPOKEN_BASIC = re.compile(r"(?:\b(?:said|error|answer|response|failed)\b.{0,60}?|^\s*)\b([45]\d\d)[ -]", re.I | re.M)
_COPY = re.compile(
    r"^[-=_ ]*(this is a copy of|original message|below this line|included is a copy|message headers follow)"
    r"|^-{3,} ?(begin|original|message header|returned)|^(received|return-path): ",
    re.IGNORECASE | re.MULTILINE,
)
_SUBJECT = re.compile(
    r"fail|undeliver|returned mail|delivery (status|notification|problem|report)|not delivered|delayed"
    r"|could ?n[o']t be delivered|unzustellbar|non remis|non recapit|no entregado|mail system error",
    re.IGNORECASE,
)
_DELAYED = re.compile(r"delay|warning|still (being )?(try|retr)|will (be retried|keep trying|retry)|not need to", re.I)
_ROBOTS = ("mailer-daemon", "postmaster", "mailerdaemon", "mail-daemon", "mailsystem")
_COMPLAINTS = {
    "abuse": ReceiptEvent.COMPLAINED, "fraud": ReceiptEvent.COMPLAINED, "virus": ReceiptEvent.COMPLAINED,
    "opt-out": ReceiptEvent.UNSUBSCRIBED, "opt-out-list": ReceiptEvent.UNSUBSCRIBED,
}  # fmt: skip
_ACTIONS = {
    "delayed": ReceiptEvent.DEFERRED, "delivered": ReceiptEvent.DELIVERED, "relayed": ReceiptEvent.SENT,
    "expanded": ReceiptEvent.SENT,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class BounceReport:
    """What a mail says: receipts that name no delivery yet, and the addresses of the sender that it quotes.

    Those are for a complaint that came to an address of no single delivery; each is a signed return path, or nothing.
    """

    receipts: tuple[Receipt, ...] = ()
    quoted: tuple[str, ...] = ()


def read_report(raw: bytes, now: datetime, *, is_from_nobody: bool) -> BounceReport:
    """What the mail says. Answers of people and of machines that stand in for them say nothing, and are no error.

    `is_from_nobody`: its envelope sender was `<>`, without which the words of a mail that is no report are not read.
    Takes a time that only the size of the mail decides, whatever is in it.
    """
    fields, parts = read_parts(raw)
    mark = fields.get("message-id", "") or hashlib.sha256(raw).hexdigest()
    for part in parts:
        if part.kind in ("message/delivery-status", "message/global-delivery-status"):
            return BounceReport(_read_status(part, mark, raw, now))
        if part.kind == "message/feedback-report":
            return _read_complaint(part, parts, mark, raw, now)
        if part.kind in ("message/disposition-notification", "message/global-disposition-notification"):
            return BounceReport()
    if is_from_nobody and _is_of_a_server(fields):
        return BounceReport(_read_words(fields, parts, mark, raw))
    return BounceReport()


def _event_id(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:40]


def _text_of(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


# reports


def _read_status(part: Part, mark: str, raw: bytes, now: datetime) -> tuple[Receipt, ...]:
    blocks = re.split(rb"\n[ \t]*\n+", part.content().replace(b"\r\n", b"\n").strip(b"\n"), maxsplit=MOST_GROUPS)
    groups = [fields_of(block) for block in blocks[:MOST_GROUPS]]
    reporter = _after_type(groups[0].get("reporting-mta", "")) if groups else ""
    found = []
    for number, group in enumerate(groups):
        receipt = _read_group(group, reporter, now)
        if receipt is not None:
            found.append(replace(receipt, event_id=_event_id(mark, str(number), receipt.code), raw=_text_of(raw)))
    if len({each.event for each in found}) > 1:  # a list, of which some could be reached: the address itself lives
        found = [
            replace(each, event=ReceiptEvent.FAILED) if each.event is ReceiptEvent.BOUNCED else each for each in found
        ]
    return tuple(found)


def _read_group(group: Mapping[str, str], reporter: str, now: datetime) -> Receipt | None:
    """What is said of one recipient; None for a group that speaks of none."""
    action, status = group.get("action", "").partition(";")[0].split("(")[0].strip().lower(), group.get("status", "")
    class_, _, _ = _first_status(status)
    if not action:
        action = {"2": "delivered", "4": "delayed", "5": "failed"}.get(class_, "") if "final-recipient" in group else ""
    at = _moment(group.get("last-attempt-date", ""), now)
    said = _after_type(group.get("diagnostic-code", ""))
    event = _ACTIONS.get(action)
    if event is None and action != "failed":
        return None
    reply = _reply_of(status, said, usual="5" if action == "failed" else "4")
    code = " ".join(filter(None, [_basic(said), reply.enhanced]))
    detail = _LINE_CODES.sub(" ", reply.text.removeprefix(reply.enhanced)).strip()
    detail = describe(Reply(reply.code, detail or (f"Reported by {reporter}" if reporter else "")))
    if event is None:
        event, reason = _judge_failure(reply)
        return Receipt(event, "", at, reason=reason, code=code, detail=detail)
    if event is ReceiptEvent.DEFERRED:
        return Receipt(event, "", at, reason=judge(Stage.RCPT, reply).reason, code=code, detail=detail)
    return Receipt(event, "", at, code=status[:32] if class_ == "2" else "", detail=said or f"Reported by {reporter}")


def _judge_failure(reply: Reply) -> tuple[ReceiptEvent, Reason]:
    """What a last word means: only a dead address is a bounce (`judge_bounce`), a soft word at the end is not."""
    if reply.code >= 500:
        event, reason = judge_bounce(reply.code, reply.text)
    else:
        event, reason = ReceiptEvent.FAILED, judge(Stage.RCPT, reply).reason
    if event is ReceiptEvent.FAILED and reply.enhanced.endswith(".4.7"):
        return ReceiptEvent.EXPIRED, Reason.EXPIRED
    return event, reason


def _reply_of(status: str, said: str, *, usual: str) -> Reply:
    """The report as the reply of a server: the code of the status, sharpened by what the other server said.

    Many reports only say 5.0.0 and quote a server that said 5.1.1; the class is the report's. Without any code it is
    X.0.0, of which only words make it the recipient's fault.
    """
    class_, subject, detail = _first_status(status)
    class_ = class_ if class_ in ("4", "5") else usual
    spoken = next((each for each in _STATUS.finditer(said[:400]) if each[1] == class_), None)
    enhanced = f"{class_}.{subject or '0'}.{detail or '0'}"
    if spoken is not None and (subject, detail) != (spoken[2], spoken[3]) and spoken[0] != f"{class_}.0.0":
        enhanced = spoken[0]
    basic = _basic(said)
    code = int(basic) if basic.startswith(class_) else int(f"{class_}50")
    return Reply(code, f"{enhanced} {_without_codes(said)}".strip())


def _basic(said: str) -> str:
    match = _REPLY.search(said[:80])
    return match[1] if match else ""


def _without_codes(said: str) -> str:
    text = re.sub(r"^\D{0,40}?\b[45]\d\d[ -]", "", said, count=1) if _basic(said) else said
    return re.sub(r"^[45]\.\d{1,3}\.\d{1,3} ?", "", text)


def _first_status(text: str) -> tuple[str, str, str]:
    match = _STATUS.search(text[:80])
    return (match[1], match[2], match[3]) if match else ("", "", "")


def _after_type(value: str) -> str:
    """`smtp; 550 5.1.1 …` without its type (RFC 3464, 2.1.2)."""
    return value.partition(";")[2].strip() if ";" in value[:40] else value.strip()


def _moment(text: str, now: datetime) -> datetime | None:
    """When it happened, aware; None when it does not say, or says what cannot be."""
    try:
        at = parsedate_to_datetime(text.partition("(")[0].replace("\n", " ").strip())
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    return at if now - OLDEST <= at <= now + timedelta(hours=1) else None


# complaints


def _read_complaint(part: Part, parts: Sequence[Part], mark: str, raw: bytes, now: datetime) -> BounceReport:
    fields = fields_of(part.content().strip())
    word = fields.get("feedback-type", "").strip().lower()
    event = _COMPLAINTS.get(word, ReceiptEvent.UNKNOWN)
    at = _moment(fields.get("arrival-date", "") or fields.get("received-date", ""), now)
    teller = fields.get("reported-domain", "") or fields.get("user-agent", "")
    detail = describe(
        Reply(250, " ".join(filter(None, [f"Reported as {word or 'unknown'}", teller and f"({teller})"])))
    )
    heads = [each for each in parts if each.kind in ("message/rfc822", "message/global", "text/rfc822-headers")]
    heads += [each for each in parts if each.kind == "message/rfc822-headers"]
    quoted = [fields.get("original-mail-from", "")]
    quoted += [fields_of(each.content().lstrip().partition(b"\n\n")[0]).get("return-path", "") for each in heads]
    locals_ = dict.fromkeys(each.strip().strip("<>").rpartition("@")[0] for each in quoted)
    receipt = Receipt(event, _event_id(mark, word), at, code=word[:32], detail=detail, raw=_text_of(raw))
    return BounceReport((receipt,), tuple(filter(None, locals_)))


# words


def _is_of_a_server(fields: Mapping[str, str]) -> bool:
    """Whether a mail that is no report was written by a mail server, and not by a machine that stands in for someone.

    RFC 3834: answers of the latter kind say `Auto-Submitted: auto-replied`; `<>` as the sender is not enough.
    """
    if fields.get("auto-submitted", "").lower().startswith("auto-replied") or "x-autoreply" in fields:
        return False
    sender = parseaddr(fields.get("from", "")[:320])[1].partition("@")[0].lower()
    return sender in _ROBOTS or _SUBJECT.search(fields.get("subject", "")[:400]) is not None


def _read_words(fields: Mapping[str, str], parts: Sequence[Part], mark: str, raw: bytes) -> tuple[Receipt, ...]:
    """The last resort: the first code in what is written for people, before the copy of our mail begins."""
    text = next((part.text() for part in parts if part.kind == "text/plain"), "")[:LONGEST_SPOKEN]
    copy = _COPY.search(text)
    text = text[: copy.start()] if copy is not None else text
    found = _spoken(text)
    if found is None:
        return ()
    basic, enhanced, place = found
    line = _line_around(text, place)
    reply = Reply(int(basic), f"{enhanced} {line}")
    code, detail = f"{basic} {enhanced}", describe(Reply(reply.code, line))
    if reply.code < 500 and _DELAYED.search(f"{fields.get('subject', '')[:400]}\n{text}"):
        event, reason = ReceiptEvent.DEFERRED, judge(Stage.RCPT, reply).reason
    else:
        event, reason = _judge_failure(reply)
    return (Receipt(event, _event_id(mark, code), reason=reason, code=code, detail=detail, raw=_text_of(raw)),)


def _spoken(text: str) -> tuple[str, str, int] | None:
    """The basic and the enhanced code that a text for people names first, and where; X.0.0 when only the basic one."""
    with_enhanced, alone = _SPOKEN.search(text), _SPOKEN_BASIC.search(text)
    if with_enhanced is not None:
        enhanced, basic = with_enhanced["enhanced"], with_enhanced["basic"] or (alone[1] if alone is not None else "")
        return basic if basic.startswith(enhanced[0]) else f"{enhanced[0]}50", enhanced, with_enhanced.start("enhanced")
    return (alone[1], f"{alone[1][0]}.0.0", alone.start(1)) if alone is not None else None


def _line_around(text: str, place: int) -> str:
    start, end = text.rfind("\n", 0, place) + 1, text.find("\n", place)
    return text[start : end if end >= 0 else len(text)].strip()[:400]
