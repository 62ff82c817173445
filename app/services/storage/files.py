"""Files of a bucket: found, opened, renamed, deleted, each only by whom the bucket or the file itself lets."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TypeVar

import structlog
from sqlalchemy import delete, select

from app.domain.addresses import has_control_characters
from app.domain.errors import Forbidden, Invalid, NotFound, Unavailable
from app.domain.file_kinds import name_key
from app.domain.row_permissions import (
    FILE_ACTIONS,
    MOST_PERMISSIONS,
    PERMISSION_RULE,
    allows,
    gather,
    holds_all,
    roles_for,
)
from app.infra.vault import Vault, VaultError
from app.models.files import Bucket, File, FileReader
from app.services.storage.buckets import enter_bucket, leave_behind, lets_in, shut_out
from app.services.work import Work
from app.storage import CorruptFileError, FileStore, StoreError, contents, open_store

LONGEST_NAME = 128  # of a name that is given later; the one of an upload is the sender's
GONE = "This file does not exist, or was deleted."

Answer = TypeVar("Answer")
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A file whose bytes can be read, also after the work in which it was opened has ended.

    `name`, `mime_type` and `size` (bytes) are those of the bytes as they were given.
    """

    row: File
    bucket: Bucket
    store: FileStore
    vault: Vault

    @property
    def name(self) -> str:
        """What it is called; no path."""
        return self.row.name

    @property
    def mime_type(self) -> str:
        """What its first bytes say it is."""
        return self.row.mime_type

    @property
    def size(self) -> int:
        """Bytes in all."""
        return self.row.size_original

    def pieces(self, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """The bytes from `start` up to `stop`, decoded, in pieces; the first is read at once.

        NotFound when they are gone, Unavailable when the store is away or they were tampered with.
        """
        found = contents.read_contents(self.store, self.vault, self.row, start, stop)
        first = _in_plain_words(self.row, lambda: next(found, b""))
        return chain([first], found)

    def read(self, limit: int) -> bytes:
        """All bytes at once. Invalid (field `file`) when there are more than `limit`, else errors as above."""
        if self.size > limit:
            raise Invalid({"file": [f"{self.name} has {self.size:,} bytes; at most {limit:,} can be taken here."]})
        return _in_plain_words(self.row, lambda: contents.read_whole(self.store, self.vault, self.row, limit))


def _in_plain_words(row: File, read: Callable[[], Answer]) -> Answer:
    try:
        return read()
    except FileNotFoundError as error:
        log.warning("The bytes of a file are gone", file_id=row.id, store_key=row.store_key)
        raise NotFound(GONE, type="storage_file_not_found") from error
    except (StoreError, CorruptFileError, VaultError) as error:
        log.exception("A file cannot be read", file_id=row.id, store_key=row.store_key)
        raise Unavailable(f"The file {row.name} cannot be read at the moment. Ask an admin to look at it.") from error


def find_file(work: Work, bucket_id: str, file_id: str) -> File:
    """The file with that id, pending or whole. NotFound when the actor may not read it, or there is none."""
    work.require("files.read")
    return _read(work, enter_bucket(work, bucket_id), file_id)


def open_file(work: Work, bucket_id: str, file_id: str) -> OpenFile:
    """The file, ready to be read; NotFound also while its bytes have not all come."""
    work.require("files.read")
    bucket = enter_bucket(work, bucket_id)
    return open_row(work, bucket, _read(work, bucket, file_id))


def open_row(work: Work, bucket: Bucket, row: File) -> OpenFile:
    """The same for a row that was found, and may be read."""
    if not row.store_key:
        raise NotFound("The upload of this file is not complete yet.", type="storage_file_not_found")
    return OpenFile(row, bucket, open_store(work.settings), work.vault)


def read_whole(work: Work, bucket_id: str, file_id: str, limit: int) -> bytes:
    """All bytes of the file; Invalid (field `file`) when there are more than `limit`."""
    return open_file(work, bucket_id, file_id).read(limit)


def seek_file(work: Work, bucket: Bucket, file_id: str, *, is_locked: bool = False) -> File:
    """The file of that bucket, whoever asks, locked when it will be changed; NotFound when there is none."""
    found = select(File).where(File.bucket_pk == bucket.pk, File.id == file_id)
    row = work.session.scalar(found.with_for_update() if is_locked else found)
    if row is None:
        raise NotFound(GONE, type="storage_file_not_found")
    return row


def _read(work: Work, bucket: Bucket, file_id: str) -> File:
    sees_all = lets_in(work, bucket, "read")
    if not sees_all and not bucket.file_security:
        raise shut_out("read")
    row = seek_file(work, bucket, file_id)
    if not sees_all and not allows(row.permissions, "read", work.actor.roles):
        raise NotFound(GONE, type="storage_file_not_found")
    return row


def _change(work: Work, bucket_id: str, file_id: str, action: str) -> tuple[Bucket, File]:
    """The file, when the bucket or the file lets the actor do this with it."""
    work.require("files.write")
    bucket = enter_bucket(work, bucket_id)
    may_all = lets_in(work, bucket, action)
    if not may_all and not bucket.file_security:
        raise shut_out(action)
    row = seek_file(work, bucket, file_id, is_locked=True)
    if not may_all and not allows(row.permissions, action, work.actor.roles):
        raise shut_out(action)
    return bucket, row


def check_permissions(work: Work, permissions: Sequence[str]) -> list[str]:
    """Permissions of a file as they are kept. Invalid for what is none, Forbidden for roles the actor does not hold."""
    try:
        gathered = gather(permissions, FILE_ACTIONS)
    except ValueError:
        raise Invalid({"permissions": [PERMISSION_RULE]}) from None
    if len(permissions) > MOST_PERMISSIONS:
        raise Invalid({"permissions": [f"At most {MOST_PERMISSIONS} permissions fit."]})
    if not work.actor.is_privileged and not holds_all(gathered, work.actor.roles):
        held = ", ".join(sorted(work.actor.roles))
        raise Forbidden(f"Permissions must be one of: ({held})", type="user_unauthorized")
    return gathered


def put_permissions(work: Work, row: File, permissions: Sequence[str]) -> None:
    """Keep these gathered permissions, also where lists look for readers. The row has its number already."""
    row.permissions = list(permissions)
    work.session.execute(delete(FileReader).where(FileReader.file_pk == row.pk))
    readers = dict.fromkeys(roles_for(permissions, "read"))
    work.session.add_all(FileReader(file_pk=row.pk, role=role, project_pk=row.project_pk) for role in readers)


def update_file(
    work: Work, bucket_id: str, file_id: str, *, name: str | None = None, permissions: Sequence[str] | None = None
) -> File:
    """Rename a file or give it other permissions (None keeps each). Raises Invalid by field, Forbidden."""
    _, row = _change(work, bucket_id, file_id, "update")
    if name is not None and (not 1 <= len(name) <= LONGEST_NAME or has_control_characters(name)):
        raise Invalid({"name": [f"Name needs 1 to {LONGEST_NAME} characters and no line breaks, like report.pdf."]})
    if permissions is not None:
        put_permissions(work, row, check_permissions(work, permissions))
    before, row.name, row.updated_at = row.name, row.name if name is None else name, work.now
    row.name_key = name_key(row.name)
    work.audit("file.update", f"file/{row.id}", name=row.name, before=before, bucket=bucket_id)
    return row


def delete_file(work: Work, bucket_id: str, file_id: str) -> File:
    """Delete a file, whole or pending; a job takes its bytes, chunks and previews out of the store afterwards."""
    _, row = _change(work, bucket_id, file_id, "delete")
    drop(work, row)
    work.audit("file.delete", f"file/{row.id}", name=row.name, bucket=bucket_id)
    return row


def drop(work: Work, row: File) -> None:
    """Take the row away, and have its folders in the store emptied."""
    leave_behind(work, contents.folder_of(row), contents.previews_of(row))
    work.session.delete(row)
    work.session.flush()
