"""Buckets and files in the words people read: rules, readers, kinds, and why a file was not taken."""

from collections.abc import Collection, Sequence
from typing import Any

from app.domain.errors import AppError
from app.domain.row_permissions import parse

KINDS = (("", "Any kind"), ("image", "Images"), ("document", "Documents"), ("other", "Other files"))
SORTS = (("newest", "Newest first"), ("name", "By name"), ("size", "Largest first"))
ICONS = {"image": "photo", "document": "file-text", "other": "file"}
_PICTURES = frozenset({"jpg", "jpeg", "png", "gif", "webp", "heic", "avif", "bmp", "svg", "tif", "tiff"})
_NAMES = {
    "image/jpeg": "JPEG image", "image/png": "PNG image", "image/gif": "GIF image", "image/webp": "WebP image",
    "image/svg+xml": "SVG drawing", "image/heic": "HEIC image", "image/avif": "AVIF image", "image/bmp": "BMP image",
    "application/pdf": "PDF", "application/zip": "ZIP archive", "application/json": "JSON", "text/plain": "Text",
    "text/csv": "CSV table", "text/html": "HTML page", "text/markdown": "Markdown text", "text/css": "CSS",
    "application/octet-stream": "Unknown kind", "application/x-empty": "Empty file",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "Word document",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "Excel table",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "PowerPoint slides",
}  # fmt: skip
_ENDINGS = {  # of the types that messages show
    "image/jpeg": ("jpg", "jpeg"), "image/png": ("png",), "image/gif": ("gif",), "image/webp": ("webp",),
    "image/bmp": ("bmp",),
}  # fmt: skip
_UNITS = (("GB", 1024**3), ("MB", 1024**2), ("KB", 1024))
_DOES = {"create": "upload", "update": "rename", "delete": "delete", "read": "read"}
_WHO = {"any": "anybody", "guests": "whoever is not signed in", "users": "signed-in contacts"}


def say_type(mime_type: str) -> str:
    """What a file is: "PNG image", "PDF", or its MIME type where people have no word for it."""
    return _NAMES.get(mime_type, mime_type or "Not uploaded yet")


def say_most(size: int) -> str:
    """A limit in the unit people use, never more than it is: 30,000,000 bytes are 28.6 MB."""
    unit, step = next(((unit, step) for unit, step in _UNITS if size >= step), ("bytes", 1))
    return f"{size * 10 // step / 10:g} {unit}"


def say_limits(bucket: Any, endings: Sequence[str] = ()) -> str:
    """What may come into a bucket, or only those `endings` of it: "Images up to 5 MB: JPG, PNG"."""
    most = say_most(bucket.maximum_file_size)
    allowed = list(endings or bucket.allowed_extensions)
    if not allowed:
        return f"Any file up to {most}"
    noun = "Images" if _PICTURES.issuperset(allowed) else "Files"
    return f"{noun} up to {most}: {', '.join(allowed).upper()}"


def endings_of(bucket: Any, types: Collection[str]) -> list[str]:
    """The endings of files that a bucket takes and that are of one of these types: jpg, png."""
    known = (ending for mime_type in sorted(types) for ending in _ENDINGS.get(mime_type, ()))
    return [ending for ending in known if not bucket.allowed_extensions or ending in bucket.allowed_extensions]


def say_keeping(bucket: Any) -> str:
    """What becomes of the files of a bucket: "Encrypted; compressed"; empty for nothing worth a word."""
    facts = (
        (not bucket.enabled, "switched off for apps"),
        (bucket.encryption, "encrypted"),
        (bucket.compression != "none", "compressed"),
        (bucket.strip_metadata, "place and camera taken out of pictures"),
    )
    return "; ".join(words for is_so, words in facts if is_so).capitalize()


def say_access(permissions: Sequence[str], *, by_file: bool = False) -> list[str]:
    """Who may do what by the API, a sentence for each; members and keys always may, by role and scope."""
    found: dict[str, list[str]] = {}
    for permission in permissions:
        parsed = parse(permission)
        if parsed is not None:
            found.setdefault(_say_role(parsed[1]), []).append(_DOES[parsed[0]])
    lines = [f"{who[:1].upper()}{who[1:]} may {_join(does)}." for who, does in found.items()]
    if by_file:
        lines.append("Single files may let others in.")
    return lines or ["Only members of this project, and programs with a key."]


def _say_role(role: str) -> str:
    kind, _, name = role.partition(":")
    return _WHO.get(role) or (f"contacts with the label {name}" if kind == "label" else f"the contact {name}"
                              if kind == "user" else role)  # fmt: skip


def _join(words: Sequence[str]) -> str:
    once = list(dict.fromkeys(words))
    return once[0] if len(once) == 1 else f"{', '.join(once[:-1])} and {once[-1]}"


def say_refusal(name: str, error: AppError, bucket: Any) -> str:
    """Why a file was not taken, with its name: what is wrong, and what would be right."""
    match error.type:
        case "storage_file_type_unsupported":
            return f"{name} was not uploaded: {bucket.name} takes only {', '.join(bucket.allowed_extensions)}."
        case "storage_invalid_file_size":
            return f"{name} was not uploaded: {bucket.name} takes files up to {say_most(bucket.maximum_file_size)}."
        case _:
            return f"{name} was not uploaded. {error.message}"
