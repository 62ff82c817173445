"""A Resend that delivers nowhere: emails, batches and domains, with its idempotency keys and its rate limit."""

import base64
import binascii
import hmac
import json
import re
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from mimetypes import MimeTypes
from typing import Any, ClassVar

from app.emulators.callbacks import Receipt
from app.emulators.faults import Fault, Faults
from app.emulators.outbox import Names, Outbox
from app.emulators.serving import Answer, HttpCall, HttpEmulator, write_mail
from app.emulators.wires import Cut

MOST_AT_ONCE = 100
MOST_RECIPIENTS = 50
LARGEST = 40 * 1024 * 1024
LONGEST_KEY = 256
KEPT_FOR = 24 * 3600.0  # seconds that an idempotency key is remembered
MOST_KEPT = 20_000
REQUESTS_A_SECOND = 2
THROTTLED_FOR = 7  # seconds, when the dial says so
DOMAIN = "sandbox.example"
SIGNING_KEY = b"the key of the emulated Resend's webhooks"
SIGNING_SECRET = f"whsec_{base64.b64encode(SIGNING_KEY).decode()}"
_ADDR = r"[!-+\--:=?A-~]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+"
_PERSON = re.compile(rf'(?P<name>[^<>",;:@()\[\]\\]+?)\s*<(?P<address>{_ADDR})>|(?P<bare>{_ADDR})')
_ENCODED_WORDS = re.compile(r"=\?[^?]+\?[bq]\?[^?]*\?=", re.IGNORECASE)
_TAG = re.compile(r"[A-Za-z0-9_-]{1,256}")
_DEAD = re.compile(r"\+mailbox-(unknown|disabled)\b", re.IGNORECASE)
_PLACES = ("/emails", "/emails/batch")
FindDead = Callable[[Sequence[Any]], dict[int, "Refusal"]]
_KNOWN = frozenset(
    ["from", "to", "subject", "html", "text", "cc", "bcc", "reply_to", "headers", "attachments", "tags", "scheduled_at",
     "topic_id"]
)  # fmt: skip
_NOT_IN_BATCH = ("attachments", "scheduled_at")
_TYPES = MimeTypes()
_FORMAT = "The email address needs to follow the `email@example.com` or `Name <email@example.com>` format."


@dataclass(frozen=True, slots=True)
class Refusal:
    """Resend's error: status, name and sentence."""

    status: int
    name: str
    message: str

    def answer(self, **headers: str) -> Answer:
        """As it goes over the wire."""
        return Answer.json(
            self.status, {"statusCode": self.status, "name": self.name, "message": self.message}, **headers
        )


