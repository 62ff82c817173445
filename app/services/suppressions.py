"""Suppressions: addresses that must not be contacted, why, and how that is lifted."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import select

from app.domain.errors import Conflict, Invalid
from app.models.suppressions import Suppression
from app.services.listing import Cursor, Page, page_of
from app.services.targets import read_address, search_key
from app.services.work import Work

REASONS: Mapping[str, str] = {
    "unsubscribed": "Unsubscribed",
    "hard_bounce": "Address does not exist",
    "complaint": "Complained about spam",
    "by_hand": "Added by hand",
}
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
    found = _find(work, channel, address_key)
    if found is not None:
        return found
    row = Suppression(
        id=work.unique_id(), project_pk=work.project_pk, channel=channel, address_key=address_key, reason=reason,
        source=source[:255], is_demo=is_demo, **work.stamp(),
    )  # fmt: skip
    work.session.add(row)
    work.session.flush()
    work.audit("suppression.create", f"suppression/{row.id}", channel=channel, reason=reason, source=source[:255])
    return row


def add_suppression(work: Work, channel: str, address: str, reason: str) -> Suppression:
    """Suppress an address by hand. Invalid by field; Conflict when it is suppressed already."""
    work.require("suppressions.write")
    if reason not in REASONS:
        raise Invalid({"reason": [f"Reason is one of {', '.join(REASONS.values())}."]})
    key = read_address(channel, address).key
    found = _find(work, channel, key)
    if found is not None:
        sentence = f"{address.strip()} is suppressed already ({REASONS.get(found.reason, found.reason).lower()})."
        raise Conflict(sentence, fields={"address": [sentence]})
    return suppress(work, channel, key, reason, f"Added by {work.actor.name}")


def lift(work: Work, suppression_id: str) -> Suppression:
    """Let the address be contacted again; the trail keeps who did it and what the reason was."""
    work.require("suppressions.write")
    row = find_suppression(work, suppression_id)
    work.session.delete(row)
    work.audit(
        "suppression.lift", f"suppression/{row.id}", channel=row.channel, reason=row.reason, address=row.address_key
    )
    return row


def find_suppression(work: Work, suppression_id: str) -> Suppression:
    """The suppression with that id; NotFound when it was lifted."""
    work.require("suppressions.read")
    row: Suppression = work.find(Suppression, suppression_id, noun="suppression")
    return row


def suppressed_reason(work: Work, channel: str, address_key: str) -> str | None:
    """Why this address must not be contacted on that channel; None when it may be."""
    found = _find(work, channel, address_key)
    return found.reason if found else None


def suppressed_reasons(work: Work, channel: str, address_keys: Iterable[str]) -> dict[str, str]:
    """Those of these addresses (some hundreds at most) that are suppressed, each with its reason."""
    rows = work.session.execute(
        select(Suppression.address_key, Suppression.reason).where(
            Suppression.project_pk == work.project_pk,
            Suppression.channel == channel,
            Suppression.address_key.in_(list(address_keys)),
        )
    )
    return {row.address_key: row.reason for row in rows}


def _find(work: Work, channel: str, address_key: str) -> Suppression | None:
    return work.session.scalar(
        select(Suppression).where(
            Suppression.project_pk == work.project_pk,
            Suppression.channel == channel,
            Suppression.address_key == address_key,
        )
    )
