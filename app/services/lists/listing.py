"""Keyset paging: as fast on the last page as on the first, for every list."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import Select
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.domain.errors import Invalid

Item = TypeVar("Item")
PAGE_SIZE = 50
LOOKED_THROUGH = 10_000  # rows one page looks at when no index knows its filters


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """One page of a list, newest first. `older` and `newer` are cursors for the next pages; None where it ends."""

    items: Sequence[Item]
    older: str | None = None
    newer: str | None = None


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page begins: after (older than) or before (newer than) a row's number; neither means the first page."""

    after: int | None = None
    before: int | None = None

    @classmethod
    def parse(cls, after: str = "", before: str = "") -> "Cursor":
        """From the query string; Invalid, in words, for anything that no page ever handed out."""
        for text in (after, before):
            if text and not (text.isascii() and text.isdigit() and len(text) < 19):
                raise Invalid({"page": ["This page's address is damaged; go back to the first page."]})
        return cls(int(after) if after else None, int(before) if before else None)


def page_of(
    session: Session,
    query: Select[Any],
    key: "InstrumentedAttribute[int]",
    cursor: Cursor,
    size: int = PAGE_SIZE,
    *,
    within: Select[Any] | None = None,
) -> Page[Any]:
    """One page of `query` ordered by `key` descending; the query must select one entity or named rows with `pk`.

    One row more than `size` is read to know whether the list goes on. `within` are the rows that a filter without an
    index is held against: no more than LOOKED_THROUGH of them are looked at, so the page may be short, or empty, and
    the next one goes on from there.
    """
    backwards, edge = cursor.before is not None, cursor.after if cursor.before is None else cursor.before
    stop = None if within is None else session.scalar(_walk(within.with_only_columns(key), key, cursor, last=True))
    if stop is not None:
        query = query.where(key <= stop if backwards else key >= stop)
    found = session.execute(_walk(query, key, cursor).limit(size + 1)).all()
    rows: list[Any] = [row[0] if len(row) == 1 else row for row in found[:size]]
    ahead = rows[-1].pk if len(found) > size else stop
    behind = None
    if edge is not None:  # an empty page leads back to where it began, that row included
        behind = rows[0].pk if rows else edge + (1 if backwards else -1)
    if not backwards:
        return Page(rows, older=_text(ahead), newer=_text(behind))
    rows.reverse()
    return Page(rows, older=_text(behind), newer=_text(ahead))


def _walk(query: Select[Any], key: "InstrumentedAttribute[int]", cursor: Cursor, *, last: bool = False) -> Select[Any]:
    """The rows from the cursor on, in the order of walking; or only the last that one page may look at."""
    if cursor.after is not None:
        query = query.where(key < cursor.after)
    if cursor.before is not None:
        query = query.where(key > cursor.before)
    query = query.order_by(key.desc() if cursor.before is None else key.asc())
    return query.offset(LOOKED_THROUGH - 1).limit(1) if last else query


def _text(pk: int | None) -> str | None:
    return None if pk is None else str(pk)
