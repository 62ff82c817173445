"""New deliveries: a row in the ledger for each target and each raw address of a message, each address once."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, case, func, insert, literal, select
from sqlalchemy.orm import Session

from app.domain.addresses import MAX_EMAIL, email_key, normalise_email
from app.domain.delivery_states import DeliveryState
from app.domain.outcomes import Reason
from app.domain.storable import is_storable
from app.engine import ledger, routing
from app.models.base import to_milliseconds
from app.models.deliveries import Delivery
from app.models.messages import Message
from app.models.suppressions import Suppression
from app.models.targets import Target

_AT_ONCE = 500  # raw addresses that are looked up with one question


def plan(session: Session, message: Message, targets: Select[int], now: datetime) -> int:
    """Make a delivery for each of these targets that the message has none for; how many are new.

    Expired and suppressed ones become rows too, skipped with their reason.
    """
    newest = session.scalar(select(func.max(Delivery.pk))) or 0  # of all: the message's own would be read one by one
    chosen = targets.subquery()
    blocked = Suppression.pk.is_not(None)
    expired = Target.expired_at.is_not(None)
    moment = to_milliseconds(now)
    # COALESCE keeps SQLite from walking the project's targets and asking of each whether it is among the chosen.
    rows = (
        select(
            literal(message.project_pk), literal(message.pk), Target.pk, Target.contact_pk, Target.address_key,
            Target.channel, routing.wish_of_target(session, message),
            case((expired | blocked, DeliveryState.SKIPPED.value), else_=DeliveryState.QUEUED.value),
            case((blocked, Reason.SUPPRESSED.value), (expired, Reason.TARGET_EXPIRED.value), else_=""),
            *(literal(value) for value in (0, moment, False, "", moment, moment)),
        )
        .join(chosen, chosen.c.target_pk == Target.pk)
        .outerjoin(
            Suppression,
            (Suppression.project_pk == Target.project_pk)
            & (Suppression.channel == Target.channel)
            & (Suppression.address_key == Target.address_key),
        )
        .where(Target.channel == message.channel, func.coalesce(Target.project_pk, 0) == message.project_pk)
        .order_by(Target.address_key)  # a page of random addresses would touch as many leaves of the unique index
    )  # fmt: skip
    columns = [
        "project_pk", "message_pk", "target_pk", "contact_pk", "address", "channel", "wish_pk", "state", "reason",
        "attempts", "next_attempt_at", "was_uncertain", "provider_message_id", "created_at", "updated_at",
    ]  # fmt: skip
    statement = ledger.insert_into(session, Delivery).from_select(columns, rows, include_defaults=False)
    counted = statement.on_conflict_do_nothing(index_elements=["message_pk", "address"])
    made = session.execute(counted, execution_options={"preserve_rowcount": True}).rowcount  # type: ignore[attr-defined]
    skipped = session.scalar(
        select(func.count()).where(
            Delivery.message_pk == message.pk, Delivery.state == DeliveryState.SKIPPED.value, Delivery.pk > newest
        )
    )
    _count(session, message, int(made), skipped or 0, now)
    return int(made)


def plan_addresses(session: Session, message: Message, addresses: Sequence[str], now: datetime) -> int:
    """Make a delivery for each of these email addresses that the message has none for; how many are new.

    They belong to nobody: no target, no contact. A suppressed one and what is no address are skipped with their
    reason. The caller holds the message, so nobody else plans for it meanwhile.
    """
    made = 0
    for start in range(0, len(addresses), _AT_ONCE):
        wanted = dict(_read(text) for text in addresses[start : start + _AT_ONCE])
        rows = list(_rows(session, message, wanted, now))
        if rows:
            session.execute(insert(Delivery), rows)
        made += len(rows)
        skipped = sum(row["state"] == DeliveryState.SKIPPED.value for row in rows)
        _count(session, message, len(rows), skipped, now)
    return made


def _read(text: str) -> tuple[str, bool]:
    """What makes an address the same as another, and whether it is one."""
    address = normalise_email(text)
    if address is not None:
        return email_key(address), True
    return text[:MAX_EMAIL] if is_storable(text) else "", False


def _rows(session: Session, message: Message, wanted: dict[str, bool], now: datetime) -> Iterator[dict[str, Any]]:
    """The rows of those that have none yet."""
    keys = list(wanted)
    mine = select(Delivery.address).where(Delivery.message_pk == message.pk, Delivery.address.in_(keys))
    known = set(session.scalars(mine))
    suppressed = set(
        session.scalars(
            select(Suppression.address_key).where(
                Suppression.project_pk == message.project_pk, Suppression.channel == message.channel,
                Suppression.address_key.in_(keys),
            )
        )
    )  # fmt: skip
    for key, is_address in wanted.items():
        if key in known:
            continue
        reason = Reason.SUPPRESSED if key in suppressed else None if is_address else Reason.INVALID_ADDRESS
        yield {
            "project_pk": message.project_pk, "message_pk": message.pk, "address": key, "channel": message.channel,
            "state": DeliveryState.QUEUED.value if reason is None else DeliveryState.SKIPPED.value,
            "reason": reason.value if reason is not None else "",
            "next_attempt_at": now, "created_at": now, "updated_at": now,
        }  # fmt: skip


def _count(session: Session, message: Message, made: int, skipped: int, now: datetime) -> None:
    moved = {DeliveryState.QUEUED.value: made - skipped, DeliveryState.SKIPPED.value: skipped}
    ledger.add_to_tally(session, message.pk, moved, now, audience=made)
