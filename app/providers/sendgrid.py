"""SendGrid: email through Mail Send (version 3 of the API), one request a recipient.

A request could carry a thousand `personalizations`, but they share one content: what differs would have to be written
in SendGrid's own substitutions, all would get one id, and one bad address would refuse everybody. We render for each
person already, so each has a request of its own; many are on the wire at once.
"""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar

from app.domain.addresses import domain_of, email_key
from app.domain.channels import Channel
from app.domain.outcomes import Outcome, OutcomeKind, Reason, accepted
from app.domain.provider_spec import EMAIL_SENDER, Field, FieldKind, ProviderSpec
from app.domain.receipts import HookRequest, NotProven, NotUnderstood, Receipt, ReceiptEvent, judge_bounce
from app.domain.rendered import Attachment, RenderedEmail
from app.infra.hook_proofs import is_signed_with_ecdsa, load_public_key
from app.infra.hook_reading import document_of, from_epoch, require_fresh, word, written
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
from app.providers.mime import file_name, mailbox

LARGEST = 30 * 1024 * 1024  # bytes of a whole message with its files in base64
REDELIVERED_FOR = timedelta(hours=25)  # SendGrid repeats for a day; an event is taken once, however old
SCOPE = "mail.send"
_RECIPIENT = re.compile(r"personalizations\.\d+\.to\b")
_SENDER = re.compile(r"from\b")
_NO_CREDITS = re.compile(r"credits? exceeded", re.IGNORECASE)
_SENDER_WORDS = re.compile(r"from address|sender identity", re.IGNORECASE)

_FIELDS = (
    Field(
        "apiKey", "API key", FieldKind.SECRET_TEXT, secret=True, needed=True,
        hint="In SendGrid under Settings, API Keys; it begins with SG. and is shown once. It needs the Mail Send "
             "permission.",
    ),
    *EMAIL_SENDER,
    Field(
        "webhookPublicKey", "Verification key", section="options", extra=True, proves_receipts=True,
        hint="In SendGrid under Settings, Mail Settings, Signed Event Webhook Requests. It proves receipts.",
    ),
)  # fmt: skip

# What a status means here, where it is something else than everywhere.
_CODES: dict[int, tuple[OutcomeKind, Reason]] = {
    406: (OutcomeKind.CONFIG_PERMANENT, Reason.NOT_CONFIGURED),  # no such representation: not SendGrid's Mail Send
    451: (OutcomeKind.CONFIG_PERMANENT, Reason.NOT_CONFIGURED),  # the account's data lives in another region
}


