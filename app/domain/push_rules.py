"""What Google and Apple refuse of any push notification, whoever gets it; the adapters and the composer ask here."""

import re
from datetime import timedelta

LARGEST_PAYLOAD = 4096  # bytes: of keys and values in notification and data (FCM), of the whole JSON (APNs)
KEPT_FOR = timedelta(days=28)  # how long both try a device that is off: FCM by itself, Apple because we ask for it
LARGEST_IMAGE = 1_000_000  # bytes of an image that Android shows (FCM, "Send an image in the notification payload")

_COLOR = re.compile(r"#[0-9a-fA-F]{6}")
_GOOGLE = re.compile(r"from|message_type|(?:google|gcm).*", re.DOTALL)


def is_color(text: str) -> bool:
    """Whether it is a colour as Google wants it written."""
    return _COLOR.fullmatch(text) is not None


def is_kept_by_google(key: str) -> bool:
    """Whether FCM keeps this key of the data for itself."""
    return _GOOGLE.fullmatch(key) is not None


def is_kept_by_apple(key: str) -> bool:
    """Whether APNs keeps this key of the data for itself."""
    return key == "aps"
