"""What a story has: where the emulators are and with which settings they are spoken to, and an ear for receipts."""

import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PATIENCE = 10.0  # seconds that receipts are waited for
# Who signs in under this name, where the service has a name or a key for it, is refused: the dial is turned so.
REFUSED = "plays-wrong-password"


@dataclass(frozen=True)
class Heard:
    """One receipt as it came: names of headers are lower-case."""

    headers: dict[str, str]
    body: str


@dataclass
class Stage:
    """`spots` is what the emulators announced, by kind; `shown` goes back to the test, which judges it with our own."""

    spots: dict[str, dict[str, Any]]
    proxy_port: int
    apple_port: int
    shown: dict[str, Any] = field(default_factory=dict)
    _heard: list[Heard] = field(default_factory=list)
    _server: ThreadingHTTPServer | None = None

    def values(self, kind: str) -> dict[str, Any]:
        """The settings that the emulator of this kind hands out."""
        return dict(self.spots[kind]["values"])

    @property
    def ear(self) -> str:
        """An address for receipts; listens from now on."""
        if self._server is None:
            self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Ear", (_Ear,), {"heard": self._heard}))
            threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return f"http://127.0.0.1:{self._server.server_port}/receipts?of=vendor"

    def receipts(self, count: int) -> list[Heard]:
        """The receipts that came since the last time, once there are so many."""
        end = time.monotonic() + PATIENCE
        while len(self._heard) < count:
            assert time.monotonic() < end, f"{len(self._heard)} of {count} receipts came"
            time.sleep(0.02)
        found = list(self._heard)
        self._heard.clear()
        return found


class _Ear(BaseHTTPRequestHandler):
    heard: list[Heard]

    def do_POST(self) -> None:
        """Take one receipt."""
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.send_response(204)
        self.end_headers()
        self.heard.append(Heard({name.lower(): value for name, value in self.headers.items()}, body))

    def log_message(self, format: str, *args: Any) -> None:
        """Not a word."""


def raised(kind: type[BaseException], call: Any, *given: Any, **named: Any) -> Any:
    """The exception of exactly this kind or below it that the call ends with."""
    try:
        call(*given, **named)
    except kind as error:
        return error
    raise AssertionError(f"{kind.__name__} was expected and did not come")
