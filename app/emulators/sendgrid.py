"""A SendGrid that delivers nowhere: Mail Send and the scopes of a key, version 3 of its API."""

import base64
import binascii
import json
import re
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import formataddr
from functools import partial
from typing import Any, ClassVar

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from app.emulators.callbacks import Receipt
from app.emulators.faults import Faults
from app.emulators.outbox import Names, Outbox
from app.emulators.serving import Answer, HttpCall, HttpEmulator, write_mail

MOST_PERSONALIZATIONS = 1000
MOST_CATEGORIES = 10
LARGEST = 30 * 1024 * 1024
LARGEST_ARGS = 10_000  # bytes of custom_args
THROTTLED_FOR = 7  # seconds
_SIGNER = ec.derive_private_key(0xCA511104, ec.SECP256R1())  # signs receipts; anybody may know it
_PUBLIC = _SIGNER.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
_ADDRESS = re.compile(r"[^@\s<>,;:\"]+@[^@\s<>,;:\"]+\.[^@\s<>,;:\"]+")
_RESERVED = frozenset(
    ["to", "from", "subject", "reply-to", "cc", "bcc", "received", "dkim-signature", "content-type",
     "content-transfer-encoding", "x-sg-id", "x-sg-eid"]
)  # fmt: skip
_KNOWN = frozenset(
    ["personalizations", "from", "reply_to", "reply_to_list", "subject", "content", "attachments", "headers",
     "template_id", "categories", "send_at", "batch_id", "asm", "mail_settings", "tracking_settings", "ip_pool_name",
     "custom_args"]
)  # fmt: skip

Error = tuple[str | None, str]  # the field (None: SendGrid does not say which) and the sentence


