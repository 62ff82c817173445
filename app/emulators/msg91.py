"""An MSG91 that delivers nowhere: its Flow API, with templates that hold nothing but their variables."""

import re
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from app.emulators.serving import Answer, HttpCall, HttpEmulator

TEMPLATE = "0123456789abcdef01234567"
LONGEST = 1530  # characters: ten parts
_TEMPLATE = re.compile(r"[0-9a-f]{24}", re.IGNORECASE)
_NUMBER = re.compile(r"[1-9]\d{6,14}")
_REFERENCE = re.compile(r"[A-Za-z0-9_.-]{1,80}")
_NO_VARIABLES = ("mobiles", "CRQID", "UUID", "clientId")
# Fault: HTTP status, code (often MSG91 has none), sentence.
_FAULTS: dict[str, tuple[int, str, str]] = {
    "mailbox-unknown": (200, "202", "Invalid mobile number"),
    "mailbox-disabled": (200, "202", "Invalid mobile number"),
    "content-rejected": (200, "", "Your message was rejected"),
    "oversize": (400, "310", "SMS is too long"),
    "wrong-password": (200, "201", "authentication failure"),
    "expired-token": (401, "207", "AuthKey invalid"),
    "sender-refused": (200, "203", "Invalid sender ID"),
    "throttled": (429, "", "Too many requests"),
    "server-error": (500, "", "Something went wrong"),
    "busy": (503, "", "Service unavailable"),
}


class Msg91Emulator(HttpEmulator):
    """Every auth key and every template will do; errors come with HTTP 200 as well, as from MSG91."""

    kind: ClassVar[str] = "msg91"
    channel: ClassVar[str] = "sms"
    path: ClassVar[str] = "/api/v5"
    values: ClassVar[Mapping[str, Any]] = {"templateId": TEMPLATE, "senderId": "CARILN", "authKey": "{account}"}

    def account_of(self, call: HttpCall) -> str:
        """The auth key: in the Sandbox it is the project's name."""
        return call.headers.get("authkey", "")

    def recipients_of(self, call: HttpCall) -> Sequence[str]:
        """The numbers, with the plus that MSG91 leaves out."""
        return [f"+{each.get('mobiles', '')}" for each in _recipients(call)]

    def fail(self, fault: str, call: HttpCall) -> Answer | None:
        """MSG91's own words."""
        return _refuse(*_FAULTS[fault]) if fault in _FAULTS else None

    def answer(self, call: HttpCall) -> Answer:
        """Flows take a POST."""
        if (call.method, call.path.rstrip("/")) != ("POST", "/flow"):
            return _refuse(404, "", "Not found")
        if not self.account_of(call):
            return _refuse(401, "106", "AuthKey missing")
        flow = call.json()
        if not isinstance(flow, dict):
            return _refuse(400, "", "The body is no JSON")
        problem = _judge(flow, _recipients(call))
        if problem is not None:
            return problem
        for each in _recipients(call):
            text = _fill(each)
            self.keep(call, str(flow.get("sender") or ""), [f"+{each['mobiles']}"], text[:80], text.encode())
        return Answer.json(200, {"type": "success", "message": secrets.token_hex(12)})


EMULATOR = Msg91Emulator


def _recipients(call: HttpCall) -> list[dict[str, Any]]:
    """The recipients of a flow that have the form of one."""
    flow = call.json()
    found = flow.get("recipients") if isinstance(flow, dict) else None
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _judge(flow: Mapping[str, Any], people: Sequence[Mapping[str, Any]]) -> Answer | None:
    """What MSG91 says to a flow that it does not take; None when it is fine. One bad number refuses all."""
    template = str(flow.get("template_id") or flow.get("flow_id") or "")
    references = [str(flow[name]) for name in ("CRQID", "UUID", "clientId") if name in flow]
    problems = (
        (400, "211", "Template ID missing or invalid", not _TEMPLATE.fullmatch(template)),
        (400, "", "Recipients missing", not people),
        (200, "202", "Invalid mobile number", any(not _NUMBER.fullmatch(str(each.get("mobiles"))) for each in people)),
        (400, "", "CRQID has signs that are not allowed", not all(_REFERENCE.fullmatch(each) for each in references)),
        (400, "310", "SMS is too long", any(len(_fill(each)) > LONGEST for each in people)),
    )
    return next((_refuse(status, code, words) for status, code, words, is_so in problems if is_so), None)


def _fill(person: Mapping[str, Any]) -> str:
    """What the phone shows: the template's variables, one below the other."""
    return "\n".join(str(value) for name, value in person.items() if name not in _NO_VARIABLES)


def _refuse(status: int, code: str, words: str) -> Answer:
    return Answer.json(status, {"type": "error", "message": words, **({"code": code} if code else {})})
