"""The file picker of the composer: a page, and the inside of a dialog; the composer saves what is chosen."""

from typing import Any

from flask import Blueprint, Response, request, url_for

from app.domain.errors import NotFound
from app.services.storage import file_lists
from app.services.storage.file_lists import FileFilter
from app.services.work import Work
from app.services.writing import picks
from app.services.writing.picks import USES
from app.web import access
from app.web.context import reading
from app.web.file_uploads import allow_files, take_files
from app.web.file_words import KINDS, endings_of
from app.web.htmx import go, render

blueprint = Blueprint("picker", __name__, url_prefix="/p/<project_id>/messages/<message_id>/files")
FILTERS = ("q", "kind")
TITLES = {"attachment": "Attach files", "inline": "Put an image into the email", "image": "Choose the image"}
BUTTONS = {"attachment": "attach", "inline": "inline", "image": "attach"}  # as the composer's save knows them


@blueprint.url_value_preprocessor
def _allow_files(endpoint: str | None, _values: dict[str, Any] | None) -> None:
    """An upload may be larger than other requests; said before anything reads the form."""
    if endpoint == "picker.upload":
        allow_files()


@blueprint.get("")
@access.needs("messages.write")
def index(project_id: str, message_id: str) -> Response:
    """The files of one bucket after the other, to choose from."""
    with reading() as work:
        page = _page(work, message_id)
    return render("picker/index.html", "picker/_picker.html", **page)


@blueprint.get("/-/found")
@access.needs("messages.write")
def found_fragment(project_id: str, message_id: str) -> Response:
    """The files of the bucket, as the search and the pages ask for them; the page's own address does not change."""
    with reading() as work:
        page = _page(work, message_id)
    return render("picker/index.html", "picker/_found.html", **page)


@blueprint.post("")
@access.needs("files.write")
def upload(project_id: str, message_id: str) -> Response:
    """Take files right here; the newest stand first."""
    bucket_id = request.args.get("bucket", "")
    taken = take_files(bucket_id)
    taken.announce()
    if not taken.refusals:
        return go(url_for(".index", message_id=message_id, bucket=bucket_id, use=_use()))
    with reading() as work:
        page = _page(work, message_id)
    return render("picker/index.html", status=422, refusals=taken.refusals, **page)


def _page(work: Work, message_id: str) -> dict[str, Any]:
    use = _use()
    table = picks.picks_of(work, message_id, use)
    buckets = file_lists.choose_from(work)
    wanted = request.args.get("bucket", "")
    usual = wanted or next((bucket_id for bucket_id, _ in reversed(table.chosen)), "")  # where one chose last
    bucket = next((each for each in buckets if each.id == usual), None)
    if wanted and bucket is None:
        bucket = file_lists.card_of(work, wanted).bucket
    bucket = bucket or next(iter(buckets), None)
    kept = {name: text for name in FILTERS if (text := request.args.get(name, "").replace("\0", "")[:320])}
    place = {name: request.args.get(name, "") for name in ("after", "before")}
    rows = (
        file_lists.list_files(work, bucket, FileFilter(kept.get("q", ""), kept.get("kind", "")), **place)
        if bucket
        else None
    )
    here = {"message_id": message_id, "use": use, "bucket": bucket.id if bucket else None}
    return {
        "picks": table, "message": table.message, "use": use, "title": TITLES[use], "buckets": buckets,
        "bucket": bucket, "rows": rows, "kept": kept, "kinds": KINDS, "here": here, "asked": here | kept,
        "button": BUTTONS[use], "is_one": use != "attachment", "why_not": picks.why_not,
        "doubt_of": picks.doubt_of, "chosen": set(table.chosen),
        "endings": endings_of(bucket, picks.types_for(use)) if bucket else [],
    }  # fmt: skip


def _use() -> str:
    use = request.args.get("use", "attachment")
    if use not in USES:
        raise NotFound(f"Files are chosen for one of {', '.join(USES)}. Open the message and choose again.")
    return use
