"""Who gets an email beside its audience: people in copy, and addresses that are nobody's (docs/adr/0013-copies.md)."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Row, func, select

from app.domain.addresses import email_key, normalise_email
from app.domain.channels import COPIED
from app.models.contacts import Contact
from app.models.targets import Target
from app.rendering import Check
from app.services.messages.audience import Audience, Choice, Equation
from app.services.messages.messages import COPIES, KINDS
from app.services.work import Work

MANY = 20  # people, of whom most do not know each other: then Cc tells strangers an address


def chosen(work: Work, channel: str, audience: Audience) -> list[Choice]:
    """Who is in copy, and the plain addresses, in the order of choosing; what vanished is among them, marked."""
    ids = {public_id for kind in ("cc", "bcc") for public_id in audience.get(kind, ())}
    rows = _targets(work, channel, ids) if ids else ()
    known = {public_id: (address, name) for public_id, address, name in rows}
    people = [
        Choice(kind, public_id, *known[public_id])
        if public_id in known
        else Choice(kind, public_id, "deleted address", public_id, is_gone=True)
        for kind in ("cc", "bcc")
        for public_id in audience.get(kind, ())
    ]
    return people + [Choice("emails", each, each) for each in audience.get("emails", ())]


def _targets(work: Work, channel: str, ids: set[str]) -> Sequence[Row[str, str, str]]:
    query = select(Target.id, Target.address, Contact.name).join(Contact, Contact.pk == Target.contact_pk)
    mine = query.where(Target.project_pk == work.project_pk, Target.channel == channel, Target.id.in_(ids))
    return work.session.execute(mine).all()


def offered(work: Work, channel: str, text: str, audience: Audience, found: Sequence[Choice]) -> list[Choice]:
    """What the picker found, with whom it can put in copy; and a typed address that is nobody's here."""
    if channel not in COPIED:
        return list(found)
    places = _places(work, channel, found)
    taken = {public_id for kind in ("cc", "bcc") for public_id in audience.get(kind, ())}
    offers = [replace(each, copy_id=places[each.value]) if _is_free(each, places, taken) else each for each in found]
    return offers + _plain(work, channel, text, audience)


def _is_free(choice: Choice, places: dict[str, str], taken: set[str]) -> bool:
    return choice.value in places and places[choice.value] not in taken


def _places(work: Work, channel: str, found: Sequence[Choice]) -> dict[str, str]:
    """The target that would get the copy, by what the picker found: an address itself, a person's first one."""
    people = [each.id for each in found if each.kind == "contacts"]
    places = {each.value: each.id for each in found if each.kind == "targets"}
    if not people:
        return places
    first = (
        select(func.min(Target.pk))
        .join(Contact, Contact.pk == Target.contact_pk)
        .where(Contact.project_pk == work.project_pk, Contact.id.in_(people), Target.channel == channel)
        .group_by(Target.contact_pk)
    )
    rows = work.session.execute(
        select(Contact.id, Target.id).join(Target, Target.contact_pk == Contact.pk).where(Target.pk.in_(first))
    )
    return places | {f"contacts:{contact_id}": target_id for contact_id, target_id in rows}


def _plain(work: Work, channel: str, text: str, audience: Audience) -> list[Choice]:
    """The typed text where it is an address, nobody's here, and not chosen yet."""
    address = normalise_email(text)
    if address is None or address in audience.get("emails", ()):
        return []
    same = select(Target.pk).where(
        Target.project_pk == work.project_pk, Target.channel == channel, Target.address_key == email_key(address)
    )
    if work.session.scalar(same.limit(1)) is not None:
        return []
    return [Choice("emails", address, address, "no contact has this address")]


def check(audience: Audience, equation: Equation) -> list[Check]:
    """What blocks sending because of copies, and what deserves a look."""
    copies = [kind for kind in COPIES if audience.get(kind)]
    if copies and "emails" not in copies and not any(audience.get(kind) for kind in KINDS):
        sentence = "Only people in copy are chosen. Choose a topic, a person or an address that it is written to."
        return [Check("blocks", "audience", sentence, "audience_only_copies")]
    if "cc" in copies and equation.total > MANY:
        count = len(audience["cc"])
        named = "The address in Cc stands" if count == 1 else f"The {count:,} addresses in Cc stand"
        sentence = f"{named} in all {equation.total:,} emails, for everybody to read. Use Bcc to keep it to yourself."
        return [Check("advises", "audience", sentence, "cc_large")]
    return []
