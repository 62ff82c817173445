"""How the contract tries a kind that is spoken to over HTTP: its emulator, up on a real socket, and its dial."""

import contextlib
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from app.domain.channels import Channel
from app.emulators.faults import EVERYONE, Dial, Faults
from app.emulators.outbox import Outbox, Received
from app.emulators.serving import HttpEmulator
from app.infra.http import close_clients
from app.providers.base import Account, Provider
from tests.providers.contract import Arrived

RECEIPTS = "https://carillon.example/hooks/acme/p1/secret"
_FAULTS = {
    "refuse_credentials": "wrong-password",
    "throttle": "throttled",
    "fail_inside": "server-error",
    "cut_before": "drop-before-body",
    "cut_after": "drop-after-dot",
    "refuse_content": "content-rejected",
}
_REFUSED = {
    Channel.EMAIL: "p4+mailbox-unknown@example.com",
    Channel.SMS: "+15005550001",
    Channel.PUSH: "fault-mailbox-unknown:4",
}


def body_of(row: Received) -> bytes:
    """The body of the HTTP request that a row of the outbox came with."""
    return row.request.partition(b"\r\n\r\n")[2]


def json_of(row: Received) -> Any:
    """The JSON document that a row came with."""
    return json.loads(body_of(row))


def form_of(row: Received) -> dict[str, str]:
    """The URL-encoded form that a row came with, the first value of each field."""
    return {name: values[0] for name, values in parse_qs(body_of(row).decode(), keep_blank_values=True).items()}


class HttpStage:
    """A running emulator and an account that may use it."""

    def __init__(self, rig: "HttpRig", emulator: HttpEmulator, outbox: Outbox, faults: Faults) -> None:
        values, side = rig.good_values, emulator.side_urls()
        self.rig, self.emulator, self.outbox, self.faults = rig, emulator, outbox, faults
        self.account = Account("account", values, emulator.url, side_endpoints=side, receipts_url=RECEIPTS)
        self.unreachable = Account("nowhere", values, "http://127.0.0.1:1", side_endpoints=side)

    def turn(self, fault: str) -> None:
        self.faults.turn(Dial(EVERYONE, self.rig.fault_names[fault]))

    def turn_off(self) -> None:
        self.faults.turn_off()

    def refused_address(self) -> str:
        return self.rig.refused

    def rows(self) -> list[Received]:
        """Everything that came in, oldest first, with its bytes."""
        return [self.outbox.get(row.id) for row in reversed(self.outbox.newest(1000))]

    def arrived(self) -> list[Arrived]:
        return [Arrived(row.recipient, self.rig.key_of(row), self.rig.content_of(row)) for row in self.rows()]


class HttpRig:
    """One kind's rig. `key_of` finds the delivery key in what arrived, `content_of` the readable content.

    Over HTTP nobody can know whether a connection that broke without an answer had brought the request to the service,
    so `cut_before` is uncertain here. `changed_faults` plays other faults of the dial, `expects` states other outcomes.
    """

    def __init__(
        self, provider: Provider, emulator: type[HttpEmulator], good_values: dict[str, Any], secrets: tuple[str, ...],
        *, key_of: Callable[[Received], str], content_of: Callable[[Received], str] = lambda row: row.raw.decode(),
        refused: str = "", says_how_long: bool = True, expects: dict[str, str] | None = None,
        changed_faults: dict[str, str] | None = None,
    ) -> None:  # fmt: skip
        self.provider, self.emulator = provider, emulator
        self.good_values, self.secrets = good_values, secrets
        self.key_of, self.content_of = key_of, content_of
        self.refused = refused or _REFUSED[provider.spec.channel]
        self.says_how_long = says_how_long
        self.expects = {"cut_before": "uncertain", **(expects or {})}
        self.fault_names = {**_FAULTS, **(changed_faults or {})}

    @contextlib.asynccontextmanager
    async def open(self, tmp_path):
        outbox, faults = Outbox(tmp_path / "outbox.sqlite3"), Faults(tmp_path / "outbox.sqlite3")
        emulator = self.emulator(outbox, faults)
        await emulator.start()
        try:
            yield HttpStage(self, emulator, outbox, faults)
        finally:
            await emulator.stop()
            outbox.close()
            faults.close()

    async def close(self) -> None:
        await close_clients()
