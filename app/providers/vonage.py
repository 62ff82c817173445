"""Vonage: text messages through its SMS API (`/sms/json`).

One request a recipient, no idempotency key. The API says 200 to almost everything; what became of a message stands in
the `status` of each of its parts, a string. Text outside GSM-7 arrives mangled unless the request says `unicode`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar

from app.domain.channels import Channel
from app.domain.outcomes import Outcome, OutcomeKind, Reason, accepted
from app.domain.provider_spec import Field, FieldKind, ProviderSpec
from app.domain.receipts import HookRequest, NotProven, Receipt, ReceiptEvent
from app.domain.sms_segments import Encoding, encoding_of
from app.domain.sms_senders import digits_of, sender_fault
from app.infra.hook_proofs import is_signed_in_hex
from app.infra.hook_reading import fields_of, from_epoch, from_iso, require_fresh
from app.infra.http import basic_proof
from app.providers.base import Account, Finding
from app.providers.http import Ask, HttpProvider, HttpReply, HttpRequest, Item, outcome_of_status, unreadable

LONGEST_CALLBACK = 100  # characters of an address for receipts; a longer one is refused, so it is left out
REDELIVERED_FOR = timedelta(hours=25)  # Vonage repeats for a day; an event is taken once, however old
_WAIT = re.compile(r"\[ ?([0-9]{1,6}) ?\]")  # "Throughput Rate Exceeded - please wait [ 250 ] and retry", milliseconds

_FIELDS = (
    Field(
        "apiKey", "API key", needed=True,
        hint="On the first page of the Vonage API Dashboard under API settings: eight letters and digits.",
    ),
    Field(
        "apiSecret", "API secret", FieldKind.SECRET_TEXT, secret=True, needed=True,
        hint="In the Vonage API Dashboard under API settings, Account secret.",
    ),
    Field(
        "from", "Sender", FieldKind.PHONE, section="options", needed=True,
        hint="A number from Numbers, Your numbers in the dashboard, such as +15551234567, or a name of at most 11 "
             "letters where the country you send to allows names.",
    ),
    Field(
        "signatureSecret", "Signature secret", FieldKind.SECRET_TEXT, secret=True, extra=True, advanced=True,
        hint="In the Vonage API Dashboard under API settings, when signed webhooks are on. With it only signed "
             "receipts are believed; without it they change the state of a message and suppress nobody.",
    ),
)  # fmt: skip

# The statuses of a part (sheet 7.2), each with what it means for us.
_STATUSES: dict[str, tuple[OutcomeKind, Reason]] = {
    "1": (OutcomeKind.THROTTLED, Reason.RATE_LIMITED),
    "2": (OutcomeKind.MESSAGE_PERMANENT, Reason.CONTENT_REJECTED),  # a parameter is missing
    "3": (OutcomeKind.MESSAGE_PERMANENT, Reason.CONTENT_REJECTED),  # a parameter has a bad value
    "4": (OutcomeKind.CONFIG_PERMANENT, Reason.AUTHENTICATION_FAILED),  # key or secret
    "5": (OutcomeKind.TRANSIENT, Reason.SERVER_ERROR),
    "6": (OutcomeKind.RECIPIENT_PERMANENT, Reason.INVALID_ADDRESS),  # no route to that prefix
    "7": (OutcomeKind.RECIPIENT_PERMANENT, Reason.INVALID_ADDRESS),  # the number is barred
    "8": (OutcomeKind.CONFIG_PERMANENT, Reason.NOT_CONFIGURED),  # the account is barred
    "9": (OutcomeKind.CONFIG_PERMANENT, Reason.NOT_CONFIGURED),  # no credit
    "10": (OutcomeKind.TRANSIENT, Reason.SERVER_ERROR),  # too many binds
    "11": (OutcomeKind.CONFIG_PERMANENT, Reason.NOT_CONFIGURED),  # SMS is not switched on
    "12": (OutcomeKind.MESSAGE_PERMANENT, Reason.TOO_LARGE),
    "14": (OutcomeKind.CONFIG_PERMANENT, Reason.AUTHENTICATION_FAILED),  # the account wants signed requests
    "15": (OutcomeKind.CONFIG_PERMANENT, Reason.SENDER_REFUSED),
    "17": (OutcomeKind.MESSAGE_PERMANENT, Reason.CONTENT_REJECTED),  # blocked on the way; the number is fine
    "22": (OutcomeKind.MESSAGE_PERMANENT, Reason.CONTENT_REJECTED),  # bad network code
    "23": (OutcomeKind.MESSAGE_PERMANENT, Reason.CONTENT_REJECTED),  # bad address for receipts
    "29": (OutcomeKind.CONFIG_PERMANENT, Reason.NOT_CONFIGURED),  # a demo account, the number is not on its list
    "32": (OutcomeKind.CONFIG_PERMANENT, Reason.AUTHENTICATION_FAILED),  # secret and signature at once
    "33": (OutcomeKind.RECIPIENT_PERMANENT, Reason.INVALID_ADDRESS),  # the number is out of service
}
_FINAL = (OutcomeKind.RECIPIENT_PERMANENT, OutcomeKind.RECIPIENT_OPTED_OUT, OutcomeKind.MESSAGE_PERMANENT)


class Vonage(HttpProvider):
    """The provider for Vonage's SMS API."""

    spec: ClassVar[ProviderSpec] = ProviderSpec(
        kind="vonage",
        label="Vonage",
        channel=Channel.SMS,
        summary="Text messages to almost every country through the SMS API of Vonage (once Nexmo).",
        fields=_FIELDS,
        max_batch=1,
        uncertain_policy="hold",  # each text message is charged and read
        receipts_hint="Each text message tells Vonage this address. In the dashboard under API settings, choose "
                      "POST-JSON for webhooks.",
    )  # fmt: skip
    in_flight: ClassVar[int] = 10  # an account may ask 30 times a second unless Vonage says otherwise

    def home(self, values: Mapping[str, Any]) -> str:
        """Vonage's address for SMS."""
        return "https://rest.nexmo.com"

    def request(self, account: Account, items: Sequence[Item]) -> HttpRequest:
        """One message (sheet 7.1)."""
        item = items[0]
        fields = [
            ("from", digits_of(str(account.values["from"]))),
            ("to", digits_of(item.recipient.address)),
            ("text", item.rendered.text),
            ("type", "text" if encoding_of(item.rendered.text) is Encoding.GSM7 else "unicode"),
            ("client-ref", item.key),
        ]
        if 0 < len(account.receipts_url) <= LONGEST_CALLBACK:
            fields.append(("callback", account.receipts_url))
        return HttpRequest.form("/sms/json", fields, _proof(account))

    def outcomes(self, account: Account, items: Sequence[Item], reply: HttpReply) -> list[Outcome]:
        """What became of it (sheet 7.2)."""
        return [judge(reply)] * len(items)

    def receipts(self, account: Account, hook: HookRequest) -> list[Receipt]:
        """One delivery receipt (sheet 7.3); signed when the account is set up so, and then we know its secret."""
        fields, secret = fields_of(hook), str(account.values.get("signatureSecret") or "")
        if secret:
            _require_proof(fields, secret)
            require_fresh(hook, from_epoch(fields.get("timestamp", "")), REDELIVERED_FOR)
        return [_receipt(fields, hook, is_proven=bool(secret))]

    def probe(self, account: Account) -> HttpRequest:
        """The balance of the account."""
        return HttpRequest("GET", "/account/get-balance", _proof(account))

    def findings(self, account: Account, reply: HttpReply) -> list[Finding]:
        """Whether key and secret are right, and whether there is credit left."""
        if not reply.is_good:
            return super().findings(account, reply)
        found = reply.fields()
        balance = found.get("value")
        if not isinstance(balance, int | float) or isinstance(balance, bool):
            return [Finding(False, "The address answers, but not as Vonage does.", reply.line)]
        known = Finding(True, "Vonage knows the API key and the secret.", f"The balance is {balance:.2f} EUR.")
        if balance > 0 or found.get("autoReload") is True:
            return [known]
        return [known, Finding(False, "The account has no credit left. Top it up in the Vonage API Dashboard.")]

    async def look_further(self, account: Account, ask: Ask) -> list[Finding]:
        """Whether the sender is a number of the account's."""
        sender = str(account.values.get("from") or "")
        digits = digits_of(sender)
        if not digits.isdigit():
            words = f"{sender} is a name: Vonage delivers it only in countries that allow names as senders."
            return [Finding(True, words, doubt=True)]
        path = f"/account/numbers?pattern={digits}&search_pattern=1"
        return [judge_sender(sender, await ask(HttpRequest("GET", path, _proof(account))))]

    def check(self, values: Mapping[str, Any]) -> dict[str, list[str]]:
        """Beside what holds for all: the sender must be one that networks take."""
        found = super().check(values)
        fault = sender_fault("Sender", str(values.get("from") or ""))
        return {"from": [fault], **found} if fault else found


