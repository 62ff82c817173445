"""Telesign: text messages through its Messaging API (`/v1/messaging`).

One request a recipient: the bulk endpoint has one text and one answer for all, so nobody's fate could be told. There
is no idempotency key. What became of a message stands in `status.code` and `errors[].code`, not in the HTTP status.
Messages go out as ARN (alerts, reminders, notifications); Telesign's other types are one-time codes and marketing.
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
from app.domain.sms_senders import digits_of, sender_fault
from app.infra.hook_proofs import is_signed_by_telesign
from app.infra.hook_reading import from_iso, object_of, part, require_fresh, word
from app.infra.http import basic_proof
from app.providers.base import Account, Finding
from app.providers.http import Ask, HttpProvider, HttpReply, HttpRequest, Item, outcome_of_status, unreadable

LONGEST_TEXT = 1600  # characters
LONGEST_SENDER = 20
REPORTED_WITHIN = timedelta(hours=24)  # Telesign repeats within a minute; an event is taken once, however old
MESSAGE_TYPE = "ARN"
NO_REFERENCE = "0" * 32  # no message has it: asking for it proves the credentials and sends nothing

_FIELDS = (
    Field(
        "customerId", "Customer ID", needed=True,
        hint="In the Telesign portal under Account, API keys; it has the form of a UUID.",
    ),
    Field(
        "apiKey", "API key", FieldKind.SECRET_TEXT, secret=True, needed=True,
        hint="Beside the Customer ID in the Telesign portal; 88 letters, digits and signs.",
    ),
    Field(
        "from", "Sender", FieldKind.PHONE, section="options", needed=True,
        hint="A number or a name of at most 20 letters that Telesign has enabled as a sender ID for your account.",
    ),
)  # fmt: skip

_CODES_OF: dict[tuple[OutcomeKind, Reason], tuple[int, ...]] = {
    (OutcomeKind.ACCEPTED, Reason.ACCEPTED): (200, 201, 203, 251, 290, 292, 293, 295),
    (OutcomeKind.RECIPIENT_PERMANENT, Reason.INVALID_ADDRESS): (
        11000,  # no phone number
        211, 222, 504, 507, 513,  # the network does not know it
    ),
    (OutcomeKind.RECIPIENT_OPTED_OUT, Reason.OPTED_OUT): (510,),
    (OutcomeKind.MESSAGE_PERMANENT, Reason.CONTENT_REJECTED): (
        229, 230, 237, 238, 233,  # a policy blocks it
        231, 515, 520,  # the content
        -10001, -10002, -10003, -40006,  # a parameter is missing or wrong
    ),
    (OutcomeKind.MESSAGE_PERMANENT, Reason.UNDELIVERED): (
        207, 220, 250, 599, 511, 512,  # it failed: no credit of the person's, roaming, or for no reason
    ),
    (OutcomeKind.MESSAGE_PERMANENT, Reason.EXPIRED): (221,),
    (OutcomeKind.CONFIG_PERMANENT, Reason.AUTHENTICATION_FAILED): (
        10002, 10003, 10004, 10005, 10006, 10007, 10008, 10009,  # date, nonce, signature
        10015, 10022, 10028,  # customer, key, header
        -10009, -20002, -30000, -30001, -30006,
    ),
    (OutcomeKind.CONFIG_PERMANENT, Reason.NOT_CONFIGURED): (
        10010, 10011,  # the account is suspended, the product is off
        10014, 10031, 10035,  # not from this address or host
        10033,  # a trial account, and the number is not verified
        501, 502, 508, 517, 521,
    ),
    (OutcomeKind.THROTTLED, Reason.RATE_LIMITED): (
        10019, -40007,  # too fast
        10020, -40008,  # the most that was agreed on
    ),
    (OutcomeKind.TRANSIENT, Reason.SERVER_ERROR): (-90001,),
    (OutcomeKind.UNCERTAIN, Reason.SERVER_ERROR): (210, 503, 505, 514),  # taken over and held up: it may still arrive
}  # fmt: skip
_CODES = {code: verdict for verdict, codes in _CODES_OF.items() for code in codes}
_TEXT_REFUSED = re.compile(r"parameter message\b", re.IGNORECASE)  # which we never leave out, so it is too long
# What makes a test of the connection fail; any other code at least proves that Telesign knows us.
_TROUBLES = (OutcomeKind.CONFIG_PERMANENT, OutcomeKind.THROTTLED, OutcomeKind.TRANSIENT)


class Telesign(HttpProvider):
    """The provider for Telesign."""

    spec: ClassVar[ProviderSpec] = ProviderSpec(
        kind="telesign",
        label="Telesign",
        channel=Channel.SMS,
        summary="Text messages through the Messaging API of Telesign.",
        fields=_FIELDS,
        max_batch=1,
        uncertain_policy="hold",  # each text message is charged and read
        receipts_hint="Nothing to set up: each text message tells Telesign this address.",
    )

    def home(self, values: Mapping[str, Any]) -> str:
        """Telesign's address for accounts with a contract."""
        return "https://rest-ww.telesign.com"

    def request(self, account: Account, items: Sequence[Item]) -> HttpRequest:
        """One message (sheet 9.1)."""
        item = items[0]
        fields = [
            ("phone_number", digits_of(item.recipient.address)),
            ("message", item.rendered.text),
            ("message_type", MESSAGE_TYPE),
            ("sender_id", digits_of(str(account.values["from"]))),
            ("external_id", item.key),
        ]
        if account.receipts_url:
            fields.append(("callback_url", account.receipts_url))
        return HttpRequest.form("/v1/messaging", fields, _proof(account))

    def refuse(self, account: Account, item: Item) -> Outcome | None:
        """Telesign takes 1,600 characters."""
        if len(item.rendered.text) <= LONGEST_TEXT:
            return None
        words = f"The text has {len(item.rendered.text):,} characters; Telesign takes {LONGEST_TEXT:,}."
        return Outcome(OutcomeKind.MESSAGE_PERMANENT, Reason.TOO_LARGE, words)

    def outcomes(self, account: Account, items: Sequence[Item], reply: HttpReply) -> list[Outcome]:
        """What became of it (sheet 9.2)."""
        return [judge(reply)] * len(items)

    def receipts(self, account: Account, hook: HookRequest) -> list[Receipt]:
        """One delivery report (sheet 9.3), signed over its bytes with the API key."""
        customer, key = (str(account.values.get(name) or "") for name in ("customerId", "apiKey"))
        given = hook.headers.get("x-ts-authorization") or hook.headers.get("authorization", "")
        if not key or not is_signed_by_telesign(given, customer, key, hook.body):
            raise NotProven("The signature does not fit: check the Customer ID and the API key.")
        found = object_of(hook)
        require_fresh(hook, from_iso(word(part(found, "status"), "updated_on")), REPORTED_WITHIN)
        return [_receipt(found, hook)]

    def probe(self, account: Account) -> HttpRequest:
        """The status of a message that does not exist: there is no address for the account itself."""
        return HttpRequest("GET", f"/v1/messaging/{NO_REFERENCE}", _proof(account))

    def findings(self, account: Account, reply: HttpReply) -> list[Finding]:
        """Whether it was Telesign who answered, and something else than that it does not know us."""
        codes = _codes_in(reply)
        is_troubled = any(code in _CODES and _CODES[code][0] in _TROUBLES for code in codes)
        if is_troubled or not codes or reply.status in (401, 403, 429) or reply.status >= 500:
            outcome = self.scrubbed(account, judge(reply))
            if outcome.kind is OutcomeKind.CONFIG_PERMANENT:
                return [Finding(False, "Telesign refuses the Customer ID or the API key.", outcome.answer)]
            return [Finding(False, "Telesign does not answer as it should at the moment.", outcome.answer)]
        return [Finding(True, "Telesign knows the Customer ID and the API key.")]

    async def look_further(self, account: Account, ask: Ask) -> list[Finding]:
        """What Telesign has no address for."""
        words = "Telesign tells of the sender and of the credit that is left only when something is sent."
        return [Finding(True, words, "Send a test to see.", doubt=True)]

    def check(self, values: Mapping[str, Any]) -> dict[str, list[str]]:
        """Beside what holds for all: the sender must be one that networks take."""
        found = super().check(values)
        fault = sender_fault("Sender", str(values.get("from") or ""), LONGEST_SENDER)
        return {"from": [fault], **found} if fault else found


