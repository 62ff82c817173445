"""The JSON of push notifications whose copies differ only in title, body, device and delivery key: encoded once."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from operator import attrgetter
from secrets import token_hex
from typing import Any

from app.domain.rendered import RenderedPush
from app.infra.http_bodies import JsonTemplate, json_body

Document = Callable[[RenderedPush, str, str], Mapping[str, Any]]  # of a notification, for a device and a delivery key

# Stand for what differs. No text of an author's can hold them; a header of Apple's can (see `apple_push.collapse_id`).
TOKEN, KEY, TITLE, BODY = (f"{name}-{token_hex(12)}" for name in ("token", "key", "title", "body"))
_SHARED = attrgetter(
    "action", "image", "icon", "sound", "color", "tag", "badge", "content_available", "critical", "priority",
    "channel_id",
)  # fmt: skip


class PushCopies:
    """Writes the notifications of one kind; copies of one follow each other, and what they share is kept.

    In `document` title, body, device and key must stand as whole texts, and what else it says may depend only on
    whether title and body are empty. `is_plain` tells of a key whether it stands there as it is.
    """

    def __init__(self, document: Document, is_plain: Callable[[str], bool]) -> None:
        self._document = document
        self._is_plain = is_plain
        self._last: tuple[tuple[Any, ...], JsonTemplate] | None = None  # one value: pages' threads use this as well

    def write(self, push: RenderedPush, token: str, key: str) -> bytes:
        """The document in UTF-8. ValueError for what JSON has no word for (NaN, half a character)."""
        if not (key and token and self._is_plain(key)):
            return json_body(self._document(push, token, key))
        title, body = push.title, push.body
        shared = (repr(push.data), not title, not body, *_SHARED(push))  # by repr: 1, 1.0 and true are not the same
        last = self._last
        if last is None or last[0] != shared:
            marked = replace(push, title=title and TITLE, body=body and BODY)
            template = JsonTemplate(self._document(marked, TOKEN, KEY), (TOKEN, KEY, TITLE, BODY))
            self._last = last = shared, template
        return last[1].fill({TOKEN: token, KEY: key, TITLE: title, BODY: body})
