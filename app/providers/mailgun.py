"""Mailgun: email through the Messages API (version 3), one request a recipient.

Its batch form (a thousand addresses and `recipient-variables`) would need the message written in Mailgun's own
placeholders, gives all recipients one id, and refuses everybody for one bad address. We render for each person already,
so each has a request of its own; many are on the wire at once.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar
from urllib.parse import quote

from app.domain.addresses import are_aligned, domain_of
from app.domain.channels import Channel
from app.domain.outcomes import Outcome, OutcomeKind, Reason, accepted
from app.domain.provider_spec import EMAIL_SENDER, Field, FieldKind, ProviderSpec
from app.domain.receipts import HookRequest, NotProven, Receipt, ReceiptEvent, judge_bounce
from app.domain.rendered import RenderedEmail
from app.infra.hook_proofs import is_signed_in_hex
from app.infra.hook_reading import from_epoch, object_of, part, require_fresh, word
from app.infra.http import basic_proof
from app.providers.base import Account, Finding
from app.providers.http import (
    Ask,
    HttpProvider,
    HttpReply,
    HttpRequest,
    Item,
    outcome_of_status,
    refuse_large,
    unreadable,
)
from app.providers.mime import mailbox

LARGEST = 25 * 1024 * 1024  # bytes of a whole message
_DOMAIN = re.compile(r"(?=.{1,253}$)[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})+")
REDELIVERED_FOR = timedelta(hours=24)  # Mailgun repeats for eight hours; a token is taken once, however old
WEBHOOKS = (
    "delivered", "permanent_fail", "temporary_fail", "complained", "unsubscribed", "opened", "clicked",
)  # fmt: skip
_AT_FAULT = re.compile(r"'?(?P<field>to|from)'? parameter is not a valid", re.IGNORECASE)

_FIELDS = (
    Field(
        "apiKey", "API key", FieldKind.SECRET_TEXT, secret=True, needed=True,
        hint="In Mailgun under API Security, or a sending key of the domain under Sending, Domain settings.",
    ),
    Field(
        "domain", "Domain", needed=True,
        hint="The sending domain as Mailgun lists it under Sending, Domains, such as mg.example.org.",
    ),
    Field(
        "isEuRegion", "EU region", FieldKind.MAYBE, needed=True, default=None,
        hint="Which region the domain was made in: Mailgun shows EU or US beside its name.",
    ),
    *EMAIL_SENDER,
    Field(
        "webhookSigningKey", "Webhook signing key", FieldKind.SECRET_TEXT, secret=True, extra=True,
        proves_receipts=True, hint="In Mailgun under API Security, HTTP webhook signing key. It proves receipts.",
    ),
)  # fmt: skip


class Mailgun(HttpProvider):
    """The provider for Mailgun. There is no idempotency key: the Message-ID stays the same for every try."""

    spec: ClassVar[ProviderSpec] = ProviderSpec(
        kind="mailgun",
        label="Mailgun",
        channel=Channel.EMAIL,
        summary="Email through Mailgun's API, in its US or its EU region.",
        fields=_FIELDS,
        max_batch=1,
        uncertain_policy="retry",
        max_message_bytes=LARGEST,
        receipts_hint="In Mailgun under Sending, Webhooks, add this address to each event you want to hear of.",
    )

    def home(self, values: Mapping[str, Any]) -> str:
        """The region's address."""
        return "https://api.eu.mailgun.net/v3" if values.get("isEuRegion") else "https://api.mailgun.net/v3"

    def request(self, account: Account, items: Sequence[Item]) -> HttpRequest:
        """One email (sheet 2.1); with files as multipart."""
        item = items[0]
        path = f"/{quote(str(account.values['domain']), safe='')}/messages"
        fields, files = _fields(account.values, item), _files(item.rendered)
        if files:
            return HttpRequest.multipart(path, fields, files, _proof(account))
        return HttpRequest.form(path, fields, _proof(account))

    def refuse(self, account: Account, item: Item) -> Outcome | None:
        """Mailgun takes 25 MB; a file grows by a third on its way."""
        return refuse_large(item, "Mailgun", LARGEST)

    def outcomes(self, account: Account, items: Sequence[Item], reply: HttpReply) -> list[Outcome]:
        """What became of it (sheet 2.2)."""
        return [judge(reply)] * len(items)

    def probe(self, account: Account) -> HttpRequest:
        """The sending domain."""
        return HttpRequest("GET", f"/domains/{quote(str(account.values['domain']), safe='')}", _proof(account))

    def findings(self, account: Account, reply: HttpReply) -> list[Finding]:
        """Whether the key is known, the domain is in this region, and it may send."""
        name = account.values.get("domain")
        region = "EU" if account.values.get("isEuRegion") else "US"
        if reply.status in (401, 403):
            words = "A sending key of a domain may not be asked this: send a test instead."
            return [Finding(False, "Mailgun refuses the API key.", f"{judge(reply).answer} {words}".strip())]
        if reply.status == 404:
            other = "US" if region == "EU" else "EU"
            return [
                Finding(True, "Mailgun knows the API key."),
                Finding(False, f"{name} is no domain of the {region} region; it may be one of the {other} region."),
            ]
        domain = reply.fields().get("domain") if reply.is_good else None
        state = domain.get("state") if isinstance(domain, dict) else None
        if state is None:
            return [Finding(False, "Mailgun answered with something else than the domain.", judge(reply).answer)]
        known = Finding(True, f"Mailgun knows the API key and the domain {name} in its {region} region.")
        if state == "active":
            return [known, Finding(True, "The domain may send.")]
        return [known, Finding(False, "The domain cannot send yet: finish its DNS records.", f"Its state is {state}.")]

    async def look_further(self, account: Account, ask: Ask) -> list[Finding]:
        """Whether the sender's domain and the sending domain belong together (RFC 7489, 3.1); nothing is asked."""
        sender, name = domain_of(str(account.values.get("fromEmail") or "")), str(account.values["domain"]).lower()
        if not sender:
            return [Finding(False, "There is no sender address yet.")]
        if are_aligned(sender, name):
            return [Finding(True, f"A sender at {sender} fits the domain {name}.")]
        words = "Receivers that check DMARC may take it for forged. Use an address of the sending domain."
        return [Finding(True, f"The sender is at {sender}, and the domain is {name}.", words, doubt=True)]

    def receipts_requests(self, account: Account) -> Sequence[HttpRequest]:
        """A webhook for each event of the sending domain."""
        place = f"/domains/{quote(str(account.values['domain']), safe='')}/webhooks"
        return [
            HttpRequest.form(place, [("id", event), ("url", account.receipts_url)], _proof(account))
            for event in WEBHOOKS
        ]

    def receipts(self, account: Account, hook: HookRequest) -> list[Receipt]:
        """One event (sheet 2.3). Its signature covers no more than a time and a token, so each token is taken once."""
        found, key = object_of(hook), str(account.values.get("webhookSigningKey") or "")
        proof = part(found, "signature")
        stamp, token = word(proof, "timestamp"), word(proof, "token")
        if not key or not is_signed_in_hex(word(proof, "signature"), key, stamp + token):
            raise NotProven("The signature does not fit: check the webhook signing key.")
        require_fresh(hook, from_epoch(stamp), REDELIVERED_FOR)
        return [_receipt(part(found, "event-data"), token, hook)]

    def check(self, values: Mapping[str, Any]) -> dict[str, list[str]]:
        """Beside what holds for all: a domain is no address and no path."""
        found = super().check(values)
        if values.get("domain") and not _DOMAIN.fullmatch(str(values["domain"])):
            found["domain"] = ["Domain needs a name such as mg.example.org, without https:// and without a slash."]
        return found


