"""Signed claims: the published vectors, the shape of what is signed, keys that cannot sign."""

import base64
import json

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from app.infra.signatures import Algorithm, KeyUnusable, check_key, sign, sign_claims

# RFC 7515, appendix A.2: the key, what is signed, and the only signature that RS256 can make of it.
MODULUS = (
    "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMs"
    "D1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdV"
    "MTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"
)
EXPONENT = (
    "Eq5xpGnNCivDflJsRQBXHx1hdR1k6Ulwe2JZD50LpXyWPEAeP88vLNO97IjlA7_GQ5sLKMgvfTeXZx9SE-7YwVol2NXOoAJe46sui395IW_GO-pWJ1O0"
    "BkTGoVEn2bKVRUCgu-GjBVaYLU6f3l9kJfFNS3E0QbVdxzubSu3Mkqzjkn439X0M_V51gfpRLI9JYanrC4D4qAdGcopV_0ZHHzQlBjudU2QvXt4ehNYT"
    "CBr6XCLQUShb1juUO1ZdiYoFaFQT5Tw8bGUl_x_jTj3ccPDVZFD9pIuhLhBOneufuBiB4cS98l2SR_RQyGWSeWjnczT0QU91p1DhOVRuOopznQ"
)
PAYLOAD = b'{"iss":"joe",\r\n "exp":1300819380,\r\n "http://example.com/is_root":true}'
SIGNED = (
    "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ."
    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZ"
    "cAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-e"
    "OkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
)


def octets(part):
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def number(part):
    return int.from_bytes(octets(part))


def pem(key):
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.fixture(scope="module")
def rsa_key():
    n, e, d = number(MODULUS), 65537, number(EXPONENT)
    p, q = rsa.rsa_recover_prime_factors(n, e, d)
    powers = rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q)
    return rsa.RSAPrivateNumbers(p, q, d, *powers, rsa.RSAPublicNumbers(e, n)).private_key()


def test_the_vector_of_the_rfc_comes_out_octet_by_octet(rsa_key):
    assert sign(pem(rsa_key), Algorithm.RS256, PAYLOAD) == SIGNED


def test_claims_are_signed_with_rsa_under_their_key_id(rsa_key):
    head, body, signature = sign_claims(pem(rsa_key), Algorithm.RS256, {"iss": "me", "iat": 1}, "k1").split(".")
    assert json.loads(octets(head)) == {"alg": "RS256", "typ": "JWT", "kid": "k1"}
    assert json.loads(octets(body)) == {"iss": "me", "iat": 1}
    rsa_key.public_key().verify(octets(signature), f"{head}.{body}".encode(), padding.PKCS1v15(), SHA256())


def test_an_elliptic_signature_is_two_numbers_of_32_bytes_and_no_der():
    key = ec.generate_private_key(ec.SECP256R1())
    head, body, signature = sign_claims(pem(key), Algorithm.ES256, {"iss": "TEAM"}, "KEY").split(".")
    assert json.loads(octets(head)) == {"alg": "ES256", "typ": "JWT", "kid": "KEY"}
    raw = octets(signature)
    assert len(raw) == 64
    der = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
    key.public_key().verify(der, f"{head}.{body}".encode(), ec.ECDSA(SHA256()))
    with pytest.raises(InvalidSignature):
        key.public_key().verify(der, f"{head}.{body}x".encode(), ec.ECDSA(SHA256()))


UNUSABLE = {
    "nothing": lambda: ("", Algorithm.ES256),
    "prose": lambda: ("my secret passphrase", Algorithm.RS256),
    "not even text of a key": lambda: (
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        Algorithm.RS256,
    ),
    "a locked key": lambda: (
        ec.generate_private_key(ec.SECP256R1())
        .private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x"))
        .decode(),
        Algorithm.ES256,
    ),
    "a public key": lambda: (
        "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYI\n-----END PUBLIC KEY-----\n",
        Algorithm.ES256,
    ),
    "another curve": lambda: (pem(ec.generate_private_key(ec.SECP384R1())), Algorithm.ES256),
    "another family": lambda: (pem(ed25519.Ed25519PrivateKey.generate()), Algorithm.ES256),
    "the other algorithm's key": lambda: (pem(ec.generate_private_key(ec.SECP256R1())), Algorithm.RS256),
    "an rsa key that is too short": lambda: (pem(rsa.generate_private_key(65537, 1024)), Algorithm.RS256),
}


@pytest.mark.parametrize("make", UNUSABLE.values(), ids=UNUSABLE)
def test_a_key_that_cannot_sign_says_so_and_shows_nothing_of_itself(make):
    text, algorithm = make()
    with pytest.raises(KeyUnusable) as caught:
        check_key(text, algorithm)
    assert str(caught.value).endswith(".")
    assert caught.value.__cause__ is None
    assert not any(line in str(caught.value) for line in text.splitlines() if line)
