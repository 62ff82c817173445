"""An Acme that delivers nowhere: its Send API and the account."""

import secrets
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from app.emulators.serving import Answer, HttpCall, HttpEmulator

_REFUSED = {
    "mailbox-unknown": (400, "no_such_number"), "mailbox-disabled": (400, "no_such_number"),
    "sender-refused": (403, "sender_unknown"),
}  # fmt: skip


class AcmeEmulator(HttpEmulator):
    """Every key will do."""

    kind: ClassVar[str] = "acme"
    channel: ClassVar[str] = "sms"
    path: ClassVar[str] = "/v1"
    values: ClassVar[Mapping[str, Any]] = {"apiKey": "{account}", "from": "+15005550006"}

    def account_of(self, call: HttpCall) -> str:
        """The key: in the Sandbox it is the project's name."""
        return call.bearer()

    def recipients_of(self, call: HttpCall) -> Sequence[str]:
        """The number."""
        document = call.json() if call.method == "POST" else None
        return [str(document.get("to"))] if isinstance(document, dict) else []

    def fail(self, fault: str, call: HttpCall) -> Answer | None:
        """Acme's code."""
        if fault not in _REFUSED:
            return None
        status, code = _REFUSED[fault]
        return Answer.json(status, {"code": code, "message": "Acme says no."})

    def answer(self, call: HttpCall) -> Answer:
        """Messages take a POST, the account a GET."""
        if not call.bearer():
            return Answer.json(401, {"code": "who_are_you", "message": "The key is missing."})
        if (call.method, call.path) == ("GET", "/account"):
            return Answer.json(200, {"name": "Emulated"})
        document = call.json()
        if (call.method, call.path) != ("POST", "/send") or not isinstance(document, dict):
            return Answer.json(404, {"code": "nothing_here", "message": "There is nothing here."})
        text = str(document["text"])
        self.keep(call, str(document["from"]), [str(document["to"])], text[:80], text.encode())
        return Answer.json(200, {"id": secrets.token_hex(8)})


EMULATOR = AcmeEmulator
