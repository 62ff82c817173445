"""A Mailgun that delivers nowhere: messages and domains of its API, version 3."""

import hmac
import json
import re
import secrets
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.utils import getaddresses
from functools import partial
from typing import Any, ClassVar
from urllib.parse import unquote

from app.emulators.callbacks import Receipt
from app.emulators.faults import Faults
from app.emulators.outbox import Names, Outbox
from app.emulators.serving import Answer, HttpCall, HttpEmulator, write_mail

MOST_RECIPIENTS = 1000
LARGEST = 25 * 1024 * 1024
SIGNING_KEY = "the signing key of the emulated Mailgun"
_ADDRESS = re.compile(r"[^@\s<>,;:\"]+@[^@\s<>,;:\"]+\.[^@\s<>,;:\"]+")
_PLACE = re.compile(r"/(?P<domain>[^/]+)/messages(?P<mime>\.mime)?")
_DOMAIN = re.compile(r"/domains/(?P<domain>[^/]+)")
_WEBHOOKS = re.compile(r"/domains/(?P<domain>[^/]+)/webhooks")
_FILES = ("attachment", "inline")


class MailgunEmulator(HttpEmulator):
    """Every key and every domain will do; a domain that begins with `unverified.` may not send."""

    kind: ClassVar[str] = "mailgun"
    channel: ClassVar[str] = "email"
    path: ClassVar[str] = "/v3"
    values: ClassVar[Mapping[str, Any]] = {
        "apiKey": "{account}", "domain": "mg.sandbox.example", "isEuRegion": False, "fromName": "{name}",
        "fromEmail": "news@mg.sandbox.example", "webhookSigningKey": SIGNING_KEY,
    }  # fmt: skip

    def __init__(self, outbox: Outbox, faults: Faults, *rest: Any) -> None:
        """As any emulator over HTTP; nobody listens for receipts yet."""
        super().__init__(outbox, faults, *rest)
        self._listeners: dict[tuple[str, str], str] = {}  # where which event of an account goes

    def account_of(self, call: HttpCall) -> str:
        """The API key."""
        return call.basic()[1]

    def recipients_of(self, call: HttpCall) -> Sequence[str]:
        """Every address of the three fields."""
        form = call.form() if call.method == "POST" else {}
        return [address for name in ("to", "cc", "bcc") for _, address in getaddresses(form.get(name, []))]

    def fail(self, fault: str, call: HttpCall) -> Answer | None:
        """Mailgun's own answers."""
        match fault:
            case "wrong-password":
                return Answer(401, b"Forbidden", {"content-type": "text/plain"})
            case "sender-refused":
                return _say(403, f"Domain {call.path.split('/')[1]} is not allowed to send: it is not verified")
            case "mailbox-unknown" | "mailbox-disabled":
                return _say(400, "'to' parameter is not a valid address. please check documentation")
            case "content-rejected":
                return _say(400, "Need at least one of 'text', 'html' or 'template' parameters specified")
            case "oversize":
                return _say(413, "Request Entity Too Large")
            case _:
                return None

    def answer(self, call: HttpCall) -> Answer:
        """Messages take a POST, domains a GET; any other place says how magnificent it is."""
        if call.basic()[0] != "api" or not call.basic()[1]:
            return Answer(401, b"Forbidden", {"content-type": "text/plain"})
        asked = _DOMAIN.fullmatch(call.path)
        if call.method == "GET" and asked is not None:
            return _describe(unquote(asked["domain"]))
        if call.method == "POST" and _WEBHOOKS.fullmatch(call.path):
            return self._listen(call)
        place = _PLACE.fullmatch(call.path)
        if place is None:
            return Answer(200, b"Mailgun Magnificent API", {"content-type": "text/plain"})
        domain = unquote(place["domain"])
        if domain.startswith("unverified."):
            return _say(403, f"Domain {domain} is not allowed to send: it is not verified")
        return self._take_mime(call, domain) if place["mime"] else self._take(call, domain)

    def is_spared(self, call: HttpCall) -> bool:
        """Webhooks carry no message."""
        return _WEBHOOKS.fullmatch(call.path) is not None

    def _listen(self, call: HttpCall) -> Answer:
        """Keep where an event of this account goes."""
        form = call.form()
        if form.get("id", [""])[0] not in _EVENTS or not form.get("url"):
            return _say(400, "id and url are needed")
        self._listeners[self._name_of(call), form["id"][0]] = form["url"][0]
        return Answer.json(200, {"message": "Webhook has been created", "webhook": {"urls": form["url"]}})

    def _take(self, call: HttpCall, domain: str) -> Answer:
        form, people = call.form(), self.recipients_of(call)
        problem = _judge(form, people, len(call.body))
        if problem:
            return _say(413 if "Large" in problem else 400, problem)
        number = _new_number(domain)
        mail = _write(call, form, number)
        self.keep(call, form["from"][0], people, form.get("subject", [""])[0], mail, Names(_reference(form)))
        for person in people:
            self._tell(call, form, person, number)
        return Answer.json(200, {"id": number, "message": "Queued. Thank you."})

    def _take_mime(self, call: HttpCall, domain: str) -> Answer:
        """An email that is written already; who it goes to stands beside it."""
        form, people = call.form(), self.recipients_of(call)
        found = [part[2] for part in call.parts() if part[0] == "message"]
        mail = message_from_bytes(found[0] if found else b"", policy=policy.default)
        sender, subject = str(mail["From"] or ""), str(mail["Subject"] or "")
        problem = _judge({**form, "from": [sender] if sender else [], "text": ["in MIME"]}, people, len(call.body))
        if problem or not found:
            return _say(400, problem or "message parameter is missing")
        number = str(mail["Message-ID"] or _new_number(domain))
        self.keep(call, sender, people, subject, found[0], Names(_reference(form)))
        for person in people:
            self._tell(call, form, person, number)
        return Answer.json(200, {"id": number, "message": "Queued. Thank you."})

    def _tell(self, call: HttpCall, form: Mapping[str, Sequence[str]], person: str, number: str) -> None:
        """Tell of each event that somebody listens to; Mailgun has an address for each."""
        heard = {event: self._listeners.get((self._name_of(call), event), "") for event in _EVENTS}
        told = [_receipt(heard["delivered"], form, person, number, "delivered")] if heard["delivered"] else []
        later = {
            fault: partial(_receipt, heard[event], form, person, number, event)
            for fault, event in _LATER.items()
            if heard[event]
        }
        self.tell(call, person, told, later)


