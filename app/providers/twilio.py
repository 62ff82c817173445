"""Twilio: text messages through Programmable Messaging (REST API of 2010-04-01).

One request a recipient: there is no batch endpoint and no idempotency key, so what was cut off stays uncertain.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, ClassVar
from urllib.parse import parse_qsl, quote, urlencode

from app.domain.channels import Channel
from app.domain.outcomes import Outcome, OutcomeKind, Reason, accepted
from app.domain.provider_spec import Field, FieldKind, ProviderSpec
from app.domain.receipts import HookRequest, NotProven, Receipt, ReceiptEvent
from app.infra.hook_proofs import is_signed_by_twilio
from app.infra.hook_reading import form_of
from app.infra.http import basic_proof
from app.infra.http_bodies import form_body, form_text
from app.providers.base import Account, Finding
from app.providers.http import Ask, HttpProvider, HttpReply, HttpRequest, Item, outcome_of_status, unreadable

LONGEST_BODY = 1600  # characters
SHORTEST_NUMBER = 8  # digits; what has fewer is a short code
_ACCOUNT = re.compile(r"AC[0-9a-fA-F]{32}")
_SERVICE = re.compile(r"MG[0-9a-fA-F]{32}")

_FIELDS = (
    Field(
        "accountSid", "Account SID", needed=True,
        hint="On the first page of the Twilio Console under Account Info; it begins with AC.",
    ),
    Field(
        "authToken", "Auth token", FieldKind.SECRET_TEXT, secret=True, needed=True,
        hint="Beside the Account SID in the Twilio Console, under Show.",
    ),
    Field(
        "from", "Sender", FieldKind.PHONE, section="options", needed=True,
        hint="A number of yours like +15551234567, a short code, a sender name that is allowed in the country you "
             "send to, or a Messaging Service SID, which begins with MG.",
    ),
)  # fmt: skip

# Twilio's error codes, each with what it means for us; any other code is judged by its HTTP status.
_CODES: dict[int, tuple[OutcomeKind, Reason]] = {
    21211: (OutcomeKind.RECIPIENT_PERMANENT, Reason.INVALID_ADDRESS),  # To is not a phone number
    21614: (OutcomeKind.RECIPIENT_PERMANENT, Reason.INVALID_ADDRESS),  # To cannot receive text messages
    21610: (OutcomeKind.RECIPIENT_OPTED_OUT, Reason.OPTED_OUT),  # answered STOP
    21408: (OutcomeKind.MESSAGE_PERMANENT, Reason.NOT_CONFIGURED),  # the account may not send to that region
    21612: (OutcomeKind.MESSAGE_PERMANENT, Reason.SENDER_REFUSED),  # no route from this sender to that number
    21602: (OutcomeKind.MESSAGE_PERMANENT, Reason.CONTENT_REJECTED),  # empty body
    21617: (OutcomeKind.MESSAGE_PERMANENT, Reason.TOO_LARGE),  # body too long
    21212: (OutcomeKind.CONFIG_PERMANENT, Reason.SENDER_REFUSED),  # From is not a number
    21603: (OutcomeKind.CONFIG_PERMANENT, Reason.SENDER_REFUSED),  # no From
    21606: (OutcomeKind.CONFIG_PERMANENT, Reason.SENDER_REFUSED),  # From is not ours or cannot send
    21659: (OutcomeKind.CONFIG_PERMANENT, Reason.SENDER_REFUSED),  # From is not a Twilio number
    21660: (OutcomeKind.CONFIG_PERMANENT, Reason.SENDER_REFUSED),  # From belongs to another account
    21608: (OutcomeKind.CONFIG_PERMANENT, Reason.NOT_CONFIGURED),  # trial account, number not verified
    21703: (OutcomeKind.CONFIG_PERMANENT, Reason.SENDER_REFUSED),  # Messaging Service has no sender
    21705: (OutcomeKind.CONFIG_PERMANENT, Reason.SENDER_REFUSED),  # no such Messaging Service
    20003: (OutcomeKind.CONFIG_PERMANENT, Reason.AUTHENTICATION_FAILED),
    20005: (OutcomeKind.CONFIG_PERMANENT, Reason.NOT_CONFIGURED),  # account suspended
    20404: (OutcomeKind.CONFIG_PERMANENT, Reason.NOT_CONFIGURED),  # no such account
    20429: (OutcomeKind.THROTTLED, Reason.RATE_LIMITED),
    21611: (OutcomeKind.THROTTLED, Reason.RATE_LIMITED),  # the sender's queue is full
    14107: (OutcomeKind.THROTTLED, Reason.RATE_LIMITED),
}


class Twilio(HttpProvider):
    """The provider for Twilio. `from` may be a Messaging Service, which then picks the sender."""

    spec: ClassVar[ProviderSpec] = ProviderSpec(
        kind="twilio",
        label="Twilio",
        channel=Channel.SMS,
        summary="Text messages to almost every country through Twilio Programmable Messaging.",
        fields=_FIELDS,
        max_batch=1,
        uncertain_policy="hold",  # each text message is charged and read
        receipts_hint="Nothing to set up: each text message tells Twilio this address.",
        preview_note="Where Smart Encoding is on at Twilio, it replaces some signs, and the text may cost less.",
    )

    def home(self, values: Mapping[str, Any]) -> str:
        """Twilio's only address."""
        return "https://api.twilio.com/2010-04-01"

    def request(self, account: Account, items: Sequence[Item]) -> HttpRequest:
        """One message (sheet 6.1)."""
        item, sender = items[0], str(account.values["from"])
        which = "MessagingServiceSid" if _SERVICE.fullmatch(sender) else "From"
        fields = [("To", item.recipient.address), (which, sender), ("Body", item.rendered.text)]
        if account.receipts_url:  # the only place of a classic message that can carry our key
            fields.append(("StatusCallback", f"{account.receipts_url}?delivery={form_text(item.key)}"))
        return _empty_message(*_credentials(account)).with_body(form_body(fields))

    def refuse(self, account: Account, item: Item) -> Outcome | None:
        """Twilio takes 1,600 characters."""
        if len(item.rendered.text) <= LONGEST_BODY:
            return None
        words = f"The text has {len(item.rendered.text):,} characters; Twilio takes {LONGEST_BODY:,}."
        return Outcome(OutcomeKind.MESSAGE_PERMANENT, Reason.TOO_LARGE, words)

    def outcomes(self, account: Account, items: Sequence[Item], reply: HttpReply) -> list[Outcome]:
        """What became of it (sheet 6.2)."""
        return [judge(reply)] * len(items)

    def probe(self, account: Account) -> HttpRequest:
        """The account itself."""
        return HttpRequest("GET", f"{_place(account)}.json", _proof(account))

    def findings(self, account: Account, reply: HttpReply) -> list[Finding]:
        """Whether the account is there, and active."""
        if not reply.is_good:
            return [Finding(False, "Twilio refuses the Account SID or the auth token.", judge(reply).answer)]
        status = str(reply.fields().get("status", ""))
        if status == "active":
            words = "It is a trial account, which writes to numbers only that are verified in the Twilio Console."
            trial = [Finding(True, words, doubt=True)] if reply.fields().get("type") == "Trial" else []
            return [Finding(True, "Twilio knows the account, and it is active."), *trial]
        return [
            Finding(False, "Twilio knows the account, but it cannot send.", f"Its status is {status or 'unknown'}.")
        ]

    async def look_further(self, account: Account, ask: Ask) -> list[Finding]:
        """Whether the sender is one of the account's, and what credit is left."""
        sender, place, proof = str(account.values.get("from") or ""), _place(account), _proof(account)
        balance = judge_balance(await ask(HttpRequest("GET", f"{place}/Balance.json", proof)))
        if _SERVICE.fullmatch(sender):
            words = "Whether the Messaging Service has senders shows when something is sent."
            return [Finding(True, words, doubt=True), *balance]
        if not sender.removeprefix("+").isdigit():
            words = f"{sender} is a name: Twilio delivers it only in countries that allow names as senders."
            return [Finding(True, words, doubt=True), *balance]
        is_short = not sender.startswith("+") and len(sender) < SHORTEST_NUMBER
        listing, field = ("SMS/ShortCodes", "ShortCode") if is_short else ("IncomingPhoneNumbers", "PhoneNumber")
        query = urlencode({field: sender if is_short else f"+{sender.removeprefix('+')}"})
        reply = await ask(HttpRequest("GET", f"{place}/{listing}.json?{query}", proof))
        return [judge_sender(sender, reply), *balance]

    def receipts(self, account: Account, hook: HookRequest) -> list[Receipt]:
        """One status callback (sheet 6.3), signed over the address that we gave and all its fields."""
        fields, token = form_of(hook), str(account.values.get("authToken") or "")
        url = f"{account.receipts_url}?{hook.query}" if hook.query else account.receipts_url
        if not token or not is_signed_by_twilio(hook.headers.get("x-twilio-signature", ""), token, url, fields):
            raise NotProven("X-Twilio-Signature does not fit: check the auth token and the public address.")
        told, key = dict(fields), dict(parse_qsl(hook.query)).get("delivery", "")
        statuses = _IMPLIES.get(told.get("MessageStatus", ""), (told.get("MessageStatus", ""),))
        return [_receipt({**told, "MessageStatus": status}, key, hook) for status in statuses]

    def check(self, values: Mapping[str, Any]) -> dict[str, list[str]]:
        """Beside what holds for all: the Account SID has its own form."""
        found = super().check(values)
        sid = values.get("accountSid")
        if sid and not _ACCOUNT.fullmatch(str(sid)):
            found["accountSid"] = ["Account SID needs AC and 32 letters from a to f and digits behind it."]
        return found


