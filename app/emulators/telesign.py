"""A Telesign that delivers nowhere: sending one message and asking for its status."""

import base64
import binascii
import hmac
import json
import re
import secrets
import ssl
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, ClassVar

from app.emulators.callbacks import Receipt
from app.emulators.faults import Faults
from app.emulators.outbox import Names, Outbox
from app.emulators.serving import Answer, HttpCall, HttpEmulator

LONGEST = 1600
LONGEST_SENDER = 20
KEY = "dGVsZXNpZ24tdGVzdC1rZXktMDEyMzQ1Njc4OWFiY2Q="
IN_PROGRESS, SENT, DELIVERED, NO_SUCH_NUMBER = 290, 203, 200, 504
_NUMBER = re.compile(r"[1-9]\d{6,14}")
_STATUS = re.compile(r"/v1/messaging/(?P<reference>[0-9A-Fa-f]{32})")
_TYPES = ("OTP", "ARN", "MKT")
_WORDS = {
    DELIVERED: "Delivered to handset",
    SENT: "Delivered to gateway",
    IN_PROGRESS: "Message in progress",
    NO_SUCH_NUMBER: "Handset cannot be reached, the number does not exist",
}
_BAD_PARAMETER = "Invalid value for parameter {}."
# Fault: HTTP status, code of the status, its sentence.
_FAULTS = {
    "mailbox-unknown": (400, 11000, _BAD_PARAMETER.format("phone_number")),
    "mailbox-disabled": (200, NO_SUCH_NUMBER, _WORDS[NO_SUCH_NUMBER]),
    "opted-out": (200, 510, "The subscriber has opted out"),
    "content-rejected": (200, 515, "Content is not supported"),
    "oversize": (400, 11001, _BAD_PARAMETER.format("message")),
    "sender-refused": (200, 502, "The sender ID is not allowed"),
    "wrong-password": (401, 10022, "Invalid API key."),
    "throttled": (429, 10019, "Rate limit exceeded."),
}
_TROUBLE = {"server-error": 500, "busy": 503}


class TelesignEmulator(HttpEmulator):
    """Every customer and every key will do with HTTP Basic; who signs, as the SDKs do, signs with the Sandbox's key."""

    kind: ClassVar[str] = "telesign"
    channel: ClassVar[str] = "sms"
    values: ClassVar[Mapping[str, Any]] = {"customerId": "{account}", "apiKey": KEY, "from": "+15005550006"}

    def __init__(self, outbox: Outbox, faults: Faults, tls: ssl.SSLContext | None = None) -> None:
        """As any emulator over HTTP; no message was sent yet."""
        super().__init__(outbox, faults, tls)
        self._sent: set[str] = set()

    def account_of(self, call: HttpCall) -> str:
        """The customer: in the Sandbox it is the project's name."""
        return _credentials(call)[0]

    def recipients_of(self, call: HttpCall) -> Sequence[str]:
        """The number, with the plus that Telesign does not take."""
        return [f"+{each}" for each in call.form().get("phone_number", [])] if call.method == "POST" else []

    def fail(self, fault: str, call: HttpCall) -> Answer | None:
        """Telesign's code and sentence."""
        if fault in _TROUBLE:
            errors = [{"code": -90001, "description": "Unable to process your request at this time."}]
            return _say(_TROUBLE[fault], 500, "Transaction not attempted", errors=errors)
        return _say(*_FAULTS[fault]) if fault in _FAULTS else None

    def answer(self, call: HttpCall) -> Answer:
        """Sending takes a POST, a status a GET."""
        customer, key = _credentials(call)
        if not customer or not key:
            return _say(401, 10028 if not customer else 10022, "Invalid Authorization header.")
        if (call.method, call.path) == ("POST", "/v1/messaging"):
            return self._take(call)
        place = _STATUS.fullmatch(call.path)
        if call.method != "GET" or place is None:
            return _say(404, 10035, "No resource can be found for the URL and method.")
        if place["reference"].upper() not in self._sent:
            return _say(400, 11009, _BAD_PARAMETER.format("reference_id"))
        return _say(200, DELIVERED, _WORDS[DELIVERED], reference_id=place["reference"].upper())

    def _take(self, call: HttpCall) -> Answer:
        form = {name: values[0] for name, values in call.form().items()}
        code, name = _judge(form)
        if code:
            return _say(400, code, _BAD_PARAMETER.format(name))
        number, text, reference = f"+{form['phone_number']}", form["message"], secrets.token_hex(16).upper()
        self._sent.add(reference)
        own = form.get("external_id", "")
        self.keep(call, form.get("sender_id", "TELESIGN"), [number], text[:80], text.encode(), Names(own))
        if form.get("callback_url"):
            told = [_receipt(form, _credentials(call), reference, code) for code in (SENT, DELIVERED)]
            later = {"late-bounce": partial(_receipt, form, _credentials(call), reference, NO_SUCH_NUMBER)}
            self.tell(call, number, told, later)
        external = {"external_id": form.get("external_id")}
        return _say(200, IN_PROGRESS, _WORDS[IN_PROGRESS], reference_id=reference, **external)


