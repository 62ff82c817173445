"""Compile a text message once and fill it in for each person."""

from app.domain.errors import Invalid
from app.domain.personalise import Problem, compile
from app.domain.rendered import Recipient, RenderedSms
from app.domain.sms_content import SmsContent
from app.rendering.plain_text import clean_text


class PreparedSms:
    """One text message taken apart (`domain.rendered.Prepared`).

    `placeholders` maps each variable's name to whether it has a fallback everywhere it is used; `problems` lists the
    variables that could not be read, by field; `places` names the field that each variable stands in.
    """

    __slots__ = ("_text", "placeholders", "places", "problems")

    def __init__(self, content: SmsContent) -> None:
        self._text = compile(clean_text(content.text))
        self.problems: dict[str, tuple[Problem, ...]] = {"text": self._text.problems} if self._text.problems else {}
        self.placeholders: dict[str, bool] = {}
        for slot in self._text.slots:
            self.placeholders[slot.name] = slot.fallback is not None and self.placeholders.get(slot.name, True)
        self.places = dict.fromkeys(self.placeholders, "text")

    def render(self, recipient: Recipient) -> RenderedSms:
        """What this person reads: lines end with a bare line feed, and there is no other control character."""
        text, missing = self._text.fill(recipient.variables, clean_text)
        return RenderedSms(text, missing)


def prepare_sms(content: SmsContent) -> PreparedSms:
    """Compile a text message. Raises Invalid (field text) when it could not be stored."""
    if wrong := content.problems():
        raise Invalid(wrong)
    return PreparedSms(content)
