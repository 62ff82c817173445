"""Pages of buckets and files: what there is and who uses it, rules, names, and deletion with open eyes."""

from typing import Any

from flask import Blueprint, Response, request, url_for

from app.domain.errors import Conflict, Invalid, NotFound, Unavailable
from app.services.lists.listing import Cursor
from app.services.storage import buckets, file_deletion, file_links, file_lists, file_uses, files
from app.services.storage.file_deletion import Loss, StillNeeded
from app.services.storage.file_lists import FileFilter
from app.services.storage.files import OpenFile
from app.services.work import Work
from app.web import access, file_words
from app.web.context import opening, reading, workshop
from app.web.file_bytes import is_shown
from app.web.file_words import KINDS, SORTS
from app.web.forms.audience import put_problem
from app.web.forms.files import BucketForm, NameForm
from app.web.htmx import go, redraw, render, render_fragment, toast

blueprint = Blueprint("files", __name__, url_prefix="/p/<project_id>/files")
FILTERS = ("q", "kind", "sort")
MOST_TEXT = 20_000  # bytes of a text that its page shows
_TEXTS = frozenset({"application/json", "image/svg+xml"})


@blueprint.app_context_processor
def _words() -> dict[str, Any]:
    return {"file_words": file_words}


@blueprint.get("")
@access.needs("files.read")
def index(project_id: str) -> Response:
    """Buckets with their rules, and how much is in them."""
    search = _typed("q")
    with reading() as work:
        cursor = Cursor.parse(request.args.get("after", ""), request.args.get("before", ""))
        page = file_lists.list_buckets(work, cursor, search=search)
    return render("files/index.html", "files/_buckets.html", rows=page, q=search)


@blueprint.get("/new")
@access.needs("files.write")
def new(project_id: str) -> Response:
    """The empty form."""
    return render("files/form.html", **_form_page(BucketForm()))


@blueprint.post("/new")
@access.needs("files.write")
def create(project_id: str) -> Response:
    """Add a bucket."""
    form = BucketForm()
    try:
        with opening() as work:
            bucket = buckets.create_bucket(work, form.command(), bucket_id=form.id.data or "")
    except (Invalid, Conflict) as error:
        _put_problem(form, error)
        return redraw("files/form.html", **_form_page(form))
    toast("Bucket added. Upload the first files.")
    return go(url_for(".show", bucket_id=bucket.id))


@blueprint.get("/<bucket_id>")
@access.needs("files.read")
def show(project_id: str, bucket_id: str) -> Response:
    """The files of one bucket."""
    with reading() as work:
        page = bucket_page(work, bucket_id)
    return render("files/bucket.html", "files/_files.html", **page)


@blueprint.get("/<bucket_id>/-/body")
@access.needs("files.read")
def body_fragment(project_id: str, bucket_id: str) -> Response:
    """The files as they are after an upload."""
    with reading() as work:
        page = bucket_page(work, bucket_id)
    return render_fragment("files/_body.html", **page)


@blueprint.get("/<bucket_id>/-/total")
@access.needs("files.read")
def total_fragment(project_id: str, bucket_id: str) -> Response:
    """How much is in a bucket that is too large to be counted before its page is shown."""
    with reading() as work:
        card = file_lists.count_all(work, bucket_id)
    return render_fragment("files/_total.html", card=card)


def bucket_page(work: Work, bucket_id: str) -> dict[str, Any]:
    """What the page of a bucket shows, as its address asks for it."""
    kept = {name: text for name in FILTERS if (text := _typed(name))}
    wanted = FileFilter(kept.get("q", ""), kept.get("kind", ""), kept.get("sort", "newest"))
    card = file_lists.card_of(work, bucket_id)
    rows = file_lists.list_files(
        work, card.bucket, wanted, after=request.args.get("after", ""), before=request.args.get("before", "")
    )
    uses = file_uses.counts_of(work, bucket_id, [row.id for row in rows.items])
    pending = file_lists.pending_in(work, card.bucket)
    return {
        "card": card, "bucket": card.bucket, "rows": rows, "uses": uses, "used_most": file_uses.MOST_COUNTED,
        "kept": kept, "pending": pending, "kinds": KINDS, "sorts": SORTS,
    }  # fmt: skip


@blueprint.get("/<bucket_id>/edit")
@access.needs("files.write")
def edit(project_id: str, bucket_id: str) -> Response:
    """The bucket's rules, to be changed."""
    with reading() as work:
        bucket = buckets.find_bucket(work, bucket_id)
    return render("files/form.html", **_form_page(BucketForm.filled(bucket, workshop().settings.largest_file), bucket))


@blueprint.post("/<bucket_id>/edit")
@access.needs("files.write")
def update(project_id: str, bucket_id: str) -> Response:
    """Save the rules; the files that are there stay as they are."""
    form = BucketForm()
    with reading() as work:
        bucket = buckets.find_bucket(work, bucket_id)
    try:
        with opening() as work:
            buckets.update_bucket(work, bucket_id, form.command(bucket))
    except Invalid as error:
        _put_problem(form, error)
        return redraw("files/form.html", **_form_page(form, bucket))
    toast("Bucket saved.")
    return go(url_for(".show", bucket_id=bucket_id))


