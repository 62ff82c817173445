"""Form fields of our own, and what puts a service's errors on a form."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import wtforms
from wtforms import Form, StringField, TextAreaField
from wtforms.widgets import DateTimeLocalInput, PasswordInput

from app.domain.errors import Invalid
from app.domain.schedules import LATENESSES
from app.web.wording import say_duration


def put_errors(form: Form, error: Invalid, empty: Mapping[str, str] | None = None) -> None:
    """Put each sentence beside its field; those without a field here go to the summary (`form.form_errors`).

    A service's name `target.address` finds the field `target_address`, and camelCase finds snake_case. `empty` has the
    sentence for a field that came empty, where the service's one speaks of what this form cannot send.
    """
    for name, sentences in error.fields.items():
        field = form._fields.get(name) or form._fields.get(_field_name(name))
        if field is None:
            form.form_errors = [*form.form_errors, *sentences]
        elif empty and field.name in empty and not field.data:
            field.errors = [*field.errors, empty[field.name]]
        else:
            field.errors = [*field.errors, *sentences]


def _field_name(name: str) -> str:
    snake = "".join(f"_{sign.lower()}" if sign.isupper() else sign for sign in name)
    return snake.replace(".", "_").replace("-", "_")


def options(pairs: Iterable[tuple[str, str]]) -> list[Any]:
    """What a SelectField or RadioField offers, from pairs (value, words); WTForms 3.3 warns about bare tuples."""
    choice = wtforms.SelectChoice  # type: ignore[attr-defined] # new in 3.3, which the stubs do not know
    return [choice(value, words) for value, words in pairs]


def lateness_choices() -> list[tuple[str, str]]:
    """How late a message may start, as pairs (seconds, words)."""
    return [(str(int(each.total_seconds())), say_duration(each.total_seconds())) for each in LATENESSES]


def read_lateness(text: str | None) -> timedelta | None:
    """What was chosen of these; None for nothing, and no time at all, which the service refuses, for what is none."""
    if not text:
        return None
    return next((each for each in LATENESSES if str(int(each.total_seconds())) == text), timedelta())


class TextField(StringField):
    """One line of text, without the space around it; nothing sent counts as the empty text."""

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Take the text that was sent, trimmed."""
        if valuelist:
            self.data = str(valuelist[0]).strip()

    def _value(self) -> str:
        return drawable(self.data)


class LongTextField(TextAreaField):
    """Several lines of text, with line ends as a bare line feed (browsers send CR LF)."""

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Take the text that was sent."""
        if valuelist:
            self.data = str(valuelist[0]).replace("\r\n", "\n").replace("\r", "\n")

    def _value(self) -> str:
        return drawable(self.data)


def drawable(text: object) -> str:
    """What was typed, as a page can show it again: HTML has no NUL, so a sign that can be seen stands for it."""
    return str(text).replace("\0", "\ufffd") if text is not None else ""


class SecretField(StringField):
    """A secret that is written and never drawn again: an empty answer keeps the one that is set.

    `set_note` says what is there ("set on 3 Nov, ends in …4f2a"); empty when nothing is set yet.
    """

    widget = PasswordInput(hide_value=True)

    def __init__(self, *args: Any, set_note: str = "", **kwargs: Any) -> None:
        # Without it browsers offer the member's own password of this site.
        kwargs["render_kw"] = {"autocomplete": "new-password"} | (kwargs.get("render_kw") or {})
        super().__init__(*args, **kwargs)
        self.set_note = set_note


class LocalTimeField(StringField):
    """A date and time of the wall clock in one zone; `data` is the moment in UTC, or None.

    `zone` is called when the field is read or drawn. A time that the zone skips (clocks go forward) is refused, one
    that it has twice is taken as the first.
    """

    widget = DateTimeLocalInput()

    data: Any

    def __init__(self, *args: Any, zone: Callable[[], tzinfo] = lambda: ZoneInfo("UTC"), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.zone = zone

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return f"{self.data.astimezone(self.zone()):%Y-%m-%dT%H:%M}" if isinstance(self.data, datetime) else ""

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Take what a datetime-local control sends; a ValueError's sentence stands under the field."""
        text = str(valuelist[0]).strip() if valuelist else ""
        self.data = None
        if not text:
            return
        try:
            local = datetime.fromisoformat(text)
            if not 1970 <= local.year <= 9000:  # near its ends the calendar cannot change zones
                raise ValueError(text)
        except ValueError:
            raise ValueError(f"{self.label.text} needs a date and time like 2026-11-24 09:00.") from None
        moment = local.replace(tzinfo=self.zone()).astimezone(UTC) if local.tzinfo is None else local.astimezone(UTC)
        if local.tzinfo is None and moment.astimezone(self.zone()).replace(tzinfo=None) != local:
            raise ValueError(f"{self.label.text}: the clocks go forward that day, and {local:%H:%M} is skipped.")
        self.data = moment
