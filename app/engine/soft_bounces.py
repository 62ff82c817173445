"""Reads the ledger for addresses that failed softly too often; the rule is `domain.soft_bounces`."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from app.domain.outcomes import Reason
from app.domain.soft_bounces import ENOUGH, SUPPRESSED_AS, WHY, WITHIN
from app.models.deliveries import Delivery

_SOFT = or_(
    Delivery.reason == Reason.MAILBOX_FULL.value,
    and_(Delivery.reason == Reason.UNREACHABLE.value, Delivery.provider_message_id != ""),
)


def worn_out(
    session: Session, place: tuple[int, str], addresses: Collection[str], now: datetime
) -> list[Mapping[str, Any]]:
    """Of these addresses, which have just failed softly, those that did so too often, as columns of a suppression.

    `place` is the number of their project and the channel. Asked after the deliveries were written.
    """
    if not addresses:
        return []
    project_pk, channel = place
    found = session.scalars(
        select(Delivery.address)
        .where(Delivery.project_pk == project_pk, Delivery.address.in_(sorted(addresses)), Delivery.channel == channel)
        .where(Delivery.state == "failed", _SOFT, Delivery.updated_at > now - WITHIN)
        .group_by(Delivery.address)
        .having(func.count() >= ENOUGH)
    )
    columns = {"project_pk": project_pk, "channel": channel, "reason": SUPPRESSED_AS, "source": WHY}
    return [columns | {"address_key": address} for address in found]
