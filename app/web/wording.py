"""The sentences people read for reasons, lengths of time and error pages; the only place that words them."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from app.domain.channels import Channel
from app.domain.outcomes import Reason

# Wherever people choose or compare them, in this order.
CHANNELS = [(channel.value, channel.label) for channel in (Channel.EMAIL, Channel.PUSH, Channel.SMS)]


class Wording(NamedTuple):
    """What happened, and what to do about it (empty when there is nothing to do)."""

    says: str
    advice: str = ""


_WE_RETRY = "We try again by ourselves."
_MEND = "Mend the provider, then retry; nothing is lost meanwhile."

REASONS: Mapping[Reason, Wording] = {
    Reason.ACCEPTED: Wording("Accepted by the provider."),
    Reason.INVALID_ADDRESS: Wording("The address cannot exist.", "Correct the address on the contact's page."),
    Reason.MAILBOX_UNKNOWN: Wording("Email address does not exist.", "Check the address for a typing mistake."),
    Reason.MAILBOX_DISABLED: Wording("Inbox is closed.", "Ask the person for another address."),
    Reason.MAILBOX_FULL: Wording("Inbox full.", _WE_RETRY),
    Reason.DOMAIN_UNKNOWN: Wording("The part after the @ does not exist.", "Check the address for a typing mistake."),
    Reason.TOKEN_RETIRED: Wording(
        "The app was removed from the device, or the device has a new token.",
        "Nothing to do: the app registers its new token when it is opened.",
    ),
    Reason.TOKEN_FOREIGN: Wording(
        "The device token belongs to another app, project or environment.",
        "Compare where the app gets its token with the provider's settings.",
    ),
    Reason.OPTED_OUT: Wording("The person does not want messages.", "Nothing to do: we respect it from now on."),
    Reason.SUPPRESSED: Wording(
        "Left out: the address is suppressed.", "Lift the suppression if the person asks for it."
    ),
    Reason.TARGET_EXPIRED: Wording("Left out: the address has expired.", "Add a current address to the contact."),
    Reason.DUPLICATE: Wording("Left out: the same address is in this message already."),
    Reason.TOO_LARGE: Wording(
        "The message is too large for the provider.", "Make a smaller copy, or connect a provider that takes more."
    ),
    Reason.ATTACHMENT_MISSING: Wording("A file of the message is gone.", "Choose another file in a copy, and send it."),
    Reason.CONTENT_REJECTED: Wording("The receiver refused the content.", "Change what the answer below names."),
    Reason.MISSING_VARIABLE: Wording(
        "A variable had no value.", "Give it a fallback, or fill the contact's attribute."
    ),
    Reason.ADDRESS_NEEDS_SMTPUTF8: Wording(
        "The address has letters that this provider cannot send to.",
        "Use a provider with SMTPUTF8, or another address.",
    ),
    Reason.POISON: Wording(
        "A fault in Carillon: it cannot make this message for this person.",
        "Look at the values that the message uses of this contact; report what the answer below names. Then retry.",
    ),
    Reason.AUTHENTICATION_FAILED: Wording(
        "The provider refused our sign-in.", "Replace its password or key, then retry."
    ),
    Reason.SENDER_REFUSED: Wording("The provider refused the sender address.", "Use a sender that it has verified."),
    Reason.TLS_FAILED: Wording("No safe connection to the provider.", "Check its encryption setting and certificate."),
    Reason.HOST_REFUSED: Wording("The provider's host may not be used.", "Use a public host, or allow private ones."),
    Reason.NOT_CONFIGURED: Wording("The provider is not set up completely.", _MEND),
    Reason.MASS_DEATH: Wording(
        "It called too many device tokens dead at once.",
        "Compare project, app and environment with where the app gets its tokens, and mend them; or say on the "
        "provider's page that the devices are gone. Nothing is lost meanwhile.",
    ),
    Reason.NO_PROVIDER: Wording("No provider can carry this.", "Connect or switch on a provider, then retry."),
    Reason.RATE_LIMITED: Wording("The provider asks us to be slower.", _WE_RETRY),
    Reason.GREYLISTED: Wording("The receiver asks us to come back later.", _WE_RETRY),
    Reason.TOO_MANY_RECIPIENTS: Wording("Too many recipients at once for the provider.", _WE_RETRY),
    Reason.UNREACHABLE: Wording("The provider cannot be reached.", _WE_RETRY),
    Reason.SERVER_ERROR: Wording("The provider has a fault of its own.", _WE_RETRY),
    Reason.CONNECTION_LOST: Wording(
        "The connection broke before the provider answered; it may have arrived.",
        "Check with the person before sending again.",
    ),
    Reason.TIMED_OUT: Wording(
        "The provider did not answer in time; it may have arrived.", "Check with the person before sending again."
    ),
    Reason.WORKER_LOST: Wording(
        "Our worker stopped in the middle; it may have arrived.", "Check with the person before sending again."
    ),
    Reason.EXHAUSTED: Wording("Every try failed, and we gave up.", "Look at the last answer, then retry."),
    Reason.EXPIRED: Wording("It could not be delivered in time.", "Send it again if it still matters."),
    Reason.UNDELIVERED: Wording("The provider could not deliver it.", "Look at what it says below."),
    Reason.CANCELLED: Wording("Cancelled before it was sent."),
}

_ADVICE_AT_END: Mapping[str, str] = {
    **dict.fromkeys(
        (reason.value for reason, words in REASONS.items() if words.advice == _WE_RETRY),
        "We tried for a day. Replay it when this is over.",
    ),
    Reason.CONTENT_REJECTED: "A replay sends the same content again; to change it, duplicate the message.",
    Reason.UNDELIVERED: "Look at what the provider says, then replay or dismiss it.",
}

STATUS_PAGES: Mapping[int, Wording] = {
    400: Wording("We cannot read this request", "Go back, check what you filled in, and send it again."),
    401: Wording("This link does not let you in", "If you are a member already, sign in."),
    403: Wording("You may not do this", "Ask an admin of the project for the role that allows it."),
    404: Wording("There is nothing here", "The link may be old, or what it led to was deleted."),
    405: Wording("This address does not take that", "Open the page again and use its buttons."),
    409: Wording(
        "Somebody was quicker", "It has changed since you opened it. Open it again and look at how it is now."
    ),
    410: Wording("This has gone", "It was here once and was removed for good."),
    413: Wording("This is too large", "Send a smaller file or a shorter text."),
    429: Wording("Too many tries", "Wait a little, then try again."),
    500: Wording("Something broke on our side", "Nothing was half-saved. Try again; if it stays, tell an admin."),
    503: Wording("A part of Carillon is away", "It is being started again. Try again in a few seconds."),
}


def wording_of(reason: str) -> Wording:
    """Both sentences of a reason code; an unknown code is shown as it is."""
    try:
        return REASONS[Reason(reason)]
    except ValueError:
        return Wording(f"{str(reason).replace('_', ' ').capitalize()}.")


def say_reason(reason: str | None) -> str:
    """What happened, in a sentence; empty for no reason."""
    return wording_of(reason).says if reason else ""


def explain(reason: str | None) -> str:
    """What to do about it, in a sentence; empty when there is nothing to do."""
    return wording_of(reason).advice if reason else ""


def advise(reason: str | None) -> str:
    """What to do about a delivery that ended so, in a sentence: nothing is tried again by itself any more."""
    return _ADVICE_AT_END.get(str(reason), explain(reason))


def status_page(code: int) -> Wording:
    """Title and next step of the page for an HTTP status."""
    return STATUS_PAGES.get(code, STATUS_PAGES[500 if code >= 500 else 400])


def say_wall(text: str) -> str:
    """A time on the wall as it is stored (2026-11-24T09:00), as people read it: "Tue 24 Nov 2026, 09:00"."""
    try:
        wall = datetime.fromisoformat(text)
    except ValueError:
        return text
    return f"{wall:%a} {wall.day} {wall:%b %Y, %H:%M}"


_UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


def say_duration(seconds: float) -> str:
    """Seconds as people say it, in the largest unit that fits: "12 seconds", "3 minutes", "2 days"; below 1 in ms."""
    if 0 < seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    for size, unit in _UNITS:
        count = int(seconds // size)
        if count or unit == "second":
            return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
    raise AssertionError("the last unit always fits")
