"""What somebody typed about a provider, checked against its spec and parted into secrets and options."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app.domain.addresses import EMAIL_RULE, normalise_email
from app.domain.provider_checks import read_json_object
from app.domain.provider_spec import Field, FieldKind, ProviderSpec
from app.models.providers import Provider
from app.providers.base import Provider as Adapter
from app.services.work import Work

LONGEST_NAME = 128
LONGEST_VALUE = 2_048
LONGEST_FILE = 16_384  # characters of a key file
SHORTEST_TO_SHOW = 12  # of a shorter secret not even its end is kept


@dataclass(slots=True)
class Settled:
    """Values by wire name, parted by where they are kept; `problems` are sentences by field."""

    credentials: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    replaced: set[str] = field(default_factory=set)  # the secrets that were typed now
    problems: dict[str, list[str]] = field(default_factory=dict)

    @property
    def values(self) -> dict[str, Any]:
        """All of them together."""
        return self.credentials | self.options

    def notes(self, spec: ProviderSpec, now: datetime) -> dict[str, dict[str, str]]:
        """What may be shown of the secrets that were typed now: when, and the last four characters of a long one."""
        endings = {
            name: _ending(spec.field(name), self.credentials[name]) for name in self.replaced if spec.field(name).secret
        }
        return {name: {"set_at": now.isoformat(), "ending": ending} for name, ending in endings.items()}


def _ending(spec: Field, value: Any) -> str:
    """How a secret ends; of files and of short secrets nothing is shown."""
    return value[-4:] if spec.kind is FieldKind.SECRET_TEXT and len(value) >= SHORTEST_TO_SHOW else ""


def settle(adapter: Adapter, typed: Mapping[str, Any], kept: Mapping[str, Any] | None = None) -> Settled:
    """Check what was typed; a secret that comes empty is taken from `kept`. Nothing raises: see `problems`."""
    settled = Settled()
    for each in adapter.spec.fields:
        value, problem = _read(each, typed.get(each.name))
        if each.secret:
            if value:
                settled.replaced.add(each.name)
            value = value or (kept or {}).get(each.name, "")
        if problem:
            settled.problems[each.name] = [problem]
        place = settled.credentials if each.secret or each.section == "credentials" else settled.options
        place[each.name] = value
    _guard_kept_secrets(adapter.spec, settled, kept or {})
    for each in adapter.spec.missing(settled.values):
        settled.problems.setdefault(each.name, [f"{each.label} is missing."])
    for name, sentences in adapter.check(settled.values).items():
        settled.problems.setdefault(name, list(sentences))
    return settled


def _guard_kept_secrets(spec: ProviderSpec, settled: Settled, kept: Mapping[str, Any]) -> None:
    """A secret that nobody can read must not be sent to wherever somebody points it: a new host asks for it anew."""
    hosts = [each for each in spec.fields if each.kind is FieldKind.HOSTS and kept.get(each.name)]
    moved = next((each for each in hosts if settled.values.get(each.name) != kept[each.name]), None)
    for each in spec.fields:
        if moved is not None and each.secret and kept.get(each.name) and each.name not in settled.replaced:
            settled.problems[each.name] = [f"{each.label}: type it anew, because {moved.label} has changed."]


def _read(spec: Field, value: Any) -> tuple[Any, str]:
    """The value as it is kept, and a sentence when it cannot be that."""
    match spec.kind:
        case FieldKind.BOOL:
            return (bool(spec.default) if value is None else bool(value)), ""
        case FieldKind.MAYBE:
            return value if isinstance(value, bool) else {"yes": True, "no": False}.get(str(value)), ""
        case FieldKind.NUMBER:
            return _read_number(spec, value)
        case FieldKind.JSON | FieldKind.PEM:
            return _read_file(spec, value)
        case FieldKind.CHOICE:
            text = str(value or spec.default)
            return text, "" if text in dict(spec.choices) else f"{spec.label}: choose one of the list."
        case FieldKind.EMAIL:
            text = str(value or "").strip()
            return text, f"{spec.label} {EMAIL_RULE}." if text and normalise_email(text) is None else ""
        case FieldKind.SECRET_TEXT | FieldKind.TEXT | FieldKind.HOSTS | FieldKind.PHONE:
            return _read_text(spec, value)


def _read_text(spec: Field, value: Any) -> tuple[str, str]:
    text = str(value or "") if spec.secret else str(value or "").strip()
    if len(text) > LONGEST_VALUE or any(ord(sign) < 32 for sign in text):
        return "", f"{spec.label} can have at most {LONGEST_VALUE:,} characters and no line breaks."
    return text, ""


def _read_file(spec: Field, value: Any) -> tuple[Any, str]:
    """The object of a JSON file, or the lines of a PEM file."""
    text = json.dumps(value) if isinstance(value, dict) else str(value or "").replace("\r\n", "\n").strip()
    if len(text) > LONGEST_FILE or "\0" in text:
        return "", f"{spec.label} can have at most {LONGEST_FILE:,} characters. Drop the file as you downloaded it."
    if not text or spec.kind is FieldKind.PEM:
        return f"{text}\n" if text else "", ""
    found = read_json_object(text)
    return (found, "") if found else ("", f"{spec.label} needs the JSON object that the file holds.")


def _read_number(spec: Field, value: Any) -> tuple[Any, str]:
    text = str(value if value not in (None, "") else spec.default).strip()
    if not text:
        return "", ""
    low, high = spec.minimum, spec.maximum
    is_number = text.isascii() and text.isdigit() and len(text) < 12
    if not is_number or (low is not None and int(text) < low) or (high is not None and int(text) > high):
        limits = f" between {low:,} and {high:,}" if low is not None and high is not None else ""
        return text, f"{spec.label} needs a whole number{limits}."
    return int(text), ""


def kept_of(work: Work, provider: Provider) -> dict[str, Any]:
    """The credentials of a provider, decrypted, by wire name."""
    kept: dict[str, Any] = work.vault.decrypt_json(provider.credentials) if provider.credentials else {}
    return kept


def fixed_fields(spec: ProviderSpec, *, is_emulated: bool) -> frozenset[str]:
    """What nobody may change of a Sandbox provider: where it leads, and what proves who asks. Of others nothing."""
    switches = (FieldKind.CHOICE, FieldKind.BOOL, FieldKind.MAYBE)
    return frozenset(
        each.name for each in spec.fields if is_emulated and (each.section == "credentials" or each.kind in switches)
    )


def settings_that_stay(work: Work, provider: Provider, spec: ProviderSpec) -> dict[str, Any]:
    """The values of the fixed fields, which win over whatever somebody typed."""
    kept = kept_of(work, provider) | dict(provider.options)
    fixed = fixed_fields(spec, is_emulated=provider.is_emulated)
    return {name: value for name, value in kept.items() if name in fixed}
