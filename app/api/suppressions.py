"""/messaging/suppressions: addresses that are never written to; beyond the reference."""

from typing import Any

from app.api import wire
from app.api.kinds import NEW_ID, choice, text
from app.api.lists import QUERY, SEARCH, SUPPRESSIONS, TOTAL, wish
from app.api.operations import Call, operation
from app.api.params import Param
from app.domain.addresses import MAX_TOKEN
from app.domain.channels import Channel
from app.services.people import suppressions
from app.services.programs import shelves
from app.services.work import Work


@operation(
    "POST", "/messaging/suppressions", "suppressions.write", Param("suppression_id", NEW_ID, required=True),
    Param("provider_type", choice(*(each.value for each in Channel)), required=True),
    Param("identifier", text(MAX_TOKEN), required=True), Param("reason", choice(*suppressions.REASONS), "by_hand"),
    status=201,
    fields={"id": "suppressionId", "channel": "providerType", "address": "identifier"}, model="Suppression",
)  # fmt: skip
def create_suppression(work: Work, call: Call) -> dict[str, Any]:
    """Never write to an address again on that channel, until it is lifted."""
    made = suppressions.add_suppression(
        work, call.provider_type, call.identifier, call.reason, suppression_id=call.suppression_id
    )
    return wire.suppression(made)


@operation(
    "GET", "/messaging/suppressions", "suppressions.read", QUERY, SEARCH, TOTAL, model="SuppressionList"
)  # fmt: skip
def list_suppressions(work: Work, call: Call) -> dict[str, Any]:
    """List the addresses that are never written to."""
    found = shelves.list_suppressions(work, wish(call, SUPPRESSIONS))
    return wire.page("suppressions", wire.suppression, found.rows, found.total)


@operation("GET", "/messaging/suppressions/{suppressionId}", "suppressions.read", model="Suppression")
def get_suppression(work: Work, call: Call) -> dict[str, Any]:
    """Get a suppression: which address, why, and where it came from."""
    return wire.suppression(suppressions.find_suppression(work, call.suppression_id))


@operation("DELETE", "/messaging/suppressions/{suppressionId}", "suppressions.write")
def delete_suppression(work: Work, call: Call) -> None:
    """Lift a suppression: the address may be written to again."""
    suppressions.lift(work, call.suppression_id)