PROVIDER = Mailgun()

_EVENTS = {
    "accepted": ReceiptEvent.ACCEPTED, "rejected": ReceiptEvent.FAILED, "delivered": ReceiptEvent.DELIVERED,
    "opened": ReceiptEvent.OPENED, "clicked": ReceiptEvent.CLICKED, "unsubscribed": ReceiptEvent.UNSUBSCRIBED,
    "complained": ReceiptEvent.COMPLAINED,
}  # fmt: skip
# Why Mailgun gave up, where that is no answer of a mail server.
_FAILURES: dict[str, tuple[ReceiptEvent, Reason]] = {
    "suppress-bounce": (ReceiptEvent.BOUNCED, Reason.MAILBOX_UNKNOWN),
    "suppress-complaint": (ReceiptEvent.FAILED, Reason.OPTED_OUT),
    "suppress-unsubscribe": (ReceiptEvent.FAILED, Reason.OPTED_OUT),
    "old": (ReceiptEvent.EXPIRED, Reason.EXPIRED),
}
_PREVIOUS = {"605": "suppress-bounce", "607": "suppress-complaint"}  # codes of Mailgun's own for what it kept back


def _receipt(data: Mapping[str, Any], token: str, hook: HookRequest) -> Receipt:
    event, reason = _EVENTS.get(word(data, "event"), ReceiptEvent.UNKNOWN), None
    status = part(data, "delivery-status")
    code, detail = word(status, "code"), word(status, "message") or word(status, "description")
    if word(data, "event") == "failed":
        event, reason = _failure(data, code, detail)
    elif event is ReceiptEvent.FAILED:
        reason, detail = Reason.CONTENT_REJECTED, word(part(data, "reject"), "reason")
    number = word(part(data, "message", "headers"), "message-id")
    return Receipt(
        event, token, from_epoch(word(data, "timestamp")), word(part(data, "user-variables"), "delivery"),
        f"<{number}>" if number else "", word(data, "recipient"), reason, code, detail,
        hook.body.decode("utf-8", "replace"),
    )  # fmt: skip


