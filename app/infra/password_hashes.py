"""Passwords as they are kept: ours (argon2id), and the hashes that contacts bring along from other services.

A hash of another service is checked as it is, and replaced by ours the next time its contact signs in. The sorts and
what each takes besides are those of the REST contract (12.1, 8.9).
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import bcrypt
from argon2 import extract_parameters
from argon2.exceptions import InvalidHashError
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from app.infra.vault import hash_password, needs_rehash, verify_password

OURS = "argon2"
LONGEST_HASH = 1024
SHA_VERSIONS = (
    "sha1", "sha224", "sha256", "sha384", "sha512/224", "sha512/256", "sha512", "sha3-224", "sha3-256", "sha3-384",
    "sha3-512",
)  # fmt: skip
MOST_MEMORY = 256 * 1024 * 1024  # bytes that checking one hash may take; a costlier one is refused when it comes
MOST_ARGON2_PASSES, MOST_BCRYPT_ROUNDS, MOST_PHPASS_ROUNDS = 32, 14, 20
MOST_LANES = 16  # of argon2, a thread for each, and of scrypt
_BCRYPT = re.compile(r"\$2[abxy]\$(\d\d)\$[./A-Za-z0-9]{53}")
_PHPASS_SIGNS = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_PHPASS = re.compile(r"\$[PH]\$([./A-Za-z0-9])([./A-Za-z0-9]{8})([./A-Za-z0-9]{22})")


@dataclass(frozen=True, slots=True)
class PasswordHash:
    """A password as it is kept: the hash, its sort, and what checking it takes besides, by wire name."""

    kind: str
    text: str = field(repr=False)
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)


def keep(password: str) -> PasswordHash:
    """The password as we keep it."""
    text = hash_password(password)
    return PasswordHash(OURS, text, _costs(text))


def bring(kind: str, text: str, **options: Any) -> PasswordHash:
    """A hash of another service, with what checking it takes besides; `wrong_hash` says whether it can be."""
    return PasswordHash(kind, text, _costs(text) if kind == OURS else options)


def _costs(text: str) -> dict[str, int]:
    """What an argon2 hash says of itself; nothing when it is none."""
    try:
        found = extract_parameters(text)
    except InvalidHashError:
        return {}
    return {"memoryCost": found.memory_cost, "timeCost": found.time_cost, "threads": found.parallelism}


def is_stale(kept: PasswordHash) -> bool:
    """Whether it should be kept anew after a good sign-in: another service's, or ours with other costs than today's."""
    return kept.kind != OURS or needs_rehash(kept.text)


def fits(kept: PasswordHash | None, password: str) -> bool:
    """Whether it is that password. Takes at least as long as checking one of ours, also when none is kept."""
    if kept is None or kept.kind == OURS:
        return verify_password(kept.text if kept is not None else None, password)
    verify_password(None, password)
    try:
        return _CHECKS[kept.kind](kept, password.encode("utf-8", "surrogatepass"))
    except (ValueError, KeyError, TypeError, MemoryError, OverflowError, binascii.Error):
        return False


def wrong_hash(kept: PasswordHash) -> str:
    """Why no password could ever be checked against it, as a sentence; empty when one could."""
    if not kept.text or len(kept.text) > LONGEST_HASH:
        return f"Value must be a hash of 1 to {LONGEST_HASH:,} characters."
    try:
        is_fine = _SHAPES[kept.kind](kept)
    except (ValueError, KeyError, TypeError, OverflowError, binascii.Error):
        is_fine = False
    return "" if is_fine else f"Value must be a {kept.kind} hash with options that can be checked in 256 MiB."


def _is_argon2(kept: PasswordHash) -> bool:
    memory, passes, lanes = (int(kept.options[name]) for name in ("memoryCost", "timeCost", "threads"))
    return memory * 1024 <= MOST_MEMORY and passes <= MOST_ARGON2_PASSES and lanes <= MOST_LANES


def _is_bcrypt(kept: PasswordHash) -> bool:
    found = _BCRYPT.fullmatch(kept.text)
    return found is not None and 4 <= int(found.group(1)) <= MOST_BCRYPT_ROUNDS


def _is_scrypt(kept: PasswordHash) -> bool:
    names = ("costCpu", "costMemory", "costParallel", "length")
    cpu, memory, lanes, length = (int(kept.options[name]) for name in names)
    is_cheap = cpu * memory * 128 <= MOST_MEMORY and lanes <= MOST_LANES
    return is_cheap and cpu > 1 and cpu & (cpu - 1) == 0 and len(bytes.fromhex(kept.text)) == length


def _is_scrypt_modified(kept: PasswordHash) -> bool:
    key = base64.b64decode(kept.options["signerKey"], validate=True)
    for name in ("salt", "saltSeparator"):
        base64.b64decode(kept.options[name], validate=True)
    return len(base64.b64decode(kept.text, validate=True)) == len(key) > 0


def _is_hex(size: int) -> Callable[[PasswordHash], bool]:
    return lambda kept: len(bytes.fromhex(kept.text)) == size


def _is_phpass(kept: PasswordHash) -> bool:
    found = _PHPASS.fullmatch(kept.text)
    return found is not None and 7 <= _PHPASS_SIGNS.index(found.group(1)) <= MOST_PHPASS_ROUNDS


_SHAPES: Mapping[str, Callable[[PasswordHash], bool]] = {
    OURS: _is_argon2,
    "bcrypt": _is_bcrypt,
    "md5": _is_hex(16),
    "phpass": _is_phpass,
    "sha": lambda kept: len(bytes.fromhex(kept.text)) == hashlib.new(_digest_name(kept)).digest_size,
    "scrypt": _is_scrypt,
    "scryptMod": _is_scrypt_modified,
}


def _digest_name(kept: PasswordHash) -> str:
    """What hashlib calls the version: sha512/224 is sha512_224."""
    version = kept.options["version"]
    if version not in SHA_VERSIONS:
        raise ValueError(version)
    return str(version).replace("/", "_").replace("-", "_")


def _check_bcrypt(kept: PasswordHash, password: bytes) -> bool:
    return bcrypt.checkpw(password[:72], kept.text.encode())  # the rest never counted: the algorithm ends there


def _check_md5(kept: PasswordHash, password: bytes) -> bool:
    return hmac.compare_digest(hashlib.md5(password, usedforsecurity=False).hexdigest(), kept.text.lower())


def _check_sha(kept: PasswordHash, password: bytes) -> bool:
    return hmac.compare_digest(hashlib.new(_digest_name(kept), password).hexdigest(), kept.text.lower())


def _check_phpass(kept: PasswordHash, password: bytes) -> bool:
    """The portable hash of phpass (openwall.com/phpass): MD5 over itself, 2 to the given power times."""
    found = _PHPASS.fullmatch(kept.text)
    if found is None:
        return False
    rounds, salt, wanted = found.groups()
    digest = hashlib.md5(salt.encode() + password, usedforsecurity=False).digest()
    for _ in range(1 << _PHPASS_SIGNS.index(rounds)):
        digest = hashlib.md5(digest + password, usedforsecurity=False).digest()
    return hmac.compare_digest(_phpass_base64(digest), wanted)


def _phpass_base64(octets: bytes) -> str:
    """Six bits a sign, the lowest first, as phpass writes them."""
    number, signs = int.from_bytes(octets, "little"), (len(octets) * 8 + 5) // 6
    return "".join(_PHPASS_SIGNS[number >> 6 * place & 63] for place in range(signs))


def _check_scrypt(kept: PasswordHash, password: bytes) -> bool:
    options = kept.options
    made = hashlib.scrypt(
        password, salt=options["salt"].encode(), n=options["costCpu"], r=options["costMemory"],
        p=options["costParallel"], dklen=options["length"], maxmem=2 * MOST_MEMORY,
    )  # fmt: skip
    return hmac.compare_digest(made, bytes.fromhex(kept.text))


def _check_scrypt_modified(kept: PasswordHash, password: bytes) -> bool:
    """Firebase's scrypt (github.com/firebase/scrypt): the derived key encrypts the project's signer key."""
    options = kept.options
    salt = base64.b64decode(options["salt"]) + base64.b64decode(options["saltSeparator"])
    derived = hashlib.scrypt(password, salt=salt, n=1 << 14, r=8, p=1, dklen=64, maxmem=MOST_MEMORY)
    cipher = Cipher(algorithms.AES(derived[:32]), modes.CTR(bytes(16))).encryptor()
    made = cipher.update(base64.b64decode(options["signerKey"])) + cipher.finalize()
    return hmac.compare_digest(made, base64.b64decode(kept.text))


_CHECKS: Mapping[str, Callable[[PasswordHash, bytes], bool]] = {
    "bcrypt": _check_bcrypt,
    "md5": _check_md5,
    "phpass": _check_phpass,
    "sha": _check_sha,
    "scrypt": _check_scrypt,
    "scryptMod": _check_scrypt_modified,
}
