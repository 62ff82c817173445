"""MSG91: text messages through its Flow API (`/flow`).

What people read is a template that MSG91 (and in India the operators) approved; a request only fills the places in it
that are marked ##name##. So the rendered text goes, whole, into the places that the settings name, and a template that
is nothing but ##content## shows exactly what the preview shows. One request a recipient, so that `CRQID`, which
belongs to a request, can carry the delivery key. Errors come with HTTP 200 as well: only `type` says success.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from app.domain.channels import Channel
from app.domain.outcomes import Outcome, OutcomeKind, Reason, accepted
from app.domain.provider_spec import Field, FieldKind, ProviderSpec
from app.domain.receipts import HookRequest, NotUnderstood, Receipt, ReceiptEvent
from app.domain.sms_segments import Encoding, encoding_of
from app.domain.sms_senders import digits_of
from app.infra.hook_reading import document_in, document_of, form_of, from_epoch, word, written
from app.providers.base import Account, Finding
from app.providers.http import HttpProvider, HttpReply, HttpRequest, Item, outcome_of_status, unreadable

USUAL_VARIABLE = "content"
_TEMPLATE = re.compile(r"[0-9a-fA-F]{24}")
_VARIABLE = re.compile(r"[A-Za-z0-9_]{1,40}")
_BETWEEN = re.compile(r"[\s,]+")

_FIELDS = (
    Field(
        "templateId", "Template ID", needed=True,
        hint="In MSG91 under SMS, Templates: the ID of 24 letters and digits, not the DLT one. A template whose text "
             "is ##content## shows your whole message.",
    ),
    Field(
        "senderId", "Sender ID", needed=True,
        hint="In MSG91 under SMS, Sender ID: the header that the template was approved with, such as ACMEIN.",
    ),
    Field(
        "authKey", "Auth key", FieldKind.SECRET_TEXT, secret=True, needed=True,
        hint="In MSG91 under your name, Authkey. Let it be used from this server, or switch its IP security off.",
    ),
    Field(
        "variables", "Template variables", section="options", advanced=True, extra=True,
        hint="The names between ## and ## in the template that take the whole text, upper and lower case as there; "
             "several with commas. Empty: content.",
    ),
)  # fmt: skip

_NEEDS_CARE = (OutcomeKind.CONFIG_PERMANENT, Reason.NOT_CONFIGURED)
_NO_ENTRY = (OutcomeKind.CONFIG_PERMANENT, Reason.AUTHENTICATION_FAILED)
_BAD_NUMBER = (OutcomeKind.RECIPIENT_PERMANENT, Reason.INVALID_ADDRESS)
_BAD_SENDER = (OutcomeKind.CONFIG_PERMANENT, Reason.SENDER_REFUSED)

# MSG91's codes (sheet 10 and its list of error codes), each with what it means for us.
_CODES: dict[str, tuple[OutcomeKind, Reason]] = {
    "106": _NO_ENTRY,  # no auth key
    "201": _NO_ENTRY,  # authentication failure
    "207": _NO_ENTRY,  # the auth key is not right
    "401": _NO_ENTRY,
    "302": _NO_ENTRY,  # the account has expired
    "303": _NO_ENTRY,  # the account is banned
    "208": _NEEDS_CARE,  # not from this address
    "418": _NEEDS_CARE,  # not from this address
    "211": _NEEDS_CARE,  # no such template
    "301": _NEEDS_CARE,  # no balance
    "103": _BAD_SENDER,
    "203": _BAD_SENDER,
    "202": _BAD_NUMBER,
    "310": (OutcomeKind.MESSAGE_PERMANENT, Reason.TOO_LARGE),
}

# Many errors have no code, only a sentence. What words say is always final: nothing is tried again because of them.
_WORDS: tuple[tuple[re.Pattern[str], tuple[OutcomeKind, Reason]], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), verdict)
    for pattern, verdict in (
        (r"\bauth(entication)? ?(key|fail)|\bunauthori[sz]ed\b", _NO_ENTRY),
        (r"\bwhite ?list", _NEEDS_CARE),
        (r"\btemplate\b|\bflow ?id\b", _NEEDS_CARE),
        (r"\bsender\b", _BAD_SENDER),
        (r"\binsufficient\b|\bbalance\b", _NEEDS_CARE),
        (r"\binvalid (mobile|number)|\bmobile( number)? is (not valid|invalid)", _BAD_NUMBER),
    )
)
_KEY_IS_FINE = (OutcomeKind.ACCEPTED, OutcomeKind.RECIPIENT_PERMANENT, OutcomeKind.MESSAGE_PERMANENT)


class Msg91(HttpProvider):
    """The provider for MSG91's Flow API."""

    spec: ClassVar[ProviderSpec] = ProviderSpec(
        kind="msg91",
        label="MSG91",
        channel=Channel.SMS,
        summary="Text messages to India and elsewhere through the Flow API of MSG91, with a template it has approved.",
        fields=_FIELDS,
        max_batch=1,
        receipts_hint="In MSG91 under SMS, Webhook (New), make one for On Report Received with this address; keep "
        "requestId, telNum, status, CRQID and failureReason in its data. The older webhooks v2 and v3 will do as well.",
        uncertain_policy="hold",  # each text message is charged and read
        preview_note="What people read is the template that MSG91 has approved; this text stands where it has its "
        "variables. The preview is exact only where the template is nothing but them, and MSG91 counts the whole.",
    )

    def home(self, values: Mapping[str, Any]) -> str:
        """MSG91's address."""
        return "https://control.msg91.com/api/v5"

    def request(self, account: Account, items: Sequence[Item]) -> HttpRequest:
        """One message (sheet 10)."""
        item = items[0]
        recipient = dict.fromkeys(variables_of(account.values), item.rendered.text)
        flow = _flow(account, [{"mobiles": digits_of(item.recipient.address), **recipient}])
        if encoding_of(item.rendered.text) is not Encoding.GSM7:
            flow["unicode"] = "1"
        return HttpRequest.json("/flow", {**flow, "CRQID": item.key}, _proof(account))

    def outcomes(self, account: Account, items: Sequence[Item], reply: HttpReply) -> list[Outcome]:
        """What became of it."""
        return [judge(reply)] * len(items)

    def probe(self, account: Account) -> HttpRequest:
        """A flow to nobody: there is no address for the account that takes the key in a header."""
        return HttpRequest.json("/flow", _flow(account, []), _proof(account))

    def findings(self, account: Account, reply: HttpReply) -> list[Finding]:
        """Whether the auth key, and with it this machine's address, is taken; nobody to send to is no fault here."""
        outcome = self.scrubbed(account, judge(reply))
        if reply.fields() and outcome.kind in _KEY_IS_FINE:
            words = "It looks at template, variables and balance only when something is sent. Send a test to see."
            return [Finding(True, "MSG91 takes the auth key.", words)]
        if outcome.kind is OutcomeKind.CONFIG_PERMANENT:
            return [Finding(False, "MSG91 refuses these settings.", outcome.answer)]
        return [Finding(False, "MSG91 does not answer as it should at the moment.", outcome.answer)]

    def receipts(self, account: Account, hook: HookRequest) -> list[Receipt]:
        """The reports of one call (sheet 10), in any of its versions. Nothing is signed: only the address speaks."""
        return [_receipt(found) for found in _reports(hook)]

    def check(self, values: Mapping[str, Any]) -> dict[str, list[str]]:
        """Beside what holds for all: the forms of the template's ID and of its variables' names."""
        found = super().check(values)
        template = str(values.get("templateId") or "")
        if template and not _TEMPLATE.fullmatch(template):
            words = "Template ID needs the 24 letters from a to f and digits that MSG91 shows; the DLT ID is another."
            found["templateId"] = [words]
        if not all(_VARIABLE.fullmatch(name) and name != "mobiles" for name in variables_of(values)):
            words = "Template variables need names of letters, digits and underscores, with commas between, no ##."
            found["variables"] = [words]
        return found


