"""Kinds of parameters that only storage has: permissions, folders, extensions, and flags that may be missing."""

from typing import Any

from app.api.kinds import list_of, text
from app.api.params import Kind, Refused
from app.domain.file_names import FOLDER_RULE, LONGEST_FOLDER, read_folder
from app.domain.row_permissions import MOST_PERMISSIONS, PERMISSION_RULE, parse
from app.services.storage.buckets import LONGEST_EXTENSION, MOST_EXTENSIONS
from app.storage.encoding import COMPRESSIONS


def _permission(*actions: str) -> Kind:
    pattern = rf'^({"|".join(actions)})\("[^"]+"\)$'

    def read(value: Any) -> str:
        found = parse(value) if isinstance(value, str) else None
        if found is None or found[0] not in actions:
            raise Refused(f"Value must hold permissions, each {', '.join(actions)}. {PERMISSION_RULE}")
        return str(value)

    return list_of(read, MOST_PERMISSIONS, {"type": "string", "pattern": pattern})


BUCKET_PERMISSIONS = _permission("read", "create", "update", "delete", "write")
FILE_PERMISSIONS = _permission("read", "update", "delete", "write")  # a file creates nothing

EXTENSIONS = list_of(
    text(LONGEST_EXTENSION).read, MOST_EXTENSIONS, {"type": "string", "minLength": 1, "maxLength": LONGEST_EXTENSION}
)


def _read_compression(value: Any) -> str:
    if value not in COMPRESSIONS:
        raise Refused(f"Value must be one of {', '.join(COMPRESSIONS)}.")
    return str(value)


COMPRESSION = Kind(_read_compression, {"type": "string", "enum": list(COMPRESSIONS)})


def _read_folder(value: Any) -> str:
    found = read_folder(value) if isinstance(value, str) else None
    if found is None:
        raise Refused(f"Value must be a folder. {FOLDER_RULE}")
    return found


FOLDER = Kind(_read_folder, {"type": "string", "maxLength": LONGEST_FOLDER})
