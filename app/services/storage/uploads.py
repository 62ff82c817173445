"""Uploads: bytes on their way into a bucket, whole or in chunks of any order; no transaction is open while they move.

An upload is three short works with the writing between them: admit (a pending row), count the chunk, finish the file.
Whoever counts the last missing chunk puts the file together. What fails leaves nothing behind: the objects of a failed
write are deleted, and so is the row of a file that came in one piece; a chunked upload waits a day to be gone on with.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import structlog
from sqlalchemy import delete, select

from app.domain.byte_ranges import CHUNK
from app.domain.errors import Conflict, NotFound, TooMany, Unavailable
from app.domain.file_kinds import kind_of
from app.domain.permissions import Actor
from app.models.files import Bucket, File, FileChunk
from app.services.storage.files import drop
from app.services.storage.upload_admission import Admission, Incoming, admit, claim, count_chunks
from app.services.work import Work, Workshop
from app.storage import CorruptFileError, StoreError, open_store
from app.storage.contents import Written, read_chunks, read_stream, write_chunk, write_contents

ADMISSIONS = 3  # tries when several chunks of a new file come at the same moment
CONTENDED_SECONDS = 5  # what the contract (11.3) tells whoever loses them all

Answer = TypeVar("Answer")
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Received:
    """The file as it stands now; `is_old` when it was whole before this came."""

    row: File
    is_old: bool = False


def receive(shop: Workshop, actor: Actor, incoming: Incoming) -> Received:
    """Take a file, or one chunk of it.

    Errors as in `admit`; Unavailable when the store cannot take it, TooMany while others write the same file.
    """
    admission = _admit(shop, actor, incoming)
    if admission.is_complete:
        return Received(admission.row, is_old=True)
    if admission.row.chunks_total == 1:
        return _take_whole(shop, actor, incoming, admission)
    if not admission.is_known:
        admission = _take_chunk(shop, actor, incoming, admission)
    return _assemble(shop, actor, admission) if admission.is_last else Received(admission.row, admission.is_complete)


def _admit(shop: Workshop, actor: Actor, incoming: Incoming) -> Admission:
    """Two first chunks at the same moment both want to make the row: the one that loses finds it at its next try."""
    for _ in range(ADMISSIONS):
        try:
            with shop.open(actor) as work:
                return admit(work, incoming)
        except Conflict as error:
            if error.type != Conflict.type:
                raise
    sentence = f"Others write this very file at the moment. Send it again in {CONTENDED_SECONDS} seconds."
    raise TooMany(sentence, retry_after=CONTENDED_SECONDS)


def _take_whole(shop: Workshop, actor: Actor, incoming: Incoming, admission: Admission) -> Received:
    """Write the file in one go; its row goes away again when that fails."""
    try:
        pieces = read_stream(incoming.file)
        written = _in_store(lambda: write_contents(open_store(shop.settings), pieces, admission.plan))
        return _finish(shop, actor, admission, written)
    except Exception:
        with shop.open(actor) as work:
            row = _lock(work, admission)
            if row is not None and not row.store_key:
                drop(work, row)
        raise


def _take_chunk(shop: Workshop, actor: Actor, incoming: Incoming, admission: Admission) -> Admission:
    """Write the chunk, then count it; it is thrown away when the same one was quicker, or the file is gone."""
    store = open_store(shop.settings)
    key = _in_store(lambda: write_chunk(store, incoming.file, admission.plan, admission.chunk.number))
    is_kept = False
    try:
        with shop.open(actor) as work:
            counted, is_counted = _count(work, admission, key)
        is_kept = is_counted  # said only now: the commit may fail
        return counted
    finally:
        if not is_kept:
            _throw_away(shop, [key])


def _count(work: Work, admission: Admission, key: str) -> tuple[Admission, bool]:
    """The file with this chunk counted, and whether the object is the one that stays."""
    row = _lock(work, admission)
    if row is None:
        raise NotFound("This file was deleted while it was uploaded.", type="storage_file_not_found")
    if row.store_key:
        return replace(admission, row=row, is_complete=True), False
    is_known = work.session.get(FileChunk, (row.pk, admission.chunk.number)) is not None
    if not is_known:
        work.session.add(
            FileChunk(file_pk=row.pk, number=admission.chunk.number, project_pk=row.project_pk, store_key=key)
        )
        work.session.flush()
    row.updated_at = work.now
    # The last chunk counts when the file is whole, so that a client which resumes sends one more when it never was.
    count = count_chunks(work, row)
    row.chunks_uploaded = min(count, row.chunks_total - 1)
    is_last = not is_known and count == row.chunks_total
    if is_last:
        claim(work, row)
    return replace(admission, row=row, is_last=is_last), not is_known


def _assemble(shop: Workshop, actor: Actor, admission: Admission) -> Received:
    """Put the file together out of its chunks; when that fails the next chunk that is sent tries again."""
    row, store = admission.row, open_store(shop.settings)
    with shop.read(actor) as work:
        found = select(FileChunk.number, FileChunk.store_key).where(FileChunk.file_pk == row.pk)
        keys = [(number, key) for number, key in work.session.execute(found.order_by(FileChunk.number))]
    lengths = [(key, min(CHUNK, row.size_original - (number - 1) * CHUNK)) for number, key in keys]
    try:
        pieces = read_chunks(store, lengths, admission.plan.encoding)
        received = _finish(shop, actor, admission, _in_store(lambda: write_contents(store, pieces, admission.plan)))
    except Exception:
        with shop.open(actor) as work:
            held = _lock(work, admission)
            if held is not None:
                held.assembled_until = None
        raise
    _throw_away(shop, [key for _, key in keys])
    return received


def _finish(shop: Workshop, actor: Actor, admission: Admission, written: Written) -> Received:
    """Make the file whole, unless somebody else did, or deleted it; then what was written goes away again."""
    is_kept = False
    try:
        with shop.open(actor) as work:
            row = _lock(work, admission)
            if row is None:
                raise NotFound("This file was deleted while it was uploaded.", type="storage_file_not_found")
            is_first = not row.store_key
            if is_first:
                complete(work, row, written)
        is_kept = is_first
    finally:
        if not is_kept:
            _throw_away(shop, [written.key])
    return Received(row, is_old=not is_kept)


def complete(work: Work, row: File, written: Written) -> None:
    """Note that all bytes of a file lie where `written` says."""
    row.store_key, row.signature, row.mime_type = written.key, written.signature, written.mime_type
    row.kind = kind_of(written.mime_type)
    row.size_original, row.size_actual = written.size, written.size_actual
    row.chunks_uploaded, row.assembled_until, row.updated_at = row.chunks_total, None, work.now
    work.session.execute(delete(FileChunk).where(FileChunk.file_pk == row.pk))
    bucket_id = work.session.scalar(select(Bucket.id).where(Bucket.pk == row.bucket_pk))
    work.audit("file.create", f"file/{row.id}", name=row.name, bytes=row.size_original, bucket=bucket_id)


def _lock(work: Work, admission: Admission) -> File | None:
    return work.session.scalar(select(File).where(File.pk == admission.row.pk).with_for_update())


def _in_store(write: Callable[[], Answer]) -> Answer:
    """Write, with a sentence for a store that is away or full, or whose chunks are not there any more."""
    try:
        return write()
    except (OSError, CorruptFileError) as error:
        log.exception("An upload cannot be stored")
        raise Unavailable(
            "The file store cannot take this at the moment. Nothing was kept; try again later."
        ) from error


def _throw_away(shop: Workshop, keys: Sequence[str]) -> None:
    """Delete these objects; those that stay because the store is away go with the folder of their file."""
    try:
        open_store(shop.settings).delete(keys)
    except StoreError as error:
        log.warning("Objects of an upload stay for now", error=str(error), keys=len(keys))


def resume_at(work: Work, row: File) -> int:
    """How many chunks from the beginning have come without a gap: the SDKs go on behind as many as they are told."""
    if row.store_key or row.chunks_total == 1:
        return row.chunks_uploaded
    numbers = work.session.scalars(
        select(FileChunk.number).where(FileChunk.file_pk == row.pk).order_by(FileChunk.number)
    )
    unbroken = sum(1 for place, number in enumerate(numbers, 1) if place == number)
    return min(unbroken, row.chunks_total - 1)
