"""How a file lies in the store: as it is, or compressed, encrypted, or both; always in pieces."""

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO, Protocol, cast

import zstandard

from app.storage.frames import CorruptFileError, seal, unseal

LARGEST = 20_000_000  # bytes of a file; a larger one is neither compressed nor encrypted (REST contract, 11.3)
COMPRESSIONS = ("none", "gzip", "zstd")
_STEP = 256 * 1024  # bytes that come out of a decompressor at a time


@dataclass(frozen=True, slots=True)
class Encoding:
    """Compression (none, gzip, zstd), and the key when it is encrypted (32 bytes; empty when it is not)."""

    compression: str = "none"
    key: bytes = b""


PLAIN = Encoding()


class _Compressor(Protocol):
    def compress(self, data: bytes, /) -> bytes: ...
    def flush(self) -> bytes: ...


def encode(pieces: Iterable[bytes], encoding: Encoding, label: str) -> Iterator[bytes]:
    """The bytes as they will lie in the store under the key `label`."""
    if encoding.compression != "none":
        pieces = _compress(pieces, _compressor(encoding.compression))
    return seal(pieces, encoding.key, label) if encoding.key else iter(pieces)


def decode(pieces: Iterable[bytes], encoding: Encoding, label: str, size: int) -> Iterator[bytes]:
    """The bytes as they were given; CorruptFileError when they are not these, or not `size` of them."""
    if encoding.key:
        pieces = unseal(pieces, encoding.key, label)
    if encoding.compression == "gzip":
        pieces = _gunzip(pieces)
    elif encoding.compression == "zstd":
        pieces = _unzstd(pieces)
    done = 0
    for piece in pieces:
        done += len(piece)
        if done > size:
            raise CorruptFileError("it is larger than it was")
        if piece:
            yield piece
    if done != size:
        raise CorruptFileError("it ends too early")


def skip(pieces: Iterable[bytes], start: int, stop: int) -> Iterator[bytes]:
    """Of these pieces the bytes from `start` up to `stop`; what follows is not read."""
    place = 0
    for piece in pieces:
        part = piece[max(0, start - place) : max(0, stop - place)]
        place += len(piece)
        if part:
            yield part
        if place >= stop:
            return


def _compressor(compression: str) -> _Compressor:
    if compression == "gzip":
        return zlib.compressobj(6, zlib.DEFLATED, 16 + zlib.MAX_WBITS)  # 16: with gzip's header, RFC 1952
    return zstandard.ZstdCompressor(level=3).compressobj()


def _compress(pieces: Iterable[bytes], compressor: _Compressor) -> Iterator[bytes]:
    for piece in pieces:
        if packed := compressor.compress(piece):
            yield packed
    yield compressor.flush()


def _gunzip(pieces: Iterable[bytes]) -> Iterator[bytes]:
    unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        for piece in pieces:
            rest = piece
            while rest:
                yield unpacker.decompress(rest, _STEP)
                rest = unpacker.unconsumed_tail
        yield unpacker.flush()
    except zlib.error as error:
        raise CorruptFileError("it cannot be unpacked") from error


def _unzstd(pieces: Iterable[bytes]) -> Iterator[bytes]:
    unpacker = zstandard.ZstdDecompressor().stream_reader(cast("IO[bytes]", _Source(pieces)))
    try:
        while piece := unpacker.read(_STEP):
            yield piece
    except zstandard.ZstdError as error:
        raise CorruptFileError("it cannot be unpacked") from error


class _Source:
    """Pieces as something to read from; zstandard takes what comes, however much it asked for."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._held = b""

    def read(self, size: int) -> bytes:
        """At most `size` bytes; empty at the end."""
        while not self._held:
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            self._held = piece
        taken, self._held = self._held[:size], self._held[size:]
        return taken
