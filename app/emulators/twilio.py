"""A Twilio that delivers nowhere: Messages and Accounts of the REST API of 2010-04-01."""

import base64
import hmac
import re
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import partial
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlencode, urlsplit

from app.emulators.callbacks import Receipt
from app.emulators.faults import Faults
from app.emulators.gsm import count_parts, is_plain
from app.emulators.outbox import Names, Outbox
from app.emulators.serving import Answer, HttpCall, HttpEmulator

LONGEST = 1600
ACCOUNT = "AC00000000000000000000000000000000"
_E164 = re.compile(r"\+[1-9]\d{6,14}")
_SENDER = re.compile(r"\+[1-9]\d{6,14}|\d{3,8}|[A-Za-z0-9 ]{1,11}")
_SERVICE = re.compile(r"MG[0-9a-f]{32}", re.IGNORECASE)
_PLACE = re.compile(
    r"/Accounts/(?P<sid>AC[0-9a-fA-F]{32})(?P<what>/Messages|/Balance|/IncomingPhoneNumbers|/SMS/ShortCodes)?\.json"
)
# Senders of Twilio's own test mode that it refuses.
_BAD_SENDERS = {"+15005550001": 21212, "+15005550007": 21606, "+15005550008": 21611}
_BAD_NUMBERS = {"+15005550002": 21612, "+15005550003": 21408}
_WORDS = {
    20003: (401, "Authenticate"),
    20404: (404, "The requested resource was not found"),
    20429: (429, "Too Many Requests"),
    20500: (500, "Internal Server Error"),
    20503: (503, "Service Unavailable"),
    21211: (400, "The 'To' number is not a valid phone number."),
    21212: (400, "The 'From' number is not a valid phone number, shortcode, or alphanumeric sender ID."),
    21408: (400, "Permission to send an SMS has not been enabled for the region indicated by the 'To' number."),
    21602: (400, "Message body is required."),
    21603: (400, "A 'From' phone number is required."),
    21604: (400, "A 'To' phone number is required."),
    21606: (400, "The 'From' phone number provided is not a valid message-capable Twilio phone number."),
    21610: (400, "Attempt to send to unsubscribed recipient"),
    21611: (429, "This 'From' number has exceeded the maximum number of queued messages"),
    21612: (400, "Message cannot be sent with the current combination of 'To' and/or 'From' parameters"),
    21614: (400, "'To' number is not a valid mobile number"),
    21617: (400, "The concatenated message body exceeds the 1600 character limit"),
}
_FAULTS = {
    "mailbox-unknown": 21211, "mailbox-disabled": 21614, "opted-out": 21610, "content-rejected": 21612,
    "oversize": 21617, "throttled": 20429, "server-error": 20500, "busy": 20503, "wrong-password": 20003,
    "sender-refused": 21606,
}  # fmt: skip


_MESSAGE = re.compile(r"/Accounts/(?P<sid>AC[0-9a-fA-F]{32})/Messages/(?P<message>SM[0-9a-f]{32})\.json")
MOST_KEPT = 1000  # messages that can be asked for


class TwilioEmulator(HttpEmulator):
    """Every account and every token will do, as long as they look like Twilio's and fit together."""

    kind: ClassVar[str] = "twilio"
    channel: ClassVar[str] = "sms"
    path: ClassVar[str] = "/2010-04-01"
    values: ClassVar[Mapping[str, Any]] = {"accountSid": ACCOUNT, "authToken": "{account}", "from": "+15005550006"}

    def __init__(self, outbox: Outbox, faults: Faults, *rest: Any) -> None:
        """As any emulator over HTTP; no message was sent yet."""
        super().__init__(outbox, faults, *rest)
        self._sent: dict[tuple[str, str], dict[str, Any]] = {}  # by account and number, the oldest first

    def account_of(self, call: HttpCall) -> str:
        """The auth token: in the Sandbox it is the project's name, and all share one Account SID."""
        return call.basic()[1]

    def recipients_of(self, call: HttpCall) -> Sequence[str]:
        """The number, when it sends."""
        return call.form().get("To", []) if call.method == "POST" else []

    def fail(self, fault: str, call: HttpCall) -> Answer | None:
        """Twilio's code and sentence."""
        return _error(_FAULTS[fault]) if fault in _FAULTS else None

    def answer(self, call: HttpCall) -> Answer:
        """Messages take a POST, accounts a GET."""
        place = _PLACE.fullmatch(call.path) or _MESSAGE.fullmatch(call.path)
        user, password = call.basic()
        if not user or not password:
            return _error(20003)
        if place is None or (user.startswith("AC") and user != place["sid"]):
            return _error(20404 if place is None else 20003)
        if place.re is _MESSAGE:
            found = self._sent.get((self._name_of(call), place["message"]))
            return Answer.json(200, found) if found and call.method == "GET" else _error(20404)
        if place["what"] == "/Messages":
            return self._take(call, place["sid"]) if call.method == "POST" else self._list(call)
        return _describe(place["what"], place["sid"], call) if call.method == "GET" else _error(20404)

    def _list(self, call: HttpCall) -> Answer:
        """What this account sent to a number, or to all, the newest first, on one page."""
        asked, name = call.params().get("To", [""])[0], self._name_of(call)
        found = [sent for (account, _), sent in self._sent.items() if account == name and asked in ("", sent["to"])]
        first = f"{self.path}{call.path}?Page=0"
        pages = {"page": 0, "page_size": len(found), "start": 0, "end": len(found), "uri": first}
        around = {"first_page_uri": first, "next_page_uri": None, "previous_page_uri": None}
        return Answer.json(200, {**pages, **around, "messages": found[::-1]})

    def _take(self, call: HttpCall, sid: str) -> Answer:
        form = {name: values[0] for name, values in call.form().items()}
        code = _judge(form)
        if code:
            return _error(code)
        body, sender = form["Body"], form.get("From") or form["MessagingServiceSid"]
        message = f"SM{secrets.token_hex(16)}"
        self.keep(call, sender, [form["To"]], body[:80], body.encode(), Names(_reference(form)))
        if form.get("StatusCallback"):
            told = [_receipt(form, sid, message, status, call.basic()[1]) for status in ("queued", "sent", "delivered")]
            later = {"late-bounce": partial(_receipt, form, sid, message, "undelivered", call.basic()[1])}
            self.tell(call, form["To"], told, later)
        now = format_datetime(datetime.now(UTC))  # noqa: TID251 - nothing of Carillon's is here
        said: dict[str, Any] = {
            "sid": message, "account_sid": sid, "api_version": "2010-04-01", "to": form["To"],
            "from": form.get("From"), "messaging_service_sid": form.get("MessagingServiceSid"), "body": body,
            "status": "accepted" if "MessagingServiceSid" in form else "queued", "direction": "outbound-api",
            "num_segments": str(count_parts(body, is_unicode=not is_plain(body))), "num_media": "0", "price": None,
            "price_unit": "USD", "error_code": None, "error_message": None, "date_created": now,
            "date_updated": now, "date_sent": None, "subresource_uris": {},
            "uri": f"/2010-04-01/Accounts/{sid}/Messages/{message}.json",
        }  # fmt: skip
        if not self._is_lying:
            self._sent[self._name_of(call), message] = {**said, "status": "delivered", "date_sent": now}
            while len(self._sent) > MOST_KEPT:
                del self._sent[next(iter(self._sent))]
        return Answer.json(201, said)


