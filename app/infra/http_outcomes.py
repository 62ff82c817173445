"""From HTTP answers and failures to outcomes: what holds for every service that says nothing more exact."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, timedelta
from email.utils import parsedate_to_datetime

import httpx

from app.domain.outcomes import Allowance, Outcome, OutcomeKind, Reason, accepted
from app.infra.clock import SystemClock
from app.infra.http import NOT_SENT, HttpReply

LONGEST_WAIT = timedelta(hours=24)
LONGEST_WINDOW = timedelta(hours=1)  # a good answer whose limit resets later than that is not believed
_EPOCH_FROM = 1_000_000_000.0  # a number of seconds this large is a moment, not a span
# The headers that say when a limit resets, and what the names of its others begin with.
_RESETS = {f"{family}-reset": family for family in ("ratelimit", "x-ratelimit", "x-rate-limit")}
_COUNT = re.compile(r"\s*(\d{1,9})\s*(?:[,;].*)?")  # `100`, and `100, 100;w=60` of older drafts

_BY_STATUS: dict[int, tuple[OutcomeKind, Reason]] = {
    401: (OutcomeKind.CONFIG_PERMANENT, Reason.AUTHENTICATION_FAILED),
    402: (OutcomeKind.CONFIG_PERMANENT, Reason.NOT_CONFIGURED),
    403: (OutcomeKind.CONFIG_PERMANENT, Reason.AUTHENTICATION_FAILED),
    404: (OutcomeKind.CONFIG_PERMANENT, Reason.NOT_CONFIGURED),
    405: (OutcomeKind.CONFIG_PERMANENT, Reason.NOT_CONFIGURED),
    407: (OutcomeKind.CONFIG_PERMANENT, Reason.AUTHENTICATION_FAILED),
    408: (OutcomeKind.TRANSIENT, Reason.TIMED_OUT),
    413: (OutcomeKind.MESSAGE_PERMANENT, Reason.TOO_LARGE),
    425: (OutcomeKind.TRANSIENT, Reason.SERVER_ERROR),
    429: (OutcomeKind.THROTTLED, Reason.RATE_LIMITED),
}


def outcome_of_status(reply: HttpReply, detail: str = "", code: str = "") -> Outcome:
    """What a status alone says: 2xx accepted; 3xx and wrong addresses settings; 429 and 5xx later; other 4xx content.

    `detail` is the service's own sentence (else its whole body in one line), `code` its own code beside the status.
    """
    status, code = reply.status, f"{reply.status} {code}".strip()
    detail = detail or reply.line or f"HTTP {status} without a word"
    if reply.is_good:
        return accepted("", detail, code)
    if status in _BY_STATUS:
        kind, reason = _BY_STATUS[status]
    elif status >= 500:
        kind, reason = OutcomeKind.TRANSIENT, Reason.SERVER_ERROR
    elif status < 400:  # a redirect is not followed: our secrets are for the address that was set
        kind, reason = OutcomeKind.CONFIG_PERMANENT, Reason.NOT_CONFIGURED
    else:
        kind, reason = OutcomeKind.MESSAGE_PERMANENT, Reason.CONTENT_REJECTED
    may_wait = kind in (OutcomeKind.THROTTLED, OutcomeKind.TRANSIENT)
    return Outcome(kind, reason, detail, code, retry_after=wait_asked_for(reply.headers) if may_wait else None)


def unreadable(reply: HttpReply) -> Outcome:
    """A good status with an answer that makes no sense: the service may have taken it over, and nobody knows."""
    said = reply.line or "nothing"
    return Outcome(
        OutcomeKind.UNCERTAIN, Reason.SERVER_ERROR, f"The answer cannot be read. It says: {said}", str(reply.status)
    )


def wait_asked_for(headers: Mapping[str, str]) -> timedelta | None:
    """How long the service asks to wait: Retry-After (seconds or a date, RFC 9110 10.2.3), else a reset header.

    None when it says nothing that can be understood; never more than a day.
    """
    for name in ("retry-after", *_RESETS):
        wait = _read_wait(headers.get(name, ""))
        if wait is not None:
            return min(max(wait, timedelta()), LONGEST_WAIT)
    return None


def allowance_of(headers: Mapping[str, str]) -> Allowance | None:
    """What the headers say that the account may still ask for (draft-ietf-httpapi-ratelimit-headers-07 and its kin).

    A reset is a number of seconds (Resend) or a moment (SendGrid). None when they say nothing, or what cannot be.
    """
    for name, family in _RESETS.items():
        if name not in headers:
            continue
        reset = _read_wait(headers[name])
        limit, left = (_read_count(headers.get(f"{family}-{what}", "")) for what in ("limit", "remaining"))
        if reset is not None and reset <= LONGEST_WINDOW and (limit or left is not None):
            return Allowance(limit or None, left, max(reset, timedelta()))
    return None


def _read_count(text: str) -> int | None:
    found = _COUNT.fullmatch(text)
    return int(found[1]) if found is not None else None


def with_allowance(outcomes: Sequence[Outcome], headers: Mapping[str, str]) -> Sequence[Outcome]:
    """The outcomes of one request; one of them carries what the answer says of the account's limit.

    One that was accepted, where there is any. A refusal for being too fast says itself how long to wait.
    """
    allowance = allowance_of(headers)
    if allowance is None or any(each.kind is OutcomeKind.THROTTLED for each in outcomes):
        return outcomes
    place = next((index for index, each in enumerate(outcomes) if each.kind is OutcomeKind.ACCEPTED), 0)
    return [replace(each, allowance=allowance) if index == place else each for index, each in enumerate(outcomes)]


def _read_wait(text: str) -> timedelta | None:
    now = SystemClock().now()
    try:
        seconds = float(text)
        if not 0 <= seconds < 1e11:
            return None
        return timedelta(seconds=seconds - now.timestamp() if seconds >= _EPOCH_FROM else seconds)
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now


def outcome_of_failure(error: httpx.TransportError) -> Outcome:
    """What a failure on the wire means: tried again when nothing was sent, uncertain otherwise."""
    words = str(error) or "The connection broke"
    if isinstance(error, NOT_SENT):
        is_tls = "certificate" in words.lower() or "tls" in words.lower()
        reason = Reason.TLS_FAILED if is_tls else Reason.UNREACHABLE
        return Outcome(OutcomeKind.TRANSIENT, reason, words)
    reason = Reason.TIMED_OUT if isinstance(error, httpx.TimeoutException) else Reason.CONNECTION_LOST
    return Outcome(OutcomeKind.UNCERTAIN, reason, words)
