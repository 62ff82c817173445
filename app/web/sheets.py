"""What the composer draws for each channel: the form, the views of the preview, the folder of the templates."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.domain.channels import Channel
from app.services.previews import email_look
from app.web.forms.drafts import DraftForm
from app.web.forms.email import EmailForm
from app.web.forms.push import PushForm
from app.web.forms.sms import SmsForm

Choices = tuple[tuple[str, str], ...]  # a value of the address and a word each; the first is where one begins


@dataclass(frozen=True, slots=True)
class Sheet:
    """One channel's part of the composer.

    `views` are the ways to look at the preview, `switches` what can be turned within a view, by its name in the
    address; `picks` is what files are picked for (`web.picker`), if for anything.
    `templates/compose/<channel>/_write.html` has the fields, `_paper.html` the preview. `fields` are the names that a
    check may lead to.
    """

    channel: Channel
    title: str
    form: type[DraftForm]
    views: Choices
    styles: tuple[str, ...] = ()
    scripts: tuple[str, ...] = ()
    switches: Mapping[str, Choices] = field(default_factory=dict)
    picks: tuple[str, ...] = ()
    fields: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        """Find out what the form asks."""
        object.__setattr__(self, "fields", frozenset((*self.form.TYPED, "files", "provider", "audience")))

    @property
    def write(self) -> str:
        """The template of the fields."""
        return f"compose/{self.channel}/_write.html"

    @property
    def paper(self) -> str:
        """The template of the preview."""
        return f"compose/{self.channel}/_paper.html"

    @property
    def follows(self) -> str:
        """The template of what follows from a save; a channel need not have one."""
        return f"compose/{self.channel}/_follows.html"

    def view(self, wanted: str) -> str:
        """The view of that name, or the first one."""
        return wanted if wanted in dict(self.views) else self.views[0][0]

    def switched(self, asked: Mapping[str, str]) -> dict[str, str]:
        """How each switch stands; where it begins when nothing known was asked."""
        return {
            name: asked[name] if asked.get(name) in dict(choices) else choices[0][0]
            for name, choices in self.switches.items()
        }


SHEETS: Mapping[str, Sheet] = {
    sheet.channel.value: sheet
    for sheet in (
        Sheet(
            Channel.EMAIL, "Write an email", EmailForm, email_look.VIEWS,
            ("email_write.css", "email.css", "request.css"), (),
            {
                "width": (("full", "Desktop"), ("600", "600 px"), ("320", "320 px")),
                "mode": (("light", "Light"), ("dark", "Dark"), ("inverted", "Inverted")),
                "images": (("on", "Images"), ("off", "No images")),
            },
            ("attachment", "inline"),
        ),
        Sheet(
            Channel.PUSH, "Write a push notification", PushForm,
            (("devices", "Devices"), ("iphone", "iPhone"), ("android", "Android"), ("browser", "Browser"),
             ("request", "Request")),
            ("push.css", "request.css"), ("push.js",), {"wall": (("light", "Light"), ("dark", "Dark"))}, ("image",),
        ),
        Sheet(
            Channel.SMS, "Write an SMS", SmsForm, (("phone", "Phone"), ("cost", "Cost"), ("request", "Request")),
            ("sms.css", "request.css"), ("sms.js",),
        ),
    )
}  # fmt: skip
