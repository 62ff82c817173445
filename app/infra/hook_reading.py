"""Reading what came in at the address for receipts: forms, documents, moments; what cannot be is said in words."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

from app.domain.receipts import HookRequest, NotProven, NotUnderstood

MOST_FIELDS = 500
AHEAD = timedelta(minutes=5)  # how far a service's clock may be before ours


def form_of(hook: HookRequest) -> list[tuple[str, str]]:
    """The fields of a URL-encoded body, in their order. Raises NotUnderstood."""
    try:
        return parse_qsl(
            hook.body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS, encoding="utf-8", errors="replace"
        )
    except ValueError as error:
        raise NotUnderstood("The body is no form in UTF-8 with a reasonable number of fields.") from error


def document_of(hook: HookRequest) -> Any:
    """The body as JSON. Raises NotUnderstood."""
    try:
        return json.loads(hook.body)
    except (ValueError, RecursionError) as error:
        raise NotUnderstood("The body is not JSON.") from error


def document_in(text: str) -> Any:
    """The JSON document that a field of another one holds as text; None when it is something else."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def fields_of(hook: HookRequest) -> dict[str, str]:
    """The fields of a body that is a JSON object or a form, whichever its content type says. Raises NotUnderstood."""
    if "json" not in hook.headers.get("content-type", ""):
        return dict(form_of(hook))
    found = object_of(hook)
    return {name: word(found, name) for name in found}


def object_of(hook: HookRequest) -> dict[str, Any]:
    """The body as a JSON object. Raises NotUnderstood."""
    found = document_of(hook)
    if not isinstance(found, dict):
        raise NotUnderstood("The body is no JSON object.")
    return found


def part(found: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """The object that lies that deep; an empty one when there is none."""
    value: Any = found
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def word(found: Mapping[str, Any], name: str) -> str:
    """A text or a number of an object as text; empty when it is something else."""
    value = found.get(name)
    return str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""


def written(found: Any) -> str:
    """A part of a document as it is kept: the receipt that came among others."""
    return json.dumps(found, ensure_ascii=True, separators=(",", ":"))


def from_epoch(text: str) -> datetime | None:
    """The moment of so many seconds since 1970; None when the text is no such number."""
    try:
        moment = datetime.fromtimestamp(float(text), UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return moment if moment.year > 1970 else None


def from_iso(text: str) -> datetime | None:
    """The moment of an ISO 8601 text, in UTC when it names no zone; None when it is none."""
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def require_fresh(hook: HookRequest, signed_at: datetime | None, window: timedelta) -> None:
    """Raises NotProven when the signature is older than the window, or says no time."""
    if signed_at is None or not -AHEAD <= hook.at - signed_at <= window:
        raise NotProven("The signature is too old, or says no time. Is the clock of this machine right?")
