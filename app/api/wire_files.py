"""Buckets and files as the REST API shows them (contract, 8.7 and 8.8)."""

from typing import TYPE_CHECKING, Any

from app.api.wire import date

if TYPE_CHECKING:
    from app.models.files import Bucket, File


def _head(row: "Bucket | File") -> dict[str, Any]:
    return {
        "$id": row.id, "$createdAt": date(row.created_at), "$updatedAt": date(row.updated_at),
        "$permissions": list(row.permissions), "name": row.name,
    }  # fmt: skip


def bucket(row: "Bucket", size: int) -> dict[str, Any]:
    """A bucket (8.7); `size` is what its files take in the store, in bytes."""
    return _head(row) | {
        "fileSecurity": row.file_security, "description": row.description, "enabled": row.enabled,
        "maximumFileSize": row.maximum_file_size, "allowedFileExtensions": list(row.allowed_extensions),
        "compression": row.compression, "encryption": row.encryption, "antivirus": row.antivirus,
        "transformations": row.transformations, "stripMetadata": row.strip_metadata, "totalSize": size,
    }  # fmt: skip


def file(row: "File", bucket_id: str, *, resume_at: int | None = None) -> dict[str, Any]:
    """A file (8.8). `resume_at` says of a pending one how many chunks from its beginning need not be sent again."""
    return _head(row) | {
        "bucketId": bucket_id, "folder": row.folder, "key": row.folder + row.name, "signature": row.signature,
        "mimeType": row.mime_type, "sizeOriginal": row.size_original, "sizeActual": row.size_actual,
        "chunksTotal": row.chunks_total,
        "chunksUploaded": row.chunks_uploaded if resume_at is None else resume_at,
        "encryption": row.encryption, "compression": row.compression,
    }  # fmt: skip
