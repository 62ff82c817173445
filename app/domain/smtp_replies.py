"""What an SMTP server's reply means for one delivery, by the stage it was given at."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from app.domain.outcomes import Outcome, OutcomeKind, Reason, accepted

DETAIL_LENGTH = 300  # characters of a server's text that are kept
LONGEST_WAIT = timedelta(hours=6)  # a server may ask for less, never for more


class Stage(StrEnum):
    """Where in the dialogue (RFC 5321) a reply was given."""

    CONNECT = "connect"  # the banner, and the reply to EHLO
    TLS = "tls"  # the reply to STARTTLS
    AUTH = "auth"  # signing in (RFC 4954)
    MAIL = "mail"  # MAIL FROM
    RCPT = "rcpt"  # RCPT TO
    DATA = "data"  # the command, before any text
    TEXT = "text"  # the reply to the final dot


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply: its basic code and its text: the codes taken off, the lines of a long one joined by a line feed."""

    code: int
    text: str

    @property
    def enhanced(self) -> str:
        """The enhanced code (RFC 3463) at the start of the text; empty when there is none to believe.

        One whose class contradicts the basic code is not believed: RFC 2034 section 4 forbids it.
        """
        match = _ENHANCED.match(self.text)
        return match[0] if match and match[0][0] == str(self.code)[0] else ""


Verdict = tuple[OutcomeKind, Reason]

_ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}(?![.\d])")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]+")
_QUEUE_ID = re.compile(r"queued as ([\w.-]{4,64})|\bid=([\w.-]{4,64})", re.IGNORECASE)
_WAIT = re.compile(r"(?:in|after|wait) (\d{1,6}) ?(second|sec|s|minute|min|m|hour|h)s?\b", re.IGNORECASE)
_WAIT_UNITS = {"s": 1, "m": 60, "h": 3600}

_RECIPIENT = OutcomeKind.RECIPIENT_PERMANENT
_MESSAGE = OutcomeKind.MESSAGE_PERMANENT
_CONFIG = OutcomeKind.CONFIG_PERMANENT
_THROTTLED = OutcomeKind.THROTTLED
_TRANSIENT = OutcomeKind.TRANSIENT

# Before any envelope only the stage counts: the host or the account is meant, never a recipient.
_GATE: Mapping[tuple[Stage, str], Verdict] = {
    (Stage.CONNECT, "4"): (_TRANSIENT, Reason.UNREACHABLE),  # 421: busy or shutting down
    (Stage.CONNECT, "5"): (_CONFIG, Reason.HOST_REFUSED),  # 554, 550: our address is not welcome
    (Stage.TLS, "4"): (_TRANSIENT, Reason.TLS_FAILED),  # 454: TLS not available just now
    (Stage.TLS, "5"): (_TRANSIENT, Reason.TLS_FAILED),  # offered and then refused
    (Stage.AUTH, "4"): (_TRANSIENT, Reason.SERVER_ERROR),  # 454 4.7.0: cannot check passwords just now
    (Stage.AUTH, "5"): (_CONFIG, Reason.AUTHENTICATION_FAILED),  # 535, 534, 530, 538: repair the account
}

# An enhanced code that means something else at this stage than elsewhere.
_ENHANCED_AT: Mapping[tuple[Stage, str], Verdict] = {
    (Stage.MAIL, "5.1"): (_CONFIG, Reason.SENDER_REFUSED),  # any address trouble here is the sender's
    (Stage.MAIL, "5.2"): (_CONFIG, Reason.SENDER_REFUSED),  # the sender's own mailbox
    (Stage.MAIL, "5.7"): (_CONFIG, Reason.SENDER_REFUSED),  # 5.7.1: this account may not send as this address
    (Stage.MAIL, "4.7"): (_THROTTLED, Reason.RATE_LIMITED),  # too fast for this sender
    (Stage.TEXT, "4.7"): (_THROTTLED, Reason.RATE_LIMITED),
}

