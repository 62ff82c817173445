"""Textmagic: text messages through its REST API, version 2.

One request a recipient: texts are each person's own, one bad number refuses a whole request, and the ids of a request
with several numbers would have to be asked for. There is no idempotency key; the delivery's number travels as
`referenceId`, which takes a whole number only.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any, ClassVar

from app.domain.channels import Channel
from app.domain.outcomes import Outcome, OutcomeKind, Reason, accepted
from app.domain.provider_spec import Field, FieldKind, ProviderSpec
from app.domain.receipts import HookRequest, Receipt, ReceiptEvent
from app.domain.sms_segments import segment
from app.domain.sms_senders import digits_of, sender_fault
from app.infra.hook_reading import fields_of, from_epoch, from_iso
from app.providers.base import Account, Finding
from app.providers.http import Ask, HttpProvider, HttpReply, HttpRequest, Item, outcome_of_status, unreadable

MOST_PARTS = 6
_NUMBERED = re.compile(r"([1-9][0-9]{0,17})\.")
# An empty account has no code or field of its own, only a sentence; nothing is ever tried again because of words.
_NO_CREDIT = re.compile(r"\b(balance|credits?|funds)\b", re.IGNORECASE)

_FIELDS = (
    Field(
        "username", "Username", needed=True,
        hint="The name you sign in to Textmagic with; it stands in Textmagic under Account, Account details.",
    ),
    Field(
        "apiKey", "API key", FieldKind.SECRET_TEXT, secret=True, needed=True,
        hint="In Textmagic under Services, API, Add new API key. This is API v2.",
    ),
    Field(
        "from", "Sender", FieldKind.PHONE, section="options", needed=True,
        hint="A number of yours such as +447700900123, or a sender ID from Services, Sender settings. Where it is not "
             "allowed, Textmagic uses its own number without a word.",
    ),
)  # fmt: skip

# The fields that Textmagic complains about with a 400 (sheet 8), each with what that means for us.
_AT_FIELD: dict[str, tuple[OutcomeKind, Reason]] = {
    "phones": (OutcomeKind.RECIPIENT_PERMANENT, Reason.INVALID_ADDRESS),
    "from": (OutcomeKind.CONFIG_PERMANENT, Reason.SENDER_REFUSED),
    "partsCount": (OutcomeKind.MESSAGE_PERMANENT, Reason.TOO_LARGE),
    "text": (OutcomeKind.MESSAGE_PERMANENT, Reason.CONTENT_REJECTED),
}


def reference_in(key: str) -> str:
    """The delivery key as it stands in a request: a whole number is all that Textmagic takes."""
    return str(reference_of(key))


class Textmagic(HttpProvider):
    """The provider for Textmagic."""

    reference_of = staticmethod(reference_in)
    spec: ClassVar[ProviderSpec] = ProviderSpec(
        kind="textmagic",
        label="Textmagic",
        channel=Channel.SMS,
        summary="Text messages through the REST API of Textmagic, in up to six parts.",
        fields=_FIELDS,
        max_batch=1,
        receipts_hint="In Textmagic under Services, API, Callback URLs, give this address for delivery notifications.",
        uncertain_policy="hold",  # each text message is charged and read
        preview_note="Where the sender is not allowed, Textmagic sends from a number of its own without a word.",
    )

    def home(self, values: Mapping[str, Any]) -> str:
        """Textmagic's only address."""
        return "https://rest.textmagic.com/api/v2"

    def request(self, account: Account, items: Sequence[Item]) -> HttpRequest:
        """One message (sheet 8); a text that needs more parts is refused rather than cut."""
        item = items[0]
        fields = [
            ("text", item.rendered.text),
            ("phones", digits_of(item.recipient.address)),
            ("from", digits_of(str(account.values["from"]))),
            ("partsCount", str(MOST_PARTS)),
            ("cutExtra", "0"),
            ("referenceId", reference_in(item.key)),
        ]
        return HttpRequest.form("/messages", fields, _proof(account))

    def refuse(self, account: Account, item: Item) -> Outcome | None:
        """Textmagic takes six parts."""
        count = segment(item.rendered.text).count
        if count <= MOST_PARTS:
            return None
        words = f"The text needs {count:,} parts; Textmagic takes {MOST_PARTS}."
        return Outcome(OutcomeKind.MESSAGE_PERMANENT, Reason.TOO_LARGE, words)

    def outcomes(self, account: Account, items: Sequence[Item], reply: HttpReply) -> list[Outcome]:
        """What became of it."""
        return [judge(reply)] * len(items)

    def probe(self, account: Account) -> HttpRequest:
        """Whose account it is, and what it has."""
        return HttpRequest("GET", "/user", _proof(account))

    def findings(self, account: Account, reply: HttpReply) -> list[Finding]:
        """Whether the key belongs to the name, whether it is a trial, and whether there is credit left."""
        if not reply.is_good:
            return super().findings(account, reply)
        found = reply.fields()
        balance = found.get("balance")
        if "username" not in found or not isinstance(balance, int | float) or isinstance(balance, bool):
            return [Finding(False, "The address answers, but not as Textmagic does.", reply.line)]
        currency = found.get("currency")
        unit = str(currency.get("id") or "") if isinstance(currency, dict) else ""
        trial = " It is a trial account." if found.get("status") == "T" else ""
        words = f"The balance is {balance:.2f} {unit}".strip() + f".{trial}"
        known = Finding(True, "Textmagic knows the username and the API key.", words)
        if balance > 0:
            return [known]
        return [known, Finding(False, "The account has no credit left. Top it up in Textmagic.")]

    async def look_further(self, account: Account, ask: Ask) -> list[Finding]:
        """Whether the sender is among those that the account may use."""
        sender = str(account.values.get("from") or "")
        return [judge_sender(sender, await ask(HttpRequest("GET", "/sources", _proof(account))))]

    def check(self, values: Mapping[str, Any]) -> dict[str, list[str]]:
        """Beside what holds for all: the name travels in a header, and the sender must be one that networks take."""
        found = super().check(values)
        if not str(values.get("username") or "").isascii():
            found.setdefault("username", ["Username needs plain letters and digits. Copy it from Textmagic."])
        fault = sender_fault("Sender", str(values.get("from") or ""))
        return {"from": [fault], **found} if fault else found

    def receipts_requests(self, account: Account) -> Sequence[HttpRequest]:
        """The account's one address for what becomes of messages; callbacks come as forms (`u`)."""
        fields = [("outUrl", account.receipts_url), ("format", "u")]
        return [replace(HttpRequest.form("/callback/settings", fields, _proof(account)), method="PUT")]

    def receipts(self, account: Account, hook: HookRequest) -> list[Receipt]:
        """One callback (sheet 8). Nothing is signed: only the address that nobody can guess speaks for it."""
        return [_receipt(fields_of(hook), hook)]


