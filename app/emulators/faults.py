"""The fault dial: which failure an emulator plays, for an account or for a recipient whose address asks for it.

Two ways to ask. The dial of an account (or of everyone, `*`) says which fault, in how many per cent of the cases and
for how many cases. An address asks for itself by its plus tag: `ann+mailbox-full@example.org` is always full,
`ann+throttled-2@example.org` is throttled twice and accepted then, `ann+slow-3@example.org` takes three seconds. A push
token asks the same way (`fault-throttled-2-…`), and a phone number by its last digits (`NUMBERS`).
"""

import re
import sqlite3
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.emulators.outbox import connect

EVERYONE = "*"
_OF = "\x1f"  # between an account and the kind that its dial is for
MOST = 1_000_000  # cases of a dial, and units of its amount

_TAG = re.compile(r"[^+@]*\+(?P<name>[a-z]+(?:-[a-z]+)*)(?:-(?P<number>\d{1,4}))?@", re.IGNORECASE)
_TOKEN_TAG = re.compile(r"fault-(?P<name>[a-z]+(?:-[a-z]+)*)(?:-(?P<number>\d{1,4}))?(?![a-z0-9])", re.IGNORECASE)
NUMBERS_START = "+1500555"
# What the last four digits of +1 500 555 xxxx ask for; the first few are those of Twilio's own test mode.
NUMBERS = {
    "0001": "mailbox-unknown", "0002": "content-rejected", "0003": "content-rejected", "0004": "opted-out",
    "0009": "mailbox-unknown", "0101": "throttled", "0102": "server-error", "0103": "drop-after-dot",
    "0104": "drop-before-body", "0105": "slow", "0106": "accept-and-lie", "0107": "hang", "0108": "garbage",
    "0109": "wrong-json", "0110": "lose-after-dot", "0111": "busy",
    "0112": "receipts-late", "0113": "receipts-twice", "0114": "receipts-backwards", "0115": "receipts-never",
    "0116": "late-bounce",
}  # fmt: skip
_SCHEMA = """
CREATE TABLE IF NOT EXISTS dial (
    account TEXT PRIMARY KEY,
    fault TEXT NOT NULL,
    share INTEGER NOT NULL,
    remaining INTEGER,
    amount INTEGER NOT NULL,
    seen INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS struck (
    recipient TEXT PRIMARY KEY,
    times INTEGER NOT NULL
);
"""


@dataclass(frozen=True, slots=True)
class Fault:
    """One failure. `stage` is where in the dialogue it happens; `act` is what is done there.

    Acts: `reply` (say `text` instead of yes), `close` (say `text`, when there is one, and hang up), `keep` (keep the
    message, then hang up), `wait` (as many seconds as the dial's amount), `lack` (do not offer), `garble` (offer and
    fail at it). The stage `receipts` is what a service says afterwards; `http` is for services that are spoken to over
    HTTP only: those also play the faults of `PLAYED_OVER_HTTP`, whatever their stage, each in its own words.
    """

    name: str
    label: str
    stage: str
    act: str
    text: str = ""


