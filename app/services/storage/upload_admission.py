"""Whether a file, or a chunk of one, may come in: judged in the contract's order (11.3) before a byte is written."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import BinaryIO

from sqlalchemy import func, select

from app.domain.byte_ranges import Chunk, parse_chunk
from app.domain.errors import Conflict, Forbidden, Invalid, NotFound, TooMany
from app.domain.file_kinds import name_key
from app.domain.file_names import FOLDER_RULE, NAME_RULE, extension_of, read_folder, read_name
from app.domain.ids import CUSTOM_ID_RULE, is_custom_id
from app.domain.row_permissions import own_permissions
from app.models.files import Bucket, File, FileChunk
from app.services.storage.buckets import enter_bucket, lets_in
from app.services.storage.files import check_permissions, put_permissions
from app.services.work import Work
from app.storage.contents import Plan, encoding_of, folder_of, is_transformed, seal_new_key

LEASE = timedelta(minutes=5)  # for whoever writes the whole file; a killed one is followed by the next after it
CONTENDED = 5  # seconds after which to try again


@dataclass(frozen=True, slots=True)
class Incoming:
    """What a client sends: an open file (None: it sent none) with its name, and where it is to go.

    An empty `file_id` has one made. `permissions` are those of the file; None takes the actor's own. `content_range`
    and `upload_id` are the headers of a chunked upload (`bytes 0-5242879/9000000`, and the id of the file).
    """

    bucket_id: str
    stream: BinaryIO | None
    file_name: str
    file_id: str = ""
    permissions: Sequence[str] | None = None
    folder: str = ""
    content_range: str = ""
    upload_id: str = ""

    @property
    def file(self) -> BinaryIO:
        """The open file; Invalid when none was sent."""
        if self.stream is None:
            sentence = "No file was sent. Put it into the part `file` of a multipart body."
            raise Invalid({"file": [sentence]}, type="storage_file_empty")
        return self.stream


@dataclass(frozen=True, slots=True)
class Admission:
    """What is to be done with it. `is_known`: the chunk has come before; `is_complete`: all have, nothing is to do;
    `is_last`: whoever got this writes the whole file."""

    row: File
    chunk: Chunk
    plan: Plan
    is_known: bool = False
    is_complete: bool = False
    is_last: bool = False


@dataclass(frozen=True, slots=True)
class _Asked:
    """The same as Incoming, judged."""

    file_id: str
    name: str
    folder: str
    permissions: list[str]
    chunk: Chunk
    is_chunked: bool


def admit(work: Work, incoming: Incoming) -> Admission:
    """Judge what comes, and make a pending row for it when it is the first of its file.

    NotFound, Forbidden, Invalid, Conflict as the contract says, and TooMany while somebody else finishes the file.
    """
    work.require("files.write")
    bucket = enter_bucket(work, incoming.bucket_id)
    if not lets_in(work, bucket, "create"):
        raise Forbidden("This bucket does not let you create files. Ask its owner.", type="user_unauthorized")
    asked = _judge(work, bucket, incoming)
    row = work.session.scalar(
        select(File).where(File.bucket_pk == bucket.pk, File.id == asked.file_id).with_for_update()
    )
    if row is None:
        row = _begin(work, bucket, asked)
    elif row.store_key:
        if not asked.is_chunked or not _is_mine(work, row):
            raise _taken(row)
        return Admission(row, asked.chunk, Plan(folder_of(row)), is_known=True, is_complete=True)
    else:
        _go_on(work, row, asked)
    return _admit_chunk(work, bucket, row, asked.chunk)


def _judge(work: Work, bucket: Bucket, incoming: Incoming) -> _Asked:
    permissions = own_permissions(work.actor.roles) if incoming.permissions is None else incoming.permissions
    gathered = check_permissions(work, permissions)
    folder = read_folder(incoming.folder)
    if folder is None:
        raise Invalid({"folder": [f"Folder cannot be that. {FOLDER_RULE}"]})
    length = incoming.file.seek(0, 2)
    incoming.file.seek(0)
    name = read_name(incoming.file_name)
    if name is None:
        raise Invalid({"file": [NAME_RULE]})
    chunk = _chunk_of(incoming, length)
    file_id = _id_of(work, incoming)
    if bucket.allowed_extensions and extension_of(name) not in bucket.allowed_extensions:
        raise Invalid({"file": ["File extension not allowed"]}, type="storage_file_type_unsupported")
    if chunk.total > min(bucket.maximum_file_size, work.settings.largest_file):
        raise Invalid({"file": ["File size not allowed"]}, type="storage_invalid_file_size")
    return _Asked(file_id, name, folder, gathered, chunk, bool(incoming.content_range))


def _chunk_of(incoming: Incoming, length: int) -> Chunk:
    if not incoming.content_range:
        return Chunk(1, 1, length, length)
    chunk = parse_chunk(incoming.content_range)
    if chunk is None:
        sentence = (
            "Content-Range cannot be that. Send chunks of 5,242,880 bytes, like `bytes 0-5242879/9000000`, each "
            "beginning where the one before it ends."
        )
        raise Invalid({"file": [sentence]}, type="storage_invalid_content_range")
    if chunk.length != length:
        sentence = f"Content-Range names {chunk.length:,} bytes, but {length:,} came. Send the chunk again."
        raise Invalid({"file": [sentence]}, type="storage_invalid_content_range")
    return chunk


def _id_of(work: Work, incoming: Incoming) -> str:
    wanted = incoming.file_id
    if incoming.content_range and incoming.upload_id:
        wanted = incoming.upload_id
        if not is_custom_id(wanted):
            sentence = f"X-Appwrite-ID is the id of the file. {CUSTOM_ID_RULE}"
            raise Invalid({"file_id": [sentence]}, type="storage_invalid_appwrite_id")
    return wanted or work.unique_id()


def _begin(work: Work, bucket: Bucket, asked: _Asked) -> File:
    """A pending row. How its bytes will lie in the store is settled now, whatever becomes of the bucket."""
    held = select(Bucket.pk).where(Bucket.pk == bucket.pk).with_for_update(read=True, key_share=True)
    if work.session.scalar(held) is None:  # deleted since it was looked at
        raise NotFound("This bucket does not exist, or was deleted.", type="storage_bucket_not_found")
    is_small = is_transformed(asked.chunk.total)
    is_encrypted = bucket.encryption and is_small
    row = File(
        id=asked.file_id, project_pk=work.project_pk, bucket_pk=bucket.pk, name=asked.name,
        name_key=name_key(asked.name), folder=asked.folder, permissions=[], size_original=asked.chunk.total,
        chunks_total=asked.chunk.count, chunks_uploaded=0,
        compression=bucket.compression if is_small else "none", encryption=is_encrypted,
        sealed_key=seal_new_key(work.vault) if is_encrypted else "", author=_author(work), store_key="",
        size_actual=0, signature="", mime_type="", **work.stamp(),
    )  # fmt: skip
    work.session.add(row)
    work.session.flush()
    put_permissions(work, row, asked.permissions)
    return row


def _go_on(work: Work, row: File, asked: _Asked) -> None:
    """Whether this belongs to the upload that has begun; the one of a killed process begins anew."""
    if not _is_mine(work, row) or (not asked.is_chunked and row.chunks_total > 1):
        raise _taken(row)
    if asked.is_chunked and (row.size_original, row.chunks_total) != (asked.chunk.total, asked.chunk.count):
        sentence = f"The upload of {row.id} began as one of {row.size_original:,} bytes; delete it to begin anew."
        raise Invalid({"file": [sentence]}, type="storage_invalid_content_range")
    if row.chunks_total == 1:
        _check_lease(work, row)
        row.name, row.name_key, row.folder = asked.name, name_key(asked.name), asked.folder
        put_permissions(work, row, asked.permissions)


def _admit_chunk(work: Work, bucket: Bucket, row: File, chunk: Chunk) -> Admission:
    plan = plan_of(work, bucket, row)
    row.updated_at = work.now
    if row.chunks_total == 1:
        claim(work, row)
        return Admission(row, chunk, plan, is_last=True)
    is_known = work.session.get(FileChunk, (row.pk, chunk.number)) is not None
    if not is_known or count_chunks(work, row) < row.chunks_total:
        return Admission(row, chunk, plan, is_known=is_known)
    claim(work, row)
    return Admission(row, chunk, plan, is_known=True, is_last=True)


def plan_of(work: Work, bucket: Bucket, row: File) -> Plan:
    """How the bytes of this file are to be written."""
    is_stripped = bucket.strip_metadata and is_transformed(row.size_original)
    return Plan(folder_of(row), encoding_of(row, work.vault), extension_of(row.name), is_stripped)


def count_chunks(work: Work, row: File) -> int:
    """How many chunks of the file have come."""
    counted = select(func.count()).select_from(FileChunk).where(FileChunk.file_pk == row.pk)
    return work.session.scalar(counted) or 0


def claim(work: Work, row: File) -> None:
    """From now on this work writes the whole file; TooMany while another one does."""
    _check_lease(work, row)
    row.assembled_until = work.now + LEASE


def _check_lease(work: Work, row: File) -> None:
    if row.assembled_until is not None and row.assembled_until > work.now:
        raise TooMany("This file is being put together at the moment. Ask again in a few seconds.", CONTENDED)


def _is_mine(work: Work, row: File) -> bool:
    """Whether whoever asks began this upload, or may do everything anyway."""
    return row.author == _author(work) or work.actor.is_privileged


def _author(work: Work) -> str:
    return f"{work.actor.kind.value}:{work.actor.pk or 0}"


def _taken(row: File) -> Conflict:
    sentence = f"A file with the id {row.id} exists already; choose another id."
    return Conflict(sentence, type="storage_file_already_exists", fields={"file_id": [sentence]})
