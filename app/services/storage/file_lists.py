"""Lists of buckets and of the files in one: searched, of one kind, in three orders; as quick among a million."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, false, func, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute

from app.domain.errors import Invalid
from app.domain.file_kinds import KINDS
from app.domain.words import Search, read_search
from app.infra import full_text
from app.models.files import Bucket, File
from app.services.lists.listing import PAGE_SIZE, Cursor, Page, page_of
from app.services.lists.search import narrow
from app.services.storage.buckets import find_bucket
from app.services.work import Work

SMALL = 10_000  # files of a bucket whose names are looked through one by one
MOST_PENDING = 20
COUNTED = 20_000  # a list counts no further, so that it is as quick with a million files
_ORDERS: dict[str, tuple[InstrumentedAttribute[Any], bool]] = {  # by what, and whether the highest comes first
    "newest": (File.pk, True), "name": (File.name_key, False), "size": (File.size_original, True),
}  # fmt: skip
SORTS = tuple(_ORDERS)


@dataclass(frozen=True, slots=True)
class FileFilter:
    """What a list shows; empty means any. `search` are words of the name, `kind` is one of KINDS, `sort` of SORTS."""

    search: str = ""
    kind: str = ""
    sort: str = "newest"


@dataclass(frozen=True, slots=True)
class BucketCard:
    """A bucket, and how many whole files with how many bytes, as they were given, are in it.

    Where it is not counted to the end, `files` is one more than COUNTED.
    """

    bucket: Bucket
    files: int
    bytes: int
    is_counted: bool


def list_buckets(work: Work, cursor: Cursor, *, search: str = "") -> Page[BucketCard]:
    """Buckets, newest first; `search` is words of their name or id, the last one perhaps not whole."""
    work.require("files.read")
    query = select(Bucket).where(Bucket.project_pk == work.project_pk)
    if search.strip():
        asked = read_search(search)
        query = query.where(false() if asked.is_empty else and_(*full_text.holds(Bucket.words, asked)))
    page = page_of(work.session, query, Bucket.pk, cursor)
    return Page([_card(work, bucket) for bucket in page.items], page.older, page.newer)


def choose_from(work: Work) -> list[Bucket]:
    """The buckets that a picker offers, by name; at most 200."""
    work.require("files.read")
    query = select(Bucket).where(Bucket.project_pk == work.project_pk).order_by(Bucket.name, Bucket.pk)
    return list(work.session.scalars(query.limit(200)))


def card_of(work: Work, bucket_id: str) -> BucketCard:
    """One bucket; NotFound when there is none."""
    return _card(work, find_bucket(work, bucket_id))


def _card(work: Work, bucket: Bucket) -> BucketCard:
    """Counted out of an index alone, and no further than COUNTED."""
    sizes = select(File.size_original.label("size")).where(File.bucket_pk == bucket.pk, File.kind.in_(KINDS))
    some = sizes.limit(COUNTED + 1).subquery()
    total, size = work.session.execute(select(func.count(), func.sum(some.c.size))).one()
    return BucketCard(bucket, total, int(size or 0), is_counted=total <= COUNTED)


def count_all(work: Work, bucket_id: str) -> BucketCard:
    """One bucket with all of its files counted, however many these are: a tenth of a second for a million."""
    bucket = find_bucket(work, bucket_id)
    held = select(func.count(), func.sum(File.size_original)).where(File.bucket_pk == bucket.pk, File.kind.in_(KINDS))
    total, size = work.session.execute(held).one()
    return BucketCard(bucket, total, int(size or 0), is_counted=True)


def pending_in(work: Work, bucket: Bucket) -> Sequence[File]:
    """Uploads into this bucket that have begun and are not whole, newest first; at most 20."""
    work.require("files.read")
    found = select(File).where(File.bucket_pk == bucket.pk, File.kind == "").order_by(File.pk.desc())
    return list(work.session.scalars(found.limit(MOST_PENDING)))


def list_files(work: Work, bucket: Bucket, wanted: FileFilter, *, after: str = "", before: str = "") -> Page[File]:
    """One page of the whole files of a bucket. A search is answered newest first, whatever `sort` says.

    Invalid for a kind or an order that does not exist, and for a place that no page handed out.
    """
    work.require("files.read")
    if wanted.kind and wanted.kind not in KINDS:
        raise Invalid({"kind": [f"Kind is one of {', '.join(KINDS)}."]})
    if wanted.sort not in SORTS:
        raise Invalid({"sort": [f"Sort is one of {', '.join(SORTS)}."]})
    kinds = (wanted.kind,) if wanted.kind else KINDS
    if wanted.search.strip():
        return _search(work, bucket, read_search(wanted.search), kinds, Cursor.parse(after, before))
    return _walk(work, bucket, wanted.sort, kinds, after, before)


def _search(work: Work, bucket: Bucket, asked: Search, kinds: Sequence[str], cursor: Cursor) -> Page[File]:
    """By the index of words; in a bucket of few files by looking through these, however many files others have."""
    if asked.is_empty:
        return Page([])
    conditions = [File.bucket_pk == bucket.pk, File.kind.in_(kinds)]
    some = select(File.pk).where(File.bucket_pk == bucket.pk).limit(SMALL + 1).subquery()
    if (work.session.scalar(select(func.count()).select_from(some)) or 0) <= SMALL:
        query = select(File).where(*conditions, *full_text.holds(File.words, asked))
        return page_of(work.session, query, File.pk, cursor)
    matched = narrow(work, File, conditions, {}, asked)
    return page_of(work.session, matched.of(select(File)).where(*conditions), matched.place(File.pk), cursor)


def _walk(work: Work, bucket: Bucket, sort: str, kinds: Sequence[str], after: str, before: str) -> Page[File]:
    """Each kind has its own stretch of the index: the page is the first of what they hold from the place on."""
    column, is_falling = _ORDERS[sort]
    backwards, place = bool(before), _read_place(before or after, sort)
    falls = is_falling != backwards
    keys = [column] if column is File.pk else [column, File.pk]
    found: list[File] = []
    for kind in kinds:
        query = select(File).where(File.bucket_pk == bucket.pk, File.kind == kind)
        if place is not None:
            edge = tuple_(*keys)
            query = query.where(edge < place if falls else edge > place)
        found += work.session.scalars(
            query.order_by(*(key.desc() if falls else key.asc() for key in keys)).limit(PAGE_SIZE + 1)
        )
    found.sort(key=lambda row: _place_of(row, sort), reverse=falls)
    rows, goes_on = found[:PAGE_SIZE], len(found) > PAGE_SIZE
    if not rows:
        return Page([])
    if backwards:
        rows.reverse()
    first, last = (_write_place(row, sort) for row in (rows[0], rows[-1]))
    has_more = (True, goes_on) if backwards else (goes_on, place is not None)  # older, newer
    return Page(rows, last if has_more[0] else None, first if has_more[1] else None)


def _place_of(row: File, sort: str) -> tuple[Any, ...]:
    column, _ = _ORDERS[sort]
    return (row.pk,) if column is File.pk else (getattr(row, column.key), row.pk)


def _write_place(row: File, sort: str) -> str:
    """Where a page begins, as its address has it: the row's number, and what it is ordered by."""
    return "~".join(str(part) for part in reversed(_place_of(row, sort)))


def _read_place(text: str, sort: str) -> tuple[Any, ...] | None:
    """None for the first page."""
    if not text:
        return None
    number, has_more, value = text.partition("~")
    is_fine = _is_number(number) and bool(has_more) == (sort != "newest") and "\0" not in value
    if not is_fine or (sort == "size" and not _is_number(value)):
        raise Invalid({"page": ["This page's address is damaged; go back to the first page."]})
    if sort == "newest":
        return (int(number),)
    return (int(value) if sort == "size" else value, int(number))


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19