class SendGrid(HttpProvider):
    """The provider for SendGrid. There is no idempotency key: the Message-ID stays the same for every try.

    Cc is a reserved header, and its `cc` would send; so people in copy, who have deliveries of their own, are not named
    in the emails of the others.
    """

    spec: ClassVar[ProviderSpec] = ProviderSpec(
        kind="sendgrid",
        label="SendGrid",
        channel=Channel.EMAIL,
        summary="Email through Twilio SendGrid's API.",
        fields=_FIELDS,
        max_batch=1,
        uncertain_policy="retry",
        max_message_bytes=LARGEST,
        receipts_hint="In SendGrid under Settings, Mail Settings, Event Webhook, give this address and switch the "
                      "signature on.",
    )  # fmt: skip

    def home(self, values: Mapping[str, Any]) -> str:
        """The global region, the only one that the settings have a word for."""
        return "https://api.sendgrid.com/v3"

    def request(self, account: Account, items: Sequence[Item]) -> HttpRequest:
        """One email (sheet 3.1)."""
        return HttpRequest.json("/mail/send", _document(account.values, items[0]), _proof(account))

    def refuse(self, account: Account, item: Item) -> Outcome | None:
        """SendGrid takes 30 MB; a file grows by a third on its way."""
        return refuse_large(item, "SendGrid", LARGEST)

    def outcomes(self, account: Account, items: Sequence[Item], reply: HttpReply) -> list[Outcome]:
        """What became of it (sheet 3.2)."""
        return [judge(reply)] * len(items)

    def probe(self, account: Account) -> HttpRequest:
        """What the key may do."""
        return HttpRequest("GET", "/scopes", _proof(account))

    def findings(self, account: Account, reply: HttpReply) -> list[Finding]:
        """Whether the key is known, and may send."""
        if reply.status in (401, 403):
            return [Finding(False, "SendGrid refuses the API key.", judge(reply).answer)]
        scopes = reply.fields().get("scopes") if reply.is_good else None
        if not isinstance(scopes, list):
            return [Finding(False, "SendGrid answered with something else than the key's scopes.", judge(reply).answer)]
        known = Finding(True, "SendGrid knows the API key.")
        if SCOPE in scopes:
            return [known, Finding(True, "The key may send email.")]
        return [known, Finding(False, "The key may not send email: give it the Mail Send permission.")]

    async def look_further(self, account: Account, ask: Ask) -> list[Finding]:
        """Whether the sender is verified, by its domain or as a single one, and how many credits are left."""
        proof = _proof(account)
        sender = str(account.values.get("fromEmail") or "")
        domains = await ask(HttpRequest("GET", "/whitelabel/domains?limit=200", proof))
        singles = await ask(HttpRequest("GET", "/verified_senders?limit=200", proof))
        credits_left = await ask(HttpRequest("GET", "/user/credits", proof))
        return [judge_sender(sender, domains, singles), *judge_credits(credits_left)]

    def receipts_requests(self, account: Account) -> Sequence[HttpRequest]:
        """The account's event webhook, for every event that we have a word for."""
        settings = {"enabled": True, "url": account.receipts_url, **dict.fromkeys(_TOLD, True)}
        return [replace(HttpRequest.json("/user/webhooks/event/settings", settings, _proof(account)), method="PATCH")]

    def receipts(self, account: Account, hook: HookRequest) -> list[Receipt]:
        """The events of one request (sheet 3.3), signed over a time and the body's bytes."""
        stamp = hook.headers.get("x-twilio-email-event-webhook-timestamp", "")
        given = hook.headers.get("x-twilio-email-event-webhook-signature", "")
        key = str(account.values.get("webhookPublicKey") or "")
        if not is_signed_with_ecdsa(given, key, stamp.encode("utf-8", "replace") + hook.body):
            raise NotProven("The signature does not fit: check the verification key.")
        require_fresh(hook, from_epoch(stamp), REDELIVERED_FOR)
        events = document_of(hook)
        if not isinstance(events, list):
            raise NotUnderstood("The body is no JSON array of events.")
        return [_receipt(each) for each in events if isinstance(each, dict) and word(each, "sg_event_id")]

    def check(self, values: Mapping[str, Any]) -> dict[str, list[str]]:
        """Beside what holds for all: the verification key must be one."""
        found, key = super().check(values), str(values.get("webhookPublicKey") or "")
        if key and load_public_key(key) is None:
            found["webhookPublicKey"] = ["Verification key needs the whole line that SendGrid shows, about 124 signs."]
        return found


PROVIDER = SendGrid()


def judge_sender(sender: str, domains: HttpReply, singles: HttpReply) -> Finding:
    """Whether SendGrid sends for that address: its domain is authenticated, or it is a verified single sender."""
    authenticated, verified = domains.json(), singles.fields().get("results")
    if not isinstance(authenticated, list) and not isinstance(verified, list):
        words = "The key may not be asked that. Send a test to see."
        return Finding(True, f"SendGrid did not tell whether {sender} is verified.", words, doubt=True)
    for each in authenticated if isinstance(authenticated, list) else ():
        name = str(each.get("domain") or "").lower() if isinstance(each, dict) else ""
        if name and name == domain_of(sender):
            if each.get("valid") is True:
                return Finding(True, f"{name} is an authenticated domain and may send.")
            return Finding(False, f"{name} is not authenticated yet: finish its DNS records.")
    for each in verified if isinstance(verified, list) else ():
        if isinstance(each, dict) and email_key(str(each.get("from_email") or "")) == email_key(sender):
            if each.get("verified") is True:
                return Finding(True, f"{sender} is a verified sender.")
            return Finding(False, f"{sender} is not verified yet: follow the link that SendGrid sent to it.")
    words = "Authenticate its domain, or verify it as a single sender, under Settings, Sender Authentication."
    return Finding(False, f"{sender or 'The sender'} is no verified sender of this account.", words)


