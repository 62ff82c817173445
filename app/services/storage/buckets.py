"""Buckets: containers of files, who may reach into them, and what they hold in all."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select

from app.domain.addresses import has_control_characters
from app.domain.errors import Conflict, Forbidden, Invalid, NotFound
from app.domain.ids import CUSTOM_ID_RULE, is_custom_id
from app.domain.row_permissions import BUCKET_ACTIONS, MOST_PERMISSIONS, PERMISSION_RULE, allows, gather
from app.models.files import Bucket, File, Leftover
from app.services.work import Work
from app.storage.encoding import COMPRESSIONS

LONGEST_NAME = 128
LONGEST_DESCRIPTION = 2048
LONGEST_EXTENSION = 64
MOST_EXTENSIONS = 100


@dataclass(frozen=True, slots=True)
class BucketRules:
    """What a bucket is like. A `maximum_file_size` of 0 is as much as the server takes; None of `permissions`,
    `description` and `strip_metadata` keeps what is there (nothing, for a new bucket)."""

    name: str
    permissions: Sequence[str] | None = None
    file_security: bool = False
    enabled: bool = True
    maximum_file_size: int = 0
    allowed_extensions: Sequence[str] = field(default_factory=tuple)
    compression: str = "none"
    encryption: bool = True
    antivirus: bool = True
    transformations: bool = True
    description: str | None = None
    strip_metadata: bool | None = None


def find_bucket(work: Work, bucket_id: str) -> Bucket:
    """The bucket with that id, for those who look after buckets; NotFound when there is none."""
    work.require("files.read")
    bucket: Bucket = work.find(Bucket, bucket_id, noun="bucket", type="storage_bucket_not_found")
    return bucket


def enter_bucket(work: Work, bucket_id: str) -> Bucket:
    """The bucket with that id, for those who want its files: a disabled one is not there for contacts and guests."""
    bucket: Bucket = work.find(Bucket, bucket_id, noun="bucket", type="storage_bucket_not_found")
    if not bucket.enabled and not work.actor.is_privileged:
        raise NotFound("This bucket does not exist, or was deleted.", type="storage_bucket_not_found")
    return bucket


def lets_in(work: Work, bucket: Bucket, action: str) -> bool:
    """Whether the bucket's own permissions let the actor do this with all of its files."""
    return work.actor.is_privileged or allows(bucket.permissions, action, work.actor.roles)


def shut_out(action: str) -> Forbidden:
    """The answer for those whom neither bucket nor file lets do this."""
    return Forbidden(
        f"Neither the bucket nor the file lets you {action} here. Ask its owner for the permission.",
        type="user_unauthorized",
    )


def _lock_bucket(work: Work, bucket_id: str) -> Bucket:
    """The bucket, kept from everybody who would change or delete it meanwhile."""
    held = select(Bucket.pk).where(Bucket.project_pk == work.project_pk, Bucket.id == bucket_id).with_for_update()
    work.session.scalar(held)
    return find_bucket(work, bucket_id)


def create_bucket(work: Work, rules: BucketRules, *, bucket_id: str = "") -> Bucket:
    """Make a bucket. Raises Invalid by field, Conflict for an id in use."""
    work.require("files.write")
    problems = _problems(work, rules)
    if bucket_id and not is_custom_id(bucket_id):
        problems["id"] = [f"Bucket id cannot be that. {CUSTOM_ID_RULE}"]
    if problems:
        raise Invalid(problems)
    found = select(Bucket.pk).where(Bucket.project_pk == work.project_pk, Bucket.id == bucket_id)
    if bucket_id and work.session.scalar(found) is not None:
        sentence = f"A bucket with the id {bucket_id} exists already; choose another id."
        raise Conflict(sentence, type="storage_bucket_already_exists", fields={"id": [sentence]})
    bucket = Bucket(
        id=bucket_id or work.unique_id(), project_pk=work.project_pk, permissions=[], **work.stamp()
    )  # fmt: skip
    _apply(work, bucket, rules)
    work.session.add(bucket)
    work.session.flush()
    work.audit("bucket.create", f"bucket/{bucket.id}", name=bucket.name)
    return bucket


