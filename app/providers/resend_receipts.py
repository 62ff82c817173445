"""Resend's receipts: one event a request, signed as Svix signs; part of the kind in `resend.py`."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from app.domain.delivery_tags import key_of_tag
from app.domain.outcomes import Reason
from app.domain.provider_spec import Field, FieldKind
from app.domain.receipts import HookRequest, NotProven, Receipt, ReceiptEvent
from app.infra.hook_proofs import is_signed_by_svix
from app.infra.hook_reading import from_epoch, from_iso, object_of, part, require_fresh, word
from app.infra.http import HttpRequest
from app.providers.afterwards import Afterwards
from app.providers.base import Account

WINDOW = timedelta(minutes=5)  # each repetition is signed anew
HINT = "In Resend under Webhooks, add this address and choose the events of emails."
SIGNING_SECRET = Field(
    "webhookSecret", "Webhook signing secret", FieldKind.SECRET_TEXT, secret=True, extra=True, proves_receipts=True,
    hint="In Resend under Webhooks, on the page of the webhook; it begins with whsec_. It proves receipts.",
)  # fmt: skip

_EVENTS = {
    "email.sent": ReceiptEvent.SENT, "email.scheduled": ReceiptEvent.ACCEPTED,
    "email.delivered": ReceiptEvent.DELIVERED, "email.delivery_delayed": ReceiptEvent.DEFERRED,
    "email.bounced": ReceiptEvent.BOUNCED, "email.suppressed": ReceiptEvent.BOUNCED,
    "email.failed": ReceiptEvent.FAILED, "email.complained": ReceiptEvent.COMPLAINED,
    "email.opened": ReceiptEvent.OPENED, "email.clicked": ReceiptEvent.CLICKED,
}  # fmt: skip
# What kind of bounce leaves the address alone.
_SOFT: dict[str, Reason] = {
    "MailboxFull": Reason.MAILBOX_FULL, "MessageTooLarge": Reason.TOO_LARGE,
    "ContentRejected": Reason.CONTENT_REJECTED, "AttachmentRejected": Reason.CONTENT_REJECTED,
}  # fmt: skip


class ResendReceipts(Afterwards):
    """What Resend tells afterwards (sheet 4.3)."""

    def receipts_requests(self, account: Account) -> Sequence[HttpRequest]:
        """A webhook for every event that we have a word for."""
        proof = {"authorization": f"Bearer {account.values.get('apiKey') or ''}"}
        return [HttpRequest.json("/webhooks", {"endpoint": account.receipts_url, "events": list(_EVENTS)}, proof)]

    def receipts(self, account: Account, hook: HookRequest) -> list[Receipt]:
        """One event; the id that Svix gives it is the same for each time it is told."""
        if not is_signed_by_svix(hook.headers, str(account.values.get("webhookSecret") or ""), hook.body):
            raise NotProven("svix-signature does not fit: check the webhook signing secret.")
        require_fresh(hook, from_epoch(hook.headers.get("svix-timestamp", "")), WINDOW)
        return [_receipt(object_of(hook), hook)]


def _receipt(found: Mapping[str, Any], hook: HookRequest) -> Receipt:
    data = part(found, "data")
    event, reason, code, detail = _judge(word(found, "type"), data)
    to = data.get("to")
    address = to[0] if isinstance(to, list) and len(to) == 1 and isinstance(to[0], str) else ""
    return Receipt(
        event, hook.headers.get("svix-id", ""), from_iso(word(found, "created_at")), _key(data.get("tags")),
        word(data, "email_id"), address, reason, code, detail, hook.body.decode("utf-8", "replace"),
    )  # fmt: skip


def _judge(kind: str, data: Mapping[str, Any]) -> tuple[ReceiptEvent, Reason | None, str, str]:
    """The event, why, Resend's word for that, and its sentence."""
    event = _EVENTS.get(kind, ReceiptEvent.UNKNOWN)
    if kind == "email.bounced":
        bounce = part(data, "bounce")
        detail, code = word(bounce, "message"), word(bounce, "subType") or word(bounce, "type")
        if word(bounce, "type") == "Permanent" and code not in _SOFT:
            return event, Reason.MAILBOX_UNKNOWN, code, detail
        return ReceiptEvent.FAILED, _SOFT.get(code, Reason.UNDELIVERED), code, detail
    if kind == "email.suppressed":
        why = word(part(data, "suppressed"), "reason") or word(part(data, "suppressed"), "type")
        if "complaint" in why.lower():
            return ReceiptEvent.FAILED, Reason.OPTED_OUT, why, word(part(data, "suppressed"), "message")
        return event, Reason.MAILBOX_UNKNOWN, why, word(part(data, "suppressed"), "message")
    why = word(part(data, "failed"), "reason")
    return event, Reason.UNDELIVERED if event is ReceiptEvent.FAILED else None, why, ""


def _key(tags: Any) -> str:
    """Our key, from tags as an object (as events have them) or as the list that they were sent as."""
    if isinstance(tags, list):
        tags = {word(each, "name"): word(each, "value") for each in tags if isinstance(each, dict)}
    return key_of_tag(word(tags, "delivery")) if isinstance(tags, dict) else ""
