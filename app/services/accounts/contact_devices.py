"""Devices: push targets that a contact registers itself, in its session, and that go when the session ends."""

from app.domain.channels import DEVICES, Channel
from app.domain.errors import NotFound
from app.models.contacts import Contact
from app.models.targets import Target
from app.services.accounts.contact_accounts import enable, me
from app.services.accounts.user_agents import describe
from app.services.people import targets
from app.services.work import Work


def register(
    work: Work, token: str, *, target_id: str = "", provider_id: str = "", session_pk: int | None = None
) -> Target:
    """Give whoever is signed in a push target for the device that asks. Conflict when the token is known already.

    An unknown provider binds it to none.
    """
    contact, able = me(work), enable(work)
    address = targets.read_address(Channel.PUSH, token)
    made = targets.add_target(able, contact, address, name=_device_name(work), target_id=target_id)
    made.session_pk = session_pk
    if provider_id:
        targets.bind_target(able, made, provider_id, is_lenient=True)
    return made


def change(work: Work, target_id: str, token: str) -> Target:
    """Give a push target of whoever is signed in another token; it is current again, and named after the device."""
    found = _mine(work, me(work), target_id)
    changed = targets.update_target(enable(work), found.id, token, name=_device_name(work))
    changed.expired_at = None
    return changed


def remove(work: Work, target_id: str) -> None:
    """Take a push target of whoever is signed in away, with its subscriptions."""
    targets.remove_target(enable(work), _mine(work, me(work), target_id).id)


def _mine(work: Work, contact: Contact, target_id: str) -> Target:
    """The push target with that id; NotFound for another user's, and for an address that is no device's."""
    found = targets.find_target(enable(work), target_id)
    if found.contact_pk != contact.pk or found.channel not in DEVICES:
        raise NotFound("This target does not exist, or is not a push target of yours.", type="user_target_not_found")
    return found


def _device_name(work: Work) -> str:
    """Brand and model as far as the request tells them."""
    device = describe(work.actor.user_agent)
    return f"{device.device_brand} {device.device_model}".strip()[: targets.LONGEST_NAME]