def _failure(data: Mapping[str, Any], code: str, detail: str) -> tuple[ReceiptEvent, Reason | None]:
    if word(data, "severity") == "temporary":
        return ReceiptEvent.DEFERRED, None
    why = _PREVIOUS.get(code, word(data, "reason"))
    if why in _FAILURES:
        return _FAILURES[why]
    if why != "bounce":
        return ReceiptEvent.FAILED, Reason.UNDELIVERED
    enhanced = word(part(data, "delivery-status"), "enhanced-code")
    return judge_bounce(int(code) if code.isascii() and code.isdigit() else 0, f"{enhanced} {detail}".strip())


def judge(reply: HttpReply) -> Outcome:
    """One answer of the messages resource as an outcome."""
    found = reply.fields()
    words = str(found.get("message") or "")
    if reply.is_good:
        number = found.get("id")
        if number and words.startswith("Queued"):
            return accepted(str(number), words, str(reply.status))
        if "Magnificent" in reply.line:  # the address of another resource, which takes nothing
            return Outcome(OutcomeKind.CONFIG_PERMANENT, Reason.NOT_CONFIGURED, reply.line, str(reply.status))
        return unreadable(reply)
    plain = outcome_of_status(reply, words)
    if reply.status == 403:  # the domain is not verified, or the account may not send
        return replace(plain, reason=Reason.SENDER_REFUSED)
    if reply.status != 400:
        return plain
    match = _AT_FAULT.search(words)
    if match is None:
        return plain
    if match["field"].lower() == "from":
        return Outcome(OutcomeKind.CONFIG_PERMANENT, Reason.SENDER_REFUSED, plain.detail, plain.code)
    return Outcome(OutcomeKind.RECIPIENT_PERMANENT, Reason.INVALID_ADDRESS, plain.detail, plain.code)


def _fields(values: Mapping[str, Any], item: Item) -> list[tuple[str, str]]:
    email: RenderedEmail = item.rendered
    sender = str(values["fromEmail"])
    fields = [
        ("from", _line(str(values.get("fromName") or ""), sender)),
        ("to", _line(item.recipient.name, item.recipient.address)),
        ("subject", email.subject),
        *((name, text) for name, text in (("text", email.text), ("html", email.html)) if text),
        ("h:Message-Id", f"<{item.key}@{sender.rpartition('@')[2]}>"),
        ("v:delivery", item.key),
    ]
    reply_to, name = email.extras.reply_to, email.extras.reply_to_name
    if not reply_to:
        reply_to, name = str(values.get("replyToEmail") or ""), str(values.get("replyToName") or "")
    if reply_to:
        fields.append(("h:Reply-To", _line(name, reply_to)))
    if email.extras.cc:  # as a header only: `cc` would send to people who have deliveries of their own
        fields.append(("h:Cc", ", ".join(_line("", address) for address in email.extras.cc)))
    return fields + [(f"h:{name}", value) for name, value in email.headers]


def _line(name: str, address: str) -> str:
    """Name and address, encoded by ourselves: Mailgun mixes up names with signs beyond ASCII and commas."""
    return mailbox(name, address).replace("\r\n", "")


def _files(email: RenderedEmail) -> list[tuple[str, str, bytes, str]]:
    """A part without a file name would be dropped; of an inline image the content id is its file name."""
    return [
        ("inline" if each.content_id else "attachment", each.content_id or each.name or "file", each.content,
         each.mime_type or "application/octet-stream")
        for each in email.extras.attachments
    ]  # fmt: skip


def _proof(account: Account) -> dict[str, str]:
    """HTTP Basic (RFC 7617) with the name `api`."""
    return basic_proof("api", str(account.values["apiKey"]))
