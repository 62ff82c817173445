"""A Vonage that delivers nowhere: the SMS API and the balance of the account."""

import hmac
import json
import re
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, ClassVar

from app.emulators.callbacks import Receipt
from app.emulators.gsm import count_parts, is_plain, mangle
from app.emulators.outbox import Names
from app.emulators.serving import Answer, HttpCall, HttpEmulator

SIGNED_KEY = "signed12"  # the key of an account whose webhooks are signed, with HMAC-SHA256 and this secret:
SIGNATURE_SECRET = "a-signature-secret-of-the-sandbox"  # noqa: S105 - it opens nothing
LONGEST = 3200  # characters; Vonage says only that there is an end
LONGEST_REFERENCE = LONGEST_CALLBACK = 100
_NUMBER = re.compile(r"[1-9]\d{6,14}")
_SENDER = re.compile(r"\d{3,15}|[A-Za-z0-9 ._&-]{1,11}")
_TYPES = ("text", "unicode", "binary")
_TTL = (20_000, 604_800_000)  # milliseconds
_WORDS = {
    "1": "Throughput Rate Exceeded - please wait [ 250 ] and retry",
    "4": "Bad Credentials",
    "5": "Internal Error",
    "6": "Unroutable message - rejected",
    "7": "Number barred",
    "12": "Message too long",
    "15": "Illegal Sender Address - rejected",
    "17": "Blocked by provider",
    "32": "Signature and API secret disallowed",
    "33": "Number De-activated",
}
_FAULTS = {
    "mailbox-unknown": "6", "mailbox-disabled": "33", "opted-out": "7", "content-rejected": "17", "oversize": "12",
    "throttled": "1", "server-error": "5", "wrong-password": "4", "sender-refused": "15",
}  # fmt: skip


class VonageEmulator(HttpEmulator):
    """Every key and every secret will do; it says 200 to nearly everything, as Vonage does."""

    kind: ClassVar[str] = "vonage"
    channel: ClassVar[str] = "sms"
    values: ClassVar[Mapping[str, Any]] = {"apiKey": "abcd1234", "apiSecret": "{account}", "from": "+15005550006"}

    def account_of(self, call: HttpCall) -> str:
        """The secret: in the Sandbox it is the project's name, and all share one key."""
        return _credentials(call)[1]

    def recipients_of(self, call: HttpCall) -> Sequence[str]:
        """The number, with the plus that Vonage leaves out."""
        return [f"+{each}" for each in _fields(call).get("to", [])] if call.method == "POST" else []

    def fail(self, fault: str, call: HttpCall) -> Answer | None:
        """Vonage's status and sentence; where no message is sent, an HTTP status says no."""
        if fault not in _FAULTS:
            return None
        if call.path == "/sms/json":
            return _error(_FAULTS[fault])
        return _no_entry() if fault == "wrong-password" else None

    def answer(self, call: HttpCall) -> Answer:
        """Messages and the balance."""
        key, secret = _credentials(call)
        if call.path == "/account/get-balance":
            return Answer.json(200, {"value": 10.28, "autoReload": False}) if key and secret else _no_entry()
        if call.path == "/account/numbers":
            return _list_numbers(call.params().get("pattern", [""])[0]) if key and secret else _no_entry()
        if call.path != "/sms/json":
            return Answer(404, b"Not found", {"content-type": "text/plain"})
        form = {name: values[0] for name, values in _fields(call).items()} | {
            name: values[0] for name, values in call.params().items()
        }
        if "sig" in form and secret:
            return _error("32")
        if not key or not secret:
            return _error("4") if key or secret else _error("2", "Missing Credentials")
        return self._take(call, form, key)

    def _take(self, call: HttpCall, form: Mapping[str, str], key: str) -> Answer:
        status, words = _judge(form)
        if status:
            return _error(status, words)
        is_unicode = form.get("type") == "unicode"
        text = form["text"] if is_unicode or is_plain(form["text"]) else mangle(form["text"])
        own = Names(form.get("client-ref", ""))
        self.keep(call, form["from"], [f"+{form['to']}"], text[:80], text.encode(), own)
        ids = [secrets.token_hex(8).upper() for _ in range(count_parts(text, is_unicode=is_unicode))]
        if form.get("callback") and form.get("status-report-req", "true") not in ("0", "false"):
            told = [_receipt(form, key, each, status) for status in ("accepted", "delivered") for each in ids]
            later = {"late-bounce": partial(_receipt, form, key, ids[0], "failed")}
            self.tell(call, f"+{form['to']}", told, later)
        reference = {"client-ref": form["client-ref"]} if "client-ref" in form else {}
        parts = [
            {
                "to": form["to"], "message-id": each, "status": "0", "remaining-balance": "10.28",
                "message-price": "0.03330000", "network": "12345", **reference,
            }
            for each in ids
        ]  # fmt: skip
        return Answer.json(200, {"message-count": str(len(parts)), "messages": parts})


