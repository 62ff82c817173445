"""What proves a receipt and lies at the service: fetched once, kept for a while, never waited for by many at once."""

import threading
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import urlsplit

import httpx

from app.infra.clock import monotonic

PATIENCE = 3.0  # seconds for each step: somebody's request waits meanwhile
LARGEST = 64 * 1024  # bytes; a certificate has two thousand
KEPT_FOR = 24 * 3600.0  # seconds
REST_AFTER_FAILURE = 10.0  # seconds in which an address that failed is not asked again
MOST_KEPT = 64


class EvidenceMissing(Exception):
    """The service does not hand out what would prove the request, at this moment; it may be asked again later."""


@dataclass(slots=True)
class EvidenceShelf:
    """What was fetched, by address. One per process; safe to share between threads.

    Which address may be asked is decided before (`Provider.evidence_address`): only one of the service's own. A
    redirect is not followed, and only an address of this machine, an emulator's, goes without TLS.
    """

    _kept: dict[str, tuple[float, bytes]] = field(default_factory=dict)  # until when, what; b"" is a failure
    _asking: threading.Lock = field(default_factory=threading.Lock)

    def fetch(self, address: str) -> bytes:
        """The bytes at that address. Raises EvidenceMissing."""
        found = self._look(address)
        if found is None:
            # The others are told to come again rather than to wait in a row for a service that may be away.
            if not self._asking.acquire(timeout=PATIENCE):
                raise EvidenceMissing("Too much is asked for at once.")
            try:
                found = self._look(address)
                if found is None:
                    found = _ask(address)
                    self._keep(address, found)
            finally:
                self._asking.release()
        if not found:
            raise EvidenceMissing("The service does not hand out what proves this.")
        return found

    def _look(self, address: str) -> bytes | None:
        until, found = self._kept.get(address, (0.0, b""))
        return found if until > monotonic() else None

    def _keep(self, address: str, found: bytes) -> None:
        self._kept.pop(address, None)
        while len(self._kept) >= MOST_KEPT:
            self._kept.pop(next(iter(self._kept)))
        self._kept[address] = (monotonic() + (KEPT_FOR if found else REST_AFTER_FAILURE), found)


def visit(address: str) -> bool:
    """Open an address of the service's own, to say that we want what it offers; whether it agreed."""
    return _get(address) is not None


def _ask(address: str) -> bytes:
    return _get(address) or b""


def _get(address: str) -> bytes | None:
    """The body of a good answer (200); None for any other, and for none."""
    url = urlsplit(address)
    is_local = _is_local(url.hostname or "")
    if url.scheme != "https" and not is_local:
        return None
    try:
        with (
            httpx.Client(timeout=PATIENCE, follow_redirects=False, trust_env=not is_local) as client,
            client.stream("GET", address) as answer,
        ):
            return _read(answer) if answer.status_code == httpx.codes.OK else None
    except (httpx.HTTPError, httpx.InvalidURL):
        return None


def _read(answer: httpx.Response) -> bytes | None:
    """The body; None when it is larger, or comes slower, than what is asked for here can be."""
    end, body = monotonic() + PATIENCE, b""
    for piece in answer.iter_bytes():
        body += piece
        if len(body) > LARGEST or monotonic() > end:
            return None
    return body


def _is_local(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
