"""Kinds of parameters: the contract's vocabulary (section 1.2), each with the sentence for what cannot be."""

import json
import re
from collections.abc import Callable
from typing import Any

from app.api.params import Kind, Refused
from app.domain.addresses import EMAIL_RULE, PHONE_RULE, normalise_email, normalise_phone
from app.domain.ids import CUSTOM_ID_RULE, is_custom_id
from app.domain.storable import is_storable
from app.domain.subscribe_roles import MOST_ROLES, is_role
from app.domain.wire_dates import DATE_RULE, parse_date

UNIQUE = "unique()"
MOST_IDS = 5_000
MOST_LABELS = 1_000
_LABEL = re.compile(r"^[a-zA-Z0-9]{1,36}$")
LARGEST = 2**31 - 1


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise Refused("Value must be a string.")
    if not is_storable(value):
        raise Refused("Value must not hold NUL or half a character.")
    return value


def text(longest: int = 0, shortest: int = 1) -> Kind:
    """A string of `shortest` to `longest` characters; 0 is no upper bound."""
    most = f" and at most {longest:,}" if longest else ""

    def read(value: Any) -> str:
        found = _string(value)
        if len(found) < shortest or (longest and len(found) > longest):
            raise Refused(f"Value must be a string of at least {shortest}{most} characters.")
        return found

    limit = {"maxLength": longest} if longest else {}
    return Kind(read, {"type": "string", "minLength": shortest} | limit)


def _read_id(value: Any) -> str:
    if not isinstance(value, str) or not is_custom_id(value):
        raise Refused(f"Value must be an id. {CUSTOM_ID_RULE}")
    return value


def _read_new_id(value: Any) -> str:
    return "" if value == UNIQUE else _read_id(value)


_ID_SCHEMA = {"type": "string", "pattern": "^[a-zA-Z0-9][a-zA-Z0-9._-]{0,35}$"}
UID = Kind(_read_id, _ID_SCHEMA)
# `unique()` becomes empty: the service makes an id.
NEW_ID = Kind(_read_new_id, {"anyOf": [_ID_SCHEMA, {"const": UNIQUE}]})


def _read_bool(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Refused("Value must be true or false.")
    return value


def _read_loose_bool(value: Any) -> bool:
    if value in (True, 1, "true", "1") and not isinstance(value, float):
        return True
    if value in (False, 0, "false", "0") and not isinstance(value, float):
        return False
    raise Refused("Value must be true or false.")


BOOL = Kind(_read_bool, {"type": "boolean"})
LOOSE_BOOL = Kind(_read_loose_bool, {"enum": [True, False, "true", "false", "1", "0", 1, 0]})


def whole(least: int, most: int) -> Kind:
    """A whole number within bounds, or a string of its digits."""

    def read(value: Any) -> int:
        if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,10}", value):
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise Refused(f"Value must be a whole number from {least:,} to {most:,}.")
        return value

    return Kind(read, {"type": "integer", "minimum": least, "maximum": most})


def choice(*words: str) -> Kind:
    """One of these words, in any case."""

    def read(value: Any) -> str:
        if not isinstance(value, str) or value.lower() not in words:
            raise Refused(f"Value must be one of {', '.join(words)}.")
        return value.lower()

    return Kind(read, {"type": "string", "enum": list(words)})


def _read_email(value: Any) -> str:
    found = _string(value).strip().lower()
    if normalise_email(found) is None:
        raise Refused(f"Value {EMAIL_RULE}.")
    return found


def _read_phone(value: Any) -> str:
    found = _string(value)
    if normalise_phone(found) != found:
        raise Refused(f"Value {PHONE_RULE}, written without spaces.")
    return found


def or_empty(kind: Kind) -> Kind:
    """The same, or an empty string."""
    return Kind(lambda value: "" if value == "" else kind.read(value), {"anyOf": [kind.schema, {"const": ""}]})


PASSWORD = text(256, 8)
EMAIL = Kind(_read_email, {"type": "string", "format": "email"})
PHONE = Kind(_read_phone, {"type": "string", "pattern": r"^\+[1-9]\d{6,14}$"})


def _read_date(value: Any) -> Any:
    found = parse_date(_string(value))
    if found is None:
        raise Refused(f"Value must be {DATE_RULE}.")
    return found


DATE = Kind(_read_date, {"type": "string", "format": "date-time"})


def list_of(read: Callable[[Any], Any], most: int, schema: Any) -> Kind:
    """A list of at most `most` such values."""

    def read_list(value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise Refused("Value must be an array.")
        if len(value) > most:
            raise Refused(f"Value must be an array of at most {most:,} items; it has {len(value):,}.")
        return [read(item) for item in value]

    return Kind(read_list, {"type": "array", "maxItems": most, "items": schema})


def _read_role(value: Any) -> str:
    if not isinstance(value, str) or not is_role(value):
        raise Refused("Value must hold roles like any, users, user:ID, team:ID or label:NAME.")
    return value


def _read_compound(value: Any) -> tuple[str, str]:
    """The ids of a bucket and of a file; what follows a second colon must be an id too, and means nothing."""
    parts = _string(value).split(":")
    if len(parts) < 2 or not all(is_custom_id(part) for part in parts):
        raise Refused("Value must be the id of a bucket, a colon, and the id of a file in it, like photos:summer.")
    return parts[0], parts[1]


def _read_int32(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not -LARGEST - 1 <= value <= LARGEST:
        raise Refused(f"Value must be a whole number from {-LARGEST - 1:,} to {LARGEST:,}.")
    return value


_COMPOUND_SCHEMA = {"type": "string", "pattern": "^[^:]+:[^:]+"}
COMPOUND = Kind(_read_compound, _COMPOUND_SCHEMA)
INT32 = Kind(_read_int32, {"type": "integer", "minimum": -LARGEST - 1, "maximum": LARGEST})


def _read_label(value: Any) -> str:
    if not isinstance(value, str) or _LABEL.fullmatch(value) is None:
        raise Refused("Value must hold labels of 1 to 36 letters a-z, A-Z and digits.")
    return value


LABELS = list_of(_read_label, MOST_LABELS, {"type": "string", "pattern": _LABEL.pattern})
UIDS = list_of(_read_id, MOST_IDS, _ID_SCHEMA)
ROLES = list_of(_read_role, MOST_ROLES, {"type": "string"})
COMPOUNDS = list_of(_read_compound, MOST_IDS, _COMPOUND_SCHEMA)
EMAILS = list_of(_read_email, MOST_IDS, {"type": "string", "format": "email"})
QUERIES = list_of(_string, LARGEST, {"type": "string"})


def _read_object(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise Refused("Value must be a JSON object.") from None
    if value == []:
        value = {}
    try:
        is_fine = isinstance(value, dict) and is_storable(value)
    except RecursionError:
        is_fine = False
    if not is_fine:
        raise Refused("Value must be a JSON object.")
    return value  # type: ignore[no-any-return]


OBJECT = Kind(_read_object, {"type": "object"})
