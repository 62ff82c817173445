"""The kit for emulators of services spoken to over HTTP: a real server for HTTP/1.1 and HTTP/2, faults on the wire.

What an emulator writes, in `app/emulators/<kind>.py`:

    class AcmeEmulator(HttpEmulator):
        kind, channel, path = "acme", "sms", "/v1"            # `path` is what the base URL ends with
        values = {"apiKey": "{account}", "from": "+15005550006"}  # settings with which the Sandbox connects

        def account_of(self, call): …       # who asks: a name from the credentials, never a secret of a real account
        def recipients_of(self, call): …    # to whom, so that an address can ask for its own fault
        def answer(self, call): …           # the service itself: judge, `self.keep(…)`, and say an `Answer`
        def fail(self, fault, call): …      # the exact words of this service for a fault's name; None: the kit's own

    EMULATOR = AcmeEmulator

It starts with `start()` inside a running loop and with `python -m app.emulators`, which finds it by its file.
"""

import asyncio
import base64
import binascii
import json
import re
import ssl
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Any, ClassVar, Self
from urllib.parse import parse_qs, unquote, urlsplit

from app.emulators.callbacks import Afterthoughts, Callbacks, Receipt
from app.emulators.faults import Fault, Faults, played_by
from app.emulators.outbox import NAMELESS, Arrival, Names, Outbox
from app.emulators.wires import Cut, Wire, open_wire

_STATUS = {
    "mailbox-unknown": 400, "mailbox-disabled": 400, "opted-out": 400, "content-rejected": 400, "oversize": 413,
    "throttled": 429, "server-error": 500, "busy": 503, "wrong-password": 401, "expired-token": 401,
    "sender-refused": 403,
}  # fmt: skip
RETRY_AFTER = "7"  # seconds that a throttled or busy service asks for
LONGEST_HANG = 600.0  # seconds
_SANDBOX = re.compile(r"/for/(?P<name>[^/?]+)(?=/)")
_SECRET = ("authorization", "x-tm-key", "authkey", "x-amz-security-token")


def _veiled(value: str) -> str:
    scheme, _, rest = value.partition(" ")
    return f"{scheme} …{rest[-4:]}" if rest else f"…{value[-4:]}"


@dataclass(frozen=True, slots=True)
class HttpCall:
    """One request as it came: `path` is without the base path and the query; names of headers are lower-case.

    `target` is path and query as the request line had them, for signatures that cover them. `sandbox` names the account
    of a Sandbox, whose base URL begins with `/for/<name>`; empty for everybody else.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    connection: str
    version: str
    is_tls: bool
    target: str = ""
    sandbox: str = ""

    @property
    def raw(self) -> bytes:
        """Head and body as they are kept in the journal; what proves who asks is veiled."""
        target = f"{self.path}?{self.query}" if self.query else self.path
        shown = {name: _veiled(value) if name in _SECRET else value for name, value in self.headers.items()}
        lines = [f"{self.method} {target} {self.version}", *(f"{name}: {shown[name]}" for name in shown)]
        return "\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + self.body

    def json(self) -> Any:
        """The document; None when the body is no JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    def form(self) -> dict[str, list[str]]:
        """The fields of a form body, URL-encoded or multipart (files left out)."""
        if not self.headers.get("content-type", "").startswith("multipart/form-data"):
            return parse_qs(self.body.decode("utf-8", "replace"), keep_blank_values=True)
        found: dict[str, list[str]] = {}
        for name, file, content, _ in self.parts():
            if not file:
                found.setdefault(name, []).append(content.decode("utf-8", "replace"))
        return found

    def parts(self) -> list[tuple[str, str, bytes, str]]:
        """The parts of a multipart body: name, file name (empty for a field), bytes, type."""
        head = f"Content-Type: {self.headers.get('content-type', '')}\r\n\r\n".encode()
        document = BytesParser(policy=policy.HTTP).parsebytes(head + self.body)
        return [
            (
                str(part.get_param("name", "", header="content-disposition")), str(part.get_filename() or ""),
                bytes(part.get_payload(decode=True) or b""), part.get_content_type(),
            )
            for part in document.walk()
            if not part.is_multipart()
        ]  # fmt: skip

    def params(self) -> dict[str, list[str]]:
        """The fields of the query."""
        return parse_qs(self.query, keep_blank_values=True)

    def basic(self) -> tuple[str, str]:
        """Name and password of HTTP Basic; empty when there are none."""
        word, _, coded = self.headers.get("authorization", "").partition(" ")
        try:
            name, _, password = base64.b64decode(coded if word.lower() == "basic" else "").decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return "", ""
        return name, password

    def bearer(self) -> str:
        """The bearer token; empty when there is none."""
        word, _, token = self.headers.get("authorization", "").partition(" ")
        return token if word.lower() == "bearer" else ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the service says back."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def json(cls, status: int, payload: Any, **headers: str) -> "Answer":
        """A JSON document; headers by keyword, `x_message_id` is written as `x-message-id`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return cls(status, json.dumps(payload).encode(), {"content-type": "application/json", **named})


class Service:
    """What an emulator writes: who it is, whom a request concerns, what is said to it."""

    kind: ClassVar[str]
    channel: ClassVar[str]
    path: ClassVar[str] = ""
    values: ClassVar[Mapping[str, Any]] = {}
    spared_paths: ClassVar[frozenset[str]] = frozenset()  # no dial reaches them: they carry no message, as a sign-in
    tells: ClassVar[bool] = True  # whether it sends receipts
    needs_http2: ClassVar[bool] = False  # turns HTTP/1.1 away, as APNs does

    def side_urls(self) -> dict[str, str]:
        """Further addresses of the service, such as the one that hands out tokens; `{account}` stands for whose."""
        return {}

    def is_spared(self, call: HttpCall) -> bool:
        """Whether no dial reaches this request."""
        return call.path in self.spared_paths

    def account_of(self, call: HttpCall) -> str:
        """Who asks; empty when nobody says."""
        return call.basic()[0]

    def recipients_of(self, call: HttpCall) -> Sequence[str]:
        """To whom this request leads."""
        return ()

    def answer(self, call: HttpCall) -> Answer:
        """What the service says when nothing is wrong with it."""
        raise NotImplementedError

    def fail(self, fault: str, call: HttpCall) -> Answer | None:
        """The service's own words for a fault; None when it has none of its own."""
        return None


