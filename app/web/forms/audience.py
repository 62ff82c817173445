"""Forms of the audience: contacts, addresses, topics, suppressions, imports. They only parse; services judge."""

from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from wtforms import BooleanField, FieldList, Form, FormField, RadioField, SelectField

from app.domain.column_names import Use
from app.domain.csv_sniffing import DELIMITERS, ENCODINGS
from app.domain.errors import AppError, Invalid
from app.services.people.imports import SEPARATORS
from app.services.people.suppressions import REASONS
from app.web.fields import LongTextField, TextField, options, put_errors
from app.web.forms.settings import CheckboxesField
from app.web.wording import CHANNELS

USES = (
    (Use.IGNORE.value, "Leave out"),
    (Use.NAME.value, "Name"),
    (Use.EMAIL.value, "Email"),
    (Use.PHONE.value, "Phone number"),
    (Use.PUSH.value, "Push token"),
    (Use.TOPICS.value, "Topics"),
    (Use.ATTRIBUTE.value, "Attribute"),
    (Use.ID.value, "Contact id"),
)


def put_problem(form: Form, error: AppError) -> None:
    """Put what a service refused on the form: beside its fields, else on top."""
    put_errors(form, Invalid(error.fields or {"": [error.message]}))


class ContactForm(FlaskForm):  # type: ignore[misc]
    """A contact with its first addresses."""

    name = TextField("Name", render_kw={"autocomplete": "off", "maxlength": 128})
    email = TextField("Email", render_kw={"autocomplete": "off", "inputmode": "email"})
    sms = TextField("Phone number", render_kw={"autocomplete": "off", "inputmode": "tel"})
    push = TextField("Push token", render_kw={"autocomplete": "off", "spellcheck": "false"})
    attributes = LongTextField("Attributes", render_kw={"rows": 5, "spellcheck": "false"})


class ContactEditForm(FlaskForm):  # type: ignore[misc]
    """Name and attributes of a contact."""

    name = TextField("Name", render_kw={"autocomplete": "off", "maxlength": 128})
    attributes = LongTextField("Attributes", render_kw={"rows": 8, "spellcheck": "false"})


class TargetForm(FlaskForm):  # type: ignore[misc]
    """One address of a contact."""

    channel = SelectField("Channel", choices=options(CHANNELS))
    address = TextField("Address", render_kw={"autocomplete": "off", "spellcheck": "false"})
    name = TextField("Label", render_kw={"autocomplete": "off", "maxlength": 128})


class SubscribeForm(FlaskForm):  # type: ignore[misc]
    """One address into one topic."""

    target = SelectField("Address")
    topic = SelectField("Topic")


class TopicForm(FlaskForm):  # type: ignore[misc]
    """A topic; the id can be chosen only when it is made."""

    name = TextField("Name", render_kw={"autocomplete": "off", "maxlength": 128})
    description = LongTextField("Description", render_kw={"rows": 3})
    id = TextField("Topic id", render_kw={"autocomplete": "off", "spellcheck": "false", "maxlength": 36})


class PasteForm(FlaskForm):  # type: ignore[misc]
    """Addresses that were pasted."""

    addresses = LongTextField("Addresses", render_kw={"rows": 6, "spellcheck": "false"})


class SuppressionForm(FlaskForm):  # type: ignore[misc]
    """An address that must not be contacted."""

    channel = SelectField("Channel", choices=options(CHANNELS))
    address = TextField("Address", render_kw={"autocomplete": "off", "spellcheck": "false"})
    reason = SelectField("Reason", choices=options(REASONS.items()), default="by_hand")


class UploadForm(FlaskForm):  # type: ignore[misc]
    """A CSV file."""

    file = FileField("CSV file", render_kw={"accept": ".csv,.tsv,.txt,text/csv,text/plain"})


class ReadingForm(FlaskForm):  # type: ignore[misc]
    """How a file is read."""

    encoding = SelectField("Encoding", choices=options(ENCODINGS.items()))
    delimiter = SelectField("Columns are separated by", choices=options(DELIMITERS.items()))
    has_header = BooleanField("The first row holds the names of the columns")


class ColumnForm(Form):
    """What one column is used for."""

    use = SelectField("Use", choices=options(USES))
    name = TextField("Attribute name", render_kw={"autocomplete": "off", "spellcheck": "false", "maxlength": 64})


class MappingForm(FlaskForm):  # type: ignore[misc]
    """What the columns hold, and what is done with the rows."""

    columns = FieldList(FormField(ColumnForm))
    separator = SelectField("Topics within a cell are separated by", choices=options(SEPARATORS.items()), default=";")
    topics = CheckboxesField("Add every row to these topics")
    existing = RadioField(
        "Contacts that exist already",
        choices=options((("update", "Add and update what the file says"), ("skip", "Leave them as they are"))),
        default="update",
    )
