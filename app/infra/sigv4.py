"""Signs requests the way Amazon Web Services asks for (Signature Version 4, AWS4-HMAC-SHA256)."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from urllib.parse import quote, unquote, urlsplit

from app.infra.http import HttpRequest

ALGORITHM = "AWS4-HMAC-SHA256"
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class SigningKey:
    """Who signs, and for what: the secret never shows."""

    access_key: str
    secret_key: str = field(repr=False)
    region: str
    service: str


def sign_request(base: str, request: HttpRequest, key: SigningKey, now: datetime) -> HttpRequest:
    """The request with `x-amz-date` and `authorization`, valid for these bytes at this address for a few minutes.

    `base` and the request's path make the address as it goes over the wire, so a signature holds for an operator's own
    endpoint as well. All headers of the request are signed, and the host, which the client writes itself. `now` is
    aware. Source: AWS Signature Version 4 for API requests, "Create a signed AWS API request".
    """
    moment = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    dated = replace(request, headers={**request.headers, "x-amz-date": moment})
    url = urlsplit(base + request.path)
    headers = {**dated.headers, "host": _host(url.scheme, url.hostname or "", url.port)}
    names = ";".join(sorted(name.lower() for name in headers))
    canonical = "\n".join(
        [
            request.method, _canonical_path(url.path), _canonical_query(url.query), _canonical_headers(headers), names,
            sha256(request.body).hexdigest(),
        ]
    )  # fmt: skip
    scope = f"{moment[:8]}/{key.region}/{key.service}/aws4_request"
    words = "\n".join([ALGORITHM, moment, scope, sha256(canonical.encode()).hexdigest()])
    signature = hmac.new(_derive(key, moment[:8]), words.encode(), sha256).hexdigest()
    proof = f"{ALGORITHM} Credential={key.access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
    return dated.signed(authorization=proof)


def _derive(key: SigningKey, day: str) -> bytes:
    """The key of one day, region and service; the secret itself signs nothing else."""
    found = f"AWS4{key.secret_key}".encode()
    for word in (day, key.region, key.service, "aws4_request"):
        found = hmac.new(found, word.encode(), sha256).digest()
    return found


def _host(scheme: str, name: str, port: int | None) -> str:
    """The Host header as the client writes it: no port where it goes without saying."""
    shown = f"[{name}]" if ":" in name else name
    return shown if port in (None, _DEFAULT_PORTS.get(scheme)) else f"{shown}:{port}"


def _canonical_path(path: str) -> str:
    """Every service but S3 encodes once more what the wire has encoded already."""
    return quote(path or "/", safe="/-_.~")


def _canonical_query(query: str) -> str:
    pairs = [part.partition("=") for part in query.split("&") if part]
    return "&".join(f"{name}={value}" for name, value in sorted((_encode(pair[0]), _encode(pair[2])) for pair in pairs))


def _encode(part: str) -> str:
    return quote(unquote(part), safe="-_.~")


def _canonical_headers(headers: Mapping[str, str]) -> str:
    """One line each, sorted, ended by a line feed; runs of blanks count as one."""
    lines = sorted((name.lower(), " ".join(value.split())) for name, value in headers.items())
    return "".join(f"{name}:{value}\n" for name, value in lines)
