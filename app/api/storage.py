"""/storage/buckets: containers of files and their rules."""

from typing import Any

from app.api import wire, wire_files
from app.api.file_kinds import BUCKET_PERMISSIONS, COMPRESSION, EXTENSIONS
from app.api.kinds import LOOSE_BOOL, NEW_ID, text, whole
from app.api.lists import BUCKETS, QUERY, SEARCH, TOTAL, wish
from app.api.operations import Call, operation
from app.api.params import Param
from app.services.programs import shelves
from app.services.storage import buckets
from app.services.storage.buckets import BucketRules
from app.services.work import Work

LARGEST = 10**12  # the server's own limit is a setting; the service knows it

# What is absent goes back to its default, also in an update; permissions, description and stripMetadata are kept.
_RULES = (
    Param("name", text(buckets.LONGEST_NAME), required=True), Param("permissions", BUCKET_PERMISSIONS),
    Param("file_security", LOOSE_BOOL, False), Param("enabled", LOOSE_BOOL, True),
    Param("maximum_file_size", whole(1, LARGEST), 0), Param("allowed_file_extensions", EXTENSIONS, ()),
    Param("compression", COMPRESSION, "none"), Param("encryption", LOOSE_BOOL, True),
    Param("antivirus", LOOSE_BOOL, True), Param("transformations", LOOSE_BOOL, True),
    Param("description", text(buckets.LONGEST_DESCRIPTION, 0)), Param("strip_metadata", LOOSE_BOOL),
)  # fmt: skip
_FIELDS = {"id": "bucketId", "allowed_extensions": "allowedFileExtensions"}


def _rules(call: Call) -> BucketRules:
    return BucketRules(
        call.name, call.permissions, call.file_security, call.enabled, call.maximum_file_size,
        call.allowed_file_extensions, call.compression, call.encryption, call.antivirus, call.transformations,
        call.description, call.strip_metadata,
    )  # fmt: skip


@operation(
    "POST", "/storage/buckets", "buckets.write", Param("bucket_id", NEW_ID, required=True), *_RULES, status=201,
    fields=_FIELDS, model="Bucket",
)  # fmt: skip
def create_bucket(work: Work, call: Call) -> dict[str, Any]:
    """Make a bucket."""
    return wire_files.bucket(buckets.create_bucket(work, _rules(call), bucket_id=call.bucket_id), 0)


@operation("GET", "/storage/buckets", "buckets.read", QUERY, SEARCH, TOTAL, model="BucketList")
def list_buckets(work: Work, call: Call) -> dict[str, Any]:
    """List buckets."""
    found = shelves.list_buckets(work, wish(call, BUCKETS))
    sizes = buckets.sizes_of(work, found.rows)
    return wire.page("buckets", lambda row: wire_files.bucket(row, sizes[row.pk]), found.rows, found.total)


@operation("GET", "/storage/buckets/{bucketId}", "buckets.read", model="Bucket")
def get_bucket(work: Work, call: Call) -> dict[str, Any]:
    """Get a bucket."""
    found = buckets.find_bucket(work, call.bucket_id)
    return wire_files.bucket(found, buckets.sizes_of(work, [found])[found.pk])


@operation("PUT", "/storage/buckets/{bucketId}", "buckets.write", *_RULES, fields=_FIELDS, model="Bucket")
def update_bucket(work: Work, call: Call) -> dict[str, Any]:
    """Replace the rules of a bucket."""
    changed = buckets.update_bucket(work, call.bucket_id, _rules(call))
    return wire_files.bucket(changed, buckets.sizes_of(work, [changed])[changed.pk])


@operation("DELETE", "/storage/buckets/{bucketId}", "buckets.write")
def delete_bucket(work: Work, call: Call) -> None:
    """Delete a bucket with its files."""
    buckets.delete_bucket(work, call.bucket_id)