PROVIDER = Twilio()


def judge_sender(sender: str, reply: HttpReply) -> Finding:
    """Whether the account lists that number or short code, and may send texts from it."""
    found = reply.fields()
    listed = found.get("incoming_phone_numbers", found.get("short_codes"))
    if not reply.is_good or not isinstance(listed, list):
        return Finding(True, f"Twilio did not tell whether {sender} is yours.", judge(reply).answer, doubt=True)
    mine = [each for each in listed if isinstance(each, dict)]
    if not mine:
        return Finding(False, f"{sender} is no number of this account.", "Buy or move it in the Twilio Console.")
    skills = mine[0].get("capabilities")
    if isinstance(skills, dict) and skills.get("sms") is False:
        return Finding(False, f"{sender} is a number of this account that cannot send text messages.")
    return Finding(True, f"{sender} is a number of this account.")


def judge_balance(reply: HttpReply) -> list[Finding]:
    """What credit is left; nothing when Twilio does not tell this key, as for subaccounts."""
    found = reply.fields() if reply.is_good else {}
    try:
        balance = float(str(found.get("balance")))
    except ValueError:
        return []
    words = f"The balance is {balance:.2f} {found.get('currency') or 'USD'}."
    return [Finding(True, words, "" if balance > 0 else "Top it up in the Twilio Console.", doubt=balance <= 0)]


