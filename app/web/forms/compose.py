"""Forms of the last steps: a test, a time, and the consent to send."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from flask_wtf import FlaskForm
from wtforms import HiddenField, SelectField
from wtforms.widgets import DateInput, TimeInput

from app.domain.channels import Channel
from app.web.fields import TextField, lateness_choices, options, read_lateness
from app.web.forms.drafts import VersionField
from app.web.wording import say_duration


class ConsentForm(FlaskForm):  # type: ignore[misc]
    """The yes to what a page has said; `version` is the draft that it spoke about."""

    version = VersionField()


_TRIALS: Mapping[Channel, tuple[str, str, str, str]] = {
    Channel.EMAIL: ("Email", "One address; it need not be a contact.", "email", "email"),
    Channel.SMS: ("Phone number", "With the code of its country, like +49 170 1234567.", "tel", "tel"),
    Channel.PUSH: ("Push token", "Copy it from an address of a contact; Edit shows all of it.", "text", "off"),
}  # what it is called, a hint, the keyboard, what a browser remembers it as


class TrialForm(FlaskForm):  # type: ignore[misc]
    """Where a test goes, and for whom it is filled in."""

    address = TextField("Address")
    as_target = HiddenField()

    def fit(self, channel: Channel) -> "TrialForm":
        """Ask for an address of that channel: by its name, with the keyboard and the memory of the browser for it."""
        self.address.label.text, self.address.description, mode, known = _TRIALS[channel]
        self.address.render_kw = {"inputmode": mode, "autocomplete": known}
        return self


class ScheduleForm(FlaskForm):  # type: ignore[misc]
    """When a message goes out, as a wall shows it in one zone."""

    version = VersionField()
    date = TextField("Date", widget=DateInput())
    time = TextField("Time", widget=TimeInput())
    zone = SelectField("Time zone", validate_choice=False)
    max_lateness = SelectField("If it cannot start on time, wait for me after", validate_choice=False)

    @property
    def lateness(self) -> timedelta | None:
        """How late it may start; None: as the project has it."""
        return read_lateness(self.max_lateness.data)

    def offer_lateness(self, usual: timedelta, chosen: int | None = None) -> None:
        """Offer what the project has first; `chosen` (seconds) is picked where nothing was typed."""
        usual_words = f"{say_duration(usual.total_seconds())}, as in the project's settings"
        self.max_lateness.choices = options([("", usual_words), *lateness_choices()])
        if self.max_lateness.data is None:
            self.max_lateness.data = "" if chosen is None else str(chosen)

    @property
    def wall(self) -> str:
        """Date and time in one, as the service reads them."""
        return f"{self.date.data or ''}T{self.time.data or ''}"

    def propose(self, local: datetime, zone: str) -> None:
        """Fill in a date, a time and a zone where nothing was typed."""
        self.date.data = self.date.data or f"{local:%Y-%m-%d}"
        self.time.data = self.time.data or f"{local:%H:%M}"
        self.zone.data = self.zone.data or zone
