"""What a push notification says and does, and the limits of what can be stored and what can be sent."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from app.domain.content_limits import MAX_TEXT, File, line_problems, only_filled, read_file, text_problems
from app.domain.personalise import read_plainly
from app.domain.storable import is_storable

PRIORITIES = ("normal", "high")
# The platforms' numbers are 32 bits wide (contract 1.2, int32).
LEAST_BADGE, MOST_BADGE = -(2**31), 2**31 - 1
_LINES = {
    "action": "Action", "icon": "Icon", "sound": "Sound", "color": "Color", "tag": "Tag", "channel_id": "Channel id",
}  # fmt: skip
_TEXTS = ("title", "body", *_LINES)
_FLAGS = ("content_available", "critical")


@dataclass(frozen=True, slots=True)
class PushContent:
    """One push notification before anybody's values are filled in; empty texts are absent fields.

    All texts, and the texts inside `data` (not its keys), may hold {{ variables }}. `image` is a bucket's and a
    file's id, `image_url` the signed address under which devices open it (services set it). `badge` is None when the
    number on the app's icon is left alone. Fields: contract 9.8. Building one never fails.
    """

    MAX_TITLE: ClassVar[int] = 256
    MAX_BODY: ClassVar[int] = MAX_TEXT
    MAX_LINE: ClassVar[int] = 256
    # The platforms take 4,096 octets of everything together; what is stored need only be reasonable.
    MAX_DATA: ClassVar[int] = MAX_TEXT
    DEEPEST_DATA: ClassVar[int] = 20
    UNTITLED: ClassVar[str] = "Untitled push"

    title: str = ""
    body: str = ""
    data: Mapping[str, Any] = field(default_factory=dict, hash=False)
    action: str = ""
    image: File | None = None
    image_url: str = ""
    icon: str = ""
    sound: str = ""
    color: str = ""
    tag: str = ""
    badge: int | None = None
    content_available: bool = False
    critical: bool = False
    priority: str = "high"
    channel_id: str = ""

    @property
    def headline(self) -> str:
        """What lists call it: title or body on one line; empty when nothing was written yet."""
        words = read_plainly(self.title).strip() or read_plainly(self.body[:1000])
        return " ".join(words.split())[: self.MAX_TITLE].strip()

    @property
    def files(self) -> tuple[File, ...]:
        """The files it needs."""
        return (self.image,) if self.image is not None else ()

    def to_json(self) -> dict[str, Any]:
        """The content as a JSON object; `from_json` is its inverse."""
        stored: dict[str, Any] = {name: getattr(self, name) for name in (*_TEXTS, *_FLAGS) if getattr(self, name)}
        if self.data:
            stored["data"] = dict(self.data)
        if self.image is not None:
            stored |= {"image": list(self.image), "image_url": self.image_url}
        if self.badge is not None:
            stored["badge"] = self.badge
        return stored | {"priority": self.priority}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "PushContent":
        """Content from a JSON object; a missing or null key is the default, unknown keys are ignored."""
        names = (*_TEXTS, "image_url", "priority")
        known: dict[str, Any] = {name: str(stored[name]) for name in names if stored.get(name) is not None}
        known |= {name: stored.get(name) is True for name in _FLAGS}
        data, badge = stored.get("data"), stored.get("badge")
        return cls(
            **known, data=data if isinstance(data, dict) else {}, image=read_file(stored.get("image")),
            badge=badge if isinstance(badge, int) and not isinstance(badge, bool) else None,
        )  # fmt: skip

    def problems(self) -> dict[str, list[str]]:
        """What keeps this content from being stored: field name to sentences; empty when nothing does."""
        found = {name: line_problems(label, getattr(self, name), self.MAX_LINE) for name, label in _LINES.items()}
        return only_filled({
            "title": text_problems("Title", self.title, self.MAX_TITLE),
            "body": text_problems("Body", self.body, self.MAX_BODY),
            "data": self._data_problems(),
            **found,
            "badge": self._badge_problems(),
            "priority": self._priority_problems(),
        })  # fmt: skip

    def sending_problems(self) -> dict[str, list[str]]:
        """What keeps this content from being sent, beyond `problems()`: something must be shown or handed over."""
        if self.title.strip() or self.body.strip() or self.data or self.content_available or self.badge is not None:
            return {}
        return {"title": ["Title and body are empty. Write at least one: it is what people see."]}

    def _data_problems(self) -> list[str]:
        try:
            if not is_storable(dict(self.data)):
                return ["Data holds NUL, half a character or an endless number, which cannot be stored. Remove it."]
            length = len(json.dumps(dict(self.data), ensure_ascii=False))
        except RecursionError:
            length, depth = 0, self.DEEPEST_DATA + 1
        else:
            depth = _depth(dict(self.data))
        if depth > self.DEEPEST_DATA:
            return [f"Data nests more than {self.DEEPEST_DATA} levels deep. Use fewer levels."]
        if length > self.MAX_DATA:
            return [f"Data has {length:,} characters as JSON; at most {self.MAX_DATA:,} can be stored. Shorten it."]
        return []

    def _badge_problems(self) -> list[str]:
        if self.badge is None or LEAST_BADGE <= self.badge <= MOST_BADGE:
            return []
        return [f"Badge is a number from 0 to {MOST_BADGE:,}, or none."]

    def _priority_problems(self) -> list[str]:
        return [] if self.priority in PRIORITIES else [f"Priority is one of {' and '.join(PRIORITIES)}."]


def _depth(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(_depth, inner), default=0)