PROVIDER = Textmagic()


def judge_sender(sender: str, reply: HttpReply) -> Finding:
    """Whether the sender is one of the account's numbers or sender IDs; another one is replaced without a word."""
    found = reply.fields()
    groups = [found.get(name) for name in ("dedicated", "user", "shared", "senderIds")]
    if not reply.is_good or not any(isinstance(group, list) for group in groups):
        return Finding(True, f"Textmagic did not tell whether {sender} is yours.", reply.line, doubt=True)
    mine = {digits_of(str(each)) for group in groups if isinstance(group, list) for each in group}
    if digits_of(sender) in mine:
        return Finding(True, f"{sender} is a sender of this account.")
    words = "People see a number of Textmagic's instead. Senders are asked for under Services, Sender settings."
    return Finding(True, f"{sender} is no sender of this account.", words, doubt=True)


_EVENTS = {
    "q": ReceiptEvent.ACCEPTED, "s": ReceiptEvent.ACCEPTED, "r": ReceiptEvent.SENT, "a": ReceiptEvent.SENT,
    "b": ReceiptEvent.DEFERRED, "d": ReceiptEvent.DELIVERED, "f": ReceiptEvent.FAILED, "e": ReceiptEvent.FAILED,
    "j": ReceiptEvent.FAILED,
}  # fmt: skip


def _receipt(fields: Mapping[str, str], hook: HookRequest) -> Receipt:
    """Older callbacks name the message and its time otherwise."""
    number, status = fields.get("id") or fields.get("message_id", ""), fields.get("status", "")
    event = _EVENTS.get(status, ReceiptEvent.UNKNOWN)
    when = from_iso(fields.get("messageTime", "")) or from_epoch(fields.get("timestamp", ""))
    reason = Reason.UNDELIVERED if event is ReceiptEvent.FAILED else None
    return Receipt(
        event, f"{number}:{status}", when, "", number, fields.get("phone", ""), reason, status, "",
        hook.body.decode("utf-8", "replace"), is_proven=False,
    )  # fmt: skip


def reference_of(key: str) -> int:
    """The whole number that stands for a delivery key: the delivery's own, else one made from the key."""
    numbered = _NUMBERED.match(key)
    return int(numbered[1]) if numbered else int.from_bytes(sha256(key.encode()).digest()[:6])


def judge(reply: HttpReply) -> Outcome:
    """One answer of `/messages` as an outcome."""
    found = reply.fields()
    if reply.is_good:
        number = found.get("messageId") or found.get("id")
        return accepted(str(number), str(found.get("type") or ""), str(reply.status)) if number else unreadable(reply)
    errors = found.get("errors")
    fields, common = _parts_of(errors) if isinstance(errors, dict) else ({}, "")
    words = " ".join([*fields.values(), common]).strip() or str(found.get("message") or "")
    plain = outcome_of_status(reply, words)
    if reply.status != 400:
        return plain
    for name, (kind, reason) in _AT_FIELD.items():
        if name in fields:
            return Outcome(kind, reason, plain.detail, f"{reply.status} {name}")
    if not fields and _NO_CREDIT.search(words):
        return Outcome(OutcomeKind.CONFIG_PERMANENT, Reason.NOT_CONFIGURED, plain.detail, plain.code)
    return plain


def _parts_of(errors: Mapping[str, Any]) -> tuple[dict[str, str], str]:
    """What is wrong by field, and in general."""
    fields = errors.get("fields")
    found = {str(name): _joined(value) for name, value in fields.items()} if isinstance(fields, dict) else {}
    return found, _joined(errors.get("common"))


def _joined(value: Any) -> str:
    return " ".join(str(each) for each in value) if isinstance(value, list) else str(value or "")


def _proof(account: Account) -> dict[str, str]:
    values = account.values
    return {"x-tm-username": str(values.get("username") or ""), "x-tm-key": str(values.get("apiKey") or "")}