PROVIDER = Msg91()

_UNDELIVERED = (ReceiptEvent.FAILED, Reason.UNDELIVERED)
_REJECTED = (ReceiptEvent.FAILED, Reason.NOT_CONFIGURED)
# What a status means, by its number or by the word that stands for it elsewhere.
_STATES: dict[str, tuple[ReceiptEvent, Reason | None]] = {
    "": (ReceiptEvent.ACCEPTED, None),  # "request received", which has none
    "1": (ReceiptEvent.DELIVERED, None), "delivered": (ReceiptEvent.DELIVERED, None),
    "2": _UNDELIVERED, "failed": _UNDELIVERED,
    # On the Indian register against advertising: what is no advertising still arrives there, so nobody has opted out.
    "9": _UNDELIVERED, "ndnc": _UNDELIVERED,
    "16": _REJECTED, "25": _REJECTED, "rejected": _REJECTED,  # the sender or the template does not fit
    "17": (ReceiptEvent.FAILED, Reason.OPTED_OUT), "blocked": (ReceiptEvent.FAILED, Reason.OPTED_OUT),
    "sent": (ReceiptEvent.SENT, None), "submitted": (ReceiptEvent.SENT, None),
}  # fmt: skip
_TOLD_BY = frozenset(["requestId", "status", "event", "CRQID"])  # a report has some of these
_OURS = re.compile(r"\d{1,18}\..+")  # the form of a delivery key


