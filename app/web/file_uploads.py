"""Uploads from the browser: whole files by a plain form; in chunks, with resume and cancel, where scripts run."""

from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, BinaryIO, cast

from flask import Blueprint, Response, jsonify, make_response, request, url_for

from app.domain.errors import AppError, NotFound
from app.services.storage import buckets, files, uploads
from app.services.storage.upload_admission import Incoming
from app.web import access
from app.web.context import actor, opening, reading, workshop
from app.web.file_words import say_refusal
from app.web.files import bucket_page
from app.web.htmx import go, render, toast, wants_fragment

blueprint = Blueprint("file_uploads", __name__, url_prefix="/p/<project_id>/files/<bucket_id>")
PART = "file"
FILES_AT_ONCE = 4  # of the largest size, in one plain form
_ROOM = 32 * 1024 * 1024  # for many small ones


@dataclass(slots=True)
class Taken:
    """What became of the files of a form: the public ids of those that are in, and a sentence for each that is not."""

    ids: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)

    def announce(self) -> None:
        """Say how many came in."""
        if self.ids:
            toast("1 file uploaded." if len(self.ids) == 1 else f"{len(self.ids):,} files uploaded.")


@blueprint.url_value_preprocessor
def _allow_files(_endpoint: str | None, _values: dict[str, Any] | None) -> None:
    """An upload may be larger than other requests; said before anything reads the form."""
    allow_files()


def allow_files() -> None:
    """Let this request carry several files of the largest size."""
    request.max_content_length = max(_ROOM, FILES_AT_ONCE * workshop().settings.largest_file)


def take_files(bucket_id: str) -> Taken:
    """Take every file of the form; NotFound when there is no such bucket."""
    with reading() as work:
        bucket = buckets.find_bucket(work, bucket_id)
    taken = Taken()
    parts = [part for part in request.files.getlist(PART) if part.filename]
    if not parts:
        taken.refusals.append("No file was chosen. Choose one or more from your computer.")
    for part in parts:
        name = str(part.filename)
        try:
            received = uploads.receive(workshop(), actor(), Incoming(bucket_id, cast("BinaryIO", part.stream), name))
        except AppError as error:
            taken.refusals.append(say_refusal(name, error, bucket))
        else:
            taken.ids.append(received.row.id)
    return taken


@blueprint.post("/upload")
@access.needs("files.write")
def upload(project_id: str, bucket_id: str) -> Response:
    """Take the files of a plain form."""
    taken = take_files(bucket_id)
    taken.announce()
    if not taken.refusals:
        return go(url_for("files.show", bucket_id=bucket_id))
    with reading() as work:
        page = bucket_page(work, bucket_id)
    return render("files/bucket.html", status=422, refusals=taken.refusals, **page)


@blueprint.post("/-/chunks")
@access.needs("files.write")
def take_chunk(project_id: str, bucket_id: str) -> Response:
    """Take one chunk, as JSON: how many have come without a gap, or a sentence why not. Headers as in the API."""
    part = request.files.get(PART)
    name = (part.filename or "") if part else ""
    incoming = Incoming(
        bucket_id, cast("BinaryIO", part.stream) if part else None, name, request.headers.get("X-Upload-Id", ""),
        content_range=request.headers.get("Content-Range", ""), upload_id=request.headers.get("X-Upload-Id", ""),
    )  # fmt: skip
    try:
        received = uploads.receive(workshop(), actor(), incoming)
    except AppError as error:
        return _refuse(bucket_id, name, error)
    with reading() as work:
        return jsonify(_standing(received.row.id, uploads.resume_at(work, received.row), received.row.chunks_total))


def _refuse(bucket_id: str, name: str, error: AppError) -> Response:
    try:
        with reading() as work:
            sentence = say_refusal(name, error, buckets.find_bucket(work, bucket_id))
    except NotFound as gone:
        sentence = gone.message
    answer = jsonify(message=sentence)
    answer.status_code = error.status
    wait = getattr(error, "retry_after", None)
    if wait:
        answer.headers["Retry-After"] = str(wait)
    return answer


@blueprint.get("/-/uploads/<file_id>")
@access.needs("files.write")
def standing(project_id: str, bucket_id: str, file_id: str) -> Response:
    """How far an upload has come, as JSON; chunks 0 when nothing of it is here."""
    with reading() as work:
        buckets.find_bucket(work, bucket_id)
        try:
            row = files.find_file(work, bucket_id, file_id)
        except NotFound:
            return jsonify(_standing(file_id, 0, 0))
        return jsonify(_standing(row.id, uploads.resume_at(work, row), row.chunks_total))


def _standing(file_id: str, received: int, chunks: int) -> dict[str, Any]:
    return {"id": file_id, "received": received, "chunks": chunks, "done": 0 < chunks <= received}


@blueprint.post("/-/uploads/<file_id>/cancel")
@access.needs("files.write")
def cancel(project_id: str, bucket_id: str, file_id: str) -> Response:
    """Throw an upload away that is not whole; a file that is whole by now stays."""
    sentence = "The upload was cancelled; nothing of it was kept."
    with opening() as work:
        buckets.find_bucket(work, bucket_id)
        with suppress(NotFound):  # nothing of it had come yet
            if files.find_file(work, bucket_id, file_id).store_key:
                sentence = "The file was uploaded already. Delete it if it should not stay."
            else:
                files.delete_file(work, bucket_id, file_id)
    if wants_fragment():  # the page that uploads says it itself
        return make_response("", 204)
    toast(sentence, "neutral")
    return go(url_for("files.show", bucket_id=bucket_id))
