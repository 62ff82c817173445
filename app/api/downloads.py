"""The bytes of a file: download, view, and the picture of a push message; whole or in part, always streamed."""

from collections.abc import Callable

from flask import Response, request

from app.api.files import FILE_PATH
from app.api.kinds import text
from app.api.operations import PUBLIC, Call, operation
from app.api.params import Param
from app.domain.byte_ranges import Span, parse_span
from app.domain.errors import Forbidden, Invalid
from app.domain.file_names import disposition
from app.services.storage import file_links, files
from app.services.storage.files import OpenFile
from app.services.work import Work, Workshop

MOST_DOWNLOADED = 10_485_760  # bytes of a range whose end is open
MOST_VIEWED = 20_000_000
CACHED = "private, max-age=3888000"  # 45 days
PLAIN = "text/plain"

# What browsers may show as what it is; anything else could be a page with scripts, and is shown as text.
INLINE = frozenset({
    "image/jpeg", "image/gif", "image/png", "image/webp", "image/heic", "image/heic-sequence", "image/avif",
    "image/bmp", "video/mp4", "video/mpeg", "video/webm", "video/ogg", "video/quicktime", "video/x-msvideo",
    "video/x-matroska", "video/3gpp", "audio/mpeg", "audio/mp4", "audio/ogg", "audio/wav", "audio/x-wav", "audio/webm",
    "audio/flac", "audio/aac", "application/pdf", "application/msword", "application/vnd.ms-excel",
    "application/vnd.ms-powerpoint", "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
})  # fmt: skip


@operation("GET", FILE_PATH + "/download", "files.read", opens_own=True)
def download_file(shop: Workshop, call: Call) -> Response:
    """Download a file."""
    found = _open(shop, call, files.open_file)
    answer = _answer(found, found.mime_type, MOST_DOWNLOADED)
    answer.headers["Content-Disposition"] = disposition("attachment", found.name)
    return answer


@operation("GET", FILE_PATH + "/view", "files.read", opens_own=True)
def view_file(shop: Workshop, call: Call) -> Response:
    """Show a file in the browser."""
    return _show(_open(shop, call, files.open_file))


@operation("GET", FILE_PATH + "/push", PUBLIC, Param("jwt", text(2048, 0), ""), opens_own=True)
def show_pushed(shop: Workshop, call: Call) -> Response:
    """Show the picture of a push message to whoever holds its link."""
    if call.actor.project_pk is None:
        raise Forbidden("This link is not valid, or not any more.", type="user_unauthorized")
    return _show(
        _open(shop, call, lambda work, bucket_id, file_id: file_links.open_pushed(work, bucket_id, file_id, call.jwt))
    )


def _open(shop: Workshop, call: Call, find: Callable[[Work, str, str], OpenFile]) -> OpenFile:
    """The file, found in a work that ends before any byte is read."""
    with shop.read(call.actor) as work:
        return find(work, call.bucket_id, call.file_id)


def _show(found: OpenFile) -> Response:
    answer = _answer(found, found.mime_type if found.mime_type in INLINE else PLAIN, MOST_VIEWED)
    answer.headers["Content-Disposition"] = disposition("inline", found.name)
    answer.headers["Content-Security-Policy"] = "script-src none;"
    answer.headers["X-Content-Type-Options"] = "nosniff"
    return answer


def _answer(found: OpenFile, mime_type: str, most: int) -> Response:
    """The whole file, or the range that was asked for."""
    wanted = request.headers.get("Range", "")
    span = parse_span(wanted, found.size, most) if wanted else Span(0, found.size, found.size)
    if span is None:
        raise Invalid(
            {"range": [f"Range cannot be had. The file has {found.size:,} bytes; ask like bytes=0-1023."]},
            type="storage_invalid_range",
        )
    body = found.pieces(span.start, span.stop) if request.method != "HEAD" else iter(())
    answer = Response(body, 206 if wanted else 200, direct_passthrough=True)
    answer.headers["Content-Type"] = f"{mime_type}; charset=UTF-8" if mime_type.startswith("text/") else mime_type
    answer.headers["Content-Length"] = str(span.stop - span.start)
    answer.headers["Cache-Control"] = CACHED
    answer.headers["Accept-Ranges"] = "bytes"
    if wanted:
        answer.headers["Content-Range"] = span.content_range
    return answer