_ENHANCED_ANYWHERE: Mapping[str, Verdict] = {
    # 1: addresses
    "5.1": (_RECIPIENT, Reason.INVALID_ADDRESS),  # other address status
    "5.1.1": (_RECIPIENT, Reason.MAILBOX_UNKNOWN),  # no such mailbox
    "5.1.2": (_RECIPIENT, Reason.DOMAIN_UNKNOWN),  # no such domain
    "5.1.3": (_RECIPIENT, Reason.INVALID_ADDRESS),  # syntax
    "5.1.6": (_RECIPIENT, Reason.MAILBOX_UNKNOWN),  # moved, no forwarding address
    "5.1.7": (_CONFIG, Reason.SENDER_REFUSED),  # the sender's address: syntax
    "5.1.8": (_CONFIG, Reason.SENDER_REFUSED),  # the sender's address: domain
    "5.1.10": (_RECIPIENT, Reason.DOMAIN_UNKNOWN),  # the domain takes no mail (null MX, RFC 7505)
    # 2: mailboxes
    "5.2": (_MESSAGE, Reason.CONTENT_REJECTED),
    "5.2.1": (_RECIPIENT, Reason.MAILBOX_DISABLED),  # switched off
    "5.2.2": (_TRANSIENT, Reason.MAILBOX_FULL),  # soft at first, whatever the class says
    "5.2.3": (_MESSAGE, Reason.TOO_LARGE),  # larger than this mailbox takes
    "4.2.2": (_TRANSIENT, Reason.MAILBOX_FULL),
    # 3: the mail system
    "5.3": (_MESSAGE, Reason.SERVER_ERROR),
    "5.3.4": (_MESSAGE, Reason.TOO_LARGE),  # larger than the server takes
    # 4: network and routing; soft even as class 5
    "5.4": (_TRANSIENT, Reason.UNREACHABLE),
    "5.4.7": (_TRANSIENT, Reason.TIMED_OUT),  # expired on the way
    "4.4": (_TRANSIENT, Reason.UNREACHABLE),
    # 5: protocol
    "5.5": (_MESSAGE, Reason.SERVER_ERROR),
    "5.5.3": (_TRANSIENT, Reason.TOO_MANY_RECIPIENTS),  # a new transaction, not a failure
    "4.5.3": (_TRANSIENT, Reason.TOO_MANY_RECIPIENTS),
    # 6: content
    "5.6": (_MESSAGE, Reason.CONTENT_REJECTED),
    "5.6.7": (_RECIPIENT, Reason.ADDRESS_NEEDS_SMTPUTF8),  # non-ASCII addresses not permitted here (RFC 6531)
    # 7: policy; never a reason to suppress anyone
    "5.7": (_MESSAGE, Reason.CONTENT_REJECTED),
    "5.7.26": (_MESSAGE, Reason.SENDER_REFUSED),  # neither SPF nor DKIM vouches for the sender
    "5.7.515": (_MESSAGE, Reason.SENDER_REFUSED),  # the same, in Outlook's words
    "4.7": (_THROTTLED, Reason.GREYLISTED),  # 450 and 451 at RCPT: come back later
    "4.7.28": (_THROTTLED, Reason.RATE_LIMITED),  # Gmail: unusual rate
}

# Basic codes that say it alone, at every stage of an envelope.
_BASIC_ANYWHERE: Mapping[str, Verdict] = {
    "530": (_CONFIG, Reason.AUTHENTICATION_FAILED),  # sign in, or start TLS, first
    "534": (_CONFIG, Reason.AUTHENTICATION_FAILED),  # mechanism too weak
    "535": (_CONFIG, Reason.AUTHENTICATION_FAILED),  # wrong credentials
    "538": (_CONFIG, Reason.AUTHENTICATION_FAILED),  # encryption needed for this mechanism
    "552": (_MESSAGE, Reason.TOO_LARGE),
    "4": (_TRANSIENT, Reason.SERVER_ERROR),
    "5": (_MESSAGE, Reason.CONTENT_REJECTED),
}

_BASIC_AT: Mapping[tuple[Stage, str], Verdict] = {
    (Stage.MAIL, "550"): (_CONFIG, Reason.SENDER_REFUSED),
    (Stage.MAIL, "553"): (_CONFIG, Reason.SENDER_REFUSED),
    (Stage.RCPT, "550"): (_RECIPIENT, Reason.MAILBOX_UNKNOWN),
    (Stage.RCPT, "551"): (_RECIPIENT, Reason.MAILBOX_UNKNOWN),  # user not local
    (Stage.RCPT, "553"): (_RECIPIENT, Reason.INVALID_ADDRESS),  # mailbox name not allowed
}

