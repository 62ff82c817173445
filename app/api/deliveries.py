"""/messaging/messages/{messageId}/deliveries: what became of every recipient; beyond the reference."""

from typing import Any

from app.api import wire
from app.api.kinds import BOOL, UID, choice, list_of, text, whole
from app.api.operations import Call, operation
from app.api.params import Param, Refused
from app.domain.delivery_states import DeliveryState
from app.domain.errors import NotFound
from app.domain.outcomes import Reason
from app.services.lists.listing import Cursor
from app.services.messages import messages
from app.services.programs import message_records
from app.services.tracking import dead_letter_orders, deliveries
from app.services.work import Work

_REASON = choice(*(reason.value for reason in Reason))


def _read_reason(value: Any) -> str:
    if not isinstance(value, str):
        raise Refused("Value must hold reason codes.")
    return str(_REASON.read(value))


@operation(
    "GET", "/messaging/messages/{messageId}/deliveries", "deliveries.read", Param("search", text(320), ""),
    Param("state", choice(*(state.value for state in DeliveryState)), ""), Param("reason", _REASON, ""),
    Param("provider_id", UID, ""), Param("limit", whole(1, 500), 25), Param("cursor", whole(1, 2**31 - 1)),
    model="DeliveryList",
)  # fmt: skip
def list_deliveries(work: Work, call: Call) -> dict[str, Any]:
    """List the recipients of a message; `next` is the cursor of the page that follows, or null."""
    message = messages.find(work, call.message_id)
    wanted = deliveries.Filter(call.search, call.state, call.reason, provider_id=call.provider_id)
    page = deliveries.recipients_of(work, message, wanted, Cursor(after=call.cursor), size=call.limit)
    tally = deliveries.tallies_of(work, [message.pk]).get(message.pk)
    total = tally.audience if tally is not None else 0
    return wire.page("deliveries", wire.delivery, page.items, total) | {"next": page.older}


@operation(
    "GET", "/messaging/messages/{messageId}/deliveries/{deliveryId}", "deliveries.read",
    Param("delivery_id", whole(1, 2**31 - 1), required=True), model="DeliveryStory",
)  # fmt: skip
def get_delivery(work: Work, call: Call) -> dict[str, Any]:
    """Get one recipient of a message with every attempt."""
    message = messages.find(work, call.message_id)
    found = deliveries.story_of(work, call.delivery_id)
    if found.message.pk != message.pk:
        raise NotFound("This delivery does not exist in this message.")
    return wire.story(found)


@operation(
    "POST", "/messaging/messages/{messageId}/retry", "deliveries.write",
    Param("reasons", list_of(_read_reason, 100, {"type": "string"}), ()), Param("uncertain", BOOL, False),
    model="Message",
)  # fmt: skip
def retry_message(work: Work, call: Call) -> dict[str, Any]:
    """Try the failed recipients again, or the uncertain ones; refused for a message that was cancelled."""
    dead_letter_orders.retry(work, call.message_id, reasons=call.reasons, uncertain=call.uncertain)
    return wire.message(message_records.find_message(work, call.message_id))