class HttpEmulator(Service):
    """The listening server of one kind. Start it inside a running asyncio loop."""

    def __init__(self, outbox: Outbox, faults: Faults, tls: ssl.SSLContext | None = None) -> None:
        """`tls`: speak TLS; its ALPN should offer h2 and http/1.1."""
        self._outbox = outbox
        self._faults = faults
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._wires: set[Wire] = set()
        self._address = ("", 0)
        self._is_lying = False
        self._callbacks: Callbacks | None = None

    @classmethod
    def prepared(cls, outbox: Outbox, faults: Faults, arguments: Namespace) -> Self:
        """As the command line wants it."""
        return cls(outbox, faults)

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> tuple[str, int]:
        """Listen; returns the address, with the port that was free when 0 was asked for."""
        self._callbacks = Callbacks(self._faults, self.kind)
        self._server = await asyncio.start_server(self._meet, host, port, ssl=self._tls, limit=1 << 20)
        name = self._server.sockets[0].getsockname()
        self._address = (str(name[0]), int(name[1]))
        return self._address

    async def stop(self) -> None:
        """Stop listening and hang up."""
        if self._server is not None:
            self._server.close()
        for wire in list(self._wires):
            wire.abort()
        if self._callbacks is not None:
            await self._callbacks.close()
        await asyncio.sleep(0.05)  # the loop needs a turn to close what was hung up

    @property
    def url(self) -> str:
        """The base URL with its path, as an adapter is given it."""
        return f"{'https' if self._tls else 'http'}://{self._address[0]}:{self._address[1]}{self.path}"

    def announcement(self) -> dict[str, Any]:
        """What others need to know: where it listens, its base URL, settings to connect with."""
        host, port = self._address
        return {
            "host": host, "port": port, "url": self.url, "channel": self.channel, "values": dict(self.values),
            "side_urls": self.side_urls(),
            "faults": played_by(self.channel, over_http=True, tells=self.tells),
        }  # fmt: skip

    def keep(
        self, call: HttpCall, sender: str, recipients: Sequence[str], subject: str, raw: bytes, names: Names = NAMELESS
    ) -> int:
        """Put what arrived into the outbox; the number of the last row."""
        if self._is_lying:
            return 1
        return self._outbox.keep(
            Arrival(
                self.kind, self._name_of(call), sender, recipients, subject, raw, call.connection, call.is_tls,
                self.channel, call.raw, names,
            )
        )  # fmt: skip

    def tell(
        self, call: HttpCall, recipient: str, receipts: Sequence[Receipt], afterthoughts: Afterthoughts | None = None
    ) -> None:
        """Send receipts, signed and in their order, as the dial says; none for what was lost on purpose.

        `afterthoughts` are what the service says later where the dial asks for that: `late-bounce`, `complaint`.
        """
        if self._callbacks is not None and not self._is_lying:
            self._callbacks.tell(self._name_of(call), recipient, receipts, afterthoughts)

    def ask_back(self, receipt: Receipt) -> None:
        """Send what is no receipt yet, such as the question whether receipts are wanted; no dial reaches it."""
        if self._callbacks is not None:
            self._callbacks.send(receipt)

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        wire = await open_wire(reader, writer, self._serve, f"{self.kind}-", needs_http2=self.needs_http2)
        if wire is None:
            return
        self._wires.add(wire)
        try:
            await wire.run()
        except (OSError, asyncio.IncompleteReadError):
            pass  # the other side hung up
        finally:
            self._wires.discard(wire)
            wire.abort()

    async def _serve(
        self, wire: Wire, method: str, target: str, headers: Sequence[tuple[str, str]], body: bytes
    ) -> Any:
        url, sandbox = urlsplit(target), _SANDBOX.match(target)
        path = url.path[sandbox.end() :] if sandbox else url.path
        path = path.removeprefix(self.path) if path.startswith(f"{self.path}/") else path
        call = HttpCall(
            method, path, url.query, dict(headers), body, wire.name, wire.version, wire.is_tls, target,
            unquote(sandbox["name"]) if sandbox else "",
        )  # fmt: skip
        try:
            struck = None
            if not self.is_spared(call):
                struck = self._faults.strike("http", self._name_of(call), self.recipients_of(call), self.kind)
            return self.answer(call) if struck is None else await self._play(*struck, call)
        except ValueError as error:  # a header with a line break, a number that is none
            return Answer.json(400, {"message": str(error)})

    def _name_of(self, call: HttpCall) -> str:
        """Whose dial is turned and under whose name is kept."""
        return call.sandbox or self.account_of(call)

    async def _play(self, fault: Fault, amount: int, call: HttpCall) -> Answer | Cut:
        match fault.name:
            case "slow":
                await asyncio.sleep(amount or 2)
                return self.answer(call)
            case "hang":
                await asyncio.sleep(amount or LONGEST_HANG)
                return Cut()
            case "drop-before-body" | "lose-after-dot":
                return Cut()
            case "drop-after-dot":
                self.answer(call)
                return Cut()
            case "garbage":
                return Cut(b"I am not the server you are looking for\r\n\r\n")
            case "wrong-json":
                return Answer.json(200, ["yes", {"no": None}])
            case "accept-and-lie":
                self._is_lying = True
                try:
                    return self.answer(call)
                finally:
                    self._is_lying = False
            case _:
                return self._refuse(fault.name, call)

    def _refuse(self, name: str, call: HttpCall) -> Answer:
        own = self.fail(name, call)
        if own is not None:
            return own
        headers = {"retry_after": RETRY_AFTER} if name in ("throttled", "busy") else {}
        return Answer.json(_STATUS.get(name, 400), {"message": f"The emulator plays {name}."}, **headers)


def write_mail(
    headers: Sequence[tuple[str, str]], text: str, html: str = "", files: Sequence[tuple[str, str, bytes, str]] = ()
) -> bytes:
    """An email in MIME from what a service was given: header fields, both bodies, files.

    A file is its name, its type, its bytes and its content id; with one it stands beside the page that shows it (RFC
    2387). ValueError for a field that no email can have.
    """
    mail = EmailMessage()
    for name, value in headers:
        mail[name] = value
    mail.set_content(text)
    if html:
        mail.add_alternative(html, subtype="html")
    page = mail.get_body(("html",))
    for name, kind, content, content_id in files:
        main, _, sub = kind.partition("/")
        sub = sub or "octet-stream"
        if content_id and page is not None:
            page.add_related(
                content, maintype=main, subtype=sub, disposition="inline", filename=name, cid=f"<{content_id}>"
            )
        else:
            mail.add_attachment(content, maintype=main, subtype=sub, filename=name)
    return mail.as_bytes()