# What only the text tells: the class of the reply, what to look for, what it means.
_TEXTS: tuple[tuple[str, re.Pattern[str], Verdict], ...] = (
    (
        "5.0",
        re.compile(
            r"(user|recipient|mailbox|address|account)( is)? (unknown|not found|does not exist)"
            r"|(no such|unknown) (user|recipient|mailbox|address|account)",
            re.IGNORECASE,
        ),
        (_RECIPIENT, Reason.MAILBOX_UNKNOWN),
    ),
    ("4", re.compile(r"gr[ea]y-?list", re.IGNORECASE), (_THROTTLED, Reason.GREYLISTED)),
    ("4", re.compile(r"rate limit|too (many|fast)|throttl", re.IGNORECASE), (_THROTTLED, Reason.RATE_LIMITED)),
)


def judge(stage: Stage, reply: Reply) -> Outcome:
    """What this reply at this stage makes of the delivery.

    The enhanced code decides, then the stage, then the basic code, then the text (RFC 3463, RFC 5321 4.2). A class 2
    reply to the final dot is the only one that accepts.
    """
    if stage is Stage.TEXT and reply.code // 100 == 2:
        return accept(reply)
    kind, reason = _verdict(stage, reply)
    wait = _wait(reply.text) if kind is _THROTTLED else None
    return Outcome(kind, reason, describe(reply), _code(reply), retry_after=wait)


def limits_all(stage: Stage, reply: Reply, outcome: Outcome) -> bool:
    """Whether a letter was too large for the server, not for one mailbox there (RFC 1870, 6; RFC 3463, X.2.3, X.3.4).

    Before a recipient was named it can be nothing else, whatever the code; Sendmail says 5.2.3 then.
    """
    if outcome.reason is not Reason.TOO_LARGE:
        return False
    return stage is Stage.MAIL or (stage is Stage.TEXT and reply.enhanced == "5.3.4")


def accept(reply: Reply) -> Outcome:
    """The server took the message over; its queue id, when it names one, is the provider's message id."""
    match = _QUEUE_ID.search(reply.text)
    return accepted((match[1] or match[2]) if match else "", describe(reply), _code(reply))


def describe(reply: Reply) -> str:
    """The reply's text as one line of bounded length, without control characters."""
    return _CONTROLS.sub(" ", reply.text)[:DETAIL_LENGTH].strip()


def _verdict(stage: Stage, reply: Reply) -> Verdict:
    digit = str(reply.code)[0]
    if stage in (Stage.CONNECT, Stage.TLS, Stage.AUTH):
        return _GATE.get((stage, digit), (_TRANSIENT, Reason.SERVER_ERROR))
    if digit not in "45":  # a class 2 or 3 where it makes no sense: the server is confused
        return _TRANSIENT, Reason.SERVER_ERROR
    enhanced = _by_enhanced(stage, reply)
    if enhanced is not None:
        return enhanced
    basic = str(reply.code)
    spoken = _by_text(digit, reply) if basic not in _BASIC_ANYWHERE else None
    if reply.enhanced.startswith("5.0.") and stage is not Stage.MAIL:
        return spoken or _BASIC_ANYWHERE["5"]  # "other": only a text that says so makes it the recipient's fault
    return spoken or _BASIC_AT.get((stage, basic)) or _BASIC_ANYWHERE.get(basic) or _BASIC_ANYWHERE[digit]


def _by_enhanced(stage: Stage, reply: Reply) -> Verdict | None:
    code = reply.enhanced
    if not code or str(reply.code) in ("530", "534", "535", "538"):
        return None  # these four say it better than any 5.7.x
    if code.startswith("4.7.") and reply.code == 421:
        return _THROTTLED, Reason.RATE_LIMITED
    subject = code.rpartition(".")[0]
    if code in _ENHANCED_ANYWHERE:  # the sender's rules are about whole subjects; an exact code is about one thing
        exact = _ENHANCED_ANYWHERE[code]
        return exact if exact[0] is not _RECIPIENT or stage is not Stage.MAIL else _ENHANCED_AT[Stage.MAIL, "5.1"]
    return _ENHANCED_AT.get((stage, subject)) or _ENHANCED_ANYWHERE.get(subject)


def _by_text(digit: str, reply: Reply) -> Verdict | None:
    for scope, pattern, verdict in _TEXTS:
        if (reply.enhanced.startswith(scope) or scope == digit) and pattern.search(reply.text):
            return verdict
    return None


def _code(reply: Reply) -> str:
    return f"{reply.code} {reply.enhanced}".strip()


def _wait(text: str) -> timedelta | None:
    """How long the server asks to wait, when its text says so ("try again in 300 seconds")."""
    match = _WAIT.search(text)
    if match is None:
        return None
    return min(timedelta(seconds=int(match[1]) * _WAIT_UNITS[match[2][0].lower()]), LONGEST_WAIT)