FAULTS: dict[str, Fault] = {
    fault.name: fault
    for fault in (
        Fault("mailbox-unknown", "The mailbox does not exist", "rcpt", "reply", "550 5.1.1 No such mailbox here"),
        Fault("mailbox-disabled", "The mailbox is switched off", "rcpt", "reply", "550 5.2.1 Mailbox disabled"),
        Fault("mailbox-full", "The mailbox is full", "rcpt", "reply", "452 4.2.2 Mailbox full"),
        Fault(
            "greylisted", "Greylisted: come back later", "rcpt", "reply",
            "450 4.7.1 Greylisted, try again in 60 seconds",
        ),
        Fault("throttled", "Too fast, session ended", "rcpt", "close", "421 4.7.0 Rate limit, try again in 5 seconds"),
        Fault("too-many-recipients", "Too many recipients", "rcpt", "reply", "452 4.5.3 Too many recipients"),
        Fault("server-error", "Trouble inside the server", "text", "reply", "451 4.3.0 Queue file write error"),
        Fault("content-rejected", "The content is refused", "text", "reply", "554 5.7.1 Message refused as spam"),
        Fault("oversize", "The message is too large", "text", "reply", "552 5.3.4 Message too big for system"),
        Fault("slow", "The answer takes long", "text", "wait"),
        Fault("drop-before-body", "Hang up before the message", "data", "close"),
        Fault("drop-after-dot", "Keep the message, hang up without an answer", "text", "keep"),
        Fault("lose-after-dot", "Lose the message, hang up without an answer", "text", "close"),
        Fault("wrong-password", "The password is refused", "auth", "reply", "535 5.7.8 Credentials invalid"),
        Fault("sender-refused", "The sender is refused", "mail", "reply", "550 5.7.1 Not your address to send from"),
        Fault("banner-busy", "Busy at the door", "banner", "close", "421 4.3.2 Service not available"),
        Fault("banner-refused", "Turned away at the door", "banner", "close", "554 5.7.1 No service for your address"),
        Fault("no-pipelining", "Does not offer PIPELINING", "ehlo", "lack"),
        Fault("broken-pipelining", "Offers PIPELINING and drops what comes early", "ehlo", "garble"),
        Fault("opted-out", "The person has opted out", "http", "reply"),
        Fault("busy", "Not available at the moment", "http", "reply"),
        Fault("hang", "Takes the request and never answers", "http", "wait"),
        Fault("garbage", "Answers with something that is no HTTP", "http", "garble"),
        Fault("wrong-json", "Says yes in words nobody can read", "http", "garble"),
        Fault("accept-and-lie", "Says yes and loses the message", "http", "reply"),
        Fault("expired-token", "The access token has expired", "http", "reply"),
        Fault("receipts-late", "Receipts come late", "receipts", "wait"),
        Fault("receipts-twice", "Receipts come twice", "receipts", "reply"),
        Fault("receipts-backwards", "Receipts come last to first", "receipts", "reply"),
        Fault("receipts-never", "Receipts never come", "receipts", "reply"),
        Fault("late-bounce", "Delivered at first, then bounced", "receipts", "wait"),
        Fault("late-refusal", "Taken at first, then refused as spam", "bounces", "wait"),
        Fault("delayed", "Delayed on the way", "bounces", "wait"),
        Fault("complaint", "Delivered, then reported as spam", "receipts", "wait"),
    )
}  # fmt: skip
PLAYED_OVER_HTTP = frozenset(
    ["mailbox-unknown", "mailbox-disabled", "throttled", "server-error", "content-rejected", "oversize", "slow",
     "drop-before-body", "drop-after-dot", "lose-after-dot", "wrong-password", "sender-refused"]
)  # fmt: skip


_ONLY_ON = {
    "opted-out": "sms",
    "expired-token": "push",
    "complaint": "email",
}  # faults that make sense on one channel alone


def _key(account: str, kind: str) -> str:
    return f"{account}{_OF}{kind}" if kind else account


def _is_of(fault: Fault, stage: str) -> bool:
    return fault.stage == stage or (stage == "http" and fault.name in PLAYED_OVER_HTTP)


@dataclass(frozen=True, slots=True)
class Dial:
    """How one account's dial stands: `share` per cent of the cases, `remaining` cases (None: without end).

    `amount` is the fault's number: seconds for `slow`, the ceiling for `too-many-recipients`. With a `kind` it is the
    dial of that service alone, which comes before the one for all of them.
    """

    account: str
    fault: str
    share: int = 100
    remaining: int | None = None
    amount: int = 0
    kind: str = ""


