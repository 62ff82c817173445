"""POST /storage/buckets/{bucketId}/files: a file in one piece, or one chunk of it."""

from typing import Any, BinaryIO, cast

from flask import Response, request

from app.api import wire_files
from app.api.answers import as_json
from app.api.file_kinds import FILE_PERMISSIONS, FOLDER
from app.api.files import FILES_PATH
from app.api.kinds import NEW_ID
from app.api.limits import By, Limit
from app.api.operations import Call, operation
from app.api.params import Param
from app.services.storage import uploads
from app.services.storage.upload_admission import Incoming
from app.services.work import Workshop

PART = "file"
_CREATES = Limit(60, 60, by=(By.IP, By.USER, By.CHUNK))


@operation(
    "POST", FILES_PATH, "files.write", Param("file_id", NEW_ID, required=True), Param("permissions", FILE_PERMISSIONS),
    Param("folder", FOLDER, ""), status=201, model="File", limit=_CREATES, opens_own=True,
)  # fmt: skip
def create_file(shop: Workshop, call: Call) -> dict[str, Any] | Response:
    """Upload a file, or one chunk of a larger one (Content-Range, X-Appwrite-ID); chunks may come in any order."""
    part = request.files.get(PART)
    incoming = Incoming(
        call.bucket_id, cast("BinaryIO", part.stream) if part else None, (part.filename or "") if part else "",
        call.file_id, call.permissions, call.folder, request.headers.get("Content-Range", ""),
        request.headers.get("X-Appwrite-ID", ""),
    )  # fmt: skip
    received = uploads.receive(shop, call.actor, incoming)
    drawn = wire_files.file(received.row, call.bucket_id)
    return as_json(drawn, 200) if received.is_old else drawn
