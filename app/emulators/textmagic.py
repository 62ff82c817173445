"""A Textmagic that delivers nowhere: messages, the user and the addresses for callbacks of its API, version 2."""

import re
import secrets
import ssl
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, ClassVar
from urllib.parse import urlencode

from app.emulators.callbacks import Receipt
from app.emulators.faults import Faults
from app.emulators.gsm import count_parts, is_plain
from app.emulators.outbox import Names, Outbox
from app.emulators.serving import Answer, HttpCall, HttpEmulator

MOST_PARTS = 6
MOST_NUMBERS = 1000  # more of them become a bulk, which is worked on later
_NUMBER = re.compile(r"\+?[1-9]\d{6,14}")
_SENDER = re.compile(r"\d{3,15}|[A-Za-z0-9 .&_-]{1,11}")
_SOURCES = {"dedicated": ["15005550006"], "user": [], "shared": ["447624800500"], "senderIds": ["Carillon"]}
_FIELD_FAULTS = {
    "mailbox-unknown": ("phones", "Phone number is not valid."),
    "mailbox-disabled": ("phones", "Phone number is not valid."),
    "opted-out": ("phones", "Phone number is unsubscribed."),
    "content-rejected": ("text", "Message text is not allowed."),
    "oversize": ("partsCount", "Message is too long."),
    "sender-refused": ("from", "Sender ID is not allowed."),
}
_FAULTS = {
    "wrong-password": (401, "Unauthorized"),
    "throttled": (429, "Too Many Requests"),
    "server-error": (500, "Internal Server Error"),
    "busy": (503, "Service Unavailable"),
}


class TextmagicEmulator(HttpEmulator):
    """Every name and every key will do."""

    kind: ClassVar[str] = "textmagic"
    channel: ClassVar[str] = "sms"
    path: ClassVar[str] = "/api/v2"
    spared_paths: ClassVar[frozenset[str]] = frozenset(["/callback/settings"])
    values: ClassVar[Mapping[str, Any]] = {"username": "carillon", "apiKey": "{account}", "from": "+15005550006"}

    def __init__(self, outbox: Outbox, faults: Faults, tls: ssl.SSLContext | None = None) -> None:
        """As any emulator over HTTP; nobody listens for receipts yet."""
        super().__init__(outbox, faults, tls)
        self._listeners: dict[str, str] = {}  # where the receipts of an account go

    def account_of(self, call: HttpCall) -> str:
        """The key: in the Sandbox it is the project's name."""
        return call.headers.get("x-tm-key", "") or call.basic()[1]

    def recipients_of(self, call: HttpCall) -> Sequence[str]:
        """The numbers, with their plus."""
        return [f"+{each.lstrip('+')}" for each in _numbers(_fields(call))] if call.method == "POST" else []

    def fail(self, fault: str, call: HttpCall) -> Answer | None:
        """Textmagic's own words."""
        if fault in _FIELD_FAULTS:
            name, words = _FIELD_FAULTS[fault]
            return _refuse({name: [words]})
        return _say(*_FAULTS[fault]) if fault in _FAULTS else None

    def answer(self, call: HttpCall) -> Answer:
        """Messages take a POST, the user a GET, the settings of callbacks a PUT."""
        name = call.headers.get("x-tm-username", "") or call.basic()[0]
        if not name or not self.account_of(call):
            return _say(401, "Unauthorized")
        match call.method, call.path:
            case "POST", "/messages":
                return self._take(call)
            case "GET", "/user":
                return Answer.json(200, _describe(name))
            case "GET", "/sources":
                return Answer.json(200, _SOURCES)
            case "PUT", "/callback/settings":
                return self._listen(call)
            case _:
                return _say(404, "Not Found")

    def _listen(self, call: HttpCall) -> Answer:
        """Keep where receipts of this account go."""
        fields = _fields(call)
        if fields.get("format", "u") not in ("m", "u", "j"):
            return _refuse({"format": ["This value is not valid."]})
        self._listeners[self._name_of(call)] = fields.get("outUrl", "")
        return Answer(204)

    def _take(self, call: HttpCall) -> Answer:
        fields = _fields(call)
        wrong = _judge(fields)
        if wrong:
            return _refuse(wrong)
        numbers, text = _numbers(fields), fields["text"]
        sender = fields.get("from", "") if _SENDER.fullmatch(fields.get("from", "")) else "447624800500"
        people, own = [f"+{each.lstrip('+')}" for each in numbers], str(fields.get("referenceId") or "")
        self.keep(call, sender, people, text[:80], text.encode(), Names(own))
        kind = "message" if len(numbers) == 1 else "session" if len(numbers) <= MOST_NUMBERS else "bulk"
        number = 1_000_000_000 + secrets.randbelow(1_000_000_000)
        address = self._listeners.get(self._name_of(call), "")
        if address and kind == "message":
            told = [_receipt(address, number, numbers[0], status) for status in ("a", "d")]
            later = {"late-bounce": partial(_receipt, address, number, numbers[0], "f")}
            self.tell(call, f"+{numbers[0].lstrip('+')}", told, later)
        ids = dict.fromkeys(("messageId", "sessionId", "bulkId", "scheduleId", "chatId"))
        place = {"message": "messages", "session": "sessions", "bulk": "bulks"}[kind]
        answer = {**ids, f"{kind}Id": number, "id": number, "href": f"/api/v2/{place}/{number}", "type": kind}
        if kind == "message":
            answer["sessionId"] = number + 1
        return Answer.json(201, answer)