class SendGridEmulator(HttpEmulator):
    """Every key will do; one that ends with `.readonly` may not send, one with `.nocredits` has no credits left,
    one with `.sendonly` may not look at the account.

    A sender of a domain that begins with `unverified.` is no verified one.
    """

    kind: ClassVar[str] = "sendgrid"
    channel: ClassVar[str] = "email"
    path: ClassVar[str] = "/v3"
    spared_paths: ClassVar[frozenset[str]] = frozenset(["/user/webhooks/event/settings"])
    values: ClassVar[Mapping[str, Any]] = {
        "apiKey": "SG.{account}", "fromName": "{name}", "fromEmail": "news@sandbox.example",
        "webhookPublicKey": base64.b64encode(_PUBLIC).decode(),
    }  # fmt: skip

    def __init__(self, outbox: Outbox, faults: Faults, *rest: Any) -> None:
        """As any emulator over HTTP; nobody listens for receipts yet."""
        super().__init__(outbox, faults, *rest)
        self._listeners: dict[str, str] = {}  # where the events of an account go

    def account_of(self, call: HttpCall) -> str:
        """The API key without its start."""
        return call.bearer().removeprefix("SG.")

    def recipients_of(self, call: HttpCall) -> Sequence[str]:
        """Every address of every personalization."""
        document = call.json() if call.method == "POST" else None
        return [address for _, address in _addresses(document if isinstance(document, dict) else {})]

    def fail(self, fault: str, call: HttpCall) -> Answer | None:
        """SendGrid's own answers."""
        match fault:
            case "wrong-password":
                return _say(401, (None, "The provided authorization grant is invalid, expired, or revoked"))
            case "sender-refused":
                return _say(403, ("from", _UNVERIFIED))
            case "mailbox-unknown" | "mailbox-disabled":
                return _say(400, ("personalizations.0.to.0.email", "Does not contain a valid address."))
            case "content-rejected":
                return _say(400, ("content.0.value", "The content value must be a string at least one character."))
            case "oversize":
                return _say(413, (None, "Payload too large"))
            case "throttled":
                return _throttle()
            case _:
                return None

    def answer(self, call: HttpCall) -> Answer:
        """Two places: scopes take a GET, mail/send a POST."""
        key = call.bearer()
        if not key.startswith("SG."):
            return _say(401, (None, "The provided authorization grant is invalid, expired, or revoked"))
        if (call.method, call.path) == ("GET", "/scopes"):
            return Answer.json(200, {"scopes": ["mail.batch.read" if key.endswith(".readonly") else "mail.send"]})
        if call.method == "GET" and call.path in _ABOUT:
            is_asked_too_much = key.endswith((".readonly", ".sendonly"))
            return _say(403, (None, "access forbidden")) if is_asked_too_much else _describe(call.path, key)
        if (call.method, call.path) == ("PATCH", "/user/webhooks/event/settings"):
            return self._listen(call)
        if (call.method, call.path) != ("POST", "/mail/send"):
            return _say(404, (None, "Not Found"))
        if key.endswith(".readonly"):
            return _say(403, (None, "access forbidden"))
        if key.endswith(".nocredits"):
            return _say(401, (None, "Maximum credits exceeded"))
        return self._take(call)

    def _listen(self, call: HttpCall) -> Answer:
        """Keep where the events of this account go."""
        settings = call.json()
        if not isinstance(settings, dict) or not isinstance(settings.get("url"), str):
            return _say(400, ("url", "The url is needed."))
        self._listeners[self._name_of(call)] = settings["url"] if settings.get("enabled") else ""
        return Answer.json(200, settings)

    def _take(self, call: HttpCall) -> Answer:
        document = call.json()
        if len(call.body) > LARGEST:
            return _say(413, (None, "Payload too large"))
        if not isinstance(document, dict):
            return _say(400, (None, "Bad Request"))
        try:
            errors = list(_judge(document))
        except (AttributeError, TypeError, KeyError):  # something of another type than it should be
            errors = [(None, "Bad Request")]
        if errors:
            return _say(400, *errors)
        if document["from"]["email"].partition("@")[2].startswith("unverified."):
            return _say(403, ("from", _UNVERIFIED))
        number = secrets.token_urlsafe(16)[:22]
        if not document.get("mail_settings", {}).get("sandbox_mode", {}).get("enable"):
            self._deliver(call, document, number)
            return Answer(202, b"", {"x-message-id": number})
        return Answer(200, b"", {"x-message-id": number})

    def _deliver(self, call: HttpCall, document: Mapping[str, Any], number: str) -> None:
        """One email a personalization: everybody in it sees everybody else in its To and Cc."""
        for personalization in document["personalizations"]:
            people = [address for _, address in _addresses({"personalizations": [personalization]})]
            subject = personalization.get("subject") or document.get("subject", "")
            mail = _write(document, personalization, subject, number)
            args = document.get("custom_args", {}) | personalization.get("custom_args", {})
            own = str(args.get("delivery", ""))
            self.keep(call, _shown(document["from"]), people, subject, mail, Names(own))
            address = self._listeners.get(self._name_of(call), "")
            for person in people if address else ():
                later = {
                    fault: partial(_receipt, address, args, person, number, [event]) for fault, event in _LATER.items()
                }
                self.tell(call, person, [_receipt(address, args, person, number, _USUAL)], later)


EMULATOR = SendGridEmulator
_ABOUT = ("/whitelabel/domains", "/verified_senders", "/user/credits")


def _describe(path: str, key: str) -> Answer:
    """The senders of the account, and the credits of its plan."""
    if path == "/whitelabel/domains":
        names = {"sandbox.example": True, "example.org": True, "example.com": True, "unverified.example": False}
        domains = [
            {"id": number, "domain": name, "subdomain": f"em{number}", "valid": is_valid, "default": number == 1}
            for number, (name, is_valid) in enumerate(names.items(), 1)
        ]
        return Answer.json(200, domains)
    if path == "/verified_senders":
        single = {"id": 3, "nickname": "Single", "from_email": "single@example.org", "verified": True, "locked": False}
        return Answer.json(200, {"results": [single]})
    left = 0 if key.endswith(".nocredits") else 9_900
    plan = {"remain": left, "total": 10_000, "overage": 0, "used": 10_000 - left, "reset_frequency": "monthly"}
    return Answer.json(200, plan)


