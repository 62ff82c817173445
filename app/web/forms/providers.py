"""The provider form, drawn from a kind's spec."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask_wtf import FlaskForm
from wtforms import BooleanField, Field, SelectField
from wtforms.validators import Optional

from app.domain.channels import Channel
from app.domain.provider_spec import Field as SpecField
from app.domain.provider_spec import FieldKind, ProviderSpec
from app.web.fields import LongTextField, SecretField, TextField, options

_MODES = {Channel.EMAIL: "email", Channel.SMS: "tel", Channel.PUSH: "text"}
_NAMES = {Channel.EMAIL: "Shop mail", Channel.SMS: "Shop texts", Channel.PUSH: "Shop app"}
POLICIES = (
    ("retry", "Try again by itself; some people may get it twice"),
    ("hold", "Hold it until somebody decides"),
)


class ProviderForm(FlaskForm):  # type: ignore[misc]
    """What every kind is asked for; the fields of the kind are added by `form_for`."""

    name = TextField("Name")
    policy = SelectField(
        "When the connection breaks after a message was handed over", choices=options(POLICIES),
        description="Then nobody knows whether it arrived.",
    )  # fmt: skip

    def values(self, spec: ProviderSpec) -> dict[str, Any]:
        """What was typed, by wire name."""
        return {each.name: self[each.name].data for each in spec.fields}


class TrialForm(FlaskForm):  # type: ignore[misc]
    """Where a test message goes."""

    address = TextField("Send a test to", render_kw={"autocomplete": "off"})

    def fit(self, channel: Channel) -> "TrialForm":
        """Offer the keyboard that fits the channel's addresses."""
        self.address.render_kw = {"inputmode": _MODES[channel], "autocomplete": "off"}
        return self


class SecretFileField(LongTextField):
    """A key file that is pasted and never drawn again: an empty answer keeps the one that is set."""

    def __init__(self, *args: Any, set_note: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.set_note = set_note

    def _value(self) -> str:
        return ""


def _say_maybe(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value or "")


@dataclass(frozen=True, slots=True)
class Section:
    """A group of fields of the form. A folded one is shown on demand; `said` names what is set in it."""

    legend: str
    names: tuple[str, ...]
    is_folded: bool = False
    is_open: bool = False
    said: str = ""


def sections_of(spec: ProviderSpec, fixed: frozenset[str], form: ProviderForm) -> list[Section]:
    """The fields of a kind in groups, without those that nobody may change; the advanced
    ones folded, and open where something is wrong.
    """
    groups: dict[str, list[str]] = {"Account": ["name"], "Sender": [], "Receipts": [], "More settings": []}
    for each in spec.fields:
        if each.name not in fixed:
            groups[_section_of(each)].append(each.name)
    groups["More settings"].append("policy")
    folded = groups.pop("More settings")
    found = [Section(legend, tuple(names)) for legend, names in groups.items() if names]
    advanced = [each for each in spec.fields if each.name in folded]
    said = ", ".join(each.label for each in advanced if form[each.name].data not in (None, "", each.default))
    is_open = any(form[name].errors for name in folded)
    return [*found, Section("More settings", tuple(folded), True, is_open, f"Set: {said}" if said else "")]


def _section_of(field: SpecField) -> str:
    if field.advanced:
        return "More settings"
    if field.proves_receipts:
        return "Receipts"
    is_sender = any(word in field.name.lower() for word in ("from", "sender", "replyto"))
    return "Sender" if is_sender and field.section == "options" else "Account"


def form_for(spec: ProviderSpec, notes: Mapping[str, str] | None = None) -> type[ProviderForm]:
    """The form class of a kind. `notes` say of each secret that is set when that was and how it ends."""
    name = TextField("Name", description=f"What you call it here, such as {_NAMES[spec.channel]}.")
    fields = {each.name: _draw(each, (notes or {}).get(each.name, "")) for each in spec.fields}
    return type(f"{spec.kind.title()}Form", (ProviderForm,), {"name": name, **fields})


_MAYBE = (("", "Choose"), ("yes", "Yes"), ("no", "No"))
_PLAIN = {"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"}
_KEYBOARDS = {FieldKind.NUMBER: "numeric", FieldKind.EMAIL: "email"}


def _draw(spec: SpecField, note: str) -> Field:
    words: dict[str, Any] = {"description": spec.hint}
    match spec.kind:
        case FieldKind.BOOL:
            return BooleanField(spec.label, default=bool(spec.default), **words)
        case FieldKind.CHOICE:
            return SelectField(spec.label, choices=options(spec.choices), default=spec.default, **words)
        case FieldKind.MAYBE:
            return SelectField(spec.label, choices=options(_MAYBE), coerce=_say_maybe, default="", **words)
        case FieldKind.JSON | FieldKind.PEM:
            other, pattern = spec.name_gives
            dropped = {"rows": 8, "data-file-drop": spec.kind.value}
            named = {"data-name-field": other, "data-name-pattern": pattern} if other else {}
            return SecretFileField(spec.label, set_note=note, render_kw=_PLAIN | dropped | named, **words)
        case _:
            return _draw_line(spec, note, words)


def _draw_line(spec: SpecField, note: str, words: dict[str, Any]) -> Field:
    if not spec.needed:
        words["validators"] = [Optional()]
    if spec.secret:
        return SecretField(spec.label, set_note=note, render_kw={"autocomplete": "new-password"}, **words)
    keys = _PLAIN | ({"inputmode": _KEYBOARDS[spec.kind]} if spec.kind in _KEYBOARDS else {})
    return TextField(spec.label, default=str(spec.default), render_kw=keys, **words)
