"""An MSG91 that delivers nowhere: its Flow API, with templates that hold nothing but their variables; its webhooks."""

import json
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, ClassVar
from urllib.parse import urlencode

from app.emulators.callbacks import Receipt
from app.emulators.faults import Faults
from app.emulators.outbox import Names, Outbox
from app.emulators.serving import Answer, HttpCall, HttpEmulator

CONSOLE = "/console"
TEMPLATE = "0123456789abcdef01234567"
LONGEST = 1530  # characters: ten parts
_TEMPLATE = re.compile(r"[0-9a-f]{24}", re.IGNORECASE)
_NUMBER = re.compile(r"[1-9]\d{6,14}")
_REFERENCE = re.compile(r"[A-Za-z0-9_.-]{1,80}")
_NO_VARIABLES = ("mobiles", "CRQID", "UUID", "clientId")
_OF_FLOWS = ("template_id", "flow_id", "sender", "short_url", "mobile")
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
    """Every auth key and every template will do; errors come with HTTP 200 as well, as from MSG91.

    MSG91 has no interface for webhooks, so they are made in its console: a POST of `url` and, unless it is the newest,
    `version` (`v2`, `v3`, `v4`, `new`).
    """

    kind: ClassVar[str] = "msg91"
    channel: ClassVar[str] = "sms"
    path: ClassVar[str] = "/api/v5"
    values: ClassVar[Mapping[str, Any]] = {"templateId": TEMPLATE, "senderId": "CARILN", "authKey": "{account}"}
    spared_paths: ClassVar[frozenset[str]] = frozenset([CONSOLE])

    def __init__(self, outbox: Outbox, faults: Faults, *rest: Any) -> None:
        """As any emulator over HTTP; there is no webhook yet."""
        super().__init__(outbox, faults, *rest)
        self._webhooks: dict[str, tuple[str, str]] = {}  # where the reports of an account go, and in which version

    def side_urls(self) -> dict[str, str]:
        """The console of an account."""
        return {"console": self.url.removesuffix(self.path) + f"/for/{{account}}{CONSOLE}"}

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
        """Flows take a POST, as does the console."""
        if (call.method, call.path) == ("POST", CONSOLE):
            return self._listen(call)
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
            sender, to, own = str(flow.get("sender") or ""), [f"+{each['mobiles']}"], str(flow.get("CRQID") or "")
            self.keep(call, sender, to, text[:80], text.encode(), Names(own))
        request = secrets.token_hex(12)
        url, version = self._webhooks.get(self._name_of(call), ("", ""))
        for each in _recipients(call) if url else ():
            report = _Report(flow, request, str(each["mobiles"]))
            write = partial(_write, url, version, report)
            self.tell(call, f"+{report.number}", [write("1")], {"late-bounce": partial(write, "2")})
        return Answer.json(200, {"type": "success", "message": request})

    def _listen(self, call: HttpCall) -> Answer:
        """Keep where the reports of this account go."""
        wanted = call.json()
        if not isinstance(wanted, dict) or not isinstance(wanted.get("url"), str):
            return _refuse(400, "", "url is missing")
        version = wanted.get("version", "new")
        if version not in _VERSIONS:
            return _refuse(400, "", "version is none of v2, v3, v4 and new")
        self._webhooks[self._name_of(call)] = (wanted["url"], version)
        return Answer.json(200, {"type": "success", "message": "saved"})


EMULATOR = Msg91Emulator


@dataclass(frozen=True, slots=True)
class _Report:
    """What is known of one message when its report is written."""

    flow: Mapping[str, Any]
    request: str
    number: str

    def said(self, name: str) -> str:
        """A reference as it came with the request; MSG91 writes 0 for one that did not."""
        return str(self.flow.get(name) or "0")


_STATES = {"1": "DELIVERED", "2": "FAILED"}
_WHY = {"1": "", "2": "Absent subscriber"}


def _write(url: str, version: str, report: _Report, status: str) -> Receipt:
    """A delivery report as that version of the webhook writes it; nothing is signed."""
    return _VERSIONS[version](url, report, status)


def _moment() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - nothing of Carillon's is here


def _flat(report: _Report, status: str) -> dict[str, str]:
    """What the older versions share."""
    return {
        "date": f"{_moment():%Y-%m-%d %H:%M:%S}", "number": report.number, "amount": "0.01", "credit": "1",
        "status": status, "desc": _STATES[status], "CRQID": report.said("CRQID"), "INMSID": "0",
    }  # fmt: skip


def _about(report: _Report) -> dict[str, str]:
    sender = str(report.flow.get("sender") or "")
    return {"senderId": sender, "requestId": report.request, "userId": "270000", "campaignName": "API"}


def _write_v2(url: str, report: _Report, status: str) -> Receipt:
    """A form whose one field is a text of JSON: groups with their reports."""
    row = _flat(report, status) | {"clientid": "", "ctCode": "900", "failedReason": _WHY[status]}
    text = json.dumps([{**_about(report), "report": [row]}])
    return Receipt(url, urlencode({"data": text}).encode(), {"content-type": "application/x-www-form-urlencoded"})


def _write_v3(url: str, report: _Report, status: str) -> Receipt:
    return _document(url, _flat(report, status) | _about(report))


def _write_v4(url: str, report: _Report, status: str) -> Receipt:
    """Neither number nor request: only what the request gave it as its meta."""
    row = {
        "meta": report.said("CRQID"),
        "INMSID": "0",
        "description": _STATES[status],
        "ts": int(_moment().timestamp()),
    }
    return _document(url, [{"data": [row], "event": _STATES[status].lower()}])


def _write_new(url: str, report: _Report, status: str) -> Receipt:
    return _document(url, {
        "requestId": report.request, "requestedAt": f"{_moment():%Y-%m-%d %H:%M:%S}", "status": status,
        "deliveryTime": f"{_moment():%Y-%m-%d %H:%M:%S}", "telNum": report.number, "credit": "1",
        "senderId": str(report.flow.get("sender") or ""), "campaignName": "API", "route": "4",
        "clientId": report.said("clientId"), "UUID": report.said("UUID"), "INMSID": "0",
        "CRQID": report.said("CRQID"), "failureReason": _WHY[status], "smsLength": "1",
    })  # fmt: skip


def _document(url: str, found: Any) -> Receipt:
    return Receipt(url, json.dumps(found).encode(), {"content-type": "application/json"})


_VERSIONS: Mapping[str, Callable[[str, _Report, str], Receipt]] = {
    "v2": _write_v2, "v3": _write_v3, "v4": _write_v4, "new": _write_new,
}  # fmt: skip


def _recipients(call: HttpCall) -> list[dict[str, Any]]:
    """The recipients of a flow that have the form of one."""
    flow = call.json()
    if (
        isinstance(flow, dict) and "recipients" not in flow and "mobiles" in flow
    ):  # the flow of one person, as by the SDK
        return [{name: value for name, value in flow.items() if name not in _OF_FLOWS}]
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