def _reports(hook: HookRequest) -> Iterator[dict[str, Any]]:
    """Each report as one flat object: forms hold them as text (v2), lists in groups (v2, v4), objects one (v3, New)."""
    is_json = hook.body.lstrip()[:1] in (b"{", b"[")
    found = document_of(hook) if is_json else dict(form_of(hook))
    if isinstance(found, dict) and isinstance(found.get("data"), str):
        found = document_in(found["data"])
    groups = found if isinstance(found, list) else [found]
    if not groups or not all(isinstance(group, dict) and group for group in groups):
        raise NotUnderstood("The body holds no report of MSG91.")
    for group in groups:
        rows = group.get("report", group.get("data"))
        shared = {name: value for name, value in group.items() if name not in ("report", "data")}
        yield from (shared | row for row in rows if isinstance(row, dict)) if isinstance(rows, list) else [shared]


def _receipt(found: Mapping[str, Any]) -> Receipt:
    """A report under whichever names this version has; its dates name no time zone, but for `ts`."""
    if not found.keys() & _TOLD_BY:
        raise NotUnderstood("The body holds no report of MSG91.")
    keys = [_first(found, name) for name in ("CRQID", "UUID", "clientId", "clientid", "meta")]
    key = next((each for each in keys if _OURS.fullmatch(each)), "")
    request, number = _first(found, "requestId"), _first(found, "telNum", "number")
    status = _first(found, "status", "event")
    event, reason = _STATES.get(status.lower(), (ReceiptEvent.UNKNOWN, None))
    detail = _first(found, "failedReason", "failureReason", "desc", "description")
    return Receipt(
        event, f"{request}:{key}:{number}:{status}", from_epoch(word(found, "ts")), key, request, number, reason,
        status, detail, written(found), is_proven=False,
    )  # fmt: skip


def _first(found: Mapping[str, Any], *names: str) -> str:
    """The first of these fields that says something; the newest version writes some as a list in a text."""
    for name in names:
        text = word(found, name).strip()
        if text.startswith("["):
            listed = document_in(text)
            text = str(listed[0]) if isinstance(listed, list) and listed else ""
        if text:
            return text
    return ""


def variables_of(values: Mapping[str, Any]) -> list[str]:
    """The template's variables that take the whole text, as the settings name them."""
    names = [name for name in _BETWEEN.split(str(values.get("variables") or "")) if name]
    return names or [USUAL_VARIABLE]


def judge(reply: HttpReply) -> Outcome:
    """One answer of `/flow` as an outcome; a status of 2xx alone says nothing."""
    found = reply.fields()
    number = str(found.get("message") or "")
    if reply.is_good and found.get("type") == "success":
        return accepted(number, "", str(reply.status)) if number else unreadable(reply)
    words = number or str(found.get("errors") or "")
    code = str(found.get("apiError") or found.get("code") or "")
    if reply.is_good and not words:
        return unreadable(reply)
    return _judge_error(reply, code, words)


def _judge_error(reply: HttpReply, code: str, words: str) -> Outcome:
    plain = outcome_of_status(reply, words, code)
    if reply.status == 429 or reply.status >= 500:
        return plain
    by_words = (verdict for pattern, verdict in _WORDS if pattern.search(words))
    by_status = _NEEDS_CARE if reply.status == 418 else None  # not from this address
    verdict = _CODES.get(code) or by_status or next(by_words, None)
    if verdict is None and not reply.is_good:
        return plain
    kind, reason = verdict or (OutcomeKind.MESSAGE_PERMANENT, Reason.CONTENT_REJECTED)
    return Outcome(kind, reason, plain.detail, plain.code)


def _flow(account: Account, recipients: list[dict[str, str]]) -> dict[str, Any]:
    """The body of a flow; links stay as they were written."""
    return {
        "template_id": str(account.values.get("templateId") or ""), "sender": str(account.values.get("senderId") or ""),
        "short_url": "0", "recipients": recipients,
    }  # fmt: skip


def _proof(account: Account) -> dict[str, str]:
    return {"authkey": str(account.values.get("authKey") or "")}
