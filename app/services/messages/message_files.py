"""Files that messages need: whether they exist, and the signed address under which devices open a push's image."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import select, tuple_

from app.domain.content import PushContent, content_of
from app.domain.content_limits import File as Named
from app.domain.errors import Invalid, NotFound
from app.models.files import Bucket, File
from app.models.messages import Message
from app.services.storage.file_links import VALID_FOR, push_image_url
from app.services.work import Work

# What devices show everywhere. The reference's documents name BMP too, its code refuses it; the product promises it.
IMAGE_TYPES = frozenset({"image/png", "image/jpeg", "image/bmp", "image/x-ms-bmp"})
INLINE_TYPES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})  # what email programs show
_SEPARATORS = re.compile(r"[-_.\s]+")


def require_attachments(work: Work, files: Sequence[Named]) -> None:
    """Each file exists and is whole; NotFound for the first whose bucket or file does not."""
    buckets = {bucket_id: _find_bucket(work, bucket_id) for bucket_id, _ in files}
    for bucket_id, file_id in files:
        bucket_pk = buckets[bucket_id]
        if bucket_pk is None:
            raise NotFound(f"The bucket {bucket_id} does not exist.", type="storage_bucket_not_found")
        if _find_type(work, bucket_pk, file_id) is None:
            sentence = f"The file {file_id} does not exist in the bucket {bucket_id}, or is not uploaded yet."
            raise NotFound(sentence, type="storage_file_not_found")


def require_image(work: Work, image: Named) -> None:
    """The file exists and is an image that devices show; NotFound or Invalid (field `image`) otherwise.

    A file that does not exist is told as a bucket that does not (contract 17.14).
    """
    bucket_id, file_id = image
    bucket_pk = _find_bucket(work, bucket_id)
    mime_type = None if bucket_pk is None else _find_type(work, bucket_pk, file_id)
    if mime_type is None:
        sentence = f"The bucket {bucket_id} does not exist, or has no file {file_id}."
        raise NotFound(sentence, type="storage_bucket_not_found")
    if mime_type not in IMAGE_TYPES:
        sentence = f"Image is of the type {mime_type or 'unknown'}. A push shows PNG, JPEG or BMP."
        raise Invalid({"image": [sentence]}, type="storage_file_type_unsupported")


def words_for_image(work: Work, image: Named) -> str:
    """What stands for an image of an email until somebody writes better words: its name, without the extension.

    NotFound for a file that does not exist, Invalid (field `files`) for one that email programs do not show.
    """
    require_attachments(work, [image])
    bucket_pk = _find_bucket(work, image[0])
    mime_type = None if bucket_pk is None else _find_type(work, bucket_pk, image[1])
    name = names_of(work, [image]).get(image, image[1])
    if mime_type not in INLINE_TYPES:
        sentence = f"{name} cannot be shown in an email, which shows JPEG, PNG, GIF or WebP. Attach it instead."
        raise Invalid({"files": [sentence]})
    return " ".join(_SEPARATORS.sub(" ", name.rpartition(".")[0] or name).split())


def names_of(work: Work, files: Sequence[Named]) -> dict[Named, str]:
    """The names of those of these files that exist and are whole."""
    if not files:
        return {}
    rows = work.session.execute(
        select(Bucket.id, File.id, File.name)
        .join(Bucket, Bucket.pk == File.bucket_pk)
        .where(Bucket.project_pk == work.project_pk, tuple_(Bucket.id, File.id).in_(files), File.store_key != "")
    )
    return {(bucket_id, file_id): name for bucket_id, file_id, name in rows}


def sign_image(work: Work, message: Message) -> None:
    """Give a push's image an address that devices can open until 15 days after it goes out; others are left alone.

    It is called whenever the content or the time changes, and when sending begins.
    """
    content = content_of(message.channel, message.content)
    if content.files and isinstance(content, PushContent):
        message.content = with_signed_image(work, content, message.scheduled_at).to_json()


def with_signed_image(work: Work, content: PushContent, goes_out_at: datetime | None = None) -> PushContent:
    """The same push with an address for its image, if it has one; it goes out now unless a later moment is given."""
    if content.image is None:
        return content
    leaves = max(goes_out_at or work.now, work.now)
    return replace(content, image_url=push_image_url(work, *content.image, leaves + VALID_FOR))


def _find_bucket(work: Work, bucket_id: str) -> int | None:
    return work.session.scalar(
        select(Bucket.pk).where(Bucket.project_pk == work.project_pk, Bucket.id == bucket_id)
    )  # fmt: skip


def _find_type(work: Work, bucket_pk: int, file_id: str) -> str | None:
    """The MIME type of a whole file; None when there is none."""
    return work.session.scalar(
        select(File.mime_type).where(File.bucket_pk == bucket_pk, File.id == file_id, File.store_key != "")
    )