PROVIDER = Telesign()

# What a status of a report means (sheet 9.3); one that is not here tells nothing we have a word for.
_REPORTS_OF: dict[tuple[ReceiptEvent, Reason | None], tuple[int, ...]] = {
    (ReceiptEvent.ACCEPTED, None): (290, 292, 293, 295),
    (ReceiptEvent.SENT, None): (201, 203, 251),
    (ReceiptEvent.DELIVERED, None): (200,),
    (ReceiptEvent.DEFERRED, None): (210, 503, 505, 514),
    (ReceiptEvent.EXPIRED, Reason.EXPIRED): (221,),
    (ReceiptEvent.BOUNCED, Reason.MAILBOX_UNKNOWN): (211, 222, 504, 507, 513),
    (ReceiptEvent.UNSUBSCRIBED, None): (510,),
    (ReceiptEvent.FAILED, Reason.UNDELIVERED): (207, 220, 250, 500, 511, 512, 599),
    (ReceiptEvent.FAILED, Reason.CONTENT_REJECTED): (229, 230, 231, 233, 237, 238, 515, 520),
    (ReceiptEvent.FAILED, Reason.NOT_CONFIGURED): (501, 502, 508, 517, 521),
}
_REPORTS = {str(code): meaning for meaning, codes in _REPORTS_OF.items() for code in codes}


