"""Dead letters: deliveries that ended without reaching anybody, and about which a person can do something."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

from app.domain.delivery_states import RETRYABLE, DeliveryState
from app.domain.outcomes import Reason

# Here the address or the person said no: another try would end alike, and what keeps us from it is a suppression or an
# expired target. A bounced delivery always ended so.
HOPELESS = frozenset({
    Reason.INVALID_ADDRESS, Reason.MAILBOX_UNKNOWN, Reason.MAILBOX_DISABLED, Reason.DOMAIN_UNKNOWN,
    Reason.TOKEN_RETIRED, Reason.OPTED_OUT,
})  # fmt: skip

_NO_FAILURE = frozenset({
    Reason.ACCEPTED, Reason.SUPPRESSED, Reason.TARGET_EXPIRED, Reason.DUPLICATE, Reason.CANCELLED,
})  # fmt: skip
CAUSES = tuple(reason for reason in Reason if reason not in HOPELESS | _NO_FAILURE)  # what dead letters die of


def is_dead_letter(state: str, reason: str) -> bool:
    """Whether a delivery that ended like this waits for a person, as long as nobody dismissed it."""
    return state in RETRYABLE and reason not in HOPELESS


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which dead letters of a project are meant; whatever is None or empty means all.

    `provider_pk` 0 means that none carried it. `since` and `until` are the first and the last moment (UTC) at which
    they may have died. `reasons` are several, of which one must fit. `is_wide` means whatever may be tried again, also
    what is no dead letter: dismissed ones, and those whose address or person said no.
    """

    message_pk: int | None = None
    state: str = ""
    reason: str = ""
    provider_pk: int | None = None
    channel: str = ""
    since: datetime | None = None
    until: datetime | None = None
    delivery_pk: int | None = None
    reasons: tuple[str, ...] = ()
    is_wide: bool = False

    @property
    def without_doubts(self) -> "Chosen":
        """The same but for those that may have arrived."""
        return replace(self, state=DeliveryState.FAILED.value)

    def to_json(self) -> dict[str, Any]:
        """What is set, as a row keeps it."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        usual = {field.name: field.default for field in fields(self)}
        return {
            name: value.isoformat() if isinstance(value, datetime) else value
            for name, value in values.items()
            if value != usual[name]
        }

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "Chosen":
        """Back from the row."""
        moments = {name: datetime.fromisoformat(kept[name]) for name in ("since", "until") if name in kept}
        return cls(**{**kept, **moments, "reasons": tuple(kept.get("reasons", ()))})
