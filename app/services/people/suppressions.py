"""Suppressions: addresses that must not be contacted, why, and how that is lifted."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.domain.addresses import mask
from app.domain.errors import Conflict, Invalid
from app.domain.ids import CUSTOM_ID_RULE, is_custom_id
from app.models.suppressions import Suppression
from app.models.targets import Target
from app.services.lists.listing import Cursor, Page, page_of
from app.services.people.targets import read_address, search_key
from app.services.work import Work

REASONS: Mapping[str, str] = {
    "unsubscribed": "Unsubscribed",
    "hard_bounce": "Address does not exist",
    "soft_bounce": "Could not be reached again and again",
    "complaint": "Complained about spam",
    "by_hand": "Added by hand",
}
TAKEN = "suppression_already_exists"
LONGEST_SOURCE = 255
FEW = 2_000  # rows that may be named one by one, so that a long list need not be walked through
LAST_SIGN = "\U0010ffff"  # sorts behind whatever can stand in an address


@dataclass(frozen=True, slots=True)
class SuppressionFilter:
    """What a list shows: addresses that begin with `search`, of one channel, for one reason; empty means any."""

    search: str = ""
    channel: str = ""
    reason: str = ""


def list_suppressions(work: Work, wanted: SuppressionFilter, cursor: Cursor) -> Page[Suppression]:
    """Suppressed addresses, newest first."""
    work.require("suppressions.read")
    query = select(Suppression).where(Suppression.project_pk == work.project_pk)
    if wanted.search.strip():
        key = search_key(wanted.search)
        channels = [wanted.channel] if wanted.channel else ["email", "sms", "push"]
        begins = (
            Suppression.channel.in_(channels), Suppression.address_key >= key, Suppression.address_key < key + LAST_SIGN
        )  # fmt: skip
        few = select(Suppression.pk).where(Suppression.project_pk == work.project_pk, *begins).limit(FEW + 1)
        pks = list(work.session.scalars(few))
        query = query.where(Suppression.pk.in_(pks)) if len(pks) <= FEW else query.where(*begins)
    elif wanted.channel:
        query = query.where(Suppression.channel == wanted.channel)
    if wanted.reason:
        query = query.where(Suppression.reason == wanted.reason)
    return page_of(work.session, query, Suppression.pk, cursor)


def suppress(
    work: Work, channel: str, address_key: str, reason: str, source: str, *, is_demo: bool = False
) -> Suppression:
    """Make sure that this address is not contacted on that channel; an earlier suppression stays as it is.

    For the machine (receipts, unsubscribe pages) as well as for people; `source` says in words where it came from.
    """
    found = find_by_address(work, channel, address_key)
    if found is not None:
        return found
    try:
        with work.session.begin_nested():
            return _add(work, channel=channel, address_key=address_key, reason=reason, source=source, is_demo=is_demo)
    except IntegrityError:  # somebody else did so at this very moment, which is as good
        found = find_by_address(work, channel, address_key)
        if found is None:
            raise
        return found


def _add(work: Work, *, source: str, suppression_id: str = "", **facts: Any) -> Suppression:
    row = Suppression(
        id=suppression_id or work.unique_id(), project_pk=work.project_pk, source=source[:LONGEST_SOURCE], **facts,
        **work.stamp(),
    )  # fmt: skip
    work.session.add(row)
    work.session.flush()
    work.audit("suppression.create", f"suppression/{row.id}", channel=row.channel, reason=row.reason, source=row.source)
    return row


def add_suppression(work: Work, channel: str, address: str, reason: str, *, suppression_id: str = "") -> Suppression:
    """Suppress an address by hand. Invalid by field; Conflict when it is suppressed already, or the id is in use."""
    work.require("suppressions.write")
    if reason not in REASONS:
        raise Invalid({"reason": [f"Reason is one of {', '.join(REASONS.values())}."]})
    key = read_address(channel, address).key
    found = find_by_address(work, channel, key)
    if found is not None:
        sentence = f"{address.strip()} is suppressed already ({REASONS.get(found.reason, found.reason).lower()})."
        raise Conflict(sentence, type=TAKEN, fields={"address": [sentence]})
    _refuse_taken_id(work, suppression_id)
    source = f"Added by {work.actor.name}"
    return _add(work, source=source, suppression_id=suppression_id, channel=channel, address_key=key, reason=reason)


def _refuse_taken_id(work: Work, suppression_id: str) -> None:
    if suppression_id and not is_custom_id(suppression_id):
        raise Invalid({"id": [f"Suppression id cannot be that. {CUSTOM_ID_RULE}"]})
    taken = select(Suppression.pk).where(Suppression.project_pk == work.project_pk, Suppression.id == suppression_id)
    if suppression_id and work.session.scalar(taken) is not None:
        sentence = f"A suppression with the id {suppression_id} exists already; choose another id."
        raise Conflict(sentence, type=TAKEN, fields={"id": [sentence]})


def lift(work: Work, suppression_id: str) -> Suppression:
    """Let the address be contacted again; the trail keeps who did it and what the reason was."""
    work.require("suppressions.write")
    row = find_suppression(work, suppression_id)
    work.session.delete(row)
    whose = select(Target.id).where(
        Target.project_pk == work.project_pk, Target.channel == row.channel, Target.address_key == row.address_key
    )
    target_id = work.session.scalar(whose)
    work.audit(
        "suppression.lift", f"suppression/{row.id}", channel=row.channel, reason=row.reason,
        address=mask(row.address_key), **({"target": target_id} if target_id else {}),
    )  # fmt: skip
    return row


def find_suppression(work: Work, suppression_id: str) -> Suppression:
    """The suppression with that id; NotFound when it was lifted."""
    work.require("suppressions.read")
    row: Suppression = work.find(Suppression, suppression_id, noun="suppression", type="suppression_not_found")
    return row


def suppressed_reason(work: Work, channel: str, address_key: str) -> str | None:
    """Why this address must not be contacted on that channel; None when it may be."""
    found = find_by_address(work, channel, address_key)
    return found.reason if found else None


def find_by_address(work: Work, channel: str, address_key: str) -> Suppression | None:
    """The suppression of that address on that channel; None when there is none."""
    return work.session.scalar(
        select(Suppression).where(
            Suppression.project_pk == work.project_pk,
            Suppression.channel == channel,
            Suppression.address_key == address_key,
        )
    )
