"""HTTP for adapters: pooled connections, errors that say whether anything was sent, answers of bounded size."""

import asyncio
import base64
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

import httpx

from app.infra.goodbyes import at_goodbye
from app.infra.http_bodies import form_body, json_body
from app.infra.loading import later

if TYPE_CHECKING:
    from pyreqwest import client as transport
    from pyreqwest import exceptions as failures
    from pyreqwest import http as addresses
else:  # 7 MiB
    transport, failures, addresses = (later(f"pyreqwest.{part}") for part in ("client", "exceptions", "http"))

CONNECT_PATIENCE = 10.0  # seconds for name, connection and TLS together
PATIENCE = 30.0  # seconds for the rest of an exchange
SLOWEST = 100_000  # bytes a second that an upload has at least; a large email gets the time it needs
IDLE_AT_MOST = 15.0  # seconds a connection is kept: most services close theirs after 20 or more
LARGEST_ANSWER = 1 << 20  # bytes that are read of an answer; whatever follows is not
LONGEST_LINE = 300  # characters of an answer that are kept for people

NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)

_CONNECTING = "client error (Connect)"  # how the transport marks that no request had begun
# What HTTP/2 says of a request that the other side promises not to have looked at: its stream is above the last one
# of a GOAWAY, or was refused (RFC 9113, 8.7).
_UNPROCESSED = ("connection error received:", "stream error received: refused stream")
_SPACE = re.compile(r"\s+")
_READ_JSON = json.JSONDecoder().raw_decode  # a third of the time of `json.loads`; reads what begins at once
_BLANKS = " \t\n\r"  # of JSON (RFC 8259, section 2)


class Unwritable(httpx.UnsupportedProtocol, ValueError):
    """This one request cannot be written, because of its path or a header: others to the same address can."""


@dataclass(slots=True)  # not frozen, which would take three times as long for each
class HttpRequest:
    """One request, never changed. `path` is appended to the base address as it is: quote what goes into it.

    Nothing that may hold a secret (path, headers, body) shows in its repr.
    """

    method: str
    path: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)

    @classmethod
    def json(cls, path: str, payload: Any, headers: Mapping[str, str] | None = None) -> "HttpRequest":
        """A POST of a JSON document in UTF-8. ValueError for what JSON has no word for (NaN, half a character)."""
        return cls.ready_json(path, json_body(payload), headers)

    @classmethod
    def ready_json(cls, path: str, body: bytes, headers: Mapping[str, str] | None = None) -> "HttpRequest":
        """A POST of a JSON document that is written already."""
        return cls("POST", path, {"content-type": "application/json", **(headers or {})}, body)

    @classmethod
    def form(
        cls, path: str, fields: Sequence[tuple[str, str]], headers: Mapping[str, str] | None = None
    ) -> "HttpRequest":
        """A POST of form fields in their order, names may repeat (application/x-www-form-urlencoded)."""
        kind = {"content-type": "application/x-www-form-urlencoded"}
        return cls("POST", path, {**kind, **(headers or {})}, form_body(fields))

    @classmethod
    def multipart(
        cls,
        path: str,
        fields: Sequence[tuple[str, str]],
        files: Sequence[tuple[str, str, bytes, str]],
        headers: Mapping[str, str] | None = None,
    ) -> "HttpRequest":
        """A POST of fields and files (multipart/form-data); a file is its field's name, file name, bytes and type."""
        parts: list[tuple[str, Any]] = [(name, (None, value.encode())) for name, value in fields]
        parts += [(name, (file, content, kind)) for name, file, content, kind in files]
        built = httpx.Request("POST", "http://multipart.invalid", files=parts)
        kind = {"content-type": built.headers["content-type"]}
        return cls("POST", path, kind | dict(headers or {}), built.read())

    def with_body(self, body: bytes) -> "HttpRequest":
        """The same with another body."""
        return HttpRequest(self.method, self.path, self.headers, body)

    def signed(self, **headers: str) -> "HttpRequest":
        """The same with further headers; `x_api_key` is written as `x-api-key`."""
        return self.with_headers({name.replace("_", "-"): value for name, value in headers.items()})

    def with_headers(self, headers: Mapping[str, str]) -> "HttpRequest":
        """The same with further headers, named as they are written."""
        return HttpRequest(self.method, self.path, {**self.headers, **headers}, self.body) if headers else self


def basic_proof(name: str, password: str) -> dict[str, str]:
    """The header of HTTP Basic (RFC 7617), in UTF-8."""
    return {"authorization": _basic(name, password)}


