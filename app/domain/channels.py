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

    @property
    def noun(self) -> str:
        """The word inside a sentence."""
        return {"email": "email", "sms": "SMS", "push": "push"}[self.value]


COPIED = frozenset({Channel.EMAIL})  # where people can be in copy, and written to at an address that is nobody's here
DEVICES = frozenset({Channel.PUSH})  # whose addresses are devices, which the apps on them register themselves
PRICED = frozenset({Channel.SMS})  # where each piece of a message is paid for, by the country it goes to