PROVIDER = Vonage()


def judge_sender(sender: str, reply: HttpReply) -> Finding:
    """Whether the numbers of the account hold that one, and it may send texts; Vonage answers {} for none."""
    if not reply.is_good:
        return Finding(True, f"Vonage did not tell whether {sender} is yours.", reply.line, doubt=True)
    listed = reply.fields().get("numbers")
    numbers = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    mine = next((each for each in numbers if str(each.get("msisdn")) == digits_of(sender)), None)
    if mine is None:
        words = "Networks may refuse it or show another. Numbers are bought in the dashboard under Numbers."
        return Finding(True, f"{sender} is no number of this account.", words, doubt=True)
    skills = mine.get("features")
    if isinstance(skills, list) and "SMS" not in skills:
        return Finding(False, f"{sender} is a number of this account that cannot send text messages.")
    return Finding(True, f"{sender} is a number of this account.")


_EVENTS = {
    "accepted": ReceiptEvent.SENT, "buffered": ReceiptEvent.DEFERRED, "delivered": ReceiptEvent.DELIVERED,
    "expired": ReceiptEvent.EXPIRED, "failed": ReceiptEvent.FAILED, "rejected": ReceiptEvent.FAILED,
}  # fmt: skip
# The err-code of what failed (sheet 7.3); any other says nothing about the number.
_FAILURES: dict[str, tuple[ReceiptEvent, Reason]] = {
    "3": (ReceiptEvent.BOUNCED, Reason.MAILBOX_UNKNOWN),  # absent for good
    "9": (ReceiptEvent.BOUNCED, Reason.INVALID_ADDRESS),  # illegal number
    "11": (ReceiptEvent.BOUNCED, Reason.INVALID_ADDRESS),  # no route to it
    "4": (ReceiptEvent.FAILED, Reason.OPTED_OUT),  # barred by the person
    "6": (ReceiptEvent.FAILED, Reason.CONTENT_REJECTED),  # taken for spam
    "10": (ReceiptEvent.FAILED, Reason.CONTENT_REJECTED),  # illegal message
    "13": (ReceiptEvent.FAILED, Reason.CONTENT_REJECTED),  # not for this age
    "14": (ReceiptEvent.FAILED, Reason.CONTENT_REJECTED),  # blocked by the carrier
    # what a country's rules ask for: entity, header, registered content, consent
    **dict.fromkeys(("50", "51", "52", "53", "54"), (ReceiptEvent.FAILED, Reason.NOT_CONFIGURED)),
}
_DIGESTS = {32: "md5", 40: "sha1", 64: "sha256", 128: "sha512"}  # which one the account uses, by the signature's length


