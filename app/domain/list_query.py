"""What a program asks of a list: the REST contract's query strings, parsed and judged into one value."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from app.domain.errors import Invalid
from app.domain.ids import is_custom_id
from app.domain.storable import is_storable
from app.domain.wire_dates import DATE_RULE, parse_date

MOST_QUERIES, LONGEST_QUERY = 100, 4_096
MOST_VALUES, MOST_VALUES_TOGETHER = 500, 5_000
DEEPEST = 8
DEFAULT_LIMIT, HIGHEST_LIMIT = 25, 5_000
_LARGEST = 2**63


class Shape(StrEnum):
    """What an attribute holds."""

    TEXT = "text"
    NUMBER = "number"
    FLAG = "flag"
    MOMENT = "moment"
    TEXTS = "texts"


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute that a list can be filtered and ordered by; `name` is ours."""

    name: str
    shape: Shape = Shape.TEXT


@dataclass(frozen=True, slots=True)
class Condition:
    """One filter; `parts` are filled for `and` and `or` only."""

    method: str
    attribute: str = ""
    values: tuple[Any, ...] = ()
    parts: "tuple[Condition, ...]" = ()


@dataclass(frozen=True, slots=True)
class ListQuery:
    """Filters, order and place. `orders` are (attribute, descending); `cursor` is a row's public id, or empty."""

    conditions: tuple[Condition, ...] = ()
    orders: tuple[tuple[str, bool], ...] = ()
    is_random: bool = False
    limit: int = DEFAULT_LIMIT
    offset: int = 0
    cursor: str = ""
    is_backwards: bool = False


COMMON = {
    "$id": Attribute("id"),
    "$createdAt": Attribute("created_at", Shape.MOMENT),
    "$updatedAt": Attribute("updated_at", Shape.MOMENT),
    "$sequence": Attribute("pk", Shape.NUMBER),
}

_ONE = {"notEqual", "lessThan", "lessThanEqual", "greaterThan", "greaterThanEqual"}
_ONE_TEXT = {"startsWith", "notStartsWith", "endsWith", "notEndsWith"}
_CONTAINS = {"contains", "containsAny", "containsAll", "notContains"}
_PAIRS = {"between", "notBetween"}
_NULLS = {"isNull", "isNotNull"}
FILTERS = {"equal", *_ONE, *_ONE_TEXT, *_CONTAINS, *_PAIRS, *_NULLS}
_INDEXED = {"search", "notSearch"}
_KNOWN_BUT_REFUSED = {
    "regex", "exists", "notExists", "elemMatch", "select", "crosses", "notCrosses", "distanceEqual",
    "distanceNotEqual", "distanceGreaterThan", "distanceLessThan", "intersects", "notIntersects", "overlaps",
    "notOverlaps", "touches", "notTouches", "vectorDot", "vectorCosine", "vectorEuclidean",
}  # fmt: skip


def _refuse(sentence: str) -> Invalid:
    return Invalid({"queries": [f"Invalid query: {sentence}"]})


def parse_queries(texts: Sequence[str], attributes: Mapping[str, Attribute]) -> ListQuery:
    """The one value that all query strings make together. Invalid (field `queries`) for the first that cannot be."""
    if len(texts) > MOST_QUERIES:
        raise _refuse(f"at most {MOST_QUERIES} can be given; there are {len(texts):,}.")
    parser = _Parser(COMMON | dict(attributes))
    for text in texts:
        parser.take(_read(text))
    return parser.query


def _read(text: str) -> dict[str, Any]:
    if len(text) > LONGEST_QUERY:
        raise _refuse(f"one has {len(text):,} characters; at most {LONGEST_QUERY:,} can be read.")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise _refuse("each is a JSON object with a method, as the SDKs make it.") from None
    return _as_object(found)


def _as_object(found: Any) -> dict[str, Any]:
    values = found.get("values", []) if isinstance(found, dict) else None
    if not isinstance(values, list) or not isinstance(found.get("attribute", ""), str):
        raise _refuse("each is a JSON object: method (text), attribute (text), values (array).")
    if not isinstance(found.get("method"), str):
        raise _refuse("the method is missing.")
    return {"method": found["method"], "attribute": found.get("attribute", ""), "values": values}