EMULATOR = VonageEmulator


def _list_numbers(pattern: str) -> Answer:
    """The numbers of the account with these digits: every one but `15005550007`, as Vonage says none."""
    if not _NUMBER.fullmatch(pattern) or pattern == "15005550007":
        return Answer.json(200, {})
    number = {"country": "US", "msisdn": pattern, "type": "mobile-lvn", "features": ["VOICE", "SMS"]}
    return Answer.json(200, {"count": 1, "numbers": [number]})


def _fields(call: HttpCall) -> dict[str, list[str]]:
    """The fields of the body: a form, or JSON, as Vonage's SDK for Node sends it."""
    if not call.headers.get("content-type", "").startswith("application/json"):
        return call.form()
    document = call.json()
    return {name: [str(value)] for name, value in document.items()} if isinstance(document, dict) else {}


def _credentials(call: HttpCall) -> tuple[str, str]:
    """Key and secret: HTTP Basic, else the fields of the form or the query."""
    key, secret = call.basic()
    fields = _fields(call) | call.params()
    return key or fields.get("api_key", [""])[0], secret or fields.get("api_secret", [""])[0]


def _judge(form: Mapping[str, str]) -> tuple[str, str]:
    """Status and sentence of what is wrong with a message; empty when it is fine."""
    kind, text, life = form.get("type", "text"), form.get("text", ""), form.get("ttl", str(_TTL[0]))
    missing = [
        name for name in ("to", "from", "text") if not form.get(name) and not (name == "text" and "body" in form)
    ]
    if missing:
        return "2", f"Missing {missing[0]} param"
    bad = (
        ("to", not _NUMBER.fullmatch(form["to"])),
        ("type", kind not in _TYPES),
        ("ttl", not life.isdigit() or not _TTL[0] <= int(life) <= _TTL[1]),
        ("client-ref", len(form.get("client-ref", "")) > LONGEST_REFERENCE),
        ("callback", len(form.get("callback", "")) > LONGEST_CALLBACK),
    )
    wrong = [name for name, is_so in bad if is_so]
    if wrong:
        return "3", f"Invalid value for param: {wrong[0]}"
    if not _SENDER.fullmatch(form["from"]):
        return "15", _WORDS["15"]
    return ("12", _WORDS["12"]) if len(text) > LONGEST else ("", "")


def _receipt(form: Mapping[str, str], key: str, number: str, status: str) -> Receipt:
    """A delivery receipt as a POST of JSON; unsigned, unless it is that of the account with `SIGNED_KEY`."""
    now = datetime.now(UTC)  # noqa: TID251 - nothing of Carillon's is here
    fields = {
        "msisdn": form["to"], "to": form["from"], "network-code": "12345", "messageId": number, "price": "0.03330000",
        "status": status, "scts": f"{now:%y%m%d%H%M}", "err-code": "3" if status == "failed" else "0", "api-key": key,
        "client-ref": form.get("client-ref", ""), "message-timestamp": f"{now:%Y-%m-%d %H:%M:%S}",
    }  # fmt: skip
    if key == SIGNED_KEY:
        fields |= {"timestamp": str(int(now.timestamp())), "nonce": secrets.token_hex(16)}
        signed = "".join(f"&{name}={re.sub('[&=]', '_', fields[name])}" for name in sorted(fields))
        fields["sig"] = hmac.digest(SIGNATURE_SECRET.encode(), signed.encode(), "sha256").hex()
    return Receipt(form["callback"], json.dumps(fields).encode(), {"content-type": "application/json"})


def _error(status: str, words: str = "") -> Answer:
    part = {"status": status, "error-text": words or _WORDS[status]}
    return Answer.json(200, {"message-count": "1", "messages": [part]})


def _no_entry() -> Answer:
    return Answer.json(401, {"error-code": "401", "error-code-label": "authentication failed"})
