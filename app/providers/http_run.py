"""One batch on its way over HTTP: packed, started, sent with many requests at once, and judged.

Requests that begin in the same turn of the event loop are begun together: the watch is asked once whether they may
start, and writes once that they did. So nothing is announced that does not go out at once, and what a killed worker
leaves in doubt is no more than the requests that were under way.
"""

import asyncio
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

import httpx

from app.domain.outcomes import Outcome, OutcomeKind, Reason
from app.domain.rendered import Prepared
from app.infra.crashes import Crashes, log_trace
from app.infra.http import NOT_SENT, HttpReply, HttpRequest, Unwritable
from app.infra.http_outcomes import outcome_of_failure, outcome_of_status, unreadable, with_allowance
from app.infra.http_pauses import pause
from app.providers.base import Account, Envelope, Watch
from app.providers.http_items import Item, NotAuthorized

if TYPE_CHECKING:
    from app.providers.http import HttpProvider

Numbered = tuple[int, Envelope]  # an envelope and its position in the engine's batch
Refused = tuple[Sequence[int], Outcome]  # positions that do not go, and why


@dataclass(slots=True)
class _Parcel:
    """A group of envelopes as it goes: the items that travel with one request, and what does not go with it.

    `plain` is the request before it was authorized, `signed` after.
    """

    group: Sequence[Numbered]
    items: list[Item]
    refused: list[Refused]
    plain: HttpRequest | None = None
    signed: HttpRequest | None = None


