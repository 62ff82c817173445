"""What may be said about a person in a message: the values behind {{ variables }}, the same in preview and delivery."""

from collections.abc import Mapping, Sequence
from json import JSONDecoder
from typing import Any, Protocol

from sqlalchemy.orm import Session

from app.domain.rendered import Recipient
from app.engine.ledger import Claimed
from app.infra.bulk import rows_by_number

BUILT_IN = ("name", "first_name", "email")  # every contact has them, whatever its attributes say
# The variable that is the address written to, by channel. A device token is nobody's to read.
ADDRESS_NAMES = {"email": "email", "sms": "phone"}
_NEVER_ATTRIBUTES = frozenset({"name", "email", "phone"})  # what an attribute of that name cannot change
_WHO = """
SELECT targets.pk, targets.address, targets.address_key, contacts.name, CAST(contacts.attributes AS TEXT)
FROM targets JOIN contacts ON contacts.pk = targets.contact_pk WHERE targets.pk IN {numbers}
"""
_read = JSONDecoder().raw_decode  # a database wrote it, so nothing stands around it


class Person(Protocol):
    """A contact, or a row with its name and attributes."""

    @property
    def name(self) -> str:
        """The display name, empty when unknown."""

    @property
    def attributes(self) -> Mapping[str, Any]:
        """Free values by name."""


def recipients_of(session: Session, deliveries: Sequence[Claimed], names: frozenset[str]) -> list[Recipient]:
    """Who they are now, in one query, with the variables of these names (lower case): others nobody will ask for.

    The address is the ledger's: somebody who was deleted, or got another one since, is written to without a name.
    """
    numbers = [delivery.target_pk for delivery in deliveries if delivery.target_pk is not None]
    known = {row[0]: row for row in rows_by_number(session, _WHO, numbers)}
    reads_attributes = needs_attributes(names)
    found = []
    for _, key, target_pk, _, _, _ in deliveries:
        who = known.get(target_pk)
        if who is None or who[2] != key:
            found.append(Recipient(key, "", address_values(key)))
            continue
        _, address, _, name, attributes = who
        values = _read(attributes)[0] if reads_attributes and attributes else {}
        found.append(Recipient(address, name, _variables(name, values, address, names)))
    return found


def needs_attributes(names: frozenset[str]) -> bool:
    """Whether a contact's attributes are to be read for the variables of these names."""
    return not names <= _NEVER_ATTRIBUTES


def variables_of(contact: Person, address: str, names: frozenset[str] | None = None) -> dict[str, str]:
    """The values that {{ variables }} may use for this person, by lower-case name; what is unknown is empty.

    `name` always is the contact's own, and so is `email` in an email and `phone` in a text message; `first_name` is
    the first word of the name unless the contact has an attribute of that name. Of attributes only those `names`,
    or (None) all.
    """
    return _variables(contact.name, contact.attributes or {}, address, names)


def _variables(name: str, attributes: Mapping[str, Any], address: str, names: frozenset[str] | None) -> dict[str, str]:
    name = name.strip()
    values = {"first_name": name.partition(" ")[0]}
    for key, value in attributes.items():
        lowered = key.lower()
        if names is not None and lowered not in names:
            continue
        if text := value if type(value) is str else say_value(value):  # nearly always text: do not ask further
            values[lowered] = text
    values["name"] = name
    if "@" in address:
        values["email"] = address
    elif address.startswith("+"):
        values["phone"] = address
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