class ResendEmulator(HttpEmulator):
    """Every key that begins with `re_` will do; one that ends with `_sending` may send and nothing else.

    A sender of a domain that begins with `unverified.` is no verified one.
    """

    kind: ClassVar[str] = "resend"
    channel: ClassVar[str] = "email"
    spared_paths: ClassVar[frozenset[str]] = frozenset(["/webhooks"])
    values: ClassVar[Mapping[str, Any]] = {
        "apiKey": "re_{account}", "fromName": "{name}", "fromEmail": f"news@{DOMAIN}",
        "webhookSecret": SIGNING_SECRET,
    }  # fmt: skip

    def __init__(self, outbox: Outbox, faults: Faults, *rest: Any) -> None:
        super().__init__(outbox, faults, *rest)
        self._answers: dict[tuple[str, str], tuple[float, bytes, Answer]] = {}  # until when, of which bytes, what
        self._running: dict[tuple[str, str], HttpCall] = {}
        self._windows: dict[str, tuple[float, int]] = {}  # when this second began, how many requests it had
        self._listeners: dict[str, str] = {}  # where the events of an account go

    def account_of(self, call: HttpCall) -> str:
        """The API key without its start."""
        return call.bearer().removeprefix("re_")

    def recipients_of(self, call: HttpCall) -> Sequence[str]:
        """Every address of every email."""
        return [address for email in _emails(call) for address in _addresses(email)]

    def fail(self, fault: str, call: HttpCall) -> Answer | None:
        """Resend's own answers; a permissive batch names the dead address and sends the others."""
        if fault in ("mailbox-unknown", "mailbox-disabled"):
            emails = _emails(call)
            if _is_permissive(call) and _find_dead(emails):
                return self._take(call, _find_dead)
            everybody = dict.fromkeys(range(len(emails)), _DEAD_ADDRESS)  # nobody asks for it, so the dial does
            return _list_results(call, [], everybody) if _is_permissive(call) else _DEAD_ADDRESS.answer()
        if fault == "throttled":
            return _REFUSALS[fault].answer(**_limits(0, THROTTLED_FOR), retry_after=str(THROTTLED_FOR))
        return _REFUSALS[fault].answer() if fault in _REFUSALS else None

    def answer(self, call: HttpCall) -> Answer:
        """Who asks, how often, and then what."""
        key = call.bearer()
        if not key:
            return Refusal(401, "missing_api_key", "Missing API key in the authorization header.").answer()
        if not key.startswith("re_"):
            return _REFUSALS["wrong-password"].answer()
        if self.is_spared(call):
            return self._route(call, key)
        room, wait = self._count(key)
        if room < 0:
            refusal = Refusal(429, "rate_limit_exceeded", "Too many requests. You can only make 2 requests per second.")
            return refusal.answer(**_limits(0, wait), retry_after=str(wait))
        answer = self._route(call, key)
        named = {name.replace("_", "-"): value for name, value in _limits(room, wait).items()}
        return replace(answer, headers={**answer.headers, **named})

    def _route(self, call: HttpCall, key: str) -> Answer:
        if (call.method, call.path) == ("GET", "/domains"):
            if key.endswith("_sending"):
                return Refusal(401, "restricted_api_key", "This API key is restricted to only send emails.").answer()
            return Answer.json(200, {"data": _DOMAINS}, x_resend_daily_quota="12", x_resend_monthly_quota="340")
        if (call.method, call.path) == ("POST", "/webhooks"):
            return self._listen(call)
        if call.method != "POST" or call.path not in _PLACES:
            return Refusal(404, "not_found", "The requested endpoint does not exist.").answer()
        return self._take(call)

    def _listen(self, call: HttpCall) -> Answer:
        """Keep where the events of this account go."""
        wanted = call.json()
        if not isinstance(wanted, dict) or not isinstance(wanted.get("endpoint"), str):
            return Refusal(422, "missing_required_field", "Missing `endpoint` field.").answer()
        self._listeners[self._name_of(call)] = wanted["endpoint"]
        return Answer.json(201, {"object": "webhook", "id": str(uuid.uuid4()), "signing_secret": SIGNING_SECRET})

    def _take(self, call: HttpCall, find_dead: FindDead | None = None) -> Answer:
        """The first answer again for a key that is known, else a new one; only successes are remembered."""
        name = call.headers.get("idempotency-key", "")
        if not 0 < len(name) <= LONGEST_KEY and "idempotency-key" in call.headers:
            return Refusal(400, "invalid_idempotency_key", "The key must be between 1-256 chars.").answer()
        key, fingerprint = (call.bearer(), name), sha256(call.path.encode() + b"\n" + call.body).digest()
        if name and self._running.get(key, call) is not call:
            words = "Same idempotency key used while original request is still in progress"
            return Refusal(409, "concurrent_idempotent_requests", words).answer()
        until, known, first = self._answers.get(key, (0.0, b"", Answer(500)))
        if name and until > time.monotonic():
            if known != fingerprint:
                words = "Same idempotency key used with a different request payload"
                return Refusal(409, "invalid_idempotent_request", words).answer()
            return first
        try:
            answer = self._judge(call, find_dead)
        except (AttributeError, TypeError, KeyError):  # something of another type than it should be
            return Refusal(422, "validation_error", "A field is of another type than it should be.").answer()
        if name and answer.status == 200 and not self._is_lying:
            self._answers[key] = (time.monotonic() + KEPT_FOR, fingerprint, answer)
            while len(self._answers) > MOST_KEPT:
                del self._answers[next(iter(self._answers))]
        return answer

    def _judge(self, call: HttpCall, find_dead: FindDead | None) -> Answer:
        is_batch, emails = call.path == "/emails/batch", _emails(call)
        if not 1 <= len(emails) <= MOST_AT_ONCE:
            return Refusal(422, "validation_error", "The body must be an email, or 1 to 100 of them.").answer()
        found = {index: _judge_email(email, is_batch) for index, email in enumerate(emails)}
        refused = {index: refusal for index, refusal in found.items() if refusal is not None}
        if find_dead is not None:
            refused |= find_dead(emails)
        if refused and not _is_permissive(call):
            return refused[min(refused)].answer()
        taken = [email for index, email in enumerate(emails) if index not in refused]
        mails = [_write(email) for email in taken]  # all of them before the first is kept: ValueError takes none
        numbers = [self._deliver(call, email, mail) for email, mail in zip(taken, mails, strict=True)]
        if not is_batch:
            return Answer.json(200, {"id": numbers[0]})
        return _list_results(call, numbers, refused)

    def _deliver(self, call: HttpCall, email: Mapping[str, Any], mail: bytes) -> str:
        """Keep the email; one with a file whose name and type disagree is lost without a word, as at Resend."""
        number, people = str(uuid.uuid4()), list(_addresses(email))
        if not any(_is_lost(file) for file in email.get("attachments") or []):
            own = _tags(email).get("delivery", "")
            self.keep(call, email["from"], people, email["subject"], mail, Names(own))
            address = self._listeners.get(self._name_of(call), "")
            if address:
                told = [_receipt(address, email, kind, number) for kind in ("email.sent", "email.delivered")]
                later = {fault: partial(_receipt, address, email, kind, number) for fault, kind in _LATER.items()}
                self.tell(call, people[0], told, later)
        return number

    def _count(self, key: str) -> tuple[int, int]:
        """How many more requests this second has room for (below 0: none), and the seconds until the next one."""
        began, count = self._windows.get(key, (0.0, 0))
        now = time.monotonic()
        if now - began >= 1:
            began, count = now, 0
        self._windows[key] = (began, count + 1)
        return REQUESTS_A_SECOND - count - 1, 1

    async def _play(self, fault: Fault, amount: int, call: HttpCall) -> Answer | Cut:
        """As the kit does; while it takes its time, the key is that of a request in progress."""
        key = (call.bearer(), call.headers.get("idempotency-key", ""))
        if not key[1] or key in self._running:
            return await super()._play(fault, amount, call)
        self._running[key] = call
        try:
            return await super()._play(fault, amount, call)
        finally:
            del self._running[key]