def _form_page(form: BucketForm, bucket: Any = None) -> dict[str, Any]:
    return {"form": form, "bucket": bucket, "largest": workshop().settings.largest_file}


def _put_problem(form: BucketForm, error: Invalid | Conflict) -> None:
    """What the service says in bytes, said in megabytes."""
    fields = dict(error.fields)
    if any(" bytes" in sentence for sentence in fields.get("maximum_file_size", ())):
        most = file_words.say_most(workshop().settings.largest_file)
        fields["maximum_file_size"] = [f"Largest file is a number of megabytes. This server takes files up to {most}."]
    put_problem(form, Invalid(fields or {"": [error.message]}))


@blueprint.get("/<bucket_id>/delete")
@access.needs("files.write")
def ask_delete(project_id: str, bucket_id: str) -> Response:
    """Ask, saying how many files go, and who needs them."""
    with reading() as work:
        loss = file_deletion.loss_of_bucket(work, bucket_id)
    return render("files/delete.html", loss=loss)


@blueprint.post("/<bucket_id>/delete")
@access.needs("files.write")
def delete(project_id: str, bucket_id: str) -> Response:
    """Delete the bucket; asks again when others need it by now."""
    try:
        with opening() as work:
            loss = file_deletion.delete_bucket(work, bucket_id, request.form.get("agreed", ""))
    except StillNeeded as error:
        return redraw("files/delete.html", loss=error.loss, has_changed=True)
    toast(f"{loss.bucket_name} was deleted.")
    return go(url_for(".index"))


@blueprint.get("/<bucket_id>/remove")
@access.needs("files.write")
def ask_remove(project_id: str, bucket_id: str) -> Response:
    """Ask before files are deleted, naming who needs them."""
    chosen = request.args.getlist("file")
    with reading() as work:
        loss = file_deletion.loss_of_files(work, bucket_id, chosen)
    if not loss.files:
        toast("No file was chosen. Tick those that should go.", "warning")
        return go(url_for(".show", bucket_id=bucket_id))
    return _ask_remove(loss, chosen)


def _ask_remove(loss: Loss, chosen: list[str], *, has_changed: bool = False) -> Response:
    return render(
        "files/remove.html", loss=loss, chosen=chosen, has_changed=has_changed, status=422 if has_changed else 200
    )


@blueprint.post("/<bucket_id>/remove")
@access.needs("files.write")
def remove(project_id: str, bucket_id: str) -> Response:
    """Delete these files; asks again when others need them by now."""
    chosen = request.form.getlist("file")
    try:
        with opening() as work:
            loss = file_deletion.delete_files(work, bucket_id, chosen, request.form.get("agreed", ""))
    except StillNeeded as error:
        return _ask_remove(error.loss, chosen, has_changed=True)
    toast(_say_deleted(loss))
    return go(url_for(".show", bucket_id=bucket_id))


def _say_deleted(loss: Loss) -> str:
    if not loss.files:
        return "What you chose was deleted already."
    return f"{loss.names[0]} was deleted." if loss.files == 1 else f"{loss.files:,} files were deleted."


@blueprint.get("/<bucket_id>/f/<file_id>")
@access.needs("files.read")
def file(project_id: str, bucket_id: str, file_id: str) -> Response:
    """One file: how it looks, what is known of it, who uses it."""
    return _file(bucket_id, file_id)


def _file(bucket_id: str, file_id: str, form: NameForm | None = None) -> Response:
    with reading() as work:
        bucket, row = buckets.find_bucket(work, bucket_id), files.find_file(work, bucket_id, file_id)
        opened = files.open_row(work, bucket, row) if row.store_key else None
        uses = file_uses.uses_of(work, bucket_id, [file_id])
        address = file_links.open_address(work, bucket, row)
    return render(
        "files/file.html", status=200 if form is None else 422, bucket=bucket, file=row, uses=uses, address=address,
        text=_text_of(opened), is_shown=is_shown(row), form=form or NameForm(formdata=None, data={"name": row.name}),
    )  # fmt: skip


def _text_of(opened: OpenFile | None) -> str | None:
    """The beginning of a text; None for what is none, or cannot be read now."""
    if opened is None or not (opened.mime_type.startswith("text/") or opened.mime_type in _TEXTS) or not opened.size:
        return None
    try:
        head = b"".join(opened.pieces(0, min(opened.size, MOST_TEXT)))
    except (NotFound, Unavailable):  # the page still says what is known of it
        return None
    return head.decode("utf-8", "replace").replace("\0", "\ufffd")


@blueprint.post("/<bucket_id>/f/<file_id>")
@access.needs("files.write")
def rename(project_id: str, bucket_id: str, file_id: str) -> Response:
    """Give a file another name."""
    form = NameForm()
    try:
        with opening() as work:
            files.update_file(work, bucket_id, file_id, name=form.name.data or "")
    except Invalid as error:
        put_problem(form, error)
        return _file(bucket_id, file_id, form)
    toast("File renamed.")
    return go(url_for(".file", bucket_id=bucket_id, file_id=file_id))


def _typed(name: str) -> str:
    return request.args.get(name, "").replace("\0", "")[:320]
