"""The bytes of files for members' browsers: small pictures, pictures to look at, downloads.

A browser shows only what is drawn anew here, or is a picture by its own bytes; all else comes as a download, so that no
page with scripts is ever shown from our address.
"""

from flask import Blueprint, Response

from app.domain.errors import NotFound
from app.domain.file_names import disposition
from app.services.storage import file_previews, files
from app.services.storage.file_previews import Ask, ImageWish
from app.services.storage.files import OpenFile
from app.web import access
from app.web.context import actor, reading, workshop

blueprint = Blueprint("file_bytes", __name__, url_prefix="/p/<project_id>/files/<bucket_id>/f/<file_id>")

THUMBNAIL = 96  # pixels of a side; shown at half of that, so that fine screens have enough
WIDTH = 1280  # of a picture that is too heavy to be shown as it is
HEAVY = 2 * 1024 * 1024  # bytes
CACHED = "private, max-age=2592000"  # 30 days: the bytes of a file never change
_AS_IT_IS = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp", "image/avif", "image/bmp"})
_MOVING = frozenset({"image/gif", "image/webp"})
_LOCKED = "sandbox; default-src 'none'"


def is_drawn(row: object) -> bool:
    """Whether a small picture can be made of a file."""
    return getattr(row, "mime_type", "") in file_previews.SOURCES and bool(getattr(row, "store_key", ""))


def is_shown(row: object) -> bool:
    """Whether `picture` shows the file."""
    mime_type, size = getattr(row, "mime_type", ""), getattr(row, "size_original", 0)
    return is_drawn(row) or (mime_type in _AS_IT_IS and size <= HEAVY)


@blueprint.app_template_test("drawn")
def _drawn(row: object) -> bool:
    return is_drawn(row)


@blueprint.get("/thumbnail")
@access.needs("files.read")
def thumbnail(project_id: str, bucket_id: str, file_id: str) -> Response:
    """A small square picture of an image."""
    with reading() as work:
        row = files.find_file(work, bucket_id, file_id)
    if not is_drawn(row):
        raise NotFound("There is no small picture of this file.", type="storage_file_not_found")
    output = "png" if row.mime_type in _MOVING else "webp"  # which does not move
    return _preview(bucket_id, file_id, ImageWish(width=THUMBNAIL, height=THUMBNAIL), output)


@blueprint.get("/picture")
@access.needs("files.read")
def picture(project_id: str, bucket_id: str, file_id: str) -> Response:
    """An image to look at: as it is, or made smaller when it is heavy or no browser knows its format."""
    opened = _open(bucket_id, file_id)
    if opened.mime_type in _AS_IT_IS and opened.size <= HEAVY:
        return _answer(opened, "inline")
    if not is_drawn(opened.row):
        raise NotFound("This file is no image that can be shown. Download it.", type="storage_file_not_found")
    return _preview(bucket_id, file_id, ImageWish(width=WIDTH), "webp")


@blueprint.get("/download")
@access.needs("files.read")
def download(project_id: str, bucket_id: str, file_id: str) -> Response:
    """The file, as it was given."""
    return _answer(_open(bucket_id, file_id), "attachment")


def _open(bucket_id: str, file_id: str) -> OpenFile:
    """The file, found in a work that ends before any byte is read."""
    with reading() as work:
        return files.open_file(work, bucket_id, file_id)


def _answer(opened: OpenFile, how: str) -> Response:
    answer = Response(opened.pieces(), direct_passthrough=True, content_type=opened.mime_type)
    answer.headers["Content-Length"] = str(opened.size)
    answer.headers["Content-Disposition"] = disposition(how, opened.name)
    return _lock(answer)


def _preview(bucket_id: str, file_id: str, wish: ImageWish, output: str) -> Response:
    made = file_previews.show_preview(workshop(), actor(), Ask(bucket_id, file_id, wish, output))
    return _lock(Response(made.pieces, content_type=made.mime_type))


def _lock(answer: Response) -> Response:
    answer.headers["Content-Security-Policy"] = _LOCKED
    answer.headers["Cache-Control"] = CACHED
    return answer
