"""Users who come along from another service: their hash is checked as it is, and made ours when they sign in."""

from typing import Any

import pytest
from flask import Flask

from tests.api.caller import Caller
from tests.api.people import sign_in

pytestmark = pytest.mark.usefixtures("full_password_costs")
HORSE = "correct horse battery"
# The example of github.com/firebase/scrypt.
FIREBASE = {
    "passwordSalt": "42xEC+ixf3L2lw==", "passwordSaltSeparator": "Bw==",
    "passwordSignerKey": "jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==",
}  # fmt: skip
SCRYPT = {
    "passwordSalt": "salt", "passwordCpu": 16, "passwordMemory": 8, "passwordParallel": 1, "passwordLength": 32,
}  # fmt: skip
FIREBASE_HASH = "lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ=="
SCRYPT_HASH = "3fd5e12916ec8226ef2b019ed6bf83a2e34863e1657ba23d3b339f369930a42c"
MD5_HASH = "88e4ddd2402d92d50e1879d6ecd9ffd4"
ARGON2_HASH = "$argon2id$v=19$m=8,t=1,p=1$Eo6/zabAeSIDC6bsUuySmA$uClyPLHLnEYpghWH9cofOD7iotbhaGwWR2PVx8VdDVI"
BCRYPT_HASH = "$2b$04$BFAev1AaNNiEdLAgqmYa8eF.6dpdnjiFIJpxqrihNidPlNY/MjFQi"
PHPASS_HASH = "$P$9IQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0"  # WordPress

BROUGHT = [
    ("argon2", ARGON2_HASH, {}, HORSE, {"type": "argon2", "memoryCost": 8, "timeCost": 1, "threads": 1}),
    ("bcrypt", BCRYPT_HASH, {}, HORSE, {"type": "bcrypt"}),
    ("bcrypt", BCRYPT_HASH.replace("$2b$", "$2y$"), {}, HORSE, {"type": "bcrypt"}),
    ("md5", MD5_HASH.upper(), {}, HORSE, {"type": "md5"}),
    ("phpass", PHPASS_HASH, {}, "test12345", {"type": "phpass"}),
    ("sha", "98decc62ece399a22ed30d490ef333be7fde7385", {"passwordVersion": "sha1"}, HORSE,
     {"type": "sha", "version": "sha1"}),
    ("sha", "ffcc2a959b5a5a3a9f4f21614125063fd7d2232a048dfb99fc97b64534860ef7", {"passwordVersion": "sha512/256"},
     HORSE, {"type": "sha", "version": "sha512/256"}),
    ("sha", "a6c76247b9d5b9bb0ca60b6aae5f52d8b7a90e7029236d4b815582eeb22bd439"
     "1255112cf3d9ae176a1d8d5ab263baad724382a4282fbec6e838e795aaaa0ae2", {}, HORSE,
     {"type": "sha", "version": "sha3-512"}),
    ("scrypt", SCRYPT_HASH, SCRYPT, HORSE,
     {"type": "scrypt", "salt": "salt", "costCpu": 16, "costMemory": 8, "costParallel": 1, "length": 32}),
    ("scrypt-modified", FIREBASE_HASH, FIREBASE, "user1password",
     {"type": "scryptMod", "salt": FIREBASE["passwordSalt"], "saltSeparator": "Bw==",
      "signerKey": FIREBASE["passwordSignerKey"]}),
]  # fmt: skip


@pytest.mark.parametrize("brought", BROUGHT, ids=lambda brought: brought[0])
def test_a_hash_of_another_service_lets_its_user_in_and_becomes_ours(
    app: Flask, api: Caller, brought: tuple[str, str, dict[str, Any], str, dict[str, Any]]
) -> None:
    kind, text, options, password, shown = brought
    made = api.post(f"/users/{kind}", userId="ann", email="ann@example.org", password=text, **options)
    assert (made["password"], made["hash"], made["hashOptions"]) == (text, shown["type"], shown)
    wrong = {"email": "ann@example.org", "password": password + "!"}
    assert Caller(app).refused("POST", "/account/sessions/email", wrong) == (401, "user_invalid_credentials")
    assert api.get("/users/ann")["password"] == text
    sign_in(app, password=password)
    ours = api.get("/users/ann")
    assert ours["password"].startswith("$argon2id$v=19$m=19456")
    assert (ours["hashOptions"]["memoryCost"], ours["passwordUpdate"]) == (19456, made["passwordUpdate"])
    sign_in(app, password=password)


@pytest.mark.parametrize(
    ("kind", "text", "options"),
    [
        ("argon2", "x", {}),
        ("argon2", ARGON2_HASH.replace("m=8", "m=4194304"), {}),
        ("argon2", ARGON2_HASH.replace("m=8,t=1,p=1", "m=262144,t=1,p=32768"), {}),  # as many threads
        ("argon2", ARGON2_HASH.replace("t=1", "t=99999"), {}),
        ("bcrypt", "x", {}),
        ("bcrypt", BCRYPT_HASH.replace("$04$", "$31$"), {}),
        ("bcrypt", BCRYPT_HASH[:-1], {}),
        ("md5", "xyz", {}),
        ("md5", MD5_HASH[:-2], {}),
        ("phpass", PHPASS_HASH[:-1], {}),
        ("phpass", PHPASS_HASH.replace("$P$9", "$P$z"), {}),
        ("sha", MD5_HASH, {}),
        ("sha", MD5_HASH, {"passwordVersion": "sha0"}),
        ("scrypt", SCRYPT_HASH, SCRYPT | {"passwordCpu": 15}),
        ("scrypt", SCRYPT_HASH, SCRYPT | {"passwordCpu": 2**30}),
        ("scrypt", SCRYPT_HASH, SCRYPT | {"passwordParallel": 2**30}),
        ("scrypt", SCRYPT_HASH, SCRYPT | {"passwordLength": 33}),
        ("scrypt", SCRYPT_HASH, SCRYPT | {"passwordSalt": ""}),
        ("scrypt", SCRYPT_HASH, {}),
        ("scrypt-modified", FIREBASE_HASH, FIREBASE | {"passwordSignerKey": "no base64"}),
        ("scrypt-modified", FIREBASE_HASH, FIREBASE | {"passwordSignerKey": "AAAA"}),
        ("scrypt-modified", "é", FIREBASE),
        ("md5", "", {}),
        ("md5", None, {}),
        ("md5", "a" * 2_000, {}),
    ],
)
def test_a_hash_that_could_never_be_checked_is_refused(
    api: Caller, kind: str, text: str, options: dict[str, Any]
) -> None:
    body = {"userId": "ann", "email": "ann@example.org", "password": text} | options
    assert api.refused("POST", f"/users/{kind}", body) == (400, "general_argument_invalid")
    assert api.get("/users")["total"] == 0


def test_a_user_with_a_hash_is_unique_like_any_other(api: Caller) -> None:
    body = {"userId": "ann", "email": "ann@example.org", "password": MD5_HASH}
    api.post("/users/md5", **body)
    assert api.refused("POST", "/users/md5", body) == (409, "user_already_exists")
    assert api.refused("POST", "/users/md5", body | {"userId": "ben"}) == (409, "user_already_exists")
    assert api.refused("POST", "/users/md5", {"userId": "ben", "password": MD5_HASH})[0] == 400
