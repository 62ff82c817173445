"""Imports: a CSV file on its way to contacts; upload, say what the columns are, try out, start, look at the report."""

import re
from collections.abc import Iterator, Mapping, Sequence
from secrets import token_hex
from typing import Any, BinaryIO

from sqlalchemy import select, update

from app.domain.column_names import Use
from app.domain.csv_sniffing import DELIMITERS, ENCODINGS, SAMPLE, NotCsv, Sniffed, check_kind, sniff
from app.domain.errors import Conflict, Invalid, NotFound
from app.domain.import_mapping import Column, check_columns, guess_columns
from app.domain.permissions import Actor
from app.models.imports import Import
from app.models.topics import Topic
from app.services.lists.listing import Cursor, Page, page_of
from app.services.people.import_files import Preview, Reading, delete_files, preview, report_key
from app.services.people.import_run import ring_stalled, run, say_setback
from app.services.work import Work, Workshop
from app.storage import FileStore, open_store

__all__ = [
    "LARGEST_FILE", "check_import", "columns_of", "delete_import", "find_import", "list_imports", "preview_of",
    "read_anew", "report_of", "ring_stalled", "run", "say_setback", "start_import", "upload",
]  # fmt: skip

LARGEST_FILE = 50 * 1024 * 1024
LONGEST_NAME = 255
MOST_COLUMNS = 100
SEPARATORS = {";": "semicolon", ",": "comma", "|": "vertical bar", "": "nothing: one topic in a cell"}
EXISTING = ("update", "skip")
_UNREADABLE = re.compile(r"[\x00-\x1f\x7f]")


def list_imports(work: Work, cursor: Cursor) -> Page[Import]:
    """All imports, newest first."""
    work.require("contacts.read")
    return page_of(work.session, select(Import).where(Import.project_pk == work.project_pk), Import.pk, cursor)


def find_import(work: Work, import_id: str) -> Import:
    """The import with that id; NotFound when it was deleted."""
    work.require("contacts.read")
    row: Import = work.find(Import, import_id, noun="import")
    return row


def upload(shop: Workshop, actor: Actor, file: BinaryIO, file_name: str) -> Import:
    """Keep the file and guess how it is to be read. Raises Invalid (field `file`) for what is no CSV or too large.

    No transaction is open while the file is written; one that cannot be used does not stay in the store.
    """
    with shop.read(actor) as work:
        work.require("imports.write")
        import_id, project_pk = work.unique_id(), work.project_pk
    name = _UNREADABLE.sub("", file_name.replace("\\", "/").rsplit("/", 1)[-1])[-LONGEST_NAME:] or "contacts.csv"
    size = file.seek(0, 2)
    file.seek(0)
    sample = file.read(SAMPLE)
    file.seek(0)
    if size > LARGEST_FILE:
        raise Invalid({"file": [f"{name} has {size / 1_048_576:.0f} MB; at most 50 MB fit. Split it into parts."]})
    sniffed = _sniff(sample, name)
    store, key = open_store(shop.settings), f"imports/{project_pk}/{import_id}-{token_hex(8)}/upload.csv"
    store.put(key, file)
    try:
        settings = _first_settings(store, key, name, sniffed)
        row = Import(
            id=import_id, project_pk=project_pk, file_name=name, file_key=key, file_size=size, status="uploaded",
            settings=settings, report={}, author_name=actor.name[:320],
        )  # fmt: skip
        with shop.open(actor) as work:
            return _keep(work, row)
    except Exception:
        store.delete([key])
        raise


def _keep(work: Work, row: Import) -> Import:
    row.created_at = row.updated_at = work.now
    work.session.add(row)
    work.session.flush()
    work.audit("import.upload", f"import/{row.id}", file=row.file_name, bytes=row.file_size)
    return row


def _sniff(sample: bytes, name: str, encoding: str = "", delimiter: str = "") -> Sniffed:
    try:
        return sniff(sample, encoding, delimiter)
    except NotCsv as error:
        raise Invalid({"file": [f"{name} {error}"]}) from error


def _first_settings(store: FileStore, key: str, name: str, sniffed: Sniffed) -> dict[str, Any]:
    """How the file is read, with a guess at each column."""
    shown = preview(store, key, sniffed.encoding, sniffed.delimiter, has_header=sniffed.has_header)
    if len(shown.headers) > MOST_COLUMNS:
        sentence = f"{name} has {len(shown.headers):,} columns; at most {MOST_COLUMNS} fit. Remove some of them."
        raise Invalid({"file": [sentence]})
    return {
        "encoding": sniffed.encoding, "delimiter": sniffed.delimiter, "has_header": sniffed.has_header,
        "headers": list(shown.headers), "columns": [_column(column) for column in _guess(shown, sniffed.has_header)],
        "separator": ";", "topics": [], "existing": "update", "edition": token_hex(8),
    }  # fmt: skip


def _guess(shown: Preview, has_header: bool) -> list[Column]:
    """By the headers, and by what the first row holds where they say nothing."""
    columns = guess_columns(shown.headers) if has_header else [Column(Use.IGNORE, header=h) for h in shown.headers]
    if not any(column.use is Use.EMAIL for column in columns) and shown.rows:
        for index, cell in enumerate(shown.rows[0]):
            if "@" in cell:
                columns[index] = Column(Use.EMAIL, header=shown.headers[index])
                break
    return columns


def _column(column: Column) -> dict[str, str]:
    return {"use": column.use.value, "name": column.name}


