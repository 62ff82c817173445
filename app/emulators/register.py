"""What the emulators are asked about what they received: a page of it as JSON, for whoever compares it with a ledger.

    GET /received?account=NAME&after=0
    {"kept": 20000, "rows": [{"id": 1, "protocol": "smtp", "reference": "17.abc", "number": ""}], "more": false}

`reference` is what the sender called a message, in the field that the service has for that (the Message-ID up to its @,
`client-ref`, a tag named `delivery`); `number` what the service called it, where that is all both sides have. A message
to several people is a row for each.
"""

from argparse import Namespace
from dataclasses import asdict
from typing import Self

from app.emulators.faults import Faults
from app.emulators.outbox import KEPT, Outbox
from app.emulators.serving import Answer, HttpCall, HttpEmulator

PAGE = 2_000  # rows
LONGEST_NUMBER = 19  # digits


class Register(HttpEmulator):
    """The listening server; it plays no service, and no dial reaches it."""

    kind, channel, path = "register", "", ""

    def __init__(self, outbox: Outbox, faults: Faults) -> None:
        super().__init__(outbox, faults)
        self._box = outbox

    @classmethod
    def prepared(cls, outbox: Outbox, faults: Faults, arguments: Namespace) -> Self:
        """As the command line wants it."""
        return cls(outbox, faults)

    def is_spared(self, call: HttpCall) -> bool:
        """Always: nothing is sent here."""
        return True

    def answer(self, call: HttpCall) -> Answer:
        """A page of what an account sent since a moment; 400 for a question that makes no sense."""
        if (call.method, call.path) != ("GET", "/received"):
            return Answer.json(404, {"message": "There is only GET /received here."})
        asked = {name: values[0] for name, values in call.params().items()}
        after = asked.get("after", "0")
        if not (after.isascii() and after.isdigit() and len(after) < LONGEST_NUMBER):
            return Answer.json(400, {"message": "after is the number of the last row that is known, such as 17."})
        found = self._box.marks(asked.get("account", ""), int(after), PAGE + 1)
        rows = [asdict(mark) for mark in found[:PAGE]]
        return Answer.json(200, {"kept": KEPT, "rows": rows, "more": len(found) > PAGE})
