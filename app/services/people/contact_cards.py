"""A contact's main addresses as programs see them: one email and one phone number, each the first of its channel."""

from collections.abc import Mapping

from sqlalchemy import select

from app.domain.errors import Conflict, NotFound
from app.models.contacts import Contact
from app.models.targets import Target
from app.services.people import targets
from app.services.people.contacts import find_contact
from app.services.work import Work


def refuse_known(work: Work, addresses: Mapping[str, str]) -> None:
    """Conflict when one of these addresses (by channel; empty ones aside) is somebody's already."""
    for channel, text in addresses.items():
        if text and targets.owner_of(work, targets.read_address(channel, text)) is not None:
            raise Conflict(f"{text} belongs to another user already.", type="user_already_exists")


def set_address(work: Work, contact_id: str, channel: str, text: str) -> Contact:
    """Correct the main address of a channel, add it when there is none, or take it away (empty).

    Conflict when any target has that address, the contact's own included, as the REST contract has it.
    """
    work.require("contacts.write")
    contact = find_contact(work, contact_id)
    mine = select(Target).where(Target.contact_pk == contact.pk, Target.channel == channel)
    target = work.session.scalar(mine.order_by(Target.pk).limit(1))
    if not text:
        if target is not None:
            targets.remove_target(work, target.id)
        return contact
    address = targets.read_address(channel, text)
    targets.refuse_taken(work, address)
    if target is None:
        targets.add_target(work, contact, address)
    else:
        targets.update_target(work, target.id, text, name=target.name)
    contact.updated_at = work.now
    return contact


def find_target(work: Work, contact_id: str, target_id: str) -> Target:
    """A target of that contact; NotFound when either is missing, or it is somebody else's."""
    contact = find_contact(work, contact_id)
    target = targets.find_target(work, target_id)
    if target.contact_pk != contact.pk:
        raise NotFound("This target does not exist, or is another user's.", type="user_target_not_found")
    return target