def judge_credits(reply: HttpReply) -> list[Finding]:
    """How many emails the plan has left; nothing when SendGrid does not tell this key."""
    left = reply.fields().get("remain") if reply.is_good else None
    if not isinstance(left, int) or isinstance(left, bool):
        return []
    if left > 0:
        return [Finding(True, f"{left:,} emails of the plan are left.")]
    return [Finding(False, "No email of the plan is left: SendGrid refuses all until it is renewed.")]


_TOLD = (
    "processed", "deferred", "delivered", "bounce", "dropped", "open", "click", "spam_report", "unsubscribe",
    "group_unsubscribe",
)  # fmt: skip
_EVENTS = {
    "processed": ReceiptEvent.ACCEPTED, "deferred": ReceiptEvent.DEFERRED, "delivered": ReceiptEvent.DELIVERED,
    "open": ReceiptEvent.OPENED, "click": ReceiptEvent.CLICKED, "spamreport": ReceiptEvent.COMPLAINED,
    "unsubscribe": ReceiptEvent.UNSUBSCRIBED, "group_unsubscribe": ReceiptEvent.UNSUBSCRIBED,
}  # fmt: skip
# Why SendGrid dropped an email before it tried, in its own words in lower case.
_DROPS: dict[str, tuple[ReceiptEvent, Reason]] = {
    "invalid": (ReceiptEvent.BOUNCED, Reason.INVALID_ADDRESS),
    "bounced address": (ReceiptEvent.BOUNCED, Reason.MAILBOX_UNKNOWN),
    "unsubscribed address": (ReceiptEvent.FAILED, Reason.OPTED_OUT),
    "spam reporting address": (ReceiptEvent.FAILED, Reason.OPTED_OUT),
    "expired": (ReceiptEvent.EXPIRED, Reason.EXPIRED),
}
_SOFT = frozenset(["technical", "content", "reputation", "frequency or volume too high"])
_BASIC = re.compile(r"[245]\d\d(?= )")


def _receipt(data: Mapping[str, Any]) -> Receipt:
    detail = word(data, "reason") or word(data, "response")
    code = word(data, "status")
    event, reason = _EVENTS.get(word(data, "event"), ReceiptEvent.UNKNOWN), None
    if word(data, "event") == "bounce":
        event, reason = _bounce(data, detail, code)
    elif word(data, "event") == "dropped":
        event, reason = _DROPS.get(detail.lower(), (ReceiptEvent.FAILED, Reason.CONTENT_REJECTED))
    return Receipt(
        event, word(data, "sg_event_id"), from_epoch(word(data, "timestamp")), word(data, "delivery"),
        word(data, "sg_message_id").partition(".")[0], word(data, "email"), reason, code, detail, written(data),
    )  # fmt: skip


def _bounce(data: Mapping[str, Any], detail: str, code: str) -> tuple[ReceiptEvent, Reason]:
    """Blocked ones, and what SendGrid itself calls technical, say nothing about the address."""
    if word(data, "type") == "blocked" or word(data, "bounce_classification").lower() in _SOFT:
        return ReceiptEvent.FAILED, Reason.CONTENT_REJECTED
    basic = _BASIC.match(detail)
    return judge_bounce(int(basic[0]) if basic else 0, detail[4:] if basic else f"{code} {detail}")


