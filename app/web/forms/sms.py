"""The form of a text message, and its buttons that replace signs which make it dear."""

from collections.abc import Mapping
from typing import Any, ClassVar

from app.domain.sms_savings import cheapened
from app.domain.sms_segments import BASIC, EXTENDED
from app.web.fields import LongTextField, TextField
from app.web.forms.drafts import DraftForm


class SmsForm(DraftForm):
    """What is typed of a text message. `replace` is the button that was pressed: a sign's code, or `all`.

    `plain` and `doubled` are the alphabet, for the page that counts while somebody types: it knows no other.
    """

    TYPED: ClassVar[tuple[str, ...]] = ("text",)
    plain: ClassVar[str] = "".join(sorted(BASIC - {"\r"}))
    doubled: ClassVar[str] = "".join(sorted(EXTENDED - {"\f"}))

    text = LongTextField(
        "Text", render_kw={"rows": 8, "autocomplete": "off", "spellcheck": "true", "data-variables": True,
                           "data-main": True},
    )  # fmt: skip
    replace = TextField("Replace")

    @property
    def is_rewritten(self) -> bool:
        """Whether a button has to change what was typed, so that the field is drawn anew."""
        return bool(self.replace.data)

    def typed(self) -> Mapping[str, Any]:
        """What was typed, with the signs replaced that a button asks for."""
        if self.replace.data and self.text.data is not None:
            self.text.data = cheapened(self.text.data, self.replace.data)
        return super().typed()