@lru_cache(maxsize=32)
def _basic(name: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{name}:{password}'.encode()).decode()}"


class Headers(Mapping[str, str]):
    """The headers of an answer, each made a text when it is asked for: most of some twenty are of use to nobody.

    One that holds no text counts as not there.
    """

    __slots__ = ("_found",)

    def __init__(self, found: "addresses.HeaderMap") -> None:
        self._found = found

    def __getitem__(self, name: str) -> str:
        try:
            return self._found.getall(name)[-1]
        except (ValueError, IndexError):
            raise KeyError(name) from None

    def __contains__(self, name: object) -> bool:
        return name in self._found and super().__contains__(name)

    def __iter__(self) -> Iterator[str]:
        return iter([name for name in dict.fromkeys(self._found) if name in self])

    def __len__(self) -> int:
        return len(list(iter(self)))


@dataclass(slots=True)  # not frozen, as HttpRequest
class HttpReply:
    """What came back, never changed; names of `headers` are lower-case, of a repeated one the last counts."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)

    @property
    def is_good(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300

    def json(self) -> Any:
        """The document; None when the body is no JSON."""
        try:
            text = self.body.decode()
            found, end = _READ_JSON(text)
            if not text[end:].strip(_BLANKS):
                return found
        except (ValueError, RecursionError):
            pass
        return self._json_otherwise_written()

    def _json_otherwise_written(self) -> Any:
        """The document behind blanks or a byte order mark, in UTF-16 or UTF-32; None when it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    def fields(self) -> dict[str, Any]:
        """The JSON object; empty when the body is something else."""
        found = self.json()
        return found if isinstance(found, dict) else {}

    @property
    def line(self) -> str:
        """The body in one line for people, cut."""
        text = self.body[: LONGEST_LINE * 8].decode(errors="replace")
        return _SPACE.sub(" ", text).strip()[:LONGEST_LINE]


async def exchange(base: str, request: HttpRequest, *, http2: bool = False, patience: float = PATIENCE) -> HttpReply:
    """Ask and read the answer, whatever its status; redirects are not followed.

    `http2` offers HTTP/2 under TLS and speaks it at once to an http:// address. Raises httpx.TransportError:
    one of `NOT_SENT` when no byte of the request can have been read (Unwritable when that is this request's own
    fault), any other when nobody knows what the service made of it. The errors hold neither address nor content.
    """
    limit = _span(CONNECT_PATIENCE + patience + len(request.body) // SLOWEST)
    try:
        asking = _client(base, http2).request(request.method, _address(base + request.path)).headers(request.headers)
        if request.body:
            asking = asking.body_bytes(request.body)
        async with asking.timeout(limit).build_streamed() as reply:
            body = await reply.body_reader.read(LARGEST_ANSWER)
            return HttpReply(reply.status, Headers(reply.headers), bytes(body or b""))
    except failures.PyreqwestError as error:
        raise _translate(error) from None
    except ValueError:
        raise _blame(base) from None


def _blame(base: str) -> httpx.UnsupportedProtocol:
    """Whose fault it is that a request cannot be written: the base address's, or its own."""
    try:
        _address(base)
    except (ValueError, failures.PyreqwestError):
        return httpx.UnsupportedProtocol("The address cannot be written")
    return Unwritable("The path or a header of the request cannot be written")


@lru_cache(maxsize=64)
def _span(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


@lru_cache(maxsize=64)
def _address(url: str) -> "addresses.Url":
    """An address taken apart: most requests of a batch go to the same one. ValueError or BuilderError for none."""
    return addresses.Url(url)


def _translate(error: "failures.PyreqwestError") -> httpx.TransportError:
    """The httpx error with the same meaning.

    The class alone does not tell: the transport calls a connection that was cut after the request a connect error as
    well. Its causes do tell, and whatever they do not call connecting counts as sent.
    """
    causes = [str(cause["message"]) for cause in (getattr(error, "details", None) or {}).get("causes") or ()]
    words = causes[-1] if len(causes) > 1 else error.message  # the first one quotes the address
    if isinstance(error, failures.BuilderError):
        return httpx.UnsupportedProtocol(words)
    is_late = isinstance(error, failures.RequestTimeoutError)
    if _CONNECTING in causes:
        return httpx.ConnectTimeout(words) if is_late else httpx.ConnectError(words)
    if words.startswith(_UNPROCESSED):
        return httpx.ConnectError(words)
    if is_late:
        return httpx.ReadTimeout(words)
    return httpx.RemoteProtocolError(words) if isinstance(error, failures.DecodeError) else httpx.ReadError(words)


_Clients = dict[tuple[bool, bool, bool], "transport.Client"]
_clients: "WeakKeyDictionary[asyncio.AbstractEventLoop, _Clients]" = WeakKeyDictionary()


def _client(base: str, http2: bool) -> "transport.Client":
    """The running loop's client for such addresses, made when first needed (never before a fork)."""
    is_plain, is_local = _nature_of(base)
    key = (http2, http2 and is_plain, is_local)
    clients = _clients.setdefault(asyncio.get_running_loop(), {})
    if key not in clients:
        clients[key] = _build(*key)
    return clients[key]


@lru_cache(maxsize=256)
def _nature_of(base: str) -> tuple[bool, bool]:
    """Whether the address is without TLS, and whether it is this machine's own."""
    url = urlsplit(base)
    host = url.hostname or ""
    try:
        is_local = ip_address(host).is_loopback
    except ValueError:
        is_local = host == "localhost"
    return url.scheme == "http", is_local


def _build(http2: bool, prior_knowledge: bool, is_local: bool) -> "transport.Client":
    builder = (
        transport.ClientBuilder()
        .connect_timeout(timedelta(seconds=CONNECT_PATIENCE))
        .pool_idle_timeout(timedelta(seconds=IDLE_AT_MOST))
        .follow_redirects(False)
        .referer(False)
        .error_for_status(False)
        .user_agent("Carillon")
        .gzip(False).brotli(False).zstd(False).deflate(False)  # an answer is as long as it says
    )  # fmt: skip
    if is_local:
        builder = builder.no_proxy()
    if prior_knowledge:
        return builder.http2_prior_knowledge().build()
    return builder.http2(http2).build()


@at_goodbye
async def close_clients() -> None:
    """Close the running loop's connections; harmless when there are none. Await it before the loop ends."""
    for client in (_clients.pop(asyncio.get_running_loop(), None) or {}).values():
        await client.close()
