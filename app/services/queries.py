"""Lists as programs ask for them: any allowed filter and order, keyset cursors, a total that stops counting."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, false, func, not_, or_, select

from app.domain.errors import Invalid
from app.domain.list_query import Condition, ListQuery
from app.services.work import Work

MOST_COUNTED = 5_000
MOST_WORDS = 16
_DATES = {"created_at", "updated_at"}
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Shelf:
    """What can be listed: rows of a table that keep `conditions`.

    `columns` are the attributes by our names, `arrays` those of them that hold lists of ids as JSON text; `searched`
    are the texts that the search parameter looks through. `noun` names a row in errors.
    """

    noun: str
    table: Any
    conditions: Sequence[ColumnElement[bool]]
    columns: Mapping[str, Any]
    searched: Sequence[Any] = ()
    arrays: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Found:
    """One page of rows, and how many there are in all (at most 5,000 are counted; 0 when nobody asked)."""

    rows: list[Any] = field(default_factory=list)
    total: int = 0


def find_page(work: Work, shelf: Shelf, query: ListQuery, *, search: str = "", wants_total: bool = True) -> Found:
    """The page that was asked for. Invalid when the cursor's row does not exist, or cannot be a cursor."""
    limits = [*shelf.conditions, *(_filter(shelf, each) for each in query.conditions)]
    if search:
        limits.append(_holds_words(shelf, search))
    wanted: Select[Any] = select(shelf.table).where(*limits)
    total = _count(work, shelf, limits) if wants_total else 0
    if query.is_random:
        return Found(list(work.session.scalars(wanted.order_by(func.random()).limit(query.limit))), total)
    keys = _keys(shelf, query)
    if query.cursor:
        wanted = wanted.where(_beyond(keys, _edge(work, shelf, query.cursor, keys), query.is_backwards))
    wanted = wanted.order_by(*(key.desc() if down != query.is_backwards else key.asc() for key, down in keys))
    rows = list(work.session.scalars(wanted.limit(query.limit).offset(query.offset)))
    return Found(rows[::-1] if query.is_backwards else rows, total)


def _count(work: Work, shelf: Shelf, limits: Sequence[ColumnElement[bool]]) -> int:
    some = select(shelf.table.pk).where(*limits).limit(MOST_COUNTED).subquery()
    return work.session.scalar(select(func.count()).select_from(some)) or 0


Keys = list[tuple[Any, bool]]  # expression, descending


def _keys(shelf: Shelf, query: ListQuery) -> Keys:
    """What the list is ordered by; the row's number decides between equals, and makes the order total."""
    keys: Keys = [(_column(shelf, name), down) for name, down in query.orders]
    follows = bool(query.orders) and query.orders[0][0] in _DATES
    return [*keys, (shelf.table.pk, query.orders[0][1] if follows else False)]


def _edge(work: Work, shelf: Shelf, cursor: str, keys: Keys) -> Sequence[Any]:
    """The cursor row's own keys."""
    row = work.session.execute(
        select(*(key for key, _ in keys)).select_from(shelf.table).where(*shelf.conditions, shelf.table.id == cursor)
    ).first()
    if row is None:
        sentence = f"The {shelf.noun} {cursor!r} does not exist, so no page can begin there."
        raise Invalid({"queries": [sentence]}, type="general_cursor_not_found")
    if any(value is None for value in row):
        sentence = f"The {shelf.noun} {cursor!r} has no value to order by, so no page can begin there."
        raise Invalid({"queries": [sentence]}, type="database_query_order_null")
    return tuple(row)


def _beyond(keys: Keys, edge: Sequence[Any], is_backwards: bool) -> ColumnElement[bool]:
    """The rows behind the edge in the list's order, or those before it."""
    ways: list[ColumnElement[bool]] = []
    for index, (key, down) in enumerate(keys):
        same = [earlier == value for (earlier, _), value in zip(keys[:index], edge, strict=False)]
        ways.append(and_(*same, key < edge[index] if down != is_backwards else key > edge[index]))
    return or_(*ways)


def _column(shelf: Shelf, name: str) -> Any:
    found = shelf.columns.get(name)
    return getattr(shelf.table, name) if found is None else found


def _holds_words(shelf: Shelf, search: str) -> ColumnElement[bool]:
    """Every word (or the whole phrase, in double quotes) stands somewhere in what is searched."""
    phrase = re.fullmatch(r'\s*"(.+)"\s*', search)
    words = [phrase.group(1).strip()] if phrase else _WORD.findall(search)[:MOST_WORDS]
    if not any(_WORD.search(word) for word in words):
        return false()
    return and_(
        *(or_(*(text.icontains(word, autoescape=True) for text in shelf.searched)) for word in words)
    )  # fmt: skip


def _filter(shelf: Shelf, condition: Condition) -> ColumnElement[bool]:
    if condition.parts:
        parts = [_filter(shelf, part) for part in condition.parts]
        return and_(*parts) if condition.method == "and" else or_(*parts)
    column, values = _column(shelf, condition.attribute), condition.values
    if condition.attribute in shelf.arrays:
        return _filter_array(column, condition.method, values)
    compare = _COMPARE.get(condition.method)
    return compare(column, values) if compare else _filter_text(column, condition.method, values)


_COMPARE: dict[str, Callable[[Any, Sequence[Any]], ColumnElement[bool]]] = {
    "equal": lambda column, values: column.in_(values),
    "notEqual": lambda column, values: column != values[0],
    "lessThan": lambda column, values: column < values[0],
    "lessThanEqual": lambda column, values: column <= values[0],
    "greaterThan": lambda column, values: column > values[0],
    "greaterThanEqual": lambda column, values: column >= values[0],
    "between": lambda column, values: column.between(values[0], values[1]),
    "notBetween": lambda column, values: not_(column.between(values[0], values[1])),
    "isNull": lambda column, _values: column.is_(None),
    "isNotNull": lambda column, _values: column.is_not(None),
}


def _filter_text(column: Any, method: str, values: Sequence[str]) -> ColumnElement[bool]:
    is_negated = method.startswith("not")
    match method.removeprefix("not").lower():
        case "startswith":
            made = column.istartswith(values[0], autoescape=True)
        case "endswith":
            made = column.iendswith(values[0], autoescape=True)
        case "containsall":
            made = and_(*(column.icontains(value, autoescape=True) for value in values))
        case _:
            made = or_(*(column.icontains(value, autoescape=True) for value in values))
    return not_(made) if is_negated else made  # type: ignore[no-any-return]


def _filter_array(column: Any, method: str, values: Sequence[str]) -> ColumnElement[bool]:
    """The column is a JSON array of ids as text; an id stands in it between quotes."""
    holds = [column.contains(f'"{value}"', autoescape=True) for value in values]
    match method:
        case "containsAll":
            return and_(*holds)
        case "notContains":
            return not_(or_(*holds))
        case "isNull":
            return false()
        case "isNotNull":
            return not_(false())
        case _:
            return or_(*holds)
