"""The form of a push notification."""

from typing import ClassVar

from wtforms import BooleanField, RadioField

from app.web.fields import LongTextField, TextField, options
from app.web.forms.drafts import DraftForm

PRIORITIES = [("high", "At once, also when the device sleeps"), ("normal", "When the device wakes up anyway")]
_WORDS = {"autocomplete": "off", "spellcheck": "true", "data-variables": True}
_NAMES = {"autocomplete": "off", "spellcheck": "false"}


class PushForm(DraftForm):
    """What is typed of a push notification."""

    TYPED: ClassVar[tuple[str, ...]] = (
        "title", "body", "action", "sound", "critical", "content_available", "icon", "color", "channel_id", "tag",
        "priority",
    )  # fmt: skip

    title = TextField("Title", render_kw={**_WORDS, "data-main": True})
    body = LongTextField("Words", render_kw={"rows": 5, **_WORDS})
    action = TextField("Opens", render_kw=_NAMES)
    sound = TextField("Sound", render_kw=_NAMES)
    critical = BooleanField("Critical: it sounds even when the device is muted")
    content_available = BooleanField("Wake the app, so that it gets the data before anybody looks")
    icon = TextField("Icon", render_kw=_NAMES)
    color = TextField("Colour", render_kw=_NAMES)
    channel_id = TextField("Android channel", render_kw=_NAMES)
    tag = TextField("Tag", render_kw=_NAMES)
    priority = RadioField("When it arrives", choices=options(PRIORITIES), validate_choice=False)
