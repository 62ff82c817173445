"""The form of a text message."""

from typing import ClassVar

from app.web.fields import LongTextField
from app.web.forms.drafts import DraftForm


class SmsForm(DraftForm):
    """What is typed of a text message."""

    TYPED: ClassVar[tuple[str, ...]] = ("text",)

    text = LongTextField(
        "Text", render_kw={"rows": 8, "autocomplete": "off", "spellcheck": "true", "data-variables": True,
                           "data-main": True},
    )  # fmt: skip