EMULATOR = TextmagicEmulator


def _fields(call: HttpCall) -> dict[str, str]:
    """The fields of a request, in JSON or as a form."""
    document = call.json() if call.headers.get("content-type", "").startswith("application/json") else None
    if isinstance(document, dict):
        return {name: str(value) for name, value in document.items() if value is not None}
    return {name: values[0] for name, values in call.form().items()}


def _numbers(fields: Mapping[str, str]) -> list[str]:
    return [each.strip() for each in fields.get("phones", "").split(",") if each.strip()]


def _judge(fields: Mapping[str, str]) -> dict[str, list[str]]:
    """What is wrong, by field; one bad number refuses all."""
    wrong: dict[str, list[str]] = {}
    text, parts, reference = fields.get("text", ""), fields.get("partsCount", "6"), fields.get("referenceId", "0")
    if not text and not fields.get("templateId"):
        wrong["text"] = ["This value should not be blank."]
    if not _numbers(fields) and not fields.get("contacts") and not fields.get("lists"):
        wrong["phones"] = ["At least one recipient is needed."]
    if not all(_NUMBER.fullmatch(each) for each in _numbers(fields)):
        wrong["phones"] = ["Phone number is not valid."]
    if not reference.isdigit():
        wrong["referenceId"] = ["This value should be of type integer."]
    if not parts.isdigit() or not 1 <= int(parts) <= MOST_PARTS:
        wrong["partsCount"] = ["This value should be between 1 and 6."]
    elif not _may_cut(fields) and count_parts(text, is_unicode=not is_plain(text)) > int(parts):
        wrong["partsCount"] = ["Message is too long."]
    return wrong


def _may_cut(fields: Mapping[str, str]) -> bool:
    return fields.get("cutExtra", "0").lower() in ("1", "true")


def _receipt(address: str, number: int, phone: str, status: str) -> Receipt:
    """A callback as a form; nothing is signed."""
    moment = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S+0000}"  # noqa: TID251 - nothing of Carillon's is here
    fields = {"id": str(number), "status": status, "phone": phone, "messageTime": moment}
    return Receipt(address, urlencode(fields).encode(), {"content-type": "application/x-www-form-urlencoded"})


def _describe(name: str) -> dict[str, Any]:
    return {
        "id": 1, "username": name, "firstName": "Carla", "lastName": "Rillon", "email": "carla@example.com",
        "status": "A", "balance": 25.5, "phone": "447700900123", "company": "Acme", "subaccountType": "P",
        "currency": {"id": "GBP", "htmlSymbol": "&pound;"}, "country": {"id": "GB", "name": "United Kingdom"},
    }  # fmt: skip


def _refuse(fields: Mapping[str, list[str]]) -> Answer:
    return Answer.json(400, {"code": 400, "message": "Validation Failed", "errors": {"common": [], "fields": fields}})


def _say(status: int, message: str) -> Answer:
    return Answer.json(status, {"code": status, "message": message})
