"""The form of an email."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, ClassVar

from wtforms import BooleanField, HiddenField, SelectField

from app.domain.content import Content
from app.services.previews.preview import text_of
from app.web.fields import LongTextField, TextField, options
from app.web.forms.drafts import DraftForm

FORMATS = [("markdown", "Markdown"), ("html", "HTML"), ("text", "Plain text")]
_WORDS = {"autocomplete": "off", "spellcheck": "true", "data-variables": True}
_ADDRESS = {"autocomplete": "off", "spellcheck": "false", "inputmode": "email"}


class EmailForm(DraftForm):
    """What is typed of an email.

    While `own_text` is off, `text` shows the plain text that is made from the content. It is kept only when somebody
    changed it, which `text_shown` tells: the digest of what stood there when the page was drawn.
    """

    TYPED: ClassVar[tuple[str, ...]] = (
        "subject", "preheader", "format", "body", "from_name", "from_address", "reply_to_name", "reply_to", "text",
    )  # fmt: skip

    text_follows = False  # whether the page gets a new plain text with the answer to a save

    subject = TextField("Subject", render_kw=_WORDS)
    preheader = TextField("Preheader", render_kw=_WORDS)
    format = SelectField("Format", choices=options(FORMATS), validate_choice=False)
    body = LongTextField("Content", render_kw={"rows": 18, **_WORDS, "data-main": True})
    from_name = TextField("From name", render_kw={"autocomplete": "off", "spellcheck": "false"})
    from_address = TextField("From address", render_kw=_ADDRESS)
    reply_to_name = TextField("Reply-to name", render_kw={"autocomplete": "off", "spellcheck": "false"})
    reply_to = TextField("Reply-to address", render_kw=_ADDRESS)
    own_text = BooleanField("Write it myself")
    text = LongTextField("Plain text", render_kw={"rows": 10, **_WORDS, "data-own-text": True})
    text_shown = HiddenField()

    @classmethod
    def shown(cls, content: Content) -> dict[str, Any]:
        """What stands in the fields for that content; the text that is made from it, where nobody wrote one."""
        found = super().shown(content)
        text = found["text"] or text_of(content)
        return found | {"own_text": bool(found["text"]), "text": text, "text_shown": _digest(text)}

    def typed(self) -> Mapping[str, Any]:
        """What was typed; the plain text only where it is the author's own."""
        found = dict(super().typed())
        if "text" in found and not self._has_own_text:
            found["text"] = ""
        return found

    def follow(self, content: Content) -> None:
        """Show the plain text that is made from what was saved now, unless it is the author's own."""
        self.text_follows = not self._has_own_text
        if self.text_follows:
            self.text.data = text_of(content)
            self.text_shown.data = _digest(self.text.data)

    @property
    def _has_own_text(self) -> bool:
        return bool(self.own_text.data) or _digest(self.text.data or "") != self.text_shown.data


def _digest(text: str) -> str:
    return sha256(text.encode("utf-8", "replace")).hexdigest()[:16]
