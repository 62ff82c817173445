"""A relay between an official SDK and the running installation: it passes everything on and notes who asked for what.

SDKs say who they are (`x-sdk-name`, `x-sdk-version`). What a browser loads by an address that the web SDK made, like
the picture of a preview, says so by `Sec-Fetch-Mode` only.
"""

import http.client
import threading
from dataclasses import dataclass
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import SHUT_RDWR, socket
from typing import Any
from urllib.parse import urlsplit

_OF_ONE_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}


@dataclass(frozen=True)
class Exchange:
    """One request that was answered: by the SDK of that name and version, below /v1, with its status."""

    sdk: str
    version: str
    method: str
    path: str
    status: int


class Relay:
    """Listens on a loopback port of its own while it is open."""

    def __init__(self, target: str) -> None:
        self.target = urlsplit(target).netloc
        self._exchanges: list[Exchange] = []
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Passing)
        self._server.relay = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        """Where SDKs find it, without /v1."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def exchanges(self, sdk: str, version: str = "") -> list[Exchange]:
        """What that SDK (`Python`, `Node.js`, `Web`) asked for so far, in any version or in the one given."""
        with self._lock:
            return [each for each in self._exchanges if each.sdk == sdk and version in ("", each.version)]

    def note(self, headers: Message, method: str, target: str, status: int) -> None:
        """Keep one exchange; a preflight is nobody's call."""
        if method == "OPTIONS":
            return
        name = headers.get("x-sdk-name") or ("Web" if "Sec-Fetch-Mode" in headers else "")
        path = urlsplit(target).path.removeprefix("/v1")
        with self._lock:
            self._exchanges.append(Exchange(name, headers.get("x-sdk-version", ""), method, path, status))

    def close(self) -> None:
        """Stop listening, and end the connections that clients keep."""
        self._server.shutdown()
        self._server.drop_all()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # so that closing waits for them
    request_queue_size = 64

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.relay: Relay
        self._open: set[socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def drop_all(self) -> None:
        for each in tuple(self._open):
            try:
                each.shutdown(SHUT_RDWR)
            except OSError:
                continue


class _Passing(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def _pass(self) -> None:
        relay, body = self.server.relay, self._body()
        line = http.client.HTTPConnection(relay.target, timeout=60)
        try:
            line.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in _OF_ONE_HOP:
                    line.putheader(name, value)
            if body or self.command in ("POST", "PUT", "PATCH"):
                line.putheader("Content-Length", str(len(body)))
            line.endheaders(body or None)
            answer = line.getresponse()
            content = answer.read()
        finally:
            line.close()
        relay.note(self.headers, self.command, self.path, answer.status)
        self._answer(answer, content)

    def _answer(self, answer: http.client.HTTPResponse, content: bytes) -> None:
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.getheaders():
            if name.lower() not in _OF_ONE_HOP:
                self.send_header(name, value)
        if self.command == "HEAD":
            self.send_header("Content-Length", answer.getheader("Content-Length") or "0")
        elif answer.status not in (204, 304):
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        pieces = []
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            continue
        return b"".join(pieces)

    def log_message(self, format: str, *given: Any) -> None:
        """The relay keeps its notes, and prints none."""


for _verb in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):  # the server looks for a method of each name
    setattr(_Passing, f"do_{_verb}", _Passing._pass)
