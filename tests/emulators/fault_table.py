"""What each fault of the dial must come to, kind by kind, written down from what the services document.

Nothing here is recorded from behaviour: each end follows from the class of outcome that a service's answer has (a dead
address, an account that is refused, a moment that passes, an answer that never came) and from the policy for doubt of
the kind. `test_<channel>_faults.py` play every line, and `docs/faults.md` shows them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from app.emulators.faults import FAULTS, PLAYED_OVER_HTTP
from app.providers import catalog


@dataclass(frozen=True)
class End:
    """Where a delivery to one person stands in the end.

    `tries` are those of the ledger, `arrived` the copies that the service took, `address` whether the person may be
    written to again, `provider` why it was taken out of routing (empty: it was not).
    """

    state: str
    reason: str
    tries: int = 1
    arrived: int = 0
    address: str = "fine"
    provider: str = ""


SENT = End("sent", "accepted", arrived=1)
SECOND_TRY, THIRD_TRY = replace(SENT, tries=2), replace(SENT, tries=3)
DOUBT = End("uncertain", "connection_lost")
DEAD = End("failed", "invalid_address", address="suppressed: hard_bounce")
RETIRED = End("failed", "token_retired", address="expired")
FOREIGN = End("failed", "token_foreign")
OPTED_OUT = End("failed", "opted_out", address="suppressed: unsubscribed")
REJECTED = End("failed", "content_rejected")
TOO_LARGE = End("failed", "too_large")


def waits(reason: str) -> End:
    """The account is refused: nobody is lost, nobody is tried again, and the provider says why."""
    return End("queued", "", tries=0, provider=reason)


@dataclass(frozen=True)
class Switch:
    """One line of the dial: the fault it stands at, for how many cases (None: for good), and what must follow.

    `usual` is the end for every kind that `ends` does not name (by kind, else by channel); None: the others do not play
    it, and `why_not` says why. `holds` sets the provider's policy for doubt to wait for a person. `pause` passes
    between two tries instead of the wait that the engine chose. `after_success` sends to somebody else first.
    """

    name: str
    shown: str
    fault: str = ""
    times: int | None = None
    amount: int = 0
    usual: End | None = None
    ends: Mapping[str, End] = field(default_factory=dict)
    why_not: str = ""
    holds: bool = False
    pause: timedelta | None = None
    after_success: bool = False

    def end_of(self, kind: str) -> End | None:
        """What must follow with that kind; None when it does not play this."""
        spec = catalog()[kind].spec
        named = self.ends.get(kind) or self.ends.get(spec.channel.value)
        fault = FAULTS.get(self.fault)
        if kind == "smtp" and fault is not None and fault.stage == "http":
            return None
        if kind != "smtp" and fault is not None and fault.stage != "http" and fault.name not in PLAYED_OVER_HTTP:
            return None
        return named or self.usual


_HTTP_ONLY = "SMTP has no such answer."
_SMTP_ONLY = "A matter of the SMTP dialogue."
_CUT = {"sms": DOUBT, "resend": SENT}  # a text message is never sent twice by itself; Resend knows its key again

SWITCHES: tuple[Switch, ...] = (
    Switch("accept", "The service takes the message", usual=SENT),
    Switch(
        "bad-recipient", "The address does not exist", "mailbox-unknown",
        usual=DEAD, ends={"smtp": replace(DEAD, reason="mailbox_unknown"), "push": RETIRED},
    ),
    Switch(
        "bad-recipient, switched off", "The address is out of service, or of another app", "mailbox-disabled",
        usual=DEAD, ends={"smtp": replace(DEAD, reason="mailbox_disabled"), "push": FOREIGN},
    ),
    Switch(
        "bad-recipient, of another app", "The same with an account that took other tokens before", "mailbox-disabled",
        ends={"push": replace(FOREIGN, address="expired")}, why_not="Only tokens belong to an app.",
        after_success=True,
    ),
    Switch(
        "opted-out", "The person has opted out", "opted-out",
        ends={"twilio": OPTED_OUT, "telesign": OPTED_OUT, "vonage": DEAD, "textmagic": DEAD},
        why_not="Told with a receipt, never when a message is handed over.",
    ),
    Switch("throttle-2", "Too fast twice, then taken", "throttled", 2, usual=THIRD_TRY),
    Switch(
        "5xx-2", "Trouble inside twice, then taken", "server-error", 2,
        usual=THIRD_TRY, ends={"resend": SENT},
    ),
    Switch(
        "503-2", "Not available twice, then taken", "busy", 2,
        usual=THIRD_TRY, ends={"resend": SENT}, why_not=_HTTP_ONLY,
    ),
    Switch(
        "5xx for a day", "Trouble inside for longer than we are patient", "server-error",
        usual=End("failed", "server_error", tries=2), pause=timedelta(hours=25),
    ),
    Switch("slow-1", "The answer takes a second", "slow", amount=1, usual=SENT),
    Switch(
        "drop-before-body", "The connection ends, the message is not taken", "drop-before-body", 1,
        usual=SECOND_TRY, ends=_CUT,
    ),
    Switch(
        "accept-then-drop", "The message is taken, the connection ends without an answer", "drop-after-dot", 1,
        usual=replace(SECOND_TRY, arrived=2), ends={"sms": replace(DOUBT, arrived=1), "resend": SENT},
    ),
    Switch(
        "accept-then-drop, on hold", "The same where doubt waits for a person", "drop-after-dot", 1,
        usual=replace(DOUBT, arrived=1), ends={"resend": SENT}, holds=True,
    ),
    Switch(
        "lose-then-drop, on hold", "The message is lost, the connection ends without an answer", "lose-after-dot", 1,
        usual=DOUBT, ends={"resend": SENT}, holds=True,
    ),
    Switch(
        "hang-1", "A second of silence, then the connection ends", "hang", 1, 1,
        usual=SECOND_TRY, ends=_CUT, why_not=_HTTP_ONLY,
    ),
    Switch(
        "garbage", "The answer is no HTTP", "garbage", 1,
        usual=SECOND_TRY, ends=_CUT, why_not=_HTTP_ONLY,
    ),
    Switch(
        "unreadable", "A good status with an answer that makes no sense", "wrong-json", 1,
        usual=SECOND_TRY, ends={"sms": replace(DOUBT, reason="server_error")}, why_not=_HTTP_ONLY,
    ),
    Switch(
        "accept-and-lie", "The service says yes and loses the message", "accept-and-lie",
        usual=replace(SENT, arrived=0), why_not=_HTTP_ONLY,
    ),
    Switch("bad-auth", "The credentials are refused", "wrong-password", usual=waits("authentication_failed")),
    Switch(
        "expired-auth", "The token has expired", "expired-token", 1,
        ends={
            "fcm": SENT, "apns": SENT, "ses": waits("authentication_failed"), "msg91": waits("authentication_failed"),
        },
        why_not="Its credentials do not expire.",
    ),
    Switch(
        "sender-refused", "The account may not send as this sender", "sender-refused",
        usual=waits("sender_refused"),
        ends={"telesign": waits("not_configured"), "fcm": waits("authentication_failed")},
    ),
    Switch(
        "content-rejected", "The content is refused", "content-rejected", usual=REJECTED,
        ends={"twilio": End("failed", "sender_refused")},  # 21612: content is filtered afterwards, by a receipt
    ),
    Switch(
        "oversize", "The message is too large", "oversize",
        usual=TOO_LARGE,
    ),
    Switch("greylisted", "Come back in a minute", "greylisted", 1, usual=SECOND_TRY, why_not=_SMTP_ONLY),
    Switch("mailbox-full", "The mailbox is full", "mailbox-full", 1, usual=SECOND_TRY, why_not=_SMTP_ONLY),
    Switch(
        "too-many-recipients", "Too many recipients in one transaction", "too-many-recipients", 1,
        usual=SECOND_TRY, why_not=_SMTP_ONLY,
    ),
    Switch("banner-busy", "Busy at the door", "banner-busy", 1, usual=SECOND_TRY, why_not=_SMTP_ONLY),
    Switch(
        "banner-refused", "Turned away at the door", "banner-refused",
        usual=waits("host_refused"), why_not=_SMTP_ONLY,
    ),
    Switch("no-pipelining", "PIPELINING is not offered", "no-pipelining", usual=SENT, why_not=_SMTP_ONLY),
)  # fmt: skip


ELSEWHERE = {  # faults that no line plays, and what does
    "broken-pipelining": "It shows after the half a minute that a client waits; tests/providers/test_smtp_dialogue.py",
}


def kinds_of(channel: str) -> list[str]:
    """The kinds of a channel, as the catalog has them."""
    return sorted(kind for kind, provider in catalog().items() if provider.spec.channel.value == channel)


def cases(channel: str) -> list[Any]:
    """Every kind of a channel with every switch that it plays, for pytest."""
    return [
        pytest.param(kind, switch, id=f"{kind}: {switch.name}")
        for kind in kinds_of(channel)
        for switch in SWITCHES
        if switch.end_of(kind) is not None
    ]


def named(name: str) -> Switch:
    """The switch of that name."""
    return next(switch for switch in SWITCHES if switch.name == name)
