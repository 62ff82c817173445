"""/account/targets: push targets that an app registers for the user who is signed in on that device."""

from typing import Any

from app.api import wire
from app.api.kinds import NEW_ID, UID, text
from app.api.operations import Call, operation
from app.api.params import Param
from app.services.accounts import contact_devices
from app.services.people import records
from app.services.work import Work

_IDENTIFIER = Param("identifier", text(255), required=True)
_FIELDS = {"id": "targetId", "address": "identifier"}


@operation(
    "POST", "/account/targets/push", "targets.write", Param("target_id", NEW_ID, required=True), _IDENTIFIER,
    Param("provider_id", UID, ""), status=201, fields=_FIELDS, model="Target",
)  # fmt: skip
def create_push_target(work: Work, call: Call) -> dict[str, Any]:
    """Register this device for push; it is forgotten when the session ends."""
    made = contact_devices.register(
        work, call.identifier, target_id=call.target_id, provider_id=call.provider_id, session_pk=call.session_pk
    )
    return wire.target(records.of_targets(work, [made])[0])


@operation(
    "PUT", "/account/targets/{targetId}/push", "targets.write", _IDENTIFIER, fields=_FIELDS, model="Target"
)  # fmt: skip
def update_push_target(work: Work, call: Call) -> dict[str, Any]:
    """Give a device its new token; an expired one is current again."""
    changed = contact_devices.change(work, call.target_id, call.identifier)
    return wire.target(records.of_targets(work, [changed])[0])


@operation("DELETE", "/account/targets/{targetId}/push", "targets.write")
def delete_push_target(work: Work, call: Call) -> None:
    """Forget a device, with its subscriptions."""
    contact_devices.remove(work, call.target_id)
