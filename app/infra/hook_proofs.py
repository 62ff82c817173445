"""Proofs that a service sent what came in: the signature schemes of webhooks, compared in constant time.

Every function says whether the signature fits; none raises for what a stranger may send. Freshness is the caller's.
"""

import base64
import binascii
import hmac
from collections.abc import Iterable, Mapping
from datetime import datetime

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key
from cryptography.x509 import load_pem_x509_certificate

SVIX_PREFIX = "whsec_"
_SNS_DIGESTS = {"1": SHA1, "2": SHA256}  # by SignatureVersion
_SNS_LINES = ("Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
_SNS_NOT_SIGNED = {"Notification": ("SubscribeURL", "Token")}


def is_same(given: str, right: str) -> bool:
    """Whether both are the same, found out in a time that tells nothing."""
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), right.encode("utf-8", "surrogatepass"))


def is_signed_in_hex(given: str, key: str, signed: str, digest: str = "sha256") -> bool:
    """HMAC in hexadecimal (RFC 2104), as Mailgun and Vonage write it."""
    return is_same(given.lower(), hmac.digest(key.encode(), signed.encode("utf-8", "replace"), digest).hex())


def is_signed_by_twilio(given: str, token: str, url: str, fields: Iterable[tuple[str, str]]) -> bool:
    """Twilio: base64 of HMAC-SHA1 over the whole URL and each field's name and value, sorted by name."""
    signed = url + "".join(f"{name}{value}" for name, value in sorted(set(fields)))
    right = hmac.digest(token.encode(), signed.encode("utf-8", "replace"), "sha1")
    return is_same(given, base64.b64encode(right).decode())


def is_signed_by_svix(headers: Mapping[str, str], secret: str, body: bytes) -> bool:
    """Svix: base64 of HMAC-SHA256 over id, timestamp and body; any of the signatures that stand there may fit."""
    key = decoded(secret.removeprefix(SVIX_PREFIX))
    if not key:
        return False
    head = f"{headers.get('svix-id', '')}.{headers.get('svix-timestamp', '')}."
    right = base64.b64encode(hmac.digest(key, head.encode("utf-8", "replace") + body, "sha256")).decode()
    given = [each.partition(",") for each in headers.get("svix-signature", "").split(" ")]
    fits = [is_same(signature, right) for version, _, signature in given if version == "v1"]
    return any(fits)


def is_signed_by_telesign(given: str, customer: str, key: str, body: bytes) -> bool:
    """Telesign: `TSA <customer>:` and base64 of HMAC-SHA256 over the body with the API key's bytes."""
    right = base64.b64encode(hmac.digest(decoded(key) or key.encode(), body, "sha256")).decode()
    return is_same(given, f"TSA {customer}:{right}")


def is_signed_with_ecdsa(given: str, key: str, signed: bytes) -> bool:
    """SendGrid: ECDSA on P-256 with SHA-256, the signature as base64 of DER, the public key as base64 of SPKI."""
    public = load_public_key(key)
    if public is None:
        return False
    try:
        public.verify(decoded(given), signed, ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True


def is_signed_by_sns(fields: Mapping[str, object], certificate: bytes, at: datetime) -> bool:
    """Amazon SNS: RSA with SHA-1 (version 1) or SHA-256 (version 2) over names and values, each on a line of its own.

    `certificate` is the X.509 one in PEM that SNS keeps; it must be valid at that moment (aware). Source: Amazon SNS
    Developer Guide, "Verifying the signature of an Amazon SNS message".
    """
    digest = _SNS_DIGESTS.get(str(fields.get("SignatureVersion")))
    key = _certified_key(certificate, at)
    if digest is None or key is None:
        return False
    left_out = _SNS_NOT_SIGNED.get(str(fields.get("Type")), ())
    lines = [(name, fields.get(name)) for name in _SNS_LINES if name not in left_out]
    signed = "".join(f"{name}\n{value}\n" for name, value in lines if isinstance(value, str))
    try:
        key.verify(decoded(str(fields.get("Signature"))), signed.encode("utf-8", "replace"), PKCS1v15(), digest())
    except InvalidSignature:
        return False
    return True


def _certified_key(certificate: bytes, at: datetime) -> RSAPublicKey | None:
    """The RSA key that this certificate stands for at that moment; None when it stands for none."""
    try:
        found = load_pem_x509_certificate(certificate)
        key = found.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return None
    is_valid = found.not_valid_before_utc <= at <= found.not_valid_after_utc
    return key if is_valid and isinstance(key, RSAPublicKey) else None


def load_public_key(text: str) -> EllipticCurvePublicKey | None:
    """The public key that this base64 stands for; None when it stands for none of an elliptic curve."""
    try:
        found = load_der_public_key(decoded(text))
    except (ValueError, UnsupportedAlgorithm):
        return None
    return found if isinstance(found, EllipticCurvePublicKey) else None


def decoded(text: str) -> bytes:
    """The bytes that this base64 stands for; none when it is not base64."""
    try:
        return base64.b64decode(text.encode(), validate=True)
    except (binascii.Error, ValueError):
        return b""
