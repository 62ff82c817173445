"""The vault: what is encrypted at rest, what is signed, and what is only kept as a hash."""

import base64
import hashlib
import json
import os
import secrets
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.infra.settings import Settings

SHORTEST_KEY = 32  # characters of a secret key; shorter ones can be guessed
TOKEN_BYTES = 32

# Argon2id with 19 MiB, two passes, one lane: the smallest set the OWASP password storage guide accepts, about 30 ms.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


class VaultError(Exception):
    """The vault cannot be opened; the sentence says which key is missing or wrong, and never shows it."""


class Vault:
    """Encrypts, decrypts and derives keys. The first key encrypts and signs; all of them decrypt and verify."""

    def __init__(self, keys: Sequence[str]) -> None:
        if not keys:
            raise VaultError("CARILLON_SECRET_KEYS is empty: give one key of at least 32 characters.")
        if any(len(key) < SHORTEST_KEY for key in keys):
            raise VaultError(
                f"Each of CARILLON_SECRET_KEYS needs at least {SHORTEST_KEY} characters; one of them is shorter."
            )
        self._keys = tuple(keys)
        self._fernet = MultiFernet([Fernet(_derive_token(key, "encrypt")) for key in self._keys])

    @classmethod
    def open(cls, settings: Settings) -> "Vault":
        """The vault of this installation: keys from the setting, else from the key file, made when there is none."""
        if settings.secret_keys:
            return cls(settings.secret_keys.replace(",", " ").split())
        return cls(
            _read_key_file(settings.key_file) if settings.key_file.exists() else make_key_file(settings.key_file)
        )

    def encrypt(self, plain: bytes) -> bytes:
        """The bytes, encrypted and authenticated (Fernet: AES-128-CBC with HMAC-SHA256)."""
        return self._fernet.encrypt(plain)

    def decrypt(self, sealed: bytes) -> bytes:
        """What was encrypted with any of our keys; VaultError when it was with none of them, or was changed."""
        try:
            return self._fernet.decrypt(sealed)
        except InvalidToken as error:
            raise VaultError(
                "A stored secret cannot be decrypted: its key is not among CARILLON_SECRET_KEYS or in the key file. "
                "Add the key it was encrypted with."
            ) from error

    def rotate(self, sealed: bytes) -> bytes:
        """The same secret, encrypted anew with the first key."""
        return self.encrypt(self.decrypt(sealed))

    def encrypt_text(self, plain: str) -> str:
        """The text, encrypted, in ASCII."""
        return self.encrypt(plain.encode()).decode()

    def decrypt_text(self, sealed: str) -> str:
        """The text that `encrypt_text` sealed."""
        return self.decrypt(sealed.encode()).decode()

    def encrypt_json(self, value: Any) -> str:
        """A value of JSON, encrypted, in ASCII."""
        return self.encrypt_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")))

    def decrypt_json(self, sealed: str) -> Any:
        """The value that `encrypt_json` sealed."""
        return json.loads(self.decrypt_text(sealed))

    def signing_key(self, purpose: str) -> bytes:
        """32 bytes for signing things of this purpose only (`session`, `unsubscribe`), from the first key."""
        return _derive(self._keys[0], f"sign:{purpose}")

    def signing_keys(self, purpose: str) -> list[bytes]:
        """The signing key of this purpose from each key, first the one that signs; all may verify."""
        return [_derive(key, f"sign:{purpose}") for key in self._keys]


def make_key_file(path: Path) -> list[str]:
    """Make the key file (mode 0600) unless another process was quicker; the keys it holds now."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(new_token() + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)  # unlike a rename this never replaces the file of a quicker process
        except FileExistsError:
            return _read_key_file(path)
    finally:
        draft.unlink()
    return _read_key_file(path)


def _read_key_file(path: Path) -> list[str]:
    try:
        keys = path.read_text().split()
    except OSError as error:
        raise VaultError(f"The key file {path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise VaultError(f"The key file {path} does not hold text; restore it from a backup.") from error
    if not keys or any(len(key) < SHORTEST_KEY for key in keys):
        raise VaultError(
            f"The key file {path} needs one key of at least {SHORTEST_KEY} characters a line; restore it from a backup."
        )
    return keys


@lru_cache(maxsize=64)  # a few purposes and keys: each webhook and each signed link would derive them anew
def _derive(key: str, purpose: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=b"carillon", info=purpose.encode()).derive(key.encode())


def _derive_token(key: str, purpose: str) -> bytes:
    return base64.urlsafe_b64encode(_derive(key, purpose))


def hash_password(password: str) -> str:
    """The password as it is stored: argon2id with its parameters and salt (RFC 9106)."""
    return _HASHER.hash(password)


def verify_password(stored: str | None, password: str) -> bool:
    """Whether the password is the stored one; takes as long when there is none stored, so that nobody learns that."""
    try:
        _HASHER.verify(stored or _nobodys_hash(), password)
    except (Argon2Error, InvalidHashError):
        return False
    return stored is not None


def needs_rehash(stored: str) -> bool:
    """Whether the stored hash was made with other parameters than today's; hash again after a good sign-in."""
    return _HASHER.check_needs_rehash(stored)


@lru_cache(maxsize=1)
def _nobodys_hash() -> str:
    return _HASHER.hash(secrets.token_hex(16))


def new_token(size: int = TOKEN_BYTES) -> str:
    """A secret that cannot be guessed: `size` random bytes, URL-safe."""
    return secrets.token_urlsafe(size)


def hash_token(token: str) -> str:
    """What is stored of an API key or a session id: SHA-256 in hex; enough, because the token itself is random."""
    return hashlib.sha256(token.encode()).hexdigest()
