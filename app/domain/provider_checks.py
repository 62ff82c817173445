"""Settings that cannot work, found from a kind's spec alone."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from app.domain.addresses import EMAIL_RULE, has_control_characters, normalise_email
from app.domain.provider_spec import Field, FieldKind, ProviderSpec

PEM_START = "-----BEGIN "


def check_fields(spec: ProviderSpec, values: Mapping[str, Any]) -> dict[str, list[str]]:
    """Sentences by field; empty when all is well. An empty value is never wrong here, only missing."""
    found = {field.name: _fault(field, values.get(field.name)) for field in spec.fields}
    return {name: [sentence] for name, sentence in found.items() if sentence}


def _fault(field: Field, value: Any) -> str:
    if value is None or value == "":
        return ""
    match field.kind:
        case FieldKind.TEXT | FieldKind.SECRET_TEXT | FieldKind.HOSTS | FieldKind.PHONE:
            return _text_fault(field, value)
        case FieldKind.PEM:
            return _pem_fault(field, value)
        case FieldKind.BOOL | FieldKind.MAYBE:
            return ""
        case FieldKind.EMAIL | FieldKind.NUMBER | FieldKind.CHOICE | FieldKind.JSON:
            is_fine, words = _SHAPES[field.kind]
            return "" if is_fine(field, value) else f"{field.label} {words}."


_SHAPES: dict[FieldKind, tuple[Callable[[Field, Any], bool], str]] = {
    FieldKind.EMAIL: (lambda _, value: isinstance(value, str) and normalise_email(value) is not None, EMAIL_RULE),
    FieldKind.NUMBER: (lambda _, value: re.fullmatch(r"[0-9]{1,11}", str(value)) is not None, "needs a whole number"),
    FieldKind.CHOICE: (lambda field, value: value in [word for word, _ in field.choices], "needs one of the list"),
    FieldKind.JSON: (lambda _, value: isinstance(value, dict), "needs the JSON object that the file holds"),
}


def _text_fault(field: Field, value: Any) -> str:
    text = str(value)
    if has_control_characters(text):
        return f"{field.label} holds a line break or another sign that cannot be seen. Copy it again."
    if field.secret and (text != text.strip() or not text.isascii()):
        return f"{field.label} holds spaces around it or signs that no key has. Copy it again."
    return ""


def _pem_fault(field: Field, value: Any) -> str:
    text = str(value).strip()
    if not text.startswith(PEM_START) or "-----END " not in text:
        return f"{field.label} needs the whole file, from -----BEGIN to the last -----END line."
    return ""


def read_json_object(text: str) -> dict[str, Any] | None:
    """The object that a text holds; None when it holds something else."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
