"""The form of an email."""

from typing import ClassVar

from wtforms import SelectField

from app.web.fields import LongTextField, TextField, options
from app.web.forms.drafts import DraftForm

FORMATS = [("markdown", "Markdown"), ("html", "HTML"), ("text", "Plain text")]
_WORDS = {"autocomplete": "off", "spellcheck": "true", "data-variables": True}


class EmailForm(DraftForm):
    """What is typed of an email."""

    TYPED: ClassVar[tuple[str, ...]] = ("subject", "preheader", "format", "body")

    subject = TextField("Subject", render_kw=_WORDS)
    preheader = TextField("Preheader", render_kw=_WORDS)
    format = SelectField("Format", choices=options(FORMATS), validate_choice=False)
    body = LongTextField("Content", render_kw={"rows": 18, **_WORDS, "data-main": True})
