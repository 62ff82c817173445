"""Encryption of what lies in the file store: AES-256-GCM in frames, so that neither side holds a whole file.

After the header (mark, salt, prefix) come frames of 64 KiB of text, each with its tag. The key of an object is derived
from the file's key and the salt (HKDF-SHA256); a nonce is prefix, number of the frame, and whether it is the last one:
the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár 2015), so that frames cannot be dropped, added or moved.
"""

import secrets
from collections.abc import Iterable, Iterator

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

FRAME = 64 * 1024  # bytes of text in a frame
TAG = 16
KEY_BYTES = 32
_MARK = b"CRLNF1"
_SALT, _PREFIX = 16, 7
_HEADER = len(_MARK) + _SALT + _PREFIX


class CorruptFileError(Exception):
    """What lies in the store is not what was put there, or belongs to another key."""


def new_key() -> bytes:
    """A new random key for one file."""
    return secrets.token_bytes(KEY_BYTES)


def seal(pieces: Iterable[bytes], key: bytes, label: str) -> Iterator[bytes]:
    """The pieces, encrypted; `label` is where they will lie, and they can be opened nowhere else."""
    salt, prefix = secrets.token_bytes(_SALT), secrets.token_bytes(_PREFIX)
    cipher, header = _cipher(key, salt), _MARK + salt + prefix
    yield header
    for number, (text, is_last) in enumerate(_cut(pieces, FRAME)):
        yield cipher.encrypt(_nonce(prefix, number, is_last=is_last), text, header + label.encode())


def unseal(pieces: Iterable[bytes], key: bytes, label: str) -> Iterator[bytes]:
    """The text of each frame once its tag is right; CorruptFileError as soon as one is not."""
    rest = iter(pieces)
    start = b""
    while len(start) < _HEADER:
        piece = next(rest, None)
        if piece is None:
            raise CorruptFileError("it ends within its header")
        start += piece
    header, start = start[:_HEADER], start[_HEADER:]
    if not header.startswith(_MARK):
        raise CorruptFileError("it has no header of ours")
    cipher, prefix = _cipher(key, header[len(_MARK) : -_PREFIX]), header[-_PREFIX:]
    for number, (frame, is_last) in enumerate(_cut(_chain(start, rest), FRAME + TAG)):
        try:
            yield cipher.decrypt(_nonce(prefix, number, is_last=is_last), frame, header + label.encode())
        except InvalidTag as error:
            raise CorruptFileError(f"frame {number} was changed, moved or cut off") from error


def _cipher(key: bytes, salt: bytes) -> AESGCM:
    return AESGCM(HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=salt, info=b"carillon file").derive(key))


def _nonce(prefix: bytes, number: int, *, is_last: bool) -> bytes:
    return prefix + number.to_bytes(4, "big") + bytes([is_last])


def _chain(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _cut(pieces: Iterable[bytes], size: int) -> Iterator[tuple[bytes, bool]]:
    """The same bytes in frames of `size`, and whether a frame is the last; nothing at all is one empty frame."""
    held = bytearray()
    for piece in pieces:
        held += piece
        start = 0
        while len(held) - start > size:  # the last full frame is held back until more has come
            yield bytes(held[start : start + size]), False
            start += size
        del held[:start]
    yield bytes(held), True
