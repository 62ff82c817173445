"""Signs claims with a private key: the assertions by which FCM and APNs know who speaks to them."""

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from jwt import api_jws

WEAKEST_RSA = 2048  # bits; RFC 7518, 3.3


class Algorithm(StrEnum):
    """How a signature is made (RFC 7518, 3.1)."""

    RS256 = "RS256"  # RSA, PKCS #1 v1.5, SHA-256
    ES256 = "ES256"  # ECDSA on P-256, SHA-256; the signature is r and s, 32 bytes each, not DER


class KeyUnusable(ValueError):
    """The private key cannot sign; the sentence says why and never shows any of it."""


def sign_claims(pem: str, algorithm: Algorithm, claims: Mapping[str, Any], key_id: str = "") -> str:
    """The claims as a compact JSON Web Token (RFC 7519), with `kid` in its header when a key id is given.

    Times in claims are seconds since 1970. Raises KeyUnusable.
    """
    payload = json.dumps(claims, separators=(",", ":")).encode()
    header = {"typ": "JWT"} | ({"kid": key_id} if key_id else {})
    return sign(pem, algorithm, payload, header)


def sign(pem: str, algorithm: Algorithm, payload: bytes, header: Mapping[str, Any] | None = None) -> str:
    """The bytes as a compact JSON Web Signature (RFC 7515, 7.1); `alg` is added to the header. Raises KeyUnusable."""
    extra = {"typ": None, **(header or {})}  # None: the field is left out
    return api_jws.encode(payload, _load(pem, algorithm), algorithm.value, headers=extra)


def check_key(pem: str, algorithm: Algorithm) -> None:
    """Raises KeyUnusable when this text is no private key that can sign this way."""
    _load(pem, algorithm)


def _load(pem: str, algorithm: Algorithm) -> RSAPrivateKey | EllipticCurvePrivateKey:
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # The cause is dropped: what a parser says about a key may quote it.
        raise KeyUnusable(
            "It is not an unencrypted private key in PEM form, with its BEGIN and END PRIVATE KEY lines."
        ) from None
    match algorithm:
        case Algorithm.RS256:
            if isinstance(key, RSAPrivateKey) and key.key_size >= WEAKEST_RSA:
                return key
            raise KeyUnusable(f"It is not an RSA key of at least {WEAKEST_RSA} bits.")
        case Algorithm.ES256:
            if isinstance(key, EllipticCurvePrivateKey) and isinstance(key.curve, SECP256R1):
                return key
            raise KeyUnusable("It is not an elliptic-curve key on P-256.")
