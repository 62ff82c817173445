"""Previews of files: made once from the file's bytes, then kept beside it until it is deleted."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from hashlib import sha256
from itertools import chain

import structlog
from sqlalchemy import select

from app.domain.errors import Forbidden
from app.domain.permissions import Actor
from app.models.files import File
from app.services.storage import files
from app.services.storage.files import OpenFile
from app.services.work import Work, Workshop
from app.storage import contents, stock_icons
from app.storage.image_encoding import OUTPUTS
from app.storage.image_geometry import PLACES
from app.storage.images import LARGEST_SOURCE, SOURCES, ImageWish, render, render_icon

__all__ = ["GRAVITIES", "OUTPUTS", "SOURCES", "Ask", "FilePreview", "ImageWish", "show_preview", "usual_output"]

GRAVITIES = tuple(PLACES)
EDITION = 1  # of the drawing; a higher one leaves previews of earlier ones behind
MOST_KEPT = 50  # previews of one file; whoever asks for more sizes starts again, so that no disk is filled by asking
LARGEST_KEPT = 2 * 1024 * 1024  # bytes
_USUAL = "jpg"
_BY_MIME_TYPE = {
    "image/jpeg": "jpg", "image/png": "png", "image/webp": "webp", "image/heic": "heic", "image/heif": "heic",
    "image/avif": "avif", "image/gif": "gif",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class FilePreview:
    """A preview: its bytes in pieces, its MIME type, and whether it was there already."""

    pieces: Iterator[bytes]
    mime_type: str
    is_kept: bool


@dataclass(frozen=True, slots=True)
class Ask:
    """Which preview of which file is wanted. `output` is one of OUTPUTS; empty for what fits the file."""

    bucket_id: str
    file_id: str
    wish: ImageWish
    output: str = ""


def show_preview(shop: Workshop, actor: Actor, ask: Ask) -> FilePreview:
    """The preview that is kept, else a new one, which is kept. No work is open while it is drawn.

    Raises as `files.open_file`, `OpenFile.read` and `images.render` do, and Forbidden
    (storage_bucket_transformations_disabled) where the bucket makes no previews; keys and members get them even so.
    """
    with shop.read(actor) as work:
        file = _open(work, ask)
    output = ask.output or usual_output(file.row)
    key = _key(file, ask.wish, output)
    kept = _find(file, key)
    if kept is not None:
        return FilePreview(kept, OUTPUTS[output], is_kept=True)
    drawn = _draw(file, ask.wish, output)
    if len(drawn) <= LARGEST_KEPT:
        _keep(file, key, drawn)
        _forget_if_gone(shop, actor, file, key)
    return FilePreview(iter([drawn]), OUTPUTS[output], is_kept=False)


def _open(work: Work, ask: Ask) -> OpenFile:
    file = files.open_file(work, ask.bucket_id, ask.file_id)
    if not file.bucket.transformations and not work.actor.is_privileged:
        sentence = "This bucket makes no previews. Ask an admin to switch its transformations on, or download the file."
        raise Forbidden(sentence, type="storage_bucket_transformations_disabled")
    return file


def _key(file: OpenFile, wish: ImageWish, output: str) -> str:
    """Where it is kept. A file never changes, so the file, the wish and the drawing's edition are all it is made of."""
    words = f"{EDITION} {output} {sorted(asdict(wish).items())}"
    return f"{contents.previews_of(file.row)}/{sha256(words.encode()).hexdigest()}"


def _find(file: OpenFile, key: str) -> Iterator[bytes] | None:
    """The bytes that are kept; None when there are none, or the store is away: then they are drawn again."""
    try:
        pieces = file.store.pieces(key)
        first = next(pieces, b"")
    except OSError:
        return None
    return chain([first], pieces)


def _draw(file: OpenFile, wish: ImageWish, output: str) -> bytes:
    if file.mime_type in SOURCES and file.size <= LARGEST_SOURCE:
        return render(file.read(LARGEST_SOURCE), wish, output)
    return render_icon(_icon_for(file.mime_type), wish, output)


def _icon_for(mime_type: str) -> str:
    if mime_type in SOURCES:
        return stock_icons.IMAGE
    return stock_icons.VIDEO if mime_type.startswith("video/") else stock_icons.FILE


def _keep(file: OpenFile, key: str, drawn: bytes) -> None:
    """Put it beside the others; one that cannot be kept was drawn all the same."""
    folder = contents.previews_of(file.row)
    try:
        if len(file.store.keys(folder)) >= MOST_KEPT:
            file.store.delete_folder(folder)
        file.store.put(key, drawn)
    except OSError:
        structlog.get_logger(__name__).warning("A preview cannot be kept", file_id=file.row.id, exc_info=True)


def _forget_if_gone(shop: Workshop, actor: Actor, file: OpenFile, key: str) -> None:
    """Take it away again when the file was deleted while it was drawn: its folder may have been emptied before."""
    with shop.read(actor) as work:
        is_there = work.session.scalar(select(File.pk).where(File.pk == file.row.pk)) is not None
    if not is_there:
        file.store.delete([key])


def usual_output(row: File) -> str:
    """What a preview of the file is when nobody says: what its extension names, without one what its bytes are."""
    stem, dot, extension = row.name.rpartition(".")
    if dot and stem:
        return extension.lower() if extension.lower() in OUTPUTS else _USUAL
    return _BY_MIME_TYPE.get(row.mime_type, _USUAL)