EMULATOR = TwilioEmulator


def _describe(what: str | None, sid: str, call: HttpCall) -> Answer:
    """The account, its balance, and its senders: every number but those of the test mode."""
    match what:
        case None:
            return Answer.json(200, {"sid": sid, "friendly_name": "Emulated", "status": "active", "type": "Full"})
        case "/Balance":
            return Answer.json(200, {"account_sid": sid, "balance": "10.28", "currency": "USD"})
        case "/IncomingPhoneNumbers":
            asked = call.params().get("PhoneNumber", [""])[0]
            number = {"phone_number": asked, "capabilities": {"voice": True, "sms": True, "mms": True}}
            return Answer.json(200, {"incoming_phone_numbers": [] if asked in _BAD_SENDERS else [number]})
        case _:
            return Answer.json(200, {"short_codes": [{"short_code": call.params().get("ShortCode", [""])[0]}]})


def _judge(form: Mapping[str, str]) -> int:
    """The code of what is wrong with a message; 0 when it is fine."""
    number, body = form.get("To", ""), form.get("Body", "")
    sender, service = form.get("From", ""), form.get("MessagingServiceSid", "")
    problems = (
        (21604, not number),
        (21603, not sender and not service),
        (21602, not body),
        (21617, len(body) > LONGEST),
        (21211, not _E164.fullmatch(number)),
        (_BAD_NUMBERS.get(number, 0), True),
        (_BAD_SENDERS.get(sender, 0), True),
        (21212, bool(sender) and not _SENDER.fullmatch(sender)),
        (21705, bool(service) and not _SERVICE.fullmatch(service)),
    )
    return next((code for code, is_so in problems if code and is_so), 0)


def _reference(form: Mapping[str, str]) -> str:
    """What the sender has itself told with the receipts: Twilio has no field of its own for it."""
    return parse_qs(urlsplit(form.get("StatusCallback", "")).query).get("delivery", [""])[0]


def _receipt(form: Mapping[str, str], account: str, message: str, status: str, token: str) -> Receipt:
    """A status callback, signed: HMAC-SHA1 over the address and the sorted fields, in base64."""
    fields = {
        "AccountSid": account, "ApiVersion": "2010-04-01", "From": form.get("From", ""), "MessageSid": message,
        "MessageStatus": status, "SmsSid": message, "SmsStatus": status, "To": form["To"],
    }  # fmt: skip
    if status == "undelivered":
        fields |= {"ErrorCode": "30005", "ErrorMessage": "Unknown destination handset"}
    signed = form["StatusCallback"] + "".join(f"{name}{fields[name]}" for name in sorted(fields))
    signature = base64.b64encode(hmac.digest(token.encode(), signed.encode(), "sha1")).decode()
    headers = {"content-type": "application/x-www-form-urlencoded", "x-twilio-signature": signature}
    return Receipt(form["StatusCallback"], urlencode(fields).encode(), headers)


def _error(code: int) -> Answer:
    status, words = _WORDS.get(code, (400, "The request cannot be taken."))
    about = f"https://www.twilio.com/docs/errors/{code}"
    return Answer.json(status, {"code": code, "message": words, "more_info": about, "status": status})