_UNVERIFIED = (
    "The from address does not match a verified Sender Identity. Mail cannot be sent until this error is resolved."
)


_USUAL = ({"event": "processed"}, {"event": "delivered", "response": "250 OK"})
_LATER = {
    "late-bounce": {
        "event": "bounce", "type": "bounce", "status": "5.1.1", "reason": "550 5.1.1 No such mailbox here",
        "bounce_classification": "Invalid Address",
    },
    "complaint": {"event": "spamreport"},
}  # fmt: skip


def _receipt(
    address: str, args: Mapping[str, str], person: str, number: str, events: Sequence[Mapping[str, str]]
) -> Receipt:
    """Events in one request, signed: ECDSA over the time in the header and the body."""
    now = int(time.time())  # noqa: TID251 - nothing of Carillon's is here
    body = json.dumps([
        {
            **args, "email": person, "timestamp": now, **event, "sg_event_id": secrets.token_urlsafe(16),
            "sg_message_id": f"{number}.recvd-5bd-1", "smtp-id": f"<{number}@sandbox.example>",
        }
        for event in events
    ]).encode()  # fmt: skip
    signature = _SIGNER.sign(str(now).encode() + body, ec.ECDSA(SHA256()))
    start = "x-twilio-email-event-webhook-"
    proof = {f"{start}timestamp": str(now), f"{start}signature": base64.b64encode(signature).decode()}
    return Receipt(address, body, {"content-type": "application/json", **proof})


