"""Lists as programs ask for them: any allowed filter and order, keyset cursors, a total that stops counting."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Integer,
    Select,
    and_,
    false,
    func,
    not_,
    or_,
    select,
    true,
    tuple_,
    type_coerce,
)  # fmt: skip
from sqlalchemy.orm import InstrumentedAttribute

from app.domain.errors import Invalid
from app.domain.list_query import Condition, ListQuery
from app.domain.words import read_search
from app.infra.full_text import Match
from app.services.lists.search import narrow
from app.services.work import Work

MOST_COUNTED = 5_000
FARTHEST = 2**31 - 1  # PostgreSQL takes no larger offset as it is asked; no list is that long
_DATES = {"created_at", "updated_at"}


@dataclass(frozen=True, slots=True)
class Shelf:
    """What can be listed: rows of a table that keep `conditions`.

    `columns` are the attributes by our names (those of the table need no entry), `arrays` those of them that hold lists
    of ids as JSON text, `orders` what an attribute is ordered by where that is something else. `lookups` are for
    attributes out of other tables: given the values of an `equal`, a condition that an index answers, true for more
    rows at most. `fixed` are words that stand in other columns than `words`. `find` searches rows that have no words.
    `noun` names a row in errors.
    """

    noun: str
    table: Any
    conditions: Sequence[ColumnElement[bool]]
    columns: Mapping[str, Any] = field(default_factory=dict)
    arrays: frozenset[str] = frozenset()
    orders: Mapping[str, Any] = field(default_factory=dict)
    lookups: Mapping[str, Callable[[Sequence[Any]], ColumnElement[bool]]] = field(default_factory=dict)
    fixed: Mapping[str, ColumnElement[bool]] = field(default_factory=dict)
    find: Callable[[str], ColumnElement[bool]] | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """One page of rows, and how many there are in all (at most 5,000 are counted; 0 when nobody asked)."""

    rows: list[Any] = field(default_factory=list)
    total: int = 0


def find_page(work: Work, shelf: Shelf, query: ListQuery, *, search: str = "", wants_total: bool = True) -> Found:
    """The page that was asked for. Invalid when the cursor's row does not exist, or cannot be a cursor."""
    matched = _search(work, shelf, search)
    limits = [*shelf.conditions, *(_filter(shelf, each) for each in query.conditions)]
    wanted: Select[Any] = matched.of(select(shelf.table)).where(*limits)
    total = _count(work, matched.of(select(shelf.table.pk)).where(*limits)) if wants_total else 0
    if query.is_random:
        return Found(list(work.session.scalars(wanted.order_by(func.random()).limit(query.limit))), total)
    keys = _keys(shelf, query)
    edge = _edge(work, shelf, query.cursor, keys) if query.cursor else None
    keys = [key._replace(is_down=key.is_down != query.is_backwards) for key in keys]
    keys[-1] = keys[-1]._replace(column=matched.place(shelf.table.pk))
    if edge is not None:
        wanted = wanted.where(_beyond(keys, edge))
    rows = list(
        work.session.scalars(
            wanted.order_by(*map(_in_order, keys)).limit(query.limit).offset(min(query.offset, FARTHEST))
        )
    )
    return Found(rows[::-1] if query.is_backwards else rows, total)


def order_of(shelf: Shelf, query: ListQuery) -> list[Any]:
    """What a list without cursor and search is ordered by."""
    return [*map(_in_order, _keys(shelf, query))]


def _search(work: Work, shelf: Shelf, search: str) -> Match:
    if not search:
        return Match()
    asked = read_search(search)
    if asked.is_empty:
        return Match((false(),))
    if shelf.find is not None:
        return Match((shelf.find(search),))
    return narrow(work, shelf.table, shelf.conditions, shelf.fixed, asked)


def counted(wanted: Select[Any]) -> Select[Any]:
    """The statement that counts these rows as `total`, at most 5,000 of them."""
    return select(func.count().label("total")).select_from(wanted.limit(MOST_COUNTED).subquery())


def _count(work: Work, wanted: Select[Any]) -> int:
    return work.session.scalar(counted(wanted)) or 0


class Key(NamedTuple):
    """One thing that a list is ordered by; where rows may lack it, those come first (last, when descending)."""

    column: Any
    is_down: bool
    may_be_null: bool


