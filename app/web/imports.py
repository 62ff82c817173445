"""Pages of imports: upload a CSV file, say what its columns are, look at the trial, start, watch, take the report."""

from typing import Any

from flask import Blueprint, Response, request, url_for

from app.domain.errors import Invalid
from app.services.lists.listing import Cursor
from app.services.people import imports, topics
from app.web import access
from app.web.context import actor, opening, reading, workshop
from app.web.fields import options
from app.web.forms.audience import MappingForm, ReadingForm, UploadForm, put_problem
from app.web.htmx import go, render, render_fragment, toast

blueprint = Blueprint("imports", __name__, url_prefix="/p/<project_id>/imports")
LARGEST_REQUEST = 128 * 1024 * 1024  # so that a file somewhat too large gets its sentence rather than a broken line


@blueprint.url_value_preprocessor
def _allow_files(endpoint: str | None, _values: dict[str, Any] | None) -> None:
    """An upload may be larger than other requests; said before anything reads the form."""
    if endpoint == "imports.upload":
        request.max_content_length = LARGEST_REQUEST


@blueprint.get("")
@access.needs("contacts.read")
def index(project_id: str) -> Response:
    """Earlier imports, and the form for a new one."""
    return _index(UploadForm(formdata=None))


STATUSES = ("uploaded", "checking", "mapped", "running", "finished", "failed")


def _stage(status: str) -> dict[str, bool]:
    """Where an import stands, as flags for the pages."""
    return {name: name == status for name in STATUSES} | {"moves": status in {"checking", "running"}}


def _index(form: UploadForm, status: int = 200) -> Response:
    with reading() as work:
        cursor = Cursor.parse(request.args.get("after", ""), request.args.get("before", ""))
        page = imports.list_imports(work, cursor)
    return render("imports/index.html", status=status, form=form, rows=page)


@blueprint.post("")
@access.needs("imports.write")
def upload(project_id: str) -> Response:
    """Take the file."""
    form = UploadForm()
    file = form.file.data
    try:
        if not file or not file.filename:
            raise Invalid({"file": ["CSV file is missing. Choose one from your computer."]})
        row = imports.upload(workshop(), actor(), file.stream, file.filename)
    except Invalid as error:
        put_problem(form, error)
        return _index(form, 422)
    return go(url_for("imports.show", import_id=row.id))


@blueprint.get("/<import_id>")
@access.needs("contacts.read")
def show(project_id: str, import_id: str) -> Response:
    """An import as it stands: its columns, its trial, its progress or its report."""
    with reading() as work:
        row = imports.find_import(work, import_id)
    wants_columns = row.status == "mapped" and request.args.get("step") == "columns"
    if actor().may("imports.write") and (row.status == "uploaded" or wants_columns):
        return _columns(import_id)
    return render("imports/show.html", row=row, stage=_stage(row.status))


@blueprint.get("/<import_id>/-/progress")
@access.needs("contacts.read")
def progress_fragment(project_id: str, import_id: str) -> Response:
    """The part of the page that moves."""
    with reading() as work:
        row = imports.find_import(work, import_id)
    return render_fragment("imports/_progress.html", row=row, stage=_stage(row.status))


def _columns(import_id: str, reading_form: ReadingForm | None = None, form: MappingForm | None = None) -> Response:
    """The page on which the columns are named; with the forms that were refused, or as the import has it."""
    with reading() as work:
        row = imports.find_import(work, import_id)
        shown = imports.preview_of(work, row)
        choices = topics.choose_from(work)
    status = 200 if form is None and reading_form is None else 422
    form = form or MappingForm(formdata=None, data=row.settings)
    form.topics.choices = options((topic.id, topic.name) for topic in choices)
    return render(
        "imports/columns.html", status=status, row=row, shown=shown, form=form,
        reading=reading_form or ReadingForm(formdata=None, data=row.settings),
    )  # fmt: skip


@blueprint.post("/<import_id>/reading")
@access.needs("imports.write")
def read_anew(project_id: str, import_id: str) -> Response:
    """Read the file with another encoding, delimiter or header."""
    form = ReadingForm()
    try:
        with opening() as work:
            imports.read_anew(
                work, import_id, encoding=form.encoding.data or "", delimiter=form.delimiter.data or "",
                has_header=bool(form.has_header.data),
            )  # fmt: skip
    except Invalid as error:
        put_problem(form, error)
        return _columns(import_id, reading_form=form)
    return go(url_for("imports.show", import_id=import_id))


@blueprint.post("/<import_id>/columns")
@access.needs("imports.write")
def check(project_id: str, import_id: str) -> Response:
    """Take the choices and try all rows out."""
    form = MappingForm()
    try:
        with opening() as work:
            imports.check_import(
                work, import_id, form.columns.data, separator=form.separator.data or "",
                topics=form.topics.data or [], existing=form.existing.data or "",
            )  # fmt: skip
    except Invalid as error:
        put_problem(form, error)
        return _columns(import_id, form=form)
    return go(url_for("imports.show", import_id=import_id))


@blueprint.post("/<import_id>/start")
@access.needs("imports.write")
def start(project_id: str, import_id: str) -> Response:
    """Import what was tried out."""
    with opening() as work:
        imports.start_import(work, import_id)
    toast("The import has begun. You can leave this page; it goes on.")
    return go(url_for("imports.show", import_id=import_id))


@blueprint.get("/<import_id>/report-<any(check, run):kind>.csv")
@access.needs("contacts.read")
def report(project_id: str, import_id: str, kind: str) -> Response:
    """All problems as a CSV file."""
    with reading() as work:
        pieces = imports.report_of(work, import_id, kind)
    answer = Response(pieces, mimetype="text/csv")
    answer.headers["Content-Disposition"] = f'attachment; filename="import-{import_id}-{kind}.csv"'
    return answer


@blueprint.get("/<import_id>/delete")
@access.needs("imports.write")
def ask_delete(project_id: str, import_id: str) -> Response:
    """Ask, saying that the contacts stay."""
    with reading() as work:
        row = imports.find_import(work, import_id)
    return render("imports/delete.html", row=row, stage=_stage(row.status))


@blueprint.post("/<import_id>/delete")
@access.needs("imports.write")
def delete(project_id: str, import_id: str) -> Response:
    """Delete the file, its reports and its line in the list."""
    with opening() as work:
        imports.delete_import(work, import_id)
    toast("The import and its file were deleted; the contacts are still here.")
    return go(url_for("imports.index"))