def preview_of(work: Work, row: Import) -> Preview:
    """The first rows of the file, as it is read now; NotFound when the file is gone."""
    try:
        settings = row.settings
        store = open_store(work.settings)
        return preview(
            store, row.file_key, settings["encoding"], settings["delimiter"], has_header=settings["has_header"]
        )
    except FileNotFoundError as error:
        raise NotFound("The file of this import is not there any more. Upload it again.") from error


def columns_of(row: Import) -> Sequence[Column]:
    """What each column is used for now."""
    return Reading.of(row.settings).columns


def read_anew(work: Work, import_id: str, *, encoding: str, delimiter: str, has_header: bool) -> Import:
    """Read the file in another way and guess its columns anew. Raises Invalid by field, Conflict once it has begun."""
    work.require("imports.write")
    row = _changeable(work, import_id)
    problems: dict[str, list[str]] = {}
    if encoding not in ENCODINGS:
        problems["encoding"] = [f"Encoding is one of {', '.join(ENCODINGS.values())}."]
    if delimiter not in DELIMITERS:
        problems["delimiter"] = [f"Delimiter is one of {', '.join(DELIMITERS.values())}."]
    if problems:
        raise Invalid(problems)
    store = open_store(work.settings)
    try:
        check_kind(store.head(row.file_key, SAMPLE))
        settings = _first_settings(store, row.file_key, row.file_name, Sniffed(encoding, delimiter, has_header))
    except FileNotFoundError as error:
        raise NotFound("The file of this import is not there any more. Upload it again.") from error
    except NotCsv as error:
        raise Invalid({"encoding": [f"{row.file_name} {error}"]}) from error
    row.settings = {**settings, **{name: row.settings[name] for name in ("separator", "topics", "existing")}}
    row.status, row.updated_at = "uploaded", work.now
    return row


def check_import(
    work: Work, import_id: str, columns: Sequence[Mapping[str, str]], *, separator: str, topics: Sequence[str],
    existing: str,
) -> Import:  # fmt: skip
    """Take the choices (a `use` and a `name` for each column) and have all rows tried out in the background."""
    work.require("imports.write")
    row = _changeable(work, import_id)
    headers = row.settings["headers"]
    known = {use.value for use in Use}
    chosen = [
        Column(Use(column["use"]) if column["use"] in known else Use.IGNORE, column.get("name", "").strip(), header)
        for column, header in zip(columns, headers, strict=False)
    ]
    problems: dict[str, list[str]] = {}
    sentences = check_columns(chosen)
    if len(chosen) != len(headers):
        sentences.append("The columns have changed since this page was opened. Open it again.")
    if sentences:
        problems["columns"] = sentences
    if separator not in SEPARATORS:
        problems["separator"] = [f"Separator is one of {', '.join(SEPARATORS.values())}."]
    if existing not in EXISTING:
        problems["existing"] = ["Existing contacts can be updated or left as they are."]
    wanted = list(dict.fromkeys(topics))
    there = select(Topic.id).where(Topic.project_pk == work.project_pk, Topic.id.in_(wanted))
    if wanted and len(set(work.session.scalars(there))) != len(wanted):
        problems["topics"] = ["A chosen topic was deleted meanwhile. Choose again."]
    if problems:
        raise Invalid(problems)
    row.settings = {
        **row.settings, "columns": [_column(column) for column in chosen], "separator": separator, "topics": wanted,
        "existing": existing, "edition": token_hex(8),
    }  # fmt: skip
    row.status, row.cursor, row.updated_at, row.failure = "checking", 0, work.now, ""
    work.ring("run_import", row.pk)
    return row


def _changeable(work: Work, import_id: str) -> Import:
    row = find_import(work, import_id)
    if row.status not in {"uploaded", "checking", "mapped"}:
        raise Conflict("This import has begun already; upload the file again to import it in another way.")
    return row


def start_import(work: Work, import_id: str) -> Import:
    """Import what was tried out. Conflict when it runs already, has run, or was not tried out yet."""
    work.require("imports.write")
    row = find_import(work, import_id)
    started = work.session.execute(
        update(Import)
        .where(Import.pk == row.pk, Import.status == "mapped")
        .values(
            status="running", cursor=0, created_total=0, updated_total=0, unchanged_total=0, rejected_total=0,
            started_at=work.now, updated_at=work.now,
        )
    )  # fmt: skip
    if not started.rowcount:  # type: ignore[attr-defined]
        words = {"running": "runs already", "finished": "is finished", "failed": "has failed"}
        raise Conflict(f"This import {words.get(row.status, 'was not tried out yet')}. Open it to see how it stands.")
    work.audit("import.start", f"import/{row.id}", file=row.file_name, rows=row.rows_total)
    work.ring("run_import", row.pk)
    return row


def report_of(work: Work, import_id: str, kind: str) -> Iterator[bytes]:
    """The CSV report of the `check` or the `run`, in pieces; NotFound when there is none (yet)."""
    work.require("contacts.read")
    row = find_import(work, import_id)
    store = open_store(work.settings)
    try:
        pieces = store.pieces(report_key(row, "run" if kind == "run" else "check"))
        first = next(pieces, b"")
    except FileNotFoundError as error:
        raise NotFound("There is no report of this import yet.") from error
    return _with_first(first, pieces)


def _with_first(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def delete_import(work: Work, import_id: str) -> Import:
    """Delete the file, its reports and the entry in the list; contacts stay. Conflict while it runs."""
    work.require("imports.write")
    row = find_import(work, import_id)
    if row.status == "running":
        raise Conflict("This import runs at the moment. Delete it when it has finished.")
    delete_files(open_store(work.settings), row)
    work.session.delete(row)
    work.audit("import.delete", f"import/{row.id}", file=row.file_name)
    return row