class _Parser:
    """Collects queries; the first limit, offset and cursor win."""

    def __init__(self, attributes: Mapping[str, Attribute]) -> None:
        self.attributes = attributes
        self.query = ListQuery()
        self.set: set[str] = set()
        self.values = 0

    def take(self, raw: dict[str, Any]) -> None:
        """Add one query; Invalid when it cannot be."""
        match raw["method"]:
            case "limit" | "offset" as name:
                self._set_number(name, raw["values"])
            case "cursorAfter" | "cursorBefore" as name:
                self._set_cursor(raw["values"], is_backwards=name == "cursorBefore")
            case "orderAsc" | "orderDesc" as name:
                order = (self._attribute(raw["attribute"]).name, name == "orderDesc")
                self.query = replace(self.query, orders=(*self.query.orders, order))
            case "orderRandom":
                self.query = replace(self.query, is_random=True)
            case _:
                self.query = replace(self.query, conditions=(*self.query.conditions, self._condition(raw, 0)))

    def _set_number(self, name: Literal["limit", "offset"], values: list[Any]) -> None:
        least = 1 if name == "limit" else 0
        most = HIGHEST_LIMIT if name == "limit" else _LARGEST - 1
        number = values[0] if len(values) == 1 else None
        if isinstance(number, bool) or not isinstance(number, int) or not least <= number <= most:
            raise _refuse(f"{name} is one whole number from {least} to {most:,}.")
        if name not in self.set:
            self.query = replace(self.query, limit=number) if name == "limit" else replace(self.query, offset=number)
        self.set.add(name)

    def _set_cursor(self, values: list[Any], *, is_backwards: bool) -> None:
        cursor = values[0] if len(values) == 1 else None
        if not isinstance(cursor, str) or not is_custom_id(cursor):
            raise _refuse("a cursor is the id of one row of this list.")
        if "cursor" not in self.set:
            self.query = replace(self.query, cursor=cursor, is_backwards=is_backwards)
        self.set.add("cursor")

    def _attribute(self, name: str) -> Attribute:
        if name not in self.attributes:
            known = ", ".join(self.attributes)
            raise _refuse(f"attribute {name[:64]!r} cannot be asked for here. There are {known}.")
        return self.attributes[name]

    def _condition(self, raw: dict[str, Any], depth: int) -> Condition:
        method = raw["method"]
        if method in {"and", "or"}:
            return self._together(raw, depth)
        if method in _INDEXED:
            sentence = f"Searching the attribute {raw['attribute'][:64]!r} needs a full-text index, which it lacks."
            raise Invalid({"queries": [sentence + " Use the parameter search."]}, type="general_query_invalid")
        if method in _KNOWN_BUT_REFUSED:
            raise _refuse(f"{method} cannot be used on this list.")
        if method not in FILTERS:
            raise Invalid({"queries": [f"Invalid query method: {method[:64]}"]})
        attribute = self._attribute(raw["attribute"])
        self._check_fit(method, attribute, raw["values"])
        values = () if method in _NULLS else tuple(_value(attribute, method, value) for value in raw["values"])
        return Condition(method, attribute.name, values)

    def _together(self, raw: dict[str, Any], depth: int) -> Condition:
        if not 2 <= len(raw["values"]) <= MOST_VALUES or depth >= DEEPEST:
            raise _refuse(f"{raw['method']} needs 2 to {MOST_VALUES} filters, at most {DEEPEST} deep.")
        parts = [self._condition(_as_object(part), depth + 1) for part in raw["values"]]
        return Condition(raw["method"], parts=tuple(parts))

    def _check_fit(self, method: str, attribute: Attribute, values: list[Any]) -> None:
        self.values += len(values)
        if len(values) > MOST_VALUES or self.values > MOST_VALUES_TOGETHER:
            raise _refuse(f"at most {MOST_VALUES} values fit in one, and {MOST_VALUES_TOGETHER:,} in all together.")
        wanted = 2 if method in _PAIRS else 1 if method in _ONE | _ONE_TEXT else 0
        if (wanted and len(values) != wanted) or (not values and method not in _NULLS):
            raise _refuse(f"{method} needs {wanted or 'at least 1'} {'values' if wanted == 2 else 'value'}.")
        if attribute.shape is Shape.TEXTS and method not in _CONTAINS | _NULLS:
            raise _refuse(f"{method} cannot be used on an array; contains can.")
        if attribute.shape not in {Shape.TEXT, Shape.TEXTS} and method in _CONTAINS | _ONE_TEXT:
            raise _refuse(f"{method} needs an attribute that is text.")


def _value(attribute: Attribute, method: str, value: Any) -> Any:
    """The value as its attribute holds it; Invalid when it cannot be."""
    read, rule = _READERS[attribute.shape]
    found = read(value)
    if found is None:
        raise _refuse(f"{method} needs {rule} for {attribute.name}.")
    return found


def _as_text(value: Any) -> str | None:
    return value if isinstance(value, str) and is_storable(value) else None


def _as_flag(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _as_number(value: Any) -> int | None:
    number = int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value
    is_number = isinstance(number, int) and not isinstance(number, bool)
    return number if is_number and -_LARGEST <= number < _LARGEST else None


def _as_moment(value: Any) -> datetime | None:
    return parse_date(value) if isinstance(value, str) else None


_READERS: dict[Shape, tuple[Callable[[Any], Any], str]] = {
    Shape.TEXT: (_as_text, "text"),
    Shape.TEXTS: (_as_text, "text"),
    Shape.FLAG: (_as_flag, "true or false"),
    Shape.NUMBER: (_as_number, "a whole number"),
    Shape.MOMENT: (_as_moment, DATE_RULE),
}
