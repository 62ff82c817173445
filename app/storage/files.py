"""Files by key, on the local disk or in an object store, written and read in pieces so that memory stays flat."""

import io
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast
from urllib.parse import urlsplit

from app.infra.loading import later
from app.infra.settings import Settings

if TYPE_CHECKING:
    import obstore
    from obstore import exceptions
    from obstore import store as stores
else:  # 4 MiB
    obstore, exceptions, stores = (later(name) for name in ("obstore", "obstore.exceptions", "obstore.store"))

PIECE = 256 * 1024  # bytes read at a time
PATIENCE = timedelta(seconds=15)  # for a store that is away; by default a page or a job would hang for three minutes
AT_ONCE = 2  # parts of 5 MB that are on their way to an object store together, which bounds memory


class StoreError(OSError):
    """The store is away, full, or refuses us; the file that was to be written is not there."""


class FileStore:
    """The files of one installation. A key is a path like `imports/1/ab12.csv`; whoever makes it keeps it safe."""

    def __init__(self, store: Any) -> None:
        self._store = store

    def put(self, key: str, content: bytes | BinaryIO) -> None:
        """Write a file, replacing the one that was there; readers see the old one or the whole new one.

        An open file is read from where it stands, in pieces. It must not read from a store itself.
        """
        with _plain_errors(key):
            obstore.put(self._store, key, cast("Any", content), max_concurrency=AT_ONCE)

    def pieces(self, key: str, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """The file's bytes from `start` up to `stop` in pieces of about 256 KB; FileNotFoundError when there is none.

        The part must not be empty and must begin within the file, unless it is the whole file.
        """
        with _plain_errors(key):
            if stop is not None:
                options: Any = {"range": (start, stop)}
            else:
                options = {"range": {"offset": start}} if start else {}
            answer = obstore.get(self._store, key, options=options)
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

    def size(self, key: str) -> int:
        """How many bytes a file has; FileNotFoundError when there is none."""
        with _plain_errors(key):
            return int(obstore.head(self._store, key)["size"])

    def keys(self, prefix: str) -> list[str]:
        """The keys of all files in that folder, in order of the alphabet."""
        with _plain_errors(prefix):
            return sorted(meta["path"] for page in obstore.list(self._store, prefix) for meta in page)

    def delete(self, keys: Iterable[str]) -> None:
        """Delete these files; nothing happens for those that are gone already."""
        for key in keys:
            try:
                with _plain_errors(key):
                    obstore.delete(self._store, key)
            except FileNotFoundError:
                continue

    def delete_folder(self, folder: str) -> int:
        """Delete every file in that folder, a page at a time; how many there were."""
        total = 0
        with _plain_errors(folder):
            for page in obstore.list(self._store, folder, chunk_size=1000):
                keys = [meta["path"] for meta in page]
                if keys:
                    self._delete_page(keys)
                total += len(keys)
        return total

    def _delete_page(self, keys: list[str]) -> None:
        """All in one request where the store can; one by one when some are gone already."""
        try:
            with _plain_errors(keys[0]):
                obstore.delete(self._store, keys)
        except FileNotFoundError:
            self.delete(keys)


@contextmanager
def _plain_errors(key: str) -> Iterator[None]:
    """The store's own errors as Python's: FileNotFoundError, else StoreError."""
    try:
        yield
    except (exceptions.NotFoundError, FileNotFoundError) as error:
        raise FileNotFoundError(key) from error
    except exceptions.BaseError as error:
        raise StoreError(f"The file store failed at {key}: {str(error).partition(chr(10))[0][:200]}") from error


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


@cache
def _connect(url: str, _process: int) -> FileStore:
    """One client for each process, which keeps its connections; a fork makes its own."""
    options: Any = {} if urlsplit(url).scheme in {"file", "memory"} else {"retry_config": {"retry_timeout": PATIENCE}}
    try:
        return FileStore(stores.from_url(url, **options))
    except (exceptions.BaseError, ValueError) as error:
        raise StoreError(f"The file store has no usable address: {str(error).partition(chr(10))[0][:200]}") from error


def open_store(settings: Settings) -> FileStore:
    """The store that the settings name: `CARILLON_STORAGE_URL`, else `files/` in the data dir (its owner's only)."""
    if settings.storage_url:
        return _connect(settings.storage_url, os.getpid())
    return open_folder(settings.data_dir / "files")


def open_folder(folder: Path) -> FileStore:
    """The store in that folder of the local disk (its owner's only), made when there is none."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return FileStore(stores.LocalStore(folder, automatic_cleanup=True))
