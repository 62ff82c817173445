"""Forms of the composer: the draft itself, a test, a time, and the consent to send."""

from datetime import datetime, timedelta

from flask_wtf import FlaskForm
from wtforms import HiddenField, IntegerField, SelectField
from wtforms.widgets import DateInput, HiddenInput, TimeInput

from app.domain.content import EmailContent
from app.services.messages import KINDS, Draft
from app.web.fields import LongTextField, TextField, lateness_choices, options, read_lateness
from app.web.wording import say_duration

FORMATS = [("markdown", "Markdown"), ("html", "HTML"), ("text", "Plain text")]


class VersionField(IntegerField):
    """The version of the draft that this page shows; anything that is no number counts as none."""

    widget = HiddenInput()

    def process_formdata(self, valuelist: list[str]) -> None:
        """Take the number that was sent."""
        text = valuelist[0] if valuelist else ""
        self.data = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


class EmailForm(FlaskForm):  # type: ignore[misc]
    """What the composer types."""

    version = VersionField()
    subject = TextField("Subject", render_kw={"autocomplete": "off", "spellcheck": "true"})
    preheader = TextField("Preheader", render_kw={"autocomplete": "off", "spellcheck": "true"})
    format = SelectField("Format", choices=options(FORMATS), validate_choice=False)
    body = LongTextField("Content", render_kw={"rows": 18, "spellcheck": "true"})

    def content(self) -> EmailContent:
        """What was typed, as it stands."""
        return EmailContent(
            self.subject.data or "", self.preheader.data or "", self.format.data or "markdown", self.body.data or ""
        )

    def command(self, add: list[str], remove: list[str]) -> Draft:
        """What is to be saved; `add` and `remove` hold values like `topics:news`."""
        return Draft(self.content(), _choices(add), _choices(remove))


def _choices(values: list[str]) -> tuple[tuple[str, str], ...]:
    pairs = (value.partition(":")[::2] for value in values)
    return tuple((kind, public_id) for kind, public_id in pairs if kind in KINDS and public_id)


class ConsentForm(FlaskForm):  # type: ignore[misc]
    """The yes to what a page has said; `version` is the draft that it spoke about."""

    version = VersionField()


class TrialForm(FlaskForm):  # type: ignore[misc]
    """Where a test goes, and for whom it is filled in."""

    address = TextField("Address", render_kw={"autocomplete": "email", "inputmode": "email"})
    as_target = HiddenField()


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
