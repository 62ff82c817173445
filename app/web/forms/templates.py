"""Forms of templates: a name, a new version, two versions to compare. They only parse; services judge."""

from flask_wtf import FlaskForm
from wtforms import BooleanField, SelectField

from app.web.fields import TextField

_NOTE = {"autocomplete": "off", "maxlength": 256}
_ENDS = "Delete this draft: it was only written for the template"


class NewTemplateForm(FlaskForm):  # type: ignore[misc]
    """A message's content under a name of its own."""

    name = TextField("Name", id="new-name", render_kw={"autocomplete": "off", "maxlength": 128})
    note = TextField("Note", id="new-note", render_kw=_NOTE)
    ends_draft = BooleanField(_ENDS, id="new-ends")


class NewVersionForm(FlaskForm):  # type: ignore[misc]
    """A message's content as the next version of a template.

    The value of a choice names the version that was the newest when the page was made: `id:4`.
    """

    template = SelectField("Template", id="version-template", validate_choice=False)
    note = TextField("What changed", id="version-note", render_kw=_NOTE)
    ends_draft = BooleanField(_ENDS, id="version-ends")

    @property
    def chosen(self) -> tuple[str, int]:
        """The template's id, and the version that was its newest; 0 when no page of ours says so."""
        template_id, _, version = (self.template.data or "").rpartition(":")
        return template_id, int(version) if version.isascii() and version.isdigit() and len(version) < 10 else 0


class NameForm(FlaskForm):  # type: ignore[misc]
    """Another name."""

    name = TextField("Name", render_kw={"autocomplete": "off", "maxlength": 128})
