"""What may be said about a person in a message: the values behind {{ variables }}, the same in preview and delivery."""

from collections.abc import Mapping
from typing import Any, Protocol

from app.domain.rendered import Recipient

BUILT_IN = ("name", "first_name", "email")  # every contact has them, whatever its attributes say
# The variable that is the address written to, by channel. A device token is nobody's to read.
ADDRESS_NAMES = {"email": "email", "sms": "phone"}


class Person(Protocol):
    """A contact, or a row with its name and attributes."""

    @property
    def name(self) -> str:
        """The display name, empty when unknown."""

    @property
    def attributes(self) -> Mapping[str, Any]:
        """Free values by name."""


def variables_of(contact: Person, address: str) -> dict[str, str]:
    """The values that {{ variables }} may use for this person, by lower-case name; what is unknown is empty.

    `name` always is the contact's own, and so is `email` in an email and `phone` in a text message; `first_name` is
    the first word of the name unless the contact has an attribute of that name.
    """
    name = contact.name.strip()
    values = {"first_name": name.partition(" ")[0]}
    for key, value in (contact.attributes or {}).items():
        if text := value if type(value) is str else say_value(value):  # nearly always text: do not ask further
            values[key.lower()] = text
    values["name"] = name
    values |= address_values(address)
    return values


def address_values(address: str) -> dict[str, str]:
    """What an address says by itself: an email address is `email`, a number `phone`, a token nothing."""
    if "@" in address:
        return {"email": address}
    return {"phone": address} if address.startswith("+") else {}


def recipient_of(contact: Person, address: str) -> Recipient:
    """This person at this address, as rendering wants to know them."""
    return Recipient(address, contact.name, variables_of(contact, address))


def say_value(value: Any) -> str:
    """An attribute's value as text; true and false are yes and no, lists are joined, nothing is empty."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case float() if value.is_integer():
            return str(int(value))
        case list():
            return ", ".join(say_value(item) for item in value)
        case dict():
            return ""
        case _:
            return str(value)
