"""Keyset paging: as fast on the last page as on the first, for every list."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import Select
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.domain.errors import Invalid

Item = TypeVar("Item")
PAGE_SIZE = 50


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
    session: Session, query: Select[Any], key: "InstrumentedAttribute[int]", cursor: Cursor, size: int = PAGE_SIZE
) -> Page[Any]:
    """One page of `query` ordered by `key` descending; the query must select one entity or named rows with `pk`.

    One row more than `size` is read to know whether the list goes on.
    """
    backwards = cursor.before is not None
    if cursor.after is not None:
        query = query.where(key < cursor.after)
    if backwards:
        query = query.where(key > cursor.before)
    query = query.order_by(key.asc() if backwards else key.desc())
    found = session.execute(query.limit(size + 1)).all()
    rows: list[Any] = [row[0] if len(row) == 1 else row for row in found]
    has_more, rows = len(rows) > size, rows[:size]
    if backwards:
        rows.reverse()
    if not rows:
        return Page(items=())
    more_newer = has_more if backwards else cursor.after is not None
    more_older = True if backwards else has_more
    return Page(
        items=rows,
        older=str(rows[-1].pk) if more_older else None,
        newer=str(rows[0].pk) if more_newer else None,
    )
