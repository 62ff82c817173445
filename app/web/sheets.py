"""What the composer draws for each channel: the form, the views of the preview, the folder of the templates."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.domain.channels import Channel
from app.web.forms.drafts import DraftForm
from app.web.forms.email import EmailForm
from app.web.forms.push import PushForm
from app.web.forms.sms import SmsForm


@dataclass(frozen=True, slots=True)
class Sheet:
    """One channel's part of the composer.

    `views` are the ways to look at the preview, pairs of a value of the address and a word; the first is where one
    begins. `templates/compose/<channel>/_write.html` has the fields, `_paper.html` the preview. `fields` are the names
    that a check may lead to.
    """

    channel: Channel
    title: str
    form: type[DraftForm]
    views: tuple[tuple[str, str], ...]
    styles: tuple[str, ...] = ()
    fields: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        """Find out what the form asks."""
        object.__setattr__(self, "fields", frozenset((*self.form.TYPED, "provider", "audience")))

    @property
    def write(self) -> str:
        """The template of the fields."""
        return f"compose/{self.channel}/_write.html"

    @property
    def paper(self) -> str:
        """The template of the preview."""
        return f"compose/{self.channel}/_paper.html"

    def view(self, wanted: str) -> str:
        """The view of that name, or the first one."""
        return wanted if wanted in dict(self.views) else self.views[0][0]


SHEETS: Mapping[str, Sheet] = {
    sheet.channel.value: sheet
    for sheet in (
        Sheet(
            Channel.EMAIL, "Write an email", EmailForm,
            (("desktop", "Desktop"), ("mobile", "Mobile"), ("dark", "Dark"), ("text", "Text"), ("source", "Source")),
        ),
        Sheet(Channel.PUSH, "Write a push notification", PushForm, (("devices", "Devices"),)),
        Sheet(Channel.SMS, "Write an SMS", SmsForm, (("phone", "Phone"),)),
    )
}  # fmt: skip