EMULATOR = ResendEmulator
_DOMAINS = [
    {"id": "d91cd9bd-1176-453e-8fc1-35364d380206", "name": DOMAIN, "status": "verified", "region": "eu-west-1"},
    {"id": "f1f3a6b2-5c1d-4b0e-9f0e-2a7a3c1e9d55", "name": f"unverified.{DOMAIN}", "status": "not_started"},
]
_DEAD_ADDRESS = Refusal(422, "validation_error", f"Invalid `to` field. {_FORMAT}")
_REFUSALS: Mapping[str, Refusal] = {
    "wrong-password": Refusal(403, "invalid_api_key", "API key is invalid"),
    "sender-refused": Refusal(403, "validation_error", "The example.org domain is not verified."),
    "content-rejected": Refusal(422, "missing_required_field", "Missing `html` or `text` field."),
    "oversize": Refusal(413, "validation_error", "The email is larger than 40 MB."),
    "throttled": Refusal(429, "rate_limit_exceeded", "Too many requests. Slow down."),
    "server-error": Refusal(500, "internal_server_error", "An unexpected error occurred."),
    "busy": Refusal(500, "application_error", "An unexpected error occurred."),
}


_LATER = {"late-bounce": "email.bounced", "complaint": "email.complained"}


def _tags(email: Mapping[str, Any]) -> dict[str, str]:
    return {tag["name"]: tag["value"] for tag in email.get("tags") or []}


