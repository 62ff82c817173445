"""Signature Version 4, as Amazon's services check it: what SES and the SNS beside it have in common."""

import hmac
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from urllib.parse import parse_qsl, quote

from app.emulators.serving import HttpCall

MOST_SKEW = timedelta(minutes=5)
_PROOF = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>\w+)/(?P<scope>(?P<day>\d{8})/(?P<region>[a-z0-9-]+)/"
    r"(?P<service>ses|sns)/aws4_request), ?"
    r"SignedHeaders=(?P<names>[a-z0-9;-]+), ?Signature=(?P<signature>[0-9a-f]{64})"
)


def key_of(call: HttpCall) -> str:
    """The access key with which a request is signed; empty when it is not."""
    proof = _PROOF.fullmatch(call.headers.get("authorization", ""))
    return proof["key"] if proof else ""


def examine(call: HttpCall, service: str, region: str, secret: str) -> tuple[int, str, str] | None:
    """Why a signature does not hold for this request (status, type, sentence); None when it does.

    `service` and `region` are those that it must be for. ValueError for a date that is none.
    """
    proof = _PROOF.fullmatch(call.headers.get("authorization", ""))
    if proof is None:
        return (403, "MissingAuthenticationTokenException", "Missing Authentication Token")
    names = proof["names"].split(";")
    if "host" not in names or "x-amz-date" not in names or any(name not in call.headers for name in names):
        return (403, "InvalidSignatureException", "'Host' and 'X-Amz-Date' must be signed headers.")
    said = call.headers["x-amz-date"]
    moment = datetime.strptime(said, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    if abs(datetime.now(UTC) - moment) > MOST_SKEW or said[:8] != proof["day"]:  # noqa: TID251 - not Carillon's clock
        return (403, "InvalidSignatureException", f"Signature expired: {said} is not within 5 minutes of now")
    if proof["service"] != service:
        return (403, "InvalidSignatureException", "Credential should be scoped to correct service.")
    if proof["region"] != region:
        return (403, "InvalidSignatureException", f"Credential should be scoped to a valid region, {region}.")
    if not hmac.compare_digest(_sign(call, (proof["scope"], said), names, secret), proof["signature"]):
        words = "The request signature we calculated does not match the signature you provided."
        return (403, "InvalidSignatureException", words)
    return None


def _sign(call: HttpCall, when: tuple[str, str], names: Sequence[str], secret: str) -> str:
    scope, moment = when
    path = call.target.partition("?")[0]
    pairs = sorted((quote(name, safe="~"), quote(value, safe="~")) for name, value in parse_qsl(call.query, True))
    lines = [call.method, quote(path, safe="/~"), "&".join(f"{name}={value}" for name, value in pairs)]
    lines += [f"{name}:{' '.join(call.headers[name].split())}" for name in names]
    lines += ["", ";".join(names), sha256(call.body).hexdigest()]
    words = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n" + sha256("\n".join(lines).encode()).hexdigest()
    key = f"AWS4{secret}".encode()
    for part in (*scope.split("/"), words):
        key = hmac.new(key, part.encode(), sha256).digest()
    return key.hex()
