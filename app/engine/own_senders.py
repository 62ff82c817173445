"""A message with a sender of its own: how a provider's account writes it, and who is at fault when that is refused."""

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any

from app.domain.outcomes import Outcome, OutcomeKind, Reason
from app.domain.rendered import Extras
from app.providers.base import Account, Envelope, Watch, WatchBehind

Sending = Callable[[Sequence[Envelope], Watch], Coroutine[Any, Any, None]]


def account_for(account: Account, extras: Extras) -> Account:
    """The account as it writes this message: with the message's own sender where it has one, field by field."""
    own = {"fromName": extras.from_name, "fromEmail": extras.from_address}
    given = {name: value for name, value in own.items() if value}
    return replace(account, values={**account.values, **given}) if given else account


def sending_of(send: Sending, extras: Extras) -> Sending:
    """The same sending; for a message with an address of its own, told to a watch that knows whose fault it is."""
    if not extras.from_address:
        return send

    async def send_blamed(envelopes: Sequence[Envelope], watch: Watch) -> None:
        await send(envelopes, _BlamingWatch(watch))

    return send_blamed


class _BlamingWatch(WatchBehind):
    """A watch that takes a refused sender for the message's fault, not for the provider's.

    Otherwise one wrong address that somebody typed would take the provider out of use for all other messages.
    """

    def started(self, indexes: Sequence[int]) -> None:
        self._watch.started(indexes)

    def answered(self, index: int, outcome: Outcome) -> None:
        is_ours = outcome.kind is OutcomeKind.CONFIG_PERMANENT and outcome.reason is Reason.SENDER_REFUSED
        self._watch.answered(index, replace(outcome, kind=OutcomeKind.MESSAGE_PERMANENT) if is_ours else outcome)