def _receipt(address: str, email: Mapping[str, Any], kind: str, number: str) -> Receipt:
    """An event, signed as Svix signs: HMAC-SHA256 over its id, the time and the body."""
    now, event_id = int(time.time()), f"msg_{uuid.uuid4().hex}"  # noqa: TID251 - nothing of Carillon's is here
    tags = _tags(email)
    to = [email["to"]] if isinstance(email["to"], str) else email["to"]
    data = {"email_id": number, "from": email["from"], "to": to, "subject": email["subject"], "tags": tags}
    if kind == "email.bounced":
        data["bounce"] = {"type": "Permanent", "subType": "General", "message": "550 5.1.1 No such mailbox here"}
    moment = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(now))
    body = json.dumps({"type": kind, "created_at": moment, "data": data}).encode()
    proof = base64.b64encode(hmac.digest(SIGNING_KEY, f"{event_id}.{now}.".encode() + body, "sha256")).decode()
    head = {"svix-id": event_id, "svix-timestamp": str(now), "svix-signature": f"v1,{proof}"}
    return Receipt(address, body, {"content-type": "application/json", **head})


def _limits(room: int, wait: int) -> dict[str, str]:
    return {
        "ratelimit_limit": str(REQUESTS_A_SECOND), "ratelimit_remaining": str(room), "ratelimit_reset": str(wait),
    }  # fmt: skip


def _is_permissive(call: HttpCall) -> bool:
    return call.path == "/emails/batch" and call.headers.get("x-batch-validation") == "permissive"


def _emails(call: HttpCall) -> Sequence[Any]:
    document = call.json() if call.method == "POST" else None
    if call.path == "/emails/batch":
        return document if isinstance(document, list) else []
    return [document] if isinstance(document, dict) else []


def _people(email: Mapping[str, Any], field: str) -> list[str]:
    """The text or the texts of a field, as a list."""
    value = email.get(field)
    return [str(each) for each in value] if isinstance(value, list) else [str(value)] if value else []


def _addresses(email: Any) -> Iterator[str]:
    """The bare addresses that an email goes to, those that can be read."""
    for field in ("to", "cc", "bcc") if isinstance(email, dict) else ():
        found = [_PERSON.fullmatch(each) for each in _people(email, field)]
        yield from (match["address"] or match["bare"] for match in found if match)


def _find_dead(emails: Sequence[Any]) -> dict[int, Refusal]:
    """The emails to addresses that ask to be dead."""
    return {
        index: _DEAD_ADDRESS
        for index, email in enumerate(emails)
        if any(_DEAD.search(address) for address in _addresses(email))
    }


def _list_results(call: HttpCall, numbers: Sequence[str], refused: Mapping[int, Refusal]) -> Answer:
    """The answer to a batch: the ids of what was taken, in order, and what was not by its index."""
    found: dict[str, Any] = {"data": [{"id": number} for number in numbers]}
    if _is_permissive(call):
        found["errors"] = [{"index": index, "message": refused[index].message} for index in sorted(refused)]
    return Answer.json(200, found)


def _judge_email(email: Any, is_batch: bool) -> Refusal | None:
    """What is wrong with an email; None when nothing is."""
    if not isinstance(email, dict):
        return Refusal(422, "validation_error", "An email must be an object.")
    judges = (*_JUDGES, _judge_batched) if is_batch else _JUDGES
    return next((found for judge in judges for found in judge(email)), None)


def _judge_fields(email: Mapping[str, Any]) -> Iterator[Refusal]:
    for name in sorted(email.keys() - _KNOWN):
        yield Refusal(422, "invalid_parameter", f"Unknown field `{name}`.")
    for name in ("from", "to", "subject"):
        if not email.get(name):
            yield Refusal(422, "missing_required_field", f"Missing `{name}` field.")
    if not (email.get("html") or email.get("text")):
        yield Refusal(422, "missing_required_field", "Missing `html` or `text` field.")


