"""Files by key, on the local disk or in an object store, written and read in pieces so that memory stays flat."""

import io
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO, cast

import obstore
from obstore.exceptions import NotFoundError
from obstore.store import LocalStore, from_url

from app.infra.settings import Settings

PIECE = 256 * 1024  # bytes read at a time


class FileStore:
    """The files of one installation. A key is a path like `imports/1/ab12.csv`; whoever makes it keeps it safe."""

    def __init__(self, store: Any) -> None:
        self._store = store

    def put(self, key: str, content: bytes | BinaryIO) -> None:
        """Write a file, replacing the one that was there; readers see the old one or the whole new one.

        An open file is read from where it stands, in pieces. It must not read from a store itself.
        """
        obstore.put(self._store, key, cast("Any", content))

    def pieces(self, key: str) -> Iterator[bytes]:
        """The file's bytes in pieces of about 256 KB; FileNotFoundError when there is none."""
        try:
            answer = obstore.get(self._store, key)
        except (NotFoundError, FileNotFoundError) as error:
            raise FileNotFoundError(key) from error
        for piece in answer.stream(min_chunk_size=PIECE):
            yield bytes(piece)

    def open(self, key: str) -> io.BufferedReader:
        """The file as a readable binary stream; FileNotFoundError when there is none."""
        return io.BufferedReader(_Pieces(self.pieces(key)), PIECE)

    def head(self, key: str, size: int) -> bytes:
        """The first bytes of a file; FileNotFoundError when there is none."""
        taken = b""
        for piece in self.pieces(key):
            taken += piece
            if len(taken) >= size:
                break
        return taken[:size]

    def keys(self, prefix: str) -> list[str]:
        """The keys of all files in that folder, in order of the alphabet."""
        return sorted(meta["path"] for page in obstore.list(self._store, prefix) for meta in page)

    def delete(self, keys: Iterable[str]) -> None:
        """Delete these files; nothing happens for those that are gone already."""
        for key in keys:
            try:
                obstore.delete(self._store, key)
            except (NotFoundError, FileNotFoundError):
                continue


class _Pieces(io.RawIOBase):
    """A raw stream over pieces of bytes."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = next(pieces, b"")  # asked at once, so that a missing file is noticed when it is opened

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer as far as the present piece goes; 0 at the end."""
        if not self._rest:
            self._rest = next(self._pieces, b"")
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


def open_store(settings: Settings) -> FileStore:
    """The store that the settings name: `CARILLON_STORAGE_URL`, else `files/` in the data dir (its owner's only)."""
    if settings.storage_url:
        return FileStore(from_url(settings.storage_url))
    folder = settings.data_dir / "files"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return FileStore(LocalStore(folder))
