"""The bytes of a file row: written into the store once, as its bucket wishes, and read back as they were given."""

import hashlib
import secrets
import tempfile
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import BinaryIO

from app.infra.vault import Vault
from app.models.files import File
from app.storage.encoding import LARGEST, PLAIN, Encoding, decode, encode, skip
from app.storage.files import PIECE, FileStore
from app.storage.frames import new_key
from app.storage.metadata import strip_metadata
from app.storage.mime_types import HEAD, sniff

STRIPPED = frozenset({"image/jpeg", "image/png", "image/webp"})


class TooLargeError(Exception):
    """The file has more bytes than the caller can take."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How a file is to be written: where, how it lies there, and what helps to tell its type."""

    folder: str
    encoding: Encoding = PLAIN
    extension: str = ""
    is_stripped: bool = False


@dataclass(frozen=True, slots=True)
class Written:
    """What came of it: key in the store, bytes of the file and in the store, MD5 of the file in hex, MIME type."""

    key: str
    size: int
    size_actual: int
    signature: str
    mime_type: str


def folder_of(file: File) -> str:
    """Where everything of a file lies: its bytes and its chunks."""
    return f"buckets/{file.bucket_pk}/{file.pk}"


def previews_of(file: File) -> str:
    """Where the cached previews of a file lie."""
    return f"previews/{file.bucket_pk}/{file.pk}"


def seal_new_key(vault: Vault) -> str:
    """A new key for one file, as its row keeps it."""
    return vault.encrypt_text(b64encode(new_key()).decode())


def encoding_of(file: File, vault: Vault) -> Encoding:
    """How the file lies in the store, or will lie there."""
    key = b64decode(vault.decrypt_text(file.sealed_key)) if file.encryption else b""
    return Encoding(file.compression, key)


def write_contents(store: FileStore, pieces: Iterable[bytes], plan: Plan) -> Written:
    """Write the file under a new key in its folder, streaming. StoreError when the store cannot take it."""
    head, pieces = _peek(pieces)
    mime_type = sniff(head, plan.extension, is_whole=len(head) < HEAD)
    if plan.is_stripped and mime_type in STRIPPED:
        pieces = _strip(pieces, mime_type)
    key = f"{plan.folder}/whole-{secrets.token_hex(8)}"
    counted = _Counted(pieces)
    with tempfile.TemporaryFile() as packed:
        for piece in encode(counted, plan.encoding, key):
            packed.write(piece)
        size_actual = packed.tell()
        packed.seek(0)
        store.put(key, packed)
    return Written(key, counted.size, size_actual, counted.md5.hexdigest(), mime_type)


def write_chunk(store: FileStore, stream: BinaryIO, plan: Plan, number: int) -> str:
    """Write one chunk of a file under a new key in its folder, encrypted when the file will be; the key."""
    key = f"{plan.folder}/chunks/{number:06d}-{secrets.token_hex(8)}"
    with tempfile.TemporaryFile() as packed:
        for piece in encode(read_stream(stream), Encoding(key=plan.encoding.key), key):
            packed.write(piece)
        packed.seek(0)
        store.put(key, packed)
    return key


def read_chunks(store: FileStore, chunks: Iterable[tuple[str, int]], encoding: Encoding) -> Iterator[bytes]:
    """The bytes of these chunks (key and length of each), one after the other."""
    for key, length in chunks:
        yield from decode(store.pieces(key), Encoding(key=encoding.key), key, length)


def read_contents(
    store: FileStore, vault: Vault, file: File, start: int = 0, stop: int | None = None
) -> Iterator[bytes]:
    """The file's bytes from `start` up to `stop`, as they were given, in pieces.

    FileNotFoundError when they are gone, CorruptFileError when they are not what was written, StoreError when the
    store is away; each as soon as the first piece is asked for, or on the way.
    """
    stop = file.size_original if stop is None else stop
    if stop <= start:
        return
    encoding = encoding_of(file, vault)
    if encoding == PLAIN:
        is_part = (start, stop) != (0, file.size_original)
        raw = store.pieces(file.store_key, start, stop) if is_part else store.pieces(file.store_key)
        yield from decode(raw, PLAIN, file.store_key, stop - start)
        return
    whole = decode(store.pieces(file.store_key), encoding, file.store_key, file.size_original)
    yield from skip(whole, start, stop)


def read_whole(store: FileStore, vault: Vault, file: File, limit: int) -> bytes:
    """All bytes of the file at once; TooLargeError when there are more than `limit`, else errors as above."""
    if file.size_original > limit:
        raise TooLargeError(f"{file.name} has {file.size_original:,} bytes; at most {limit:,} can be taken.")
    return b"".join(read_contents(store, vault, file))


def read_stream(stream: BinaryIO) -> Iterator[bytes]:
    """What an open file holds from where it stands, in pieces."""
    while piece := stream.read(PIECE):
        yield piece


def is_transformed(size: int) -> bool:
    """Whether a file of so many bytes is compressed, encrypted and stripped as its bucket wishes."""
    return size <= LARGEST


class _Counted:
    """Pieces that are counted and hashed while they pass."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = pieces
        self.size = 0
        self.md5 = hashlib.md5(usedforsecurity=False)

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            self.size += len(piece)
            self.md5.update(piece)
            yield piece


def _strip(pieces: Iterable[bytes], mime_type: str) -> Iterator[bytes]:
    yield strip_metadata(b"".join(pieces), mime_type)


def _peek(pieces: Iterable[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """The first bytes, and all pieces with them."""
    rest, seen, held = iter(pieces), 0, []
    while seen < HEAD and (piece := next(rest, None)) is not None:
        held.append(piece)
        seen += len(piece)
    return b"".join(held)[:HEAD], chain(held, rest)