class Faults:
    """The dials, kept beside the outbox, so that a page in another process can turn them."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._db = connect(path)
        self._db.executescript(_SCHEMA)

    def turn(self, dial: Dial) -> None:
        """Set an account's dial (`*`: everyone's that has none of its own).

        Raises ValueError for an unknown fault, a share outside 1 to 100, or a negative number.
        """
        if dial.fault not in FAULTS:
            raise ValueError(f"There is no fault named {dial.fault}")
        if not 1 <= dial.share <= 100 or dial.amount < 0 or (dial.remaining is not None and dial.remaining < 0):
            raise ValueError("The share must be 1 to 100 per cent; counts must not be negative")
        if max(dial.amount, dial.remaining or 0) > MOST:
            raise ValueError(f"Counts and amounts are at most {MOST:,}")
        row = (_key(dial.account, dial.kind), dial.fault, dial.share, dial.remaining, dial.amount)
        with self._lock, self._db:
            self._db.execute("DELETE FROM struck")
            self._db.execute(
                "INSERT OR REPLACE INTO dial (account, fault, share, remaining, amount) VALUES (?, ?, ?, ?, ?)", row
            )

    def turn_off(self, account: str | None = None, kind: str = "") -> None:
        """Accept again from this account, at that kind or in general; without one, all, and forget who was struck."""
        with self._lock, self._db:
            if account is None:
                self._db.execute("DELETE FROM dial")
                self._db.execute("DELETE FROM struck")
            else:
                self._db.execute("DELETE FROM dial WHERE account = ?", (_key(account, kind),))

    def dials(self) -> list[Dial]:
        """Every dial that is on, by account."""
        query = "SELECT account, fault, share, remaining, amount FROM dial ORDER BY account"
        with self._lock:
            rows = self._db.execute(query).fetchall()
        found = []
        for name, fault, share, remaining, amount in rows:
            account, _, kind = name.partition(_OF)
            found.append(Dial(account, fault, share, remaining, amount, kind))
        return found

    def strike(
        self, stage: str, account: str, recipients: Sequence[str] = (), kind: str = ""
    ) -> tuple[Fault, int] | None:
        """The fault to play now, with its amount; None to go on well. Counts down what is counted.

        A recipient's plus tag comes before the account's dial for this `kind`, that before its dial for all kinds, and
        that before everyone's.
        """
        for recipient in recipients:
            found = self._by_tag(stage, recipient)
            if found is not None:
                return found
        with self._lock, self._db:
            for name in (_key(account, kind), account, EVERYONE) if kind else (account, EVERYONE):
                row = self._db.execute(
                    "SELECT fault, share, remaining, amount, seen FROM dial WHERE account = ?", (name,)
                ).fetchone()
                if row is not None:
                    return self._by_dial(stage, name, row)
        return None

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def _by_tag(self, stage: str, recipient: str) -> tuple[Fault, int] | None:
        name, number = _asked_for(recipient)
        fault = FAULTS.get(name)
        if fault is None or not _is_of(fault, stage):
            return None
        if fault.act == "wait":
            return fault, number or 1
        if not number:
            return fault, 0
        with self._lock, self._db:
            times = self._count(recipient)
        return (fault, 0) if times <= number else None

    def _count(self, recipient: str) -> int:
        statement = (
            "INSERT INTO struck (recipient, times) VALUES (?, 1) "
            "ON CONFLICT (recipient) DO UPDATE SET times = times + 1 RETURNING times"
        )
        return int(self._db.execute(statement, (recipient,)).fetchone()[0])

    def _by_dial(self, stage: str, account: str, row: sqlite3.Row) -> tuple[Fault, int] | None:
        name, share, remaining, amount, seen = row
        fault = FAULTS.get(name)
        if fault is None or not _is_of(fault, stage) or remaining == 0:
            return None
        hits = (seen + 1) * share // 100 > seen * share // 100  # spread evenly, the same every time
        left = None if remaining is None else remaining - hits
        self._db.execute("UPDATE dial SET seen = seen + 1, remaining = ? WHERE account = ?", (left, account))
        return (fault, amount) if hits else None


def played_by(channel: str, *, over_http: bool, tells: bool) -> list[str]:
    """The names of the faults that an emulator can play; `tells` is whether it sends receipts."""
    elsewhere = {name for name, only in _ONLY_ON.items() if only != channel}
    return [
        name
        for name, fault in FAULTS.items()
        if name not in elsewhere
        and (tells if fault.stage == "receipts" else _is_of(fault, "http") if over_http else fault.stage != "http")
    ]


def _asked_for(recipient: str) -> tuple[str, int]:
    """The fault that an address, a number or a token names for itself, and its number; empty when it names none."""
    if recipient.startswith(NUMBERS_START):
        return NUMBERS.get(recipient[len(NUMBERS_START) :], ""), 0
    match = _TAG.match(recipient) if "@" in recipient else _TOKEN_TAG.match(recipient)
    return (match["name"].lower(), int(match["number"] or 0)) if match else ("", 0)
