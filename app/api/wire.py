"""From rows to JSON: the only file that knows the names of the wire (contract, section 8)."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from app.api import wire_content
from app.domain.content import content_of
from app.domain.provider_spec import FieldKind, ProviderSpec

if TYPE_CHECKING:
    from app.models.providers import Provider
    from app.models.suppressions import Suppression
    from app.models.topics import Topic
    from app.services.people.records import SubscriberRecord, TargetRecord
    from app.services.programs.message_records import MessageRecord
    from app.services.tracking.deliveries import Row, Story

MASK = "•" * 8


@lru_cache(maxsize=4096)  # lists draw the same few moments again and again
def date(moment: datetime) -> str:
    """A moment in milliseconds with its offset."""
    return moment.isoformat(timespec="milliseconds")


def date_or_none(moment: datetime | None) -> str | None:
    """A moment, or null."""
    return None if moment is None else date(moment)


def page(key: str, draw: Callable[[Any], dict[str, Any]], rows: Iterable[Any], total: int) -> dict[str, Any]:
    """A list with its total."""
    return {"total": total, key: [draw(row) for row in rows]}


def head(row: Any) -> dict[str, Any]:
    """What every row begins with."""
    return {"$id": row.id, "$createdAt": date(row.created_at), "$updatedAt": date(row.updated_at)}


def topic(row: "Topic") -> dict[str, Any]:
    """A topic (8.2)."""
    return head(row) | {
        "name": row.name, "description": row.description, "emailTotal": row.email_total, "smsTotal": row.sms_total,
        "pushTotal": row.push_total, "subscribe": list(row.subscribe), "qos": None, "expiry": None,
    }  # fmt: skip


def provider(row: "Provider", spec: ProviderSpec, values: Mapping[str, Any], *, is_masked: bool) -> dict[str, Any]:
    """A provider (8.1); its secrets are masked unless the key may write them."""
    parts: dict[str, dict[str, Any]] = {"credentials": {}, "options": {}}
    for field in spec.fields:
        value = values.get(field.name, field.default)
        if value in (None, "") and (field.extra or field.kind in (FieldKind.MAYBE, FieldKind.JSON)):
            continue  # neither yes nor no, and no object: there is nothing to say
        is_hidden = field.secret and is_masked and value not in (None, "")
        shown = "" if (field.name, value) == ("encryption", "none") else value
        parts["credentials" if field.secret else field.section][field.name] = MASK if is_hidden else shown
    return head(row) | {"name": row.name, "provider": row.kind, "enabled": row.enabled, "type": row.channel} | parts


def target(record: "TargetRecord") -> dict[str, Any]:
    """A target (8.3)."""
    row = record.target
    return head(row) | {
        "name": row.name, "userId": record.contact.id, "providerId": record.provider_id, "providerType": row.channel,
        "identifier": row.address, "expired": row.expired_at is not None,
    }  # fmt: skip


def subscriber(record: "SubscriberRecord") -> dict[str, Any]:
    """A subscriber with its target (8.4)."""
    return head(record.subscriber) | {
        "targetId": record.target.target.id, "target": target(record.target), "userId": record.target.contact.id,
        "userName": record.target.contact.name, "topicId": record.topic_id,
        "providerType": record.target.target.channel,
    }  # fmt: skip


def message(record: "MessageRecord") -> dict[str, Any]:
    """A message (8.5)."""
    row = record.message
    audience, channel, drawn = row.audience, row.channel, head(row)
    errors = [f"Failed sending to target {address} with error: {reason}" for address, reason in record.errors]
    if record.had_nobody and row.status == "failed":
        errors = ["No valid recipients found."]
    drawn.update({
        "providerType": channel, "topics": list(audience.get("topics", ())),
        "users": list(audience.get("contacts", ())), "targets": list(audience.get("targets", ())),
        "scheduledAt": date_or_none(row.scheduled_at),
        "deliveredAt": date_or_none(row.settled_at) if record.tried else None, "deliveryErrors": errors,
        "deliveredTotal": record.reached, "status": row.status,
        "data": wire_content.content(content_of(channel, row.content), audience),
    })  # fmt: skip
    return drawn


def suppression(row: "Suppression") -> dict[str, Any]:
    """An address that is never written to; beyond the reference."""
    return head(row) | {
        "identifier": row.address_key, "providerType": row.channel, "reason": row.reason, "source": row.source,
    }  # fmt: skip


def delivery(row: "Row") -> dict[str, Any]:
    """One recipient of a message; beyond the reference."""
    found = row.delivery
    return {
        "$id": str(found.pk), "$createdAt": date(found.created_at), "$updatedAt": date(found.updated_at),
        "messageId": row.message_id, "identifier": found.address, "providerType": found.channel,
        "state": found.state, "reason": found.reason, "attempts": found.attempts, "userName": row.contact_name,
        "providerName": row.provider_name, "providerMessageId": found.provider_message_id,
        "wasUncertain": found.was_uncertain,
        "nextAttemptAt": date(found.next_attempt_at) if row.is_waiting else None,
    }  # fmt: skip


def story(found: "Story") -> dict[str, Any]:
    """One recipient with every attempt; beyond the reference."""
    tries = [
        {
            "number": attempt.number, "startedAt": date(attempt.started_at), "endedAt": date(attempt.ended_at),
            "outcome": attempt.outcome, "reason": attempt.reason, "code": attempt.code, "detail": attempt.detail,
            "providerName": name,
        }
        for attempt, name in found.attempts
    ]  # fmt: skip
    return delivery(found.row) | {"userId": found.contact_id, "history": tries}
