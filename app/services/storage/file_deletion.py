"""Deleting files and buckets with open eyes: what goes, who would miss it, and never more than was agreed to."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from app.domain.errors import Conflict, Invalid
from app.models.files import Bucket, File
from app.services.storage import buckets, file_lists, files
from app.services.storage.buckets import find_bucket
from app.services.storage.file_uses import Uses, uses_of
from app.services.work import Work

MOST_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Loss:
    """What a deletion takes away. `names` are those of the files (none for a bucket), `bytes` as they were given."""

    bucket_id: str
    bucket_name: str
    files: int
    bytes: int
    names: Sequence[str]
    uses: Uses


class StillNeeded(Conflict):
    """Messages or templates need what would be deleted, and nobody agreed to just that."""

    def __init__(self, loss: Loss) -> None:
        super().__init__("Who uses this has changed since you looked. Look at it again before you delete it.")
        self.loss = loss


def loss_of_files(work: Work, bucket_id: str, file_ids: Sequence[str]) -> Loss:
    """What deleting these files takes away; those that are gone already are left out. Invalid for too many or none."""
    work.require("files.read")
    if len(file_ids) > MOST_AT_ONCE:
        raise Invalid({"file": [f"At most {MOST_AT_ONCE} files are deleted at once; {len(file_ids):,} were chosen."]})
    bucket = find_bucket(work, bucket_id)
    rows = _rows(work, bucket, file_ids)
    uses = uses_of(work, bucket_id, [row.id for row in rows])
    return Loss(
        bucket.id, bucket.name, len(rows), sum(row.size_original for row in rows), [row.name for row in rows], uses
    )


def delete_files(work: Work, bucket_id: str, file_ids: Sequence[str], agreed: str) -> Loss:
    """Delete these files, if whoever needs them is who was named on the page (`agreed` is its `Uses.sign`).

    Raises StillNeeded otherwise; nothing is deleted then.
    """
    work.require("files.write")
    loss = loss_of_files(work, bucket_id, file_ids)
    _check(loss, agreed)
    for row in _rows(work, find_bucket(work, bucket_id), file_ids):
        files.delete_file(work, bucket_id, row.id)
    return loss


def loss_of_bucket(work: Work, bucket_id: str) -> Loss:
    """What deleting a bucket takes away."""
    card = file_lists.count_all(work, bucket_id)
    return Loss(bucket_id, card.bucket.name, card.files, card.bytes, (), uses_of(work, bucket_id))


def delete_bucket(work: Work, bucket_id: str, agreed: str) -> Loss:
    """Delete a bucket with all files, under the same condition."""
    work.require("files.write")
    loss = loss_of_bucket(work, bucket_id)
    _check(loss, agreed)
    buckets.delete_bucket(work, bucket_id)
    return loss


def _rows(work: Work, bucket: Bucket, file_ids: Sequence[str]) -> list[File]:
    found = select(File).where(File.bucket_pk == bucket.pk, File.id.in_(file_ids)).order_by(File.name_key, File.pk)
    return list(work.session.scalars(found))


def _check(loss: Loss, agreed: str) -> None:
    if loss.uses.sign and loss.uses.sign != agreed:
        raise StillNeeded(loss)
