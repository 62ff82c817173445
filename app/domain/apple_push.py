"""Apple's part of a push notification: what iOS is told, whether APNs hears it from us or from FCM."""

from hashlib import sha256
from typing import Any

from app.domain.rendered import RenderedPush

LONGEST_COLLAPSE_ID = 64  # bytes


def is_silent(push: RenderedPush) -> bool:
    """Whether nobody sees or hears it: it only wakes the app, which makes it a *background* push.

    A badge or a sound alone is something a person notices, and so an *alert* push.
    """
    return not (push.title or push.body or push.sound or push.badge is not None or push.critical is True)


def push_type(push: RenderedPush) -> str:
    """The value of `apns-push-type`; Apple wants it to match the payload."""
    return "background" if is_silent(push) else "alert"


def apple_priority(push: RenderedPush) -> str:
    """The value of `apns-priority`: 10 at once, 5 with regard to the battery. A background push must have 5."""
    return "10" if push.priority == "high" and not is_silent(push) else "5"


def is_collapse_id(name: str) -> bool:
    """Whether a name is fit for `apns-collapse-id` as it is."""
    return 0 < len(name) <= LONGEST_COLLAPSE_ID and name.isascii() and name.isprintable() and name == name.strip()


def collapse_id(name: str) -> str:
    """A value for `apns-collapse-id`, the same for the same name: a later notification with it replaces this one.

    It is a header of at most 64 bytes, so a name that is longer or not plain ASCII is replaced by its digest.
    """
    if is_collapse_id(name):
        return name
    return sha256(name.encode("utf-8", "surrogatepass")).hexdigest()


def aps_of(push: RenderedPush) -> dict[str, Any]:
    """The `aps` dictionary of the payload, without empty keys.

    Source: Apple, Generating a remote notification, tables 1 to 3.
    """
    if is_silent(push):
        return {"content-available": 1}
    aps: dict[str, Any] = {
        "alert": {name: text for name, text in (("title", push.title), ("body", push.body)) if text},
        "badge": push.badge,
        "sound": _sound_of(push),
        "category": push.action,
        "content-available": 1 if push.content_available else None,
        "mutable-content": 1 if push.image else None,  # lets the app's service extension fetch the image
        "interruption-level": "critical" if push.critical is True else None,
    }
    return {name: value for name, value in aps.items() if value not in (None, "", {})}


def _sound_of(push: RenderedPush) -> str | dict[str, Any]:
    """A critical alert sounds through silence and needs a name and a volume; any other sound is its name."""
    if push.critical is True:
        return {"critical": 1, "name": push.sound or "default", "volume": 1.0}
    return push.sound