def _keys(shelf: Shelf, query: ListQuery) -> list[Key]:
    """What the list is ordered by; the row's number decides between equals, and makes the order total."""
    keys = []
    for name, is_down in query.orders:
        column = shelf.orders.get(name, _column(shelf, name))
        is_filled = isinstance(column, InstrumentedAttribute) and not column.property.columns[0].nullable
        keys.append(Key(column, is_down, not is_filled))
    follows = bool(query.orders) and query.orders[0][0] in _DATES
    return [*keys, Key(shelf.table.pk, query.orders[0][1] if follows else False, may_be_null=False)]


def _edge(work: Work, shelf: Shelf, cursor: str, keys: Sequence[Key]) -> Sequence[Any]:
    """The cursor row's own keys."""
    columns = [key.column.label(f"key_{index}") for index, key in enumerate(keys)]
    row = work.session.execute(
        select(*columns).select_from(shelf.table).where(*shelf.conditions, shelf.table.id == cursor)
    ).first()
    if row is None:
        sentence = f"The {shelf.noun} {cursor!r} does not exist, so no page can begin there."
        raise Invalid({"queries": [sentence]}, type="general_cursor_not_found")
    if any(value is None for value in row):
        sentence = f"The {shelf.noun} {cursor!r} has no value to order by, so no page can begin there."
        raise Invalid({"queries": [sentence]}, type="database_query_order_null")
    return tuple(row)


def _in_order(key: Key) -> Any:
    if not key.may_be_null:
        return key.column.desc() if key.is_down else key.column.asc()
    return key.column.desc().nulls_last() if key.is_down else key.column.asc().nulls_first()


def _beyond(keys: Sequence[Key], edge: Sequence[Any]) -> ColumnElement[bool]:
    """The rows behind the edge.

    Where all keys go one way, one comparison of rows says it, and an index finds the place at once. Else the first
    key is compared alone, too: that much an index can do.
    """
    first = keys[0]
    if len({key.is_down for key in keys}) == 1 and not any(key.may_be_null for key in keys):
        row = tuple_(*(key.column for key in keys))
        place = tuple_(*edge, types=[key.column.type for key in keys])
        return row < place if first.is_down else row > place
    ways: list[ColumnElement[bool]] = []
    for index, key in enumerate(keys):
        same = [earlier.column == value for earlier, value in zip(keys[:index], edge, strict=False)]
        ways.append(and_(*same, _behind(key, edge[index])))
    if first.may_be_null:
        return or_(*ways)
    return and_(first.column <= edge[0] if first.is_down else first.column >= edge[0], or_(*ways))


def _behind(key: Key, value: Any) -> ColumnElement[bool]:
    if not key.is_down:
        return key.column > value  # type: ignore[no-any-return]
    return or_(key.column < value, key.column.is_(None)) if key.may_be_null else key.column < value


def _column(shelf: Shelf, name: str) -> Any:
    found = shelf.columns.get(name)
    return getattr(shelf.table, name) if found is None else found


def _filter(shelf: Shelf, condition: Condition) -> ColumnElement[bool]:
    if condition.parts:
        parts = [_filter(shelf, part) for part in condition.parts]
        return and_(*parts) if condition.method == "and" else or_(*parts)
    column, values = _column(shelf, condition.attribute), condition.values
    if isinstance(column.type, Integer):  # compared with numbers that the column itself has no room for
        column = type_coerce(column, BigInteger())
    if condition.attribute in shelf.arrays:
        return _filter_array(column, condition.method, values)
    if condition.method == "equal":
        return _equals(shelf, condition.attribute, column, values)
    compare = _COMPARE.get(condition.method)
    return compare(column, values) if compare else _filter_text(column, condition.method, values)


def _equals(shelf: Shelf, name: str, column: Any, values: Sequence[Any]) -> ColumnElement[bool]:
    if isinstance(column.type, Boolean):  # written out, so that an index of the few that differ is found
        return or_(*(column == (true() if value else false()) for value in values))
    exact: ColumnElement[bool] = column.in_(values)
    lookup = shelf.lookups.get(name)
    return and_(lookup(values), exact) if lookup else exact


_COMPARE: dict[str, Callable[[Any, Sequence[Any]], ColumnElement[bool]]] = {
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