class Run:
    """One batch on its way: several workers draw from it until it is empty, or nothing more may go."""

    def __init__(
        self, provider: "HttpProvider", account: Account, prepared: Prepared[Any], envelopes: Sequence[Envelope],
        watch: Watch,
    ) -> None:  # fmt: skip
        self._provider = provider
        self._account = account
        self._prepared = prepared
        self._envelopes: Iterator[Numbered] = enumerate(envelopes)
        self._watch = watch
        self._begun: deque[_Parcel] = deque()  # the watch knows that they start in this turn of the loop
        self._free = 0  # workers that have nothing under way
        self._drawing = asyncio.Lock()
        self._verdict: Outcome | None = None  # what holds for everything that has not begun
        self._is_over = False  # the service asked to be slower: nothing more begins
        self._is_drawn = False  # there is nothing left that may begin
        self._crashes = Crashes()

    async def work(self) -> None:
        """Carry envelopes until there are none that may start."""
        while (parcel := await self._next()) is not None:
            for refused, outcome in parcel.refused:
                self._answer_all(refused, outcome)
            if not parcel.items:
                continue
            if self._verdict is not None:
                self._answer_all([item.index for item in parcel.items], self._verdict)
            elif parcel.plain is not None and parcel.signed is not None:
                await self._send(parcel.items, parcel.plain, parcel.signed)

    async def _next(self) -> _Parcel | None:
        """A parcel that goes now; None when there is none, or none may start."""
        if not self._begun and not self._is_drawn:
            self._free += 1
            await asyncio.sleep(0)  # whoever else is answered in this turn begins anew together with us
            if not self._begun:
                async with self._drawing:
                    if not self._begun and not self._is_drawn:
                        await self._draw(self._free)
            self._free -= 1
        return self._begun.popleft() if self._begun else None

    async def _draw(self, count: int) -> None:
        """Begin as many requests as there are workers for, and may start."""
        await pause(self._account.key)
        each = self._provider.spec.max_batch
        drawn = list(islice(self._envelopes, count * each))
        if not drawn:
            self._is_drawn = True
            return
        packed = await self._pack([drawn[first : first + each] for first in range(0, len(drawn), each)])
        granted = self._watch.may_start(len(drawn)) if not self._is_over else 0
        if granted < len(drawn):
            # A limit is near, and the next question will say so; or nothing more may go, and the rest stays untouched.
            self._envelopes = chain(drawn[granted:], self._envelopes) if granted else iter(())
            whole, part = divmod(granted, each)
            packed = packed[:whole] + (await self._pack([drawn[granted - part : granted]]) if part else [])
        if parcels := list(chain.from_iterable(packed)):
            self._watch.started([index for parcel in parcels for index, _ in parcel.group])
            self._begun.extend(parcels)

    async def _pack(self, groups: Sequence[Sequence[Numbered]]) -> list[list[_Parcel]]:
        """Groups as requests that are ready to go. Done before anything counts as begun: it may have to sign in.

        A group is one parcel, or several where one envelope spoils the request for the others.
        """
        packed = [self._write(self._render(group)) for group in groups]
        written = [parcel for parcels in packed for parcel in parcels if parcel.plain is not None]
        if self._verdict is None and written:
            try:
                await self._authorize(written)
            except NotAuthorized as error:
                self._verdict = self._provider.scrubbed(self._account, error.outcome)
        return packed

    async def _authorize(self, parcels: Sequence[_Parcel]) -> None:
        """Put into the requests what proves who we are: of one sign-in where it does. Raises NotAuthorized."""
        if self._provider.signs_each:
            for parcel in parcels:
                await self._sign(parcel)
            return
        proof = await self._provider.sign_in(self._account)
        for parcel in parcels:
            if parcel.plain is not None:
                parcel.signed = parcel.plain.with_headers(proof)

    async def _sign(self, parcel: _Parcel) -> None:
        """Sign one request; one that cannot be signed costs its own items."""
        if parcel.plain is None:
            return
        try:
            parcel.signed = await self._provider.authorize(self._account, parcel.plain)
        except NotAuthorized:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the other requests can be signed
            parcel.refused.append(([item.index for item in parcel.items], self._crashes.at(error)))
            parcel.items = []

    def _write(self, parcel: _Parcel) -> list[_Parcel]:
        """A parcel with its request, not authorized yet, or with the outcome of an envelope that has none.

        One envelope for which the request cannot be made is found by halves, and the others go without it.
        """
        if not parcel.items or self._verdict is not None:
            return [parcel]
        try:
            parcel.plain = self._provider.request(self._account, parcel.items)
        except Exception as error:  # noqa: BLE001 - whatever it is, it costs the envelopes it belongs to
            if len(parcel.items) > 1:
                return [each for half in _halves(parcel) for each in self._write(half)]
            parcel.refused.append(([parcel.items[0].index], self._crashes.at(error)))
            parcel.items = []
        return [parcel]

    def _render(self, group: Sequence[Numbered]) -> _Parcel:
        """The items of a group; and the outcomes of what cannot be written or taken."""
        items: list[Item] = []
        refused: list[Refused] = []
        for index, envelope in group:
            try:
                item = Item(index, envelope.key, envelope.recipient, self._prepared.render(envelope.recipient))
                refusal = self._provider.refuse(self._account, item)
            except Exception as error:  # noqa: BLE001 - whatever it is, it costs this one and no other
                refused.append(([index], self._crashes.at(error)))
                continue
            if refusal is None:
                items.append(item)
            else:
                refused.append(([index], refusal))
        return _Parcel(group, items, refused)

    async def _send(self, items: Sequence[Item], plain: HttpRequest, signed: HttpRequest) -> None:
        try:
            reply = await self._provider.ask_signed(self._account, plain, signed)
        except NotAuthorized as error:
            self._settle(items, [error.outcome] * len(items))
        except Unwritable as error:
            self._settle(items, [self._crashes.at(error)] * len(items))
        except httpx.TransportError as error:
            outcome = outcome_of_failure(error)
            if isinstance(error, NOT_SENT):
                self._verdict = outcome
            self._settle(items, [outcome] * len(items))
        except Exception as error:  # noqa: BLE001 - the requests beside it are on the wire, and must be heard
            self._settle(items, [self._crashes.after_sending(error)] * len(items))
        else:
            self._settle(items, with_allowance(self._judge(items, reply), reply.headers))

    def _judge(self, items: Sequence[Item], reply: HttpReply) -> Sequence[Outcome]:
        """What the kind makes of the answer; one of a shape it never met costs its own items, not the batch."""
        try:
            outcomes = self._provider.outcomes(self._account, items, reply)
        except Exception as error:  # noqa: BLE001 - it was sent, and what it came to is said below
            log_trace("The answer of a service cannot be understood", error, kind=self._provider.spec.kind)
            outcomes = []
        if len(outcomes) == len(items):
            return outcomes
        return [outcome_of_status(reply) if not reply.is_good else unreadable(reply)] * len(items)

    def _settle(self, items: Sequence[Item], outcomes: Sequence[Outcome]) -> None:
        for item, outcome in zip(items, outcomes, strict=True):
            told = self._provider.scrubbed(self._account, outcome)
            if _is_about_everybody(told):
                self._verdict = told
            self._answer(item.index, told)

    def _answer_all(self, indexes: Sequence[int], outcome: Outcome) -> None:
        for index in indexes:
            self._answer(index, outcome)

    def _answer(self, index: int, outcome: Outcome) -> None:
        """Tell the watch. What is left after "too fast" is neither sent nor refused: it waits, untouched."""
        self._watch.answered(index, outcome)
        if outcome.kind is OutcomeKind.THROTTLED and _is_about_everybody(outcome):
            self._is_over = True


def _is_about_everybody(outcome: Outcome) -> bool:
    """Whether it says something of the account rather than of one recipient or one message."""
    return outcome.kind is OutcomeKind.CONFIG_PERMANENT or (
        outcome.kind is OutcomeKind.THROTTLED and outcome.reason is Reason.RATE_LIMITED
    )


def _halves(parcel: _Parcel) -> tuple[_Parcel, _Parcel]:
    """The same in two parcels; the positions of both are those of the one, and what is refused goes with the first."""
    middle = parcel.items[len(parcel.items) // 2].index
    first = [each for each in parcel.group if each[0] < middle]
    second = [each for each in parcel.group if each[0] >= middle]
    items = parcel.items
    return (
        _Parcel(first, [item for item in items if item.index < middle], parcel.refused),
        _Parcel(second, [item for item in items if item.index >= middle], []),
    )