EMULATOR = TelesignEmulator


def _judge(form: Mapping[str, str]) -> tuple[int, str]:
    """Code and parameter of what is wrong with a message; 0 when it is fine. Only 11000 is known to be Telesign's."""
    text = form.get("message", "")
    problems = (
        (11000, "phone_number", not _NUMBER.fullmatch(form.get("phone_number", ""))),
        (11001, "message", not text or len(text) > LONGEST),
        (11002, "message_type", form.get("message_type") not in _TYPES),
        (11004, "sender_id", len(form.get("sender_id", "")) > LONGEST_SENDER),
    )
    return next(((code, name) for code, name, is_so in problems if is_so), (0, ""))


def _receipt(form: Mapping[str, str], who: tuple[str, str], reference: str, code: int) -> Receipt:
    """A delivery report, signed: HMAC-SHA256 over the body with the key as it is before base64."""
    now = _now()
    body = json.dumps(
        {
            "reference_id": reference, "sub_resource": "sms", "errors": [], "submit_timestamp": now,
            "status": {"code": code, "description": _WORDS[code], "updated_on": now},
            "external_id": form.get("external_id"),
        }
    ).encode()  # fmt: skip
    customer, key = who
    signature = base64.b64encode(hmac.digest(_secret_of(key), body, "sha256")).decode()
    proof = f"TSA {customer}:{signature}"
    headers = {"content-type": "application/json", "authorization": proof, "x-ts-authorization": proof}
    return Receipt(form["callback_url"], body, headers)


def _credentials(call: HttpCall) -> tuple[str, str]:
    """Customer and key: HTTP Basic, else a signature that is right; no key for one that is wrong."""
    customer, _, signature = call.headers.get("authorization", "").removeprefix("TSA ").partition(":")
    if not call.headers.get("authorization", "").startswith("TSA "):
        return call.basic()
    right = base64.b64encode(hmac.digest(_secret_of(KEY), _signed(call), "sha256")).decode()
    return customer, KEY if hmac.compare_digest(right.encode(), signature.encode()) else ""


def _signed(call: HttpCall) -> bytes:
    """What a request's signature covers; `x-ts-date` stands in for the date where it is given."""
    named = sorted(name for name in call.headers if name in ("x-ts-auth-method", "x-ts-date", "x-ts-nonce"))
    date = "" if "x-ts-date" in named else call.headers.get("date", "")
    lines = [call.method, call.headers.get("content-type", ""), date]
    lines += [f"{name}:{call.headers[name]}" for name in named]
    fields = [call.body] if call.body else []
    return b"\n".join([*(line.encode() for line in lines), *fields, call.target.encode()])


def _secret_of(key: str) -> bytes:
    """The bytes of a key; one that is no base64 stands for itself."""
    try:
        return base64.b64decode(key, validate=True)
    except binascii.Error:
        return key.encode()


def _now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"  # noqa: TID251 - nothing of Carillon's is here


def _say(status: int, code: int, words: str, **more: Any) -> Answer:
    about = {"code": code, "description": words, "updated_on": _now()}
    return Answer.json(status, {"reference_id": None, "external_id": None, "status": about, **more})
