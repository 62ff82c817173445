"""The form of a push notification: fields by platform, its data as rows, a badge that is left, cleared or set."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from wtforms import BooleanField, Field, RadioField

from app.domain.content import PushContent
from app.domain.errors import Invalid
from app.domain.push_content import MOST_BADGE
from app.web.fields import LongTextField, TextField, drawable, options
from app.web.forms.drafts import DraftForm

PRIORITIES = [("high", "At once, also when the device sleeps"), ("normal", "When the device wakes up anyway")]
BADGES = [("", "Leave it as it is"), ("clear", "Clear it"), ("set", "Set it to a number")]
_WORDS = {"autocomplete": "off", "spellcheck": "true", "data-variables": True}
_NAMES = {"autocomplete": "off", "spellcheck": "false"}


@dataclass(frozen=True, slots=True)
class Row:
    """A pair of the data as it stands on the page.

    `is_kept`: a program wrote what one line of text cannot hold; the value is its JSON, and both stay as they are.
    """

    key: str
    value: str
    is_kept: bool = False

    @classmethod
    def of(cls, key: str, value: Any) -> "Row":
        """The row of a stored pair."""
        is_line = isinstance(value, str) and value.isprintable() and key.isprintable()
        if is_line and key and key == key.strip():
            return cls(key, value)
        return cls(key, json.dumps(value, ensure_ascii=False), is_kept=True)

    @property
    def is_empty(self) -> bool:
        """Whether nothing was typed into it."""
        return not (self.key or self.value)


class PairsField(Field):
    """The data of a push, a row for each pair: `data-key`, `data-value` and `data-kept`, as often as there are rows.

    A button `data-drop` with a row's number leaves that row out. `data` is the object as far as it can be read.
    """

    rows: list[Row]
    is_sent = False

    def process(self, formdata: Any, data: Any = None, extra_filters: Any = None) -> None:
        """Take the rows that were sent, or make them of an object."""
        super().process(None, data if isinstance(data, Mapping) else {}, extra_filters)
        self.rows = [Row.of(key, value) for key, value in (self.data or {}).items()]
        if formdata is None or f"{self.name}-key" not in formdata:
            return
        self.is_sent = True
        keys, values, kept = (formdata.getlist(f"{self.name}-{part}") for part in ("key", "value", "kept"))
        dropped = set(formdata.getlist(f"{self.name}-drop"))
        self.rows = [
            Row(key, value, is_kept=True) if is_kept == "yes" else Row(key.strip(), value)
            for place, (key, value, is_kept) in enumerate(zip(keys, values, kept, strict=False))
            if str(place) not in dropped
        ]

    def read(self) -> dict[str, Any]:
        """The object that the rows make; empty ones are none. Raises Invalid for rows that make none."""
        found: dict[str, Any] = {}
        for row in self.rows:
            if row.is_empty:
                continue
            if not (row.key or row.is_kept):
                said = f"Data holds the value “{row.value[:40]}” without a key. Give it a name, or take it away."
                raise Invalid({self.name: [said]})
            if row.key in found:
                raise Invalid({self.name: [f"Data has the key “{row.key[:60]}” twice. Give each its own name."]})
            found[row.key] = self._kept(row) if row.is_kept else row.value
        return found

    def _kept(self, row: Row) -> Any:
        try:
            return json.loads(row.value)
        except (ValueError, RecursionError):
            said = f"The value of “{row.key[:60]}” cannot be read any more. Take it away, and write it anew."
            raise Invalid({self.name: [said]}) from None

    @property
    def drawn(self) -> list[Row]:
        """The rows for the page, an empty one at the end to write into."""
        filled = [row for row in self.rows if not row.is_empty]
        return [*(Row(drawable(row.key), drawable(row.value), row.is_kept) for row in filled), Row("", "")]

    @property
    def count(self) -> int:
        """How many pairs there are."""
        return sum(not row.is_empty for row in self.rows)


class BadgeField(RadioField):
    """The number on the app's icon: left alone, cleared, or set to what stands in `badge-number`."""

    number: str

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.type = "RadioField"  # what it is drawn as

    def process(self, formdata: Any, data: Any = None, extra_filters: Any = None) -> None:
        """Take what was chosen; of a stored badge, a negative one means that none is set (contract 9.8)."""
        stored = data if isinstance(data, int) and data >= 0 else None
        self.number = str(stored) if stored else ""
        super().process(formdata, "" if stored is None else "set" if stored else "clear", extra_filters)
        if formdata is not None and f"{self.name}-number" in formdata:
            self.number = str(formdata[f"{self.name}-number"]).strip()

    def read(self) -> int | None:
        """The badge; None for one that is left alone. Raises Invalid for what is no number."""
        if self.data == "clear":
            return 0
        if self.data != "set":
            return None
        if self.number.isascii() and self.number.isdigit() and len(self.number) <= 10:
            return int(self.number)
        raise Invalid({self.name: [f"Badge needs a whole number from 1 to {MOST_BADGE:,}, such as 3."]})

    @property
    def drawn_number(self) -> str:
        """The number as a page can show it again."""
        return drawable(self.number)