def _addresses(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The field and the address of everybody that the document writes to."""
    found = document.get("personalizations")
    for index, each in enumerate(found if isinstance(found, list) else []):
        for name in ("to", "cc", "bcc"):
            people = each.get(name) if isinstance(each, dict) else None
            for at, person in enumerate(people if isinstance(people, list) else []):
                if isinstance(person, dict):
                    yield f"personalizations.{index}.{name}.{at}.email", str(person.get("email", ""))


def _judge(document: Mapping[str, Any]) -> Iterator[Error]:
    """What SendGrid would refuse, all of it at once."""
    for name in document.keys() - _KNOWN:
        yield name, f"Unknown field {name}."
    yield from _judge_people(document)
    yield from _judge_content(document)
    yield from _judge_headers(document)
    for index, file in enumerate(document.get("attachments", [])):
        try:
            base64.b64decode(file["content"], validate=True)
        except (binascii.Error, KeyError):
            yield f"attachments.{index}.content", "The attachment content must be base64 encoded."
        if not file.get("filename"):
            yield f"attachments.{index}.filename", "The attachment filename parameter is required."


def _judge_people(document: Mapping[str, Any]) -> Iterator[Error]:
    people = document.get("personalizations") or []
    if not 1 <= len(people) <= MOST_PERSONALIZATIONS:
        yield "personalizations", "There must be between 1 and 1000 personalizations."
    for index, each in enumerate(people):
        yield from _judge_personalization(index, each, document.get("custom_args", {}))
    for field, address in _addresses(document):
        if not _ADDRESS.fullmatch(address):
            yield field, "Does not contain a valid address."
    for name in ("from", "reply_to"):
        if (name == "from" or name in document) and not _ADDRESS.fullmatch(str(document[name].get("email", ""))):
            yield f"{name}.email", f"The {name} email does not contain a valid address."
    if "reply_to" in document and "reply_to_list" in document:
        yield "reply_to_list", "Only one of reply_to and reply_to_list can be used."


def _judge_personalization(index: int, each: Mapping[str, Any], shared: Mapping[str, Any]) -> Iterator[Error]:
    addresses = [address.lower() for _, address in _addresses({"personalizations": [each]})]
    if not each.get("to"):
        yield f"personalizations.{index}.to", "The to array is required for all personalization objects."
    if len(set(addresses)) < len(addresses):
        yield "personalizations", "Each email address in the personalization block should be unique."
    arguments = {**shared, **each.get("custom_args", {})}
    if not all(isinstance(value, str) for value in arguments.values()):
        yield None, "Bad Request"  # SendGrid does not say where
    elif len(str(arguments).encode()) > LARGEST_ARGS:
        yield f"personalizations.{index}.custom_args", "The custom_args may hold at most 10000 bytes."


def _judge_content(document: Mapping[str, Any]) -> Iterator[Error]:
    parts = document.get("content") or []
    if not parts and not document.get("template_id"):
        yield "content", "The content parameter is required when there is no template_id."
    for index, part in enumerate(parts):
        if not isinstance(part["value"], str) or not part["value"]:
            yield f"content.{index}.value", "The content value must be a string at least one character in length."
    kinds = [part["type"] for part in parts]
    if kinds != sorted(kinds, key=lambda kind: {"text/plain": 0, "text/html": 1}.get(kind, 2)):
        yield "content", "If present, text/plain and text/html may only be provided in that order."
    subjects = [each.get("subject") for each in document.get("personalizations") or []]
    if not document.get("subject") and not (subjects and all(subjects)):
        yield "subject", "The subject is required. You can get around this if every personalization has one."
    if len(document.get("categories", [])) > MOST_CATEGORIES:
        yield "categories", "There may be at most 10 categories."


def _judge_headers(document: Mapping[str, Any]) -> Iterator[Error]:
    blocks = [("headers", document.get("headers", {}))]
    people = document.get("personalizations") or []
    blocks += [(f"personalizations.{index}.headers", each.get("headers", {})) for index, each in enumerate(people)]
    for place, headers in blocks:
        for name, value in headers.items():
            if name.lower() in _RESERVED:
                yield f"{place}.{name}", f"The header {name} is a reserved header and cannot be set."
            elif not isinstance(value, str):
                yield None, "Bad Request"


def _write(document: Mapping[str, Any], personalization: Mapping[str, Any], subject: str, number: str) -> bytes:
    """The email as it would arrive."""
    own = {**document.get("headers", {}), **personalization.get("headers", {})}
    headers = [("From", _shown(document["from"])), ("Subject", subject)]
    headers += [
        (name.title(), ", ".join(_shown(person) for person in personalization[name]))
        for name in ("to", "cc")
        if personalization.get(name)
    ]
    if "reply_to" in document:
        headers.append(("Reply-To", _shown(document["reply_to"])))
    if not any(name.lower() == "message-id" for name in own):
        headers.append(("Message-ID", f"<{number}@geopod-ismtpd-1>"))
    contents = {part["type"]: part["value"] for part in document.get("content", [])}
    files = [
        (
            file["filename"],
            file.get("type", "application/octet-stream"),
            base64.b64decode(file["content"]),
            str(file.get("content_id") or "") if file.get("disposition") == "inline" else "",
        )
        for file in document.get("attachments", [])
    ]
    plain, page = contents.get("text/plain", ""), contents.get("text/html", "")
    return write_mail(headers + list(own.items()), plain, page, files)


def _shown(person: Mapping[str, Any]) -> str:
    return formataddr((str(person.get("name", "")), str(person["email"])))


def _throttle() -> Answer:
    """SendGrid sends no Retry-After: the moment of the reset is all it says."""
    reset = int(datetime.now(UTC).timestamp()) + THROTTLED_FOR  # noqa: TID251 - not Carillon's clock
    limits = {"x_ratelimit_limit": "600", "x_ratelimit_remaining": "0", "x_ratelimit_reset": str(reset)}
    return Answer.json(429, {"errors": [{"field": None, "message": "too many requests"}]}, **limits)


def _say(status: int, *errors: Error) -> Answer:
    listed = [{"message": message, "field": field, "help": None} for field, message in errors]
    return Answer.json(status, {"errors": listed})