def _require_proof(fields: Mapping[str, str], secret: str) -> None:
    given = fields.get("sig", "")
    signed = "".join(
        f"&{name}={re.sub('[&=]', '_', fields[name])}" for name in sorted(fields) if name != "sig"
    )  # fmt: skip
    if not is_signed_in_hex(given, secret, signed, _DIGESTS.get(len(given), "sha256")):
        raise NotProven("sig does not fit: check the signature secret.")


def _receipt(fields: Mapping[str, str], hook: HookRequest, *, is_proven: bool) -> Receipt:
    number, status, code = fields.get("messageId", ""), fields.get("status", ""), fields.get("err-code", "")
    event, reason = _EVENTS.get(status, ReceiptEvent.UNKNOWN), None
    if event is ReceiptEvent.FAILED:
        event, reason = _FAILURES.get(code, (event, Reason.UNDELIVERED))
    return Receipt(
        event, f"{number}:{status}:{code}", from_iso(fields.get("message-timestamp", "")),
        fields.get("client-ref", ""), number, fields.get("msisdn", ""), reason, "" if code == "0" else code, status,
        hook.body.decode("utf-8", "replace"), is_proven,
    )  # fmt: skip


def judge(reply: HttpReply) -> Outcome:
    """One answer of `/sms/json` as an outcome; a message is accepted when all of its parts are."""
    parts = reply.fields().get("messages")
    if not isinstance(parts, list) or not parts or not all(isinstance(part, dict) for part in parts):
        return unreadable(reply) if reply.is_good else outcome_of_status(reply)
    taken = [part for part in parts if str(part.get("status")) == "0"]
    ids = ",".join(str(part["message-id"]) for part in taken if part.get("message-id"))
    failed = next((part for part in parts if str(part.get("status")) != "0"), None)
    if failed is None:
        if not reply.is_good or not ids:
            return unreadable(reply)
        return accepted(ids, f"{len(parts)} part(s) accepted", str(reply.status))
    outcome = _judge_part(reply, failed)
    if not taken or outcome.kind in _FINAL:
        return replace(outcome, provider_message_id=ids)
    words = f"{len(taken)} of {len(parts)} parts were accepted. Of another it says: {outcome.detail}"
    return Outcome(OutcomeKind.UNCERTAIN, outcome.reason, words, outcome.code, ids)


def _judge_part(reply: HttpReply, part: Mapping[str, Any]) -> Outcome:
    status, words = str(part.get("status") or ""), str(part.get("error-text") or "")
    code = f"{reply.status} {status}".strip()
    detail = words or f"Status {status} without a word"
    if not status:
        return unreadable(reply)
    kind, reason = _STATUSES.get(status, (OutcomeKind.MESSAGE_PERMANENT, Reason.CONTENT_REJECTED))
    wait = _WAIT.search(words) if kind is OutcomeKind.THROTTLED else None
    after = timedelta(milliseconds=int(wait[1])) if wait else outcome_of_status(reply).retry_after
    return Outcome(kind, reason, detail, code, retry_after=after)


def _proof(account: Account) -> dict[str, str]:
    """HTTP Basic (RFC 7617)."""
    name, password = (str(account.values.get(each) or "") for each in ("apiKey", "apiSecret"))
    return basic_proof(name, password)