def _judge_batched(email: Mapping[str, Any]) -> Iterator[Refusal]:
    for name in _NOT_IN_BATCH:
        if name in email:
            yield Refusal(422, "validation_error", f"The `{name}` field is not supported in a batch.")


def _judge_labels(email: Mapping[str, Any]) -> Iterator[Refusal]:
    for tag in email.get("tags") or []:
        if not (_TAG.fullmatch(str(tag.get("name"))) and _TAG.fullmatch(str(tag.get("value")))):
            words = "Tags should only contain ASCII letters, numbers, underscores, or dashes."
            yield Refusal(422, "validation_error", words)
    if not all(isinstance(value, str) for value in (email.get("headers") or {}).values()):
        yield Refusal(422, "validation_error", "Invalid `headers` field. Values must be strings.")


def _judge_people(email: Mapping[str, Any]) -> Iterator[Refusal]:
    sender = str(email["from"])
    if _ENCODED_WORDS.search(sender):
        yield Refusal(451, "security_error", "The email payload contain invalid characters")
    match = _PERSON.fullmatch(sender)
    if match is None:
        yield Refusal(422, "invalid_from_address", f"Invalid `from` field. {_FORMAT}")
    elif (domain := (match["address"] or match["bare"]).partition("@")[2]).startswith("unverified."):
        yield Refusal(403, "validation_error", f"The {domain} domain is not verified. Please, add and verify it.")
    for field in ("to", "cc", "bcc", "reply_to"):
        people = _people(email, field)
        if len(people) > MOST_RECIPIENTS:
            yield Refusal(422, "validation_error", f"Too many addresses in the `{field}` field: at most 50.")
        if not all(_PERSON.fullmatch(each) for each in people):
            yield Refusal(422, "validation_error", f"Invalid `{field}` field. {_FORMAT}")


def _judge_files(email: Mapping[str, Any]) -> Iterator[Refusal]:
    size = len(str(email.get("html") or "")) + len(str(email.get("text") or ""))
    for file in email.get("attachments") or []:
        if not (file.get("filename") and file.get("content")):
            yield Refusal(422, "invalid_attachment", "Attachment must have either a `content` or `path`.")
        try:
            size += len(_read_file(file)) * 4 // 3
        except (binascii.Error, ValueError):
            yield Refusal(422, "invalid_attachment", "The `content` of an attachment must be base64.")
    if size > LARGEST:
        yield _REFUSALS["oversize"]


_JUDGES = (_judge_fields, _judge_labels, _judge_people, _judge_files)


def _read_file(file: Mapping[str, Any]) -> bytes:
    """The bytes of an attachment: base64, or a list of numbers, as Resend's SDK for Python hands over bytes."""
    content = file.get("content")
    return bytes(content) if isinstance(content, list) else base64.b64decode(str(content), validate=True)


def _is_lost(file: Mapping[str, Any]) -> bool:
    kind, guessed = file.get("content_type"), _TYPES.guess_type(str(file["filename"]))[0]
    return bool(kind and guessed and kind != guessed)


def _write(email: Mapping[str, Any]) -> bytes:
    """The email as it would arrive."""
    headers = [("From", str(email["from"])), ("Subject", str(email["subject"]))]
    fields = (("To", "to"), ("Cc", "cc"), ("Reply-To", "reply_to"))
    headers += [(name, ", ".join(_people(email, field))) for name, field in fields if email.get(field)]
    headers += list((email.get("headers") or {}).items())
    files = [
        (
            str(file["filename"]),
            str(file.get("content_type") or _TYPES.guess_type(str(file["filename"]))[0] or "application/octet-stream"),
            _read_file(file),
            str(file.get("content_id") or ""),
        )
        for file in email.get("attachments") or []
    ]
    return write_mail(headers, str(email.get("text") or ""), str(email.get("html") or ""), files)