def update_bucket(work: Work, bucket_id: str, rules: BucketRules) -> Bucket:
    """Give a bucket these rules in place of its own; its files stay as they are. Raises Invalid by field."""
    work.require("files.write")
    bucket = _lock_bucket(work, bucket_id)
    problems = _problems(work, rules)
    if problems:
        raise Invalid(problems)
    before = bucket.name
    _apply(work, bucket, rules)
    bucket.updated_at = work.now
    work.audit("bucket.update", f"bucket/{bucket.id}", name=bucket.name, before=before)
    return bucket


def delete_bucket(work: Work, bucket_id: str) -> Bucket:
    """Delete a bucket with its files; a job empties the file store afterwards."""
    work.require("files.write")
    bucket = _lock_bucket(work, bucket_id)
    files = work.session.scalar(select(func.count()).select_from(File).where(File.bucket_pk == bucket.pk))
    work.audit("bucket.delete", f"bucket/{bucket.id}", name=bucket.name, files=files)
    leave_behind(work, f"buckets/{bucket.pk}", f"previews/{bucket.pk}")
    work.session.delete(bucket)
    work.session.flush()
    return bucket


def leave_behind(work: Work, *folders: str) -> None:
    """Have these folders of the file store emptied once the transaction is through."""
    work.session.add_all(Leftover(project_pk=work.project_pk, folder=folder, at=work.now) for folder in folders)
    work.ring("sweep_files")


def sizes_of(work: Work, buckets: Iterable[Bucket]) -> Mapping[int, int]:
    """The bytes that the files of each bucket (by its number) take in the store."""
    pks = [bucket.pk for bucket in buckets]
    sums = select(File.bucket_pk, func.sum(File.size_actual)).where(File.bucket_pk.in_(pks)).group_by(File.bucket_pk)
    found = {pk: int(total or 0) for pk, total in work.session.execute(sums)}
    return {pk: found.get(pk, 0) for pk in pks}


def _apply(work: Work, bucket: Bucket, rules: BucketRules) -> None:
    bucket.name, bucket.file_security, bucket.enabled = rules.name.strip(), rules.file_security, rules.enabled
    bucket.maximum_file_size = rules.maximum_file_size or work.settings.largest_file
    bucket.allowed_extensions = list(rules.allowed_extensions)
    bucket.compression, bucket.encryption = rules.compression, rules.encryption
    bucket.antivirus, bucket.transformations = rules.antivirus, rules.transformations
    if rules.permissions is not None:
        bucket.permissions = gather(rules.permissions, BUCKET_ACTIONS)
    if rules.description is not None:
        bucket.description = rules.description
    if rules.strip_metadata is not None:
        bucket.strip_metadata = rules.strip_metadata


def _problems(work: Work, rules: BucketRules) -> dict[str, list[str]]:
    """Sentences by field; empty when all is well."""
    largest = work.settings.largest_file
    checks: dict[str, tuple[bool, str]] = {
        "name": (
            1 <= len(rules.name.strip()) <= LONGEST_NAME and not has_control_characters(rules.name),
            f"Name needs 1 to {LONGEST_NAME} characters and no line breaks, like Newsletter images.",
        ),
        "description": (
            len(rules.description or "") <= LONGEST_DESCRIPTION and "\0" not in (rules.description or ""),
            f"Description can have at most {LONGEST_DESCRIPTION:,} characters and no NUL bytes.",
        ),
        "permissions": (_are_permissions(rules.permissions or ()), PERMISSION_RULE),
        "maximum_file_size": (
            0 <= rules.maximum_file_size <= largest,
            f"Maximum file size is a number of bytes from 1 to {largest:,}.",
        ),
        "allowed_extensions": (
            _are_extensions(rules.allowed_extensions),
            f"Allowed extensions are at most {MOST_EXTENSIONS}, each of 1 to {LONGEST_EXTENSION} characters, like jpg.",
        ),
        "compression": (rules.compression in COMPRESSIONS, f"Compression is one of {', '.join(COMPRESSIONS)}."),
    }
    return {name: [sentence] for name, (is_fine, sentence) in checks.items() if not is_fine}


def _are_extensions(extensions: Sequence[Any]) -> bool:
    return len(extensions) <= MOST_EXTENSIONS and all(1 <= len(each) <= LONGEST_EXTENSION for each in extensions)


def _are_permissions(permissions: Sequence[str]) -> bool:
    try:
        gather(permissions, BUCKET_ACTIONS)
    except ValueError:
        return False
    return len(permissions) <= MOST_PERMISSIONS
