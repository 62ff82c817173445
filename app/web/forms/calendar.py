"""Forms of the calendar: another time for a message, another zone, how near two messages to a topic may come."""

from datetime import datetime, timedelta

from flask_wtf import FlaskForm
from wtforms import HiddenField, SelectField
from wtforms.widgets import DateInput, TimeInput

from app.services.planning.calendar_clashes import GAPS
from app.web.fields import TextField, options
from app.web.wording import say_duration


class MoveForm(FlaskForm):  # type: ignore[misc]
    """When a message goes out instead; `was` is the moment it had when somebody took it."""

    was = HiddenField()
    date = TextField("Date", widget=DateInput())
    time = TextField("Time", widget=TimeInput())
    zone = SelectField("Time zone", validate_choice=False)

    @property
    def wall(self) -> str:
        """Date and time in one, as the service reads them."""
        return f"{self.date.data or ''}T{self.time.data or ''}"

    def propose(self, local: datetime, zone: str) -> None:
        """Fill in where nothing was typed."""
        self.date.data = self.date.data or f"{local:%Y-%m-%d}"
        self.time.data = self.time.data or f"{local:%H:%M}"
        self.zone.data = self.zone.data or zone


class GapForm(FlaskForm):  # type: ignore[misc]
    """Within which time two messages to one topic are warned about."""

    gap = SelectField("Warn when two messages reach the same topic within", validate_choice=False)

    def offer(self, chosen: timedelta) -> None:
        """Every choice, with the one in force."""
        self.gap.choices = options(
            (_seconds(gap), say_duration(gap.total_seconds()) if gap else "never") for gap in GAPS
        )
        self.gap.data = self.gap.data or _seconds(chosen)

    @property
    def length(self) -> timedelta:
        """What was chosen; something that is no choice when it was none."""
        return next((gap for gap in GAPS if _seconds(gap) == self.gap.data), timedelta(seconds=-1))


def _seconds(length: timedelta) -> str:
    return str(int(length.total_seconds()))