_EVENTS = {
    "accepted": ReceiptEvent.ACCEPTED, "scheduled": ReceiptEvent.ACCEPTED, "queued": ReceiptEvent.ACCEPTED,
    "sending": ReceiptEvent.ACCEPTED, "sent": ReceiptEvent.SENT, "partially_delivered": ReceiptEvent.SENT,
    "delivered": ReceiptEvent.DELIVERED, "read": ReceiptEvent.OPENED, "undelivered": ReceiptEvent.FAILED,
    "failed": ReceiptEvent.FAILED, "canceled": ReceiptEvent.FAILED,
}  # fmt: skip
_IMPLIES = {"read": ("delivered", "read")}  # what was read was delivered, also when nobody said so
# Why a text message was not delivered; any other code says nothing about the number.
_FAILURES: dict[str, tuple[ReceiptEvent, Reason]] = {
    "21610": (ReceiptEvent.FAILED, Reason.OPTED_OUT),
    "30001": (ReceiptEvent.FAILED, Reason.RATE_LIMITED),  # the sender's queue was full
    "30003": (ReceiptEvent.FAILED, Reason.UNDELIVERED),  # switched off, or out of reach
    "30004": (ReceiptEvent.FAILED, Reason.CONTENT_REJECTED),  # blocked by the carrier or the person
    "30005": (ReceiptEvent.BOUNCED, Reason.MAILBOX_UNKNOWN),  # no such number
    "30006": (ReceiptEvent.BOUNCED, Reason.INVALID_ADDRESS),  # a landline, or no carrier reaches it
    "30007": (ReceiptEvent.FAILED, Reason.CONTENT_REJECTED),  # the carrier's filter
    "30022": (ReceiptEvent.FAILED, Reason.RATE_LIMITED),
    "30032": (ReceiptEvent.FAILED, Reason.SENDER_REFUSED),  # toll-free number that was not verified
    "30034": (ReceiptEvent.FAILED, Reason.SENDER_REFUSED),  # number without its registration
    "30036": (ReceiptEvent.EXPIRED, Reason.EXPIRED),
}


def _receipt(fields: Mapping[str, str], key: str, hook: HookRequest) -> Receipt:
    number, status = fields.get("MessageSid", ""), fields.get("MessageStatus", "")
    event, code = _EVENTS.get(status, ReceiptEvent.UNKNOWN), fields.get("ErrorCode", "")
    reason = None
    if event is ReceiptEvent.FAILED:
        event, reason = _FAILURES.get(code, (event, Reason.UNDELIVERED))
    return Receipt(
        event, f"{number}:{status}", None, key, number, fields.get("To", ""), reason, code,
        fields.get("ErrorMessage") or status, hook.body.decode("utf-8", "replace"),
    )  # fmt: skip


def judge(reply: HttpReply) -> Outcome:
    """One answer of the Messages resource as an outcome."""
    found = reply.fields()
    if reply.is_good:
        sid = str(found.get("sid") or "")
        return accepted(sid, str(found.get("status") or ""), str(reply.status)) if sid else unreadable(reply)
    code = found.get("code")
    plain = outcome_of_status(reply, str(found.get("message") or ""), str(code or ""))
    if not isinstance(code, int) or code not in _CODES:
        return plain
    kind, reason = _CODES[code]
    return Outcome(kind, reason, plain.detail, plain.code, retry_after=plain.retry_after)


def _place(account: Account) -> str:
    return _place_of(_credentials(account)[0])


def _place_of(sid: str) -> str:
    return f"/Accounts/{quote(sid, safe='')}"


def _proof(account: Account) -> dict[str, str]:
    """HTTP Basic (RFC 7617)."""
    return basic_proof(*_credentials(account))


def _credentials(account: Account) -> tuple[str, str]:
    """The Account SID and the auth token."""
    values = account.values
    return str(values.get("accountSid") or ""), str(values.get("authToken") or "")


@lru_cache(maxsize=32)
def _empty_message(sid: str, token: str) -> HttpRequest:
    """What all messages of an account share: everything but their fields."""
    return HttpRequest.form(f"{_place_of(sid)}/Messages.json", (), basic_proof(sid, token))
