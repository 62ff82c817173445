"""/storage/buckets/{bucketId}/files: what is known of each file; its bytes come and go by uploads and downloads."""

from typing import Any

from app.api import wire, wire_files
from app.api.file_kinds import FILE_PERMISSIONS
from app.api.kinds import text
from app.api.limits import By, Limit
from app.api.lists import FILES, QUERY, SEARCH, TOTAL, wish
from app.api.operations import Call, operation
from app.api.params import Param
from app.services.programs import shelves
from app.services.storage import files, uploads
from app.services.work import Work

FILES_PATH = "/storage/buckets/{bucketId}/files"
FILE_PATH = FILES_PATH + "/{fileId}"
_DELETES = Limit(60, 60, by=(By.IP, By.USER))


@operation("GET", FILES_PATH, "files.read", QUERY, SEARCH, TOTAL, model="FileList")
def list_files(work: Work, call: Call) -> dict[str, Any]:
    """List the files of a bucket that the caller may read."""
    found = shelves.list_files(work, call.bucket_id, wish(call, FILES))
    return wire.page("files", lambda row: wire_files.file(row, call.bucket_id), found.rows, found.total)


@operation("GET", FILE_PATH, "files.read", model="File")
def get_file(work: Work, call: Call) -> dict[str, Any]:
    """Get a file.

    For a pending one `chunksUploaded` says where to go on: so many chunks from its beginning need not be sent again.
    """
    found = files.find_file(work, call.bucket_id, call.file_id)
    return wire_files.file(found, call.bucket_id, resume_at=uploads.resume_at(work, found))


@operation(
    "PUT", FILE_PATH, "files.write", Param("name", text(files.LONGEST_NAME)), Param("permissions", FILE_PERMISSIONS),
    model="File",
)  # fmt: skip
def update_file(work: Work, call: Call) -> dict[str, Any]:
    """Rename a file, or change who may do what with it."""
    changed = files.update_file(work, call.bucket_id, call.file_id, name=call.name, permissions=call.permissions)
    return wire_files.file(changed, call.bucket_id)


@operation("DELETE", FILE_PATH, "files.write", limit=_DELETES)
def delete_file(work: Work, call: Call) -> None:
    """Delete a file."""
    files.delete_file(work, call.bucket_id, call.file_id)
