"""The ways to reach a person; the only place that lists them."""

from enum import StrEnum


class Channel(StrEnum):
    """A way to reach a person (on the wire: `providerType`)."""

    EMAIL = "email"
    SMS = "sms"
    PUSH = "push"

    @property
    def label(self) -> str:
        """The word people read."""
        return {"email": "Email", "sms": "SMS", "push": "Push"}[self.value]
