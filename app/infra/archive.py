"""A backup as one file: a tar (POSIX.1-2001) in Zstandard (RFC 8878), written and read as a stream.

The first part, `about.json`, says what it is; the last, `manifest.json`, has size and SHA-256 of every part between. A
file without it is cut off. `tar --zstd -xf` unpacks it anywhere.
"""

import errno
import fcntl
import hashlib
import io
import json
import os
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

import zstandard

ABOUT, MANIFEST = "about.json", "manifest.json"
PIECE = 1024 * 1024
LARGEST_NOTE = 256 * 1024 * 1024  # bytes of JSON that are read at most; the manifest has 150 for each part
_LEVEL = 3


class ArchiveError(Exception):
    """The file cannot be written, or is not what a backup must be; the sentence says which."""


class ArchiveWriter:
    """Takes parts, one after the other; memory stays flat whatever their size."""

    def __init__(self, tar: tarfile.TarFile, moment: float) -> None:
        self._tar = tar
        self._moment = moment
        self.parts: dict[str, dict[str, Any]] = {}

    def add(self, name: str, size: int, source: IO[bytes]) -> None:
        """One part of exactly `size` bytes. ArchiveError when the source has fewer."""
        counted = _Hashed(source)
        try:
            self._tar.addfile(self._entry(name, size), cast("IO[bytes]", counted))
        except OSError as error:
            if type(error) is not OSError or error.errno is not None:
                raise
            raise ArchiveError(f"{name} got shorter while it was read.") from error
        self.parts[name] = {"size": size, "sha256": counted.digest.hexdigest()}

    def add_bytes(self, name: str, content: bytes) -> None:
        """One part that is in memory."""
        self.add(name, len(content), io.BytesIO(content))

    def note(self, name: str, value: dict[str, Any]) -> None:
        """A part of JSON that the manifest does not name: what the archive is, and the manifest itself."""
        content = json.dumps(value, indent=1).encode() + b"\n"
        self._tar.addfile(self._entry(name, len(content)), io.BytesIO(content))

    def _entry(self, name: str, size: int) -> tarfile.TarInfo:
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode, entry.mtime = size, 0o600, self._moment
        return entry


@contextmanager
def write_archive(path: Path, moment: float, *, replaces: bool = False) -> Iterator[ArchiveWriter]:
    """A new archive at `path` (mode 0600), there once the block has ended well; else nothing is left of it.

    The block begins with `note(ABOUT, …)`; the manifest is written when it ends.

    `moment` is what the parts are dated by, in seconds since 1970. Raises ArchiveError when there is a file already
    and it does not replace it, when somebody else writes it now, or when the disk is full.
    """
    draft = path.with_name(f"{path.name}.new")
    with _sentences(path):
        _refuse_existing(path, replaces=replaces)
        with os.fdopen(os.open(draft, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
            _own(file, path)
            try:
                with (
                    zstandard.ZstdCompressor(level=_LEVEL).stream_writer(file, closefd=False) as packed,
                    tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT) as tar,
                ):
                    writer = ArchiveWriter(tar, moment)
                    yield writer
                    writer.note(MANIFEST, {"parts": writer.parts})
                file.flush()
                os.fsync(file.fileno())
                _refuse_existing(path, replaces=replaces)
                draft.replace(path)
            except BaseException:
                draft.unlink(missing_ok=True)
                raise
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Let a power cut not take back what was renamed in that folder."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_about(path: Path) -> dict[str, Any]:
    """What the archive says of itself, without reading on. ArchiveError when it is none."""
    for name, source in read_parts(path, with_notes=True):
        if name == ABOUT:
            return _read_note(source)
        break
    raise ArchiveError(f"{path} is no backup of Carillon.")


def verify(path: Path) -> dict[str, dict[str, Any]]:
    """Read all of it and hold every part against the manifest, which is returned; flat in memory.

    ArchiveError when it is cut off, damaged, or holds other parts than it says.
    """
    found: dict[str, dict[str, Any]] = {}
    said: dict[str, dict[str, Any]] | None = None
    for name, source in read_parts(path, with_notes=True):
        if name == MANIFEST:
            said = _read_note(source).get("parts")
        elif name != ABOUT:
            digest, size = hashlib.sha256(), 0
            while piece := source.read(PIECE):
                digest.update(piece)
                size += len(piece)
            found[name] = {"size": size, "sha256": digest.hexdigest()}
    if said is None:
        raise ArchiveError(f"{path} is cut off: its manifest is missing. Use another backup.")
    if wrong := [name for name in {**said, **found} if said.get(name) != found.get(name)]:
        raise ArchiveError(f"{path} is damaged: {wrong[0]} is not what was written. Use another backup.")
    return found


def read_parts(path: Path, *, with_notes: bool = False) -> Iterator[tuple[str, IO[bytes]]]:
    """The parts in order, each with its bytes, to be read before the next is asked for. ArchiveError when damaged."""
    try:
        with (
            path.open("rb") as file,
            zstandard.ZstdDecompressor().stream_reader(file) as plain,
            tarfile.open(fileobj=plain, mode="r|") as tar,
        ):
            for entry in tar:
                source = tar.extractfile(entry) if entry.isfile() else None
                if source is None:
                    raise ArchiveError(f"{path} holds {entry.name}, which is no file. Use another backup.")
                if with_notes or entry.name not in {ABOUT, MANIFEST}:
                    yield entry.name, cast("IO[bytes]", _Part(path, source))
    except FileNotFoundError as error:
        raise ArchiveError(f"{path} does not exist.") from error
    except _BROKEN as error:
        raise _damaged(path) from error


def _damaged(path: Path) -> ArchiveError:
    return ArchiveError(f"{path} is no backup of Carillon, or is damaged or cut off. Use another one.")


_BROKEN = (zstandard.ZstdError, tarfile.TarError)


class _Part:
    """The bytes of one part; ArchiveError where they cannot be unpacked."""

    def __init__(self, path: Path, source: IO[bytes]) -> None:
        self._path = path
        self._source = source

    def read(self, size: int = -1) -> bytes:
        """As the source."""
        try:
            return self._source.read(size)
        except _BROKEN as error:
            raise _damaged(self._path) from error


def _read_note(source: IO[bytes]) -> dict[str, Any]:
    try:
        value = json.loads(source.read(LARGEST_NOTE))
    except ValueError as error:
        raise ArchiveError("What the backup says of itself cannot be read. Use another backup.") from error
    return value if isinstance(value, dict) else {}


def _refuse_existing(path: Path, *, replaces: bool) -> None:
    if path.is_dir():
        raise ArchiveError(f"{path} is a folder. Name a file in it.")
    if path.exists() and not replaces:
        raise ArchiveError(f"{path} exists already. Name another file, or replace it with --force.")


def _own(file: IO[bytes], path: Path) -> None:
    """Let nobody else write the same archive; what a killed one left behind is overwritten."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise ArchiveError(f"Somebody else writes {path} at this moment. Wait for it, or name another file.") from error
    file.truncate(0)
    os.fchmod(file.fileno(), 0o600)


@contextmanager
def _sentences(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise ArchiveError(f"The disk is full, so {path} was not written. Free some space first.") from error
        if error.errno in {errno.ENOENT, errno.EACCES, errno.EROFS, errno.ENOTDIR, errno.EPERM}:
            raise ArchiveError(f"{path} cannot be written: {error.strerror}. Name another file.") from error
        raise


class _Hashed:
    """A source whose bytes are hashed while they pass."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """As the source."""
        piece = self._source.read(size)
        self.digest.update(piece)
        return piece