class PushForm(DraftForm):
    """What is typed of a push notification."""

    TYPED: ClassVar[tuple[str, ...]] = (
        "title", "body", "action", "data", "sound", "badge", "critical", "content_available", "icon", "color",
        "channel_id", "tag", "priority",
    )  # fmt: skip

    title = TextField("Title", render_kw={**_WORDS, "data-main": True})
    body = LongTextField("Words", render_kw={"rows": 5, **_WORDS})
    action = TextField("Opens", render_kw={**_NAMES, "inputmode": "url"})
    data = PairsField("Data")
    sound = TextField("Sound", render_kw=_NAMES)
    badge = BadgeField("Badge", choices=options(BADGES), validate_choice=False)
    critical = BooleanField("Critical: it sounds even when the iPhone is muted")
    content_available = BooleanField("Wake the app, so that it can fetch what is new")
    icon = TextField("Icon", render_kw=_NAMES)
    color = TextField("Colour", render_kw={**_NAMES, "data-color": True})
    channel_id = TextField("Channel", render_kw=_NAMES)
    tag = TextField("Tag", render_kw=_NAMES)
    priority = RadioField("When it arrives", choices=options(PRIORITIES), validate_choice=False)

    def typed(self) -> Mapping[str, Any]:
        """As `DraftForm.typed`. Raises Invalid for rows of data that make no object, and for a badge that is none."""
        found = dict(super().typed())
        for name, is_sent in (("data", self["data"].is_sent), ("badge", bool(self.badge.raw_data))):
            if name in found:
                del found[name]
                found |= {name: self[name].read()} if is_sent else {}
        return found

    @classmethod
    def shown(cls, content: Any) -> dict[str, Any]:
        """What stands in the fields for that content. To WTForms `data` is the name of everything a form is given."""
        found = super().shown(content if isinstance(content, PushContent) else PushContent())
        return found | {"data": {"data": found["data"]}}

    @property
    def set_on_iphone(self) -> str:
        """What is set there, in words."""
        badge = {"clear": "badge cleared", "set": f"badge {self.badge.drawn_number}"}.get(self.badge.data or "")
        return _listed(
            self.sound.data and f"sound {self.sound.data}", badge, "critical" if self.critical.data else None,
            "wakes the app" if self.content_available.data else None,
        )  # fmt: skip

    @property
    def set_on_android(self) -> str:
        """What is set there, in words."""
        return _listed(
            self.icon.data and f"icon {self.icon.data}", self.color.data, self.channel_id.data
            and f"channel {self.channel_id.data}", self.tag.data and f"tag {self.tag.data}",
        )  # fmt: skip

    @property
    def set_as_data(self) -> str:
        """How many pairs there are, in words."""
        count = self["data"].count
        return f"{count} {'pair' if count == 1 else 'pairs'}" if count else ""


def _listed(*words: str | None) -> str:
    return " · ".join(drawable(word) for word in words if word)