def judge(reply: HttpReply) -> Outcome:
    """One answer of Mail Send as an outcome; the body of a good one is empty, its id is a header."""
    if reply.is_good:
        number = reply.headers.get("x-message-id", "")
        return accepted(number, "Accepted", str(reply.status)) if number else unreadable(reply)
    errors = _errors(reply)
    plain = outcome_of_status(reply, " ".join(words for _, words in errors))
    kind, reason = _class_of(reply.status, errors, plain)
    return Outcome(kind, reason, plain.detail, plain.code, retry_after=plain.retry_after)


def _class_of(status: int, errors: Sequence[tuple[str, str]], plain: Outcome) -> tuple[OutcomeKind, Reason]:
    if status in _CODES:
        return _CODES[status]
    if status == 401 and any(_NO_CREDITS.search(words) for _, words in errors):  # until the next period begins
        return OutcomeKind.CONFIG_PERMANENT, Reason.RATE_LIMITED
    if status == 403 and any(_SENDER.match(field) or _SENDER_WORDS.search(words) for field, words in errors):
        return OutcomeKind.CONFIG_PERMANENT, Reason.SENDER_REFUSED
    if status == 400 and any(_SENDER.match(field) for field, _ in errors):
        return OutcomeKind.CONFIG_PERMANENT, Reason.SENDER_REFUSED
    if status == 400 and errors and all(_RECIPIENT.match(field) for field, _ in errors):
        return OutcomeKind.RECIPIENT_PERMANENT, Reason.INVALID_ADDRESS
    return plain.kind, plain.reason


def _errors(reply: HttpReply) -> list[tuple[str, str]]:
    """The field and the sentence of each error; the field is empty when SendGrid names none."""
    found = reply.fields().get("errors")
    listed = [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []
    return [(str(each.get("field") or ""), str(each.get("message") or "")) for each in listed]


def _document(values: Mapping[str, Any], item: Item) -> dict[str, Any]:
    email: RenderedEmail = item.rendered
    sender = _person(str(values["fromEmail"]), str(values.get("fromName") or ""))
    to = _person(item.recipient.address, item.recipient.name)
    headers = dict(email.headers)
    document: dict[str, Any] = {
        "personalizations": [{"to": [to], "custom_args": {"delivery": item.key}}],
        "from": sender,
        "subject": email.subject,
        "content": [
            {"type": kind, "value": text}
            for kind, text in (("text/plain", email.text), ("text/html", email.html))  # the plain one must come first
            if text  # an empty one is refused
        ],
        "headers": {**headers, "Message-ID": f"<{item.key}@{sender['email'].rpartition('@')[2]}>"},
    }
    if any(name.lower() == "list-unsubscribe" for name in headers):  # else SendGrid adds a second one of its own
        document["tracking_settings"] = {"subscription_tracking": {"enable": False}}
    reply_to, name = email.extras.reply_to, email.extras.reply_to_name
    if not reply_to:
        reply_to, name = str(values.get("replyToEmail") or ""), str(values.get("replyToName") or "")
    if reply_to:
        document["reply_to"] = _person(reply_to, name)
    if email.extras.attachments:
        document["attachments"] = [_file(each) for each in email.extras.attachments]
    return document


def _person(address: str, name: str) -> dict[str, str]:
    """Address and name as two fields; ValueError for what no header can hold, for headers are made from them."""
    mailbox(name, address)
    person = {"email": mailbox("", address)}
    return {**person, "name": name} if name else person


def _file(attachment: Attachment) -> dict[str, str]:
    described = {
        "content": base64.b64encode(attachment.content).decode(),
        "filename": file_name(attachment.name),
        "type": attachment.mime_type or "application/octet-stream",
        "disposition": "inline" if attachment.content_id else "attachment",
    }
    return {**described, "content_id": attachment.content_id} if attachment.content_id else described


def _proof(account: Account) -> dict[str, str]:
    """A bearer token (RFC 6750)."""
    return {"authorization": f"Bearer {account.values['apiKey']}"}