EMULATOR = MailgunEmulator
# The names of webhooks, each with what its event adds to an event's usual parts.
_EVENTS: Mapping[str, Mapping[str, Any]] = {
    "delivered": {
        "event": "delivered",
        "delivery-status": {"code": 250, "message": "OK", "description": "", "attempt-no": 1},
    },
    "permanent_fail": {
        "event": "failed", "severity": "permanent", "reason": "bounce",
        "delivery-status": {"code": 550, "message": "5.1.1 No such mailbox here", "description": "", "attempt-no": 1},
    },
    "complained": {"event": "complained"},
    "accepted": {"event": "accepted"}, "clicked": {"event": "clicked"}, "opened": {"event": "opened"},
    "temporary_fail": {"event": "failed", "severity": "temporary"}, "unsubscribed": {"event": "unsubscribed"},
}  # fmt: skip
_LATER = {"late-bounce": "permanent_fail", "complaint": "complained"}


def _new_number(domain: str) -> str:
    return f"<{datetime.now(UTC):%Y%m%d%H%M%S}.{secrets.token_hex(8)}@{domain}>"  # noqa: TID251 - not Carillon's


def _judge(form: Mapping[str, Sequence[str]], people: Sequence[str], size: int) -> str:
    """Mailgun's sentence about what is wrong; empty when all is well. One bad address refuses all."""
    senders = [address for _, address in getaddresses(form.get("from", []))]
    if not form.get("from"):
        return "from parameter is missing"
    if not all(_ADDRESS.fullmatch(each) for each in senders):
        return "'from' parameter is not a valid address. please check documentation"
    if not form.get("to"):
        return "to parameter is missing"
    if not people or not all(_ADDRESS.fullmatch(each) for each in people):
        return "'to' parameter is not a valid address. please check documentation"
    if len(people) > MOST_RECIPIENTS:
        return "Too many recipients: the maximum is 1000"
    if size > LARGEST * 4 / 3:
        return "Request Entity Too Large"
    if not any(form.get(name) for name in ("text", "html", "amp-html", "template")):
        return "Need at least one of 'text', 'html', 'amp-html' or 'template' parameters specified"
    return ""


def _write(call: HttpCall, form: Mapping[str, Sequence[str]], number: str) -> bytes:
    """The email as it would arrive. Without `recipient-variables` everybody sees all addresses."""
    headers = [(name[2:], values[0]) for name, values in form.items() if name.lower().startswith("h:")]
    if not any(name.lower() == "message-id" for name, _ in headers):
        headers.append(("Message-ID", number))
    kept = {name[2:]: values[0] for name, values in form.items() if name.startswith("v:")}
    if kept:
        headers.append(("X-Mailgun-Variables", json.dumps(kept)))
    is_multipart = call.headers.get("content-type", "").startswith("multipart/form-data")
    files = [part for part in call.parts() if part[1] and part[0] in _FILES] if is_multipart else []
    named = [(name, kind, content, name if field == "inline" else "") for field, name, content, kind in files]
    basic = [("From", form["from"][0]), ("To", ", ".join(form["to"])), ("Subject", form.get("subject", [""])[0])]
    return write_mail(basic + headers, form.get("text", [""])[0], form.get("html", [""])[0], named)


def _reference(form: Mapping[str, Sequence[str]]) -> str:
    return form.get("v:delivery", [""])[0]


def _receipt(address: str, form: Mapping[str, Sequence[str]], person: str, number: str, kind: str) -> Receipt:
    """An event, signed: HMAC-SHA256 over a time and a token, in hexadecimal."""
    stamp, token = str(int(time.time())), secrets.token_hex(25)  # noqa: TID251 - nothing of Carillon's is here
    event = {
        **_EVENTS[kind], "id": secrets.token_urlsafe(16), "timestamp": float(stamp), "recipient": person,
        "user-variables": {name[2:]: values[0] for name, values in form.items() if name.startswith("v:")},
        "message": {"headers": {"message-id": number.strip("<>")}}, "tags": [],
    }  # fmt: skip
    signature = hmac.digest(SIGNING_KEY.encode(), (stamp + token).encode(), "sha256").hex()
    proof = {"timestamp": stamp, "token": token, "signature": signature}
    body = json.dumps({"signature": proof, "event-data": event}).encode()
    return Receipt(address, body, {"content-type": "application/json"})


def _describe(domain: str) -> Answer:
    if domain.startswith("unknown."):
        return _say(404, "Domain not found")
    state = "unverified" if domain.startswith("unverified.") else "active"
    return Answer.json(200, {"domain": {"name": domain, "state": state, "type": "custom"}})


def _say(status: int, message: str) -> Answer:
    return Answer.json(status, {"message": message})