def _receipt(found: Mapping[str, Any], hook: HookRequest) -> Receipt:
    status, number = part(found, "status"), word(found, "reference_id")
    code, session = word(status, "code"), word(found, "session_id")
    event, reason = _REPORTS.get(code, (ReceiptEvent.UNKNOWN, None))
    return Receipt(
        event, f"{number}:{session}:{code}", from_iso(word(status, "updated_on")), word(found, "external_id"), number,
        "", reason, code, word(status, "description"), hook.body.decode("utf-8", "replace"),
    )  # fmt: skip


def judge(reply: HttpReply) -> Outcome:
    """One answer of `/v1/messaging` as an outcome: the first of its codes that we know decides."""
    found = reply.fields()
    codes = _codes_in(reply)
    code = next((each for each in codes if each in _CODES), None)
    words = _sentence(found)
    plain = outcome_of_status(reply, words, str(code if code is not None else next(iter(codes), "")))
    if code is None and plain.kind is OutcomeKind.MESSAGE_PERMANENT and _TEXT_REFUSED.search(words):
        return replace(plain, reason=Reason.TOO_LARGE)
    if code is None:
        return unreadable(reply) if reply.is_good else plain
    kind, reason = _CODES[code]
    reference = str(found.get("reference_id") or "")
    if kind is not OutcomeKind.ACCEPTED:
        wait = plain.retry_after if kind in (OutcomeKind.THROTTLED, OutcomeKind.TRANSIENT) else None
        return Outcome(kind, reason, plain.detail, plain.code, reference, wait)
    if not reply.is_good:
        return plain
    return accepted(reference, words, plain.code) if reference else unreadable(reply)


def _places(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Where an answer has codes and sentences: its status, then its errors."""
    errors = found.get("errors")
    places = [found.get("status"), *(errors if isinstance(errors, list) else [])]
    return [place for place in places if isinstance(place, dict)]


def _codes_in(reply: HttpReply) -> list[int]:
    codes = [place.get("code") for place in _places(reply.fields())]
    return [code for code in codes if isinstance(code, int) and not isinstance(code, bool)]


def _sentence(found: Mapping[str, Any]) -> str:
    said = [str(place.get("description") or "") for place in _places(found)]
    return " ".join(dict.fromkeys(each for each in said if each))


def _proof(account: Account) -> dict[str, str]:
    """HTTP Basic (RFC 7617)."""
    name, password = (str(account.values.get(each) or "") for each in ("customerId", "apiKey"))
    return basic_proof(name, password)
