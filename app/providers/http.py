"""The kit for services spoken to over HTTP: a kind gives a spec and two pure translations, the rest is here.

What a kind writes, in `app/providers/<kind>.py`:

    class Acme(HttpProvider):
        spec = ProviderSpec(kind="acme", …, max_batch=1)
        in_flight = 20                    # requests of one batch on the wire at once
        http2 = False                     # True: HTTP/2 (also to an http:// endpoint, with prior knowledge)

        def home(self, values): return "https://api.acme.example/v1"      # the default base URL, without a last slash
        def request(self, account, items): return HttpRequest.json("/send", …)          # ours → theirs, pure
        def outcomes(self, account, items, reply): return [accepted(…)]                  # theirs → ours, pure
        def probe(self, account): return HttpRequest("GET", "/account")   # what Test connection asks; sends nothing

    PROVIDER = Acme()

`request` and `outcomes` see at most `spec.max_batch` items; `outcomes` answers one for each, in their order. What needs
more: `refuse` (what this service can never take, too large for example), `authorize` (OAuth and signatures over the
whole request; `account.tokens` keeps tokens), `wants_new_token`, `findings`, `look_further`, `check`, `receipts`.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from itertools import chain, islice
from typing import Any, ClassVar

import httpx

from app.domain.outcomes import Outcome, OutcomeKind, Reason
from app.domain.provider_checks import check_fields
from app.domain.provider_spec import ProviderSpec
from app.domain.rendered import Prepared, Recipient
from app.infra.http import NOT_SENT, PATIENCE, HttpReply, HttpRequest, exchange
from app.infra.http_outcomes import outcome_of_failure, outcome_of_status, unreadable, wait_asked_for, with_allowance
from app.infra.http_pauses import note_pause, pause
from app.providers.afterwards import Afterwards
from app.providers.base import Account, Envelope, Finding, Watch

__all__ = [
    "Ask", "HttpProvider", "HttpReply", "HttpRequest", "Item", "NotAuthorized", "batch_key", "outcome_of_failure",
    "outcome_of_status", "refuse_beyond_ascii", "refuse_large", "unreadable", "wait_asked_for",
]  # fmt: skip

log = logging.getLogger(__name__)

Ask = Callable[[HttpRequest], Awaitable[HttpReply]]

VERIFY_PATIENCE = 10.0  # seconds: somebody looks at a spinner meanwhile
SHORTEST_SECRET = 6  # characters; taking shorter ones out of an answer would tear words apart


@dataclass(frozen=True, slots=True)
class Item:
    """One envelope, rendered: `index` is its position in the engine's batch, `key` the delivery key to send along."""

    index: int
    key: str
    recipient: Recipient
    rendered: Any


class NotAuthorized(Exception):
    """No token could be had; the outcome says what that means for what was to be sent."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.detail)
        self.outcome = outcome


def batch_key(items: Sequence[Item]) -> str:
    """One key for a request that carries several envelopes: the same for the same ones in the same order."""
    if len(items) == 1:
        return items[0].key
    return sha256("\n".join(item.key for item in items).encode()).hexdigest()[:40]


def in_base64(size: int) -> int:
    """How many characters these bytes take in JSON."""
    return -(-size // 3) * 4


def refuse_large(item: Item, service: str, largest: int, encoded: Callable[[int], int] = in_base64) -> Outcome | None:
    """Why an email is not handed over that has more bytes with its files, as they travel, than the service takes."""
    email = item.rendered
    size = sum(encoded(len(each.content)) for each in email.extras.attachments)
    size += len(email.html.encode()) + len(email.text.encode())
    if size <= largest:
        return None
    words = f"The email has {size / 1e6:,.0f} MB with its files; {service} takes {largest / 1e6:,.0f} MB."
    return Outcome(OutcomeKind.MESSAGE_PERMANENT, Reason.TOO_LARGE, words)


def refuse_beyond_ascii(item: Item, service: str) -> Outcome | None:
    """Why an address is not written to that this service cannot spell (RFC 6531); others may."""
    if item.recipient.address.rpartition("@")[0].isascii():
        return None
    words = f"{service} takes only ASCII before the @ of an address."
    return Outcome(OutcomeKind.RECIPIENT_PERMANENT, Reason.ADDRESS_NEEDS_SMTPUTF8, words)


class Translations:
    """What a kind writes, ours to theirs and theirs to ours; all but `spec`, `home` and `request` have a default."""

    spec: ClassVar[ProviderSpec]
    in_flight: ClassVar[int] = 20
    http2: ClassVar[bool] = False
    patience: ClassVar[float] = PATIENCE

    def home(self, values: Mapping[str, Any]) -> str:
        """The service's own base URL with these settings, without a slash at its end."""
        raise NotImplementedError

    def request(self, account: Account, items: Sequence[Item]) -> HttpRequest:
        """The request that hands these items over; its path is relative to the base URL. Pure.

        ValueError, whose sentence becomes the outcome's detail, for what this service has no words for.
        """
        raise NotImplementedError

    def outcomes(self, account: Account, items: Sequence[Item], reply: HttpReply) -> list[Outcome]:
        """What became of each item, in their order. Pure; by default the status decides for all."""
        return [outcome_of_status(reply)] * len(items)

    def refuse(self, account: Account, item: Item) -> Outcome | None:
        """Why this item cannot be handed to this service at all; None when it can. Pure."""
        return None

    async def authorize(self, account: Account, request: HttpRequest, *, refused: str = "") -> HttpRequest:
        """The request with what proves who we are, when that needs a token or covers the whole request.

        `refused` is the authorization header that the service has just turned down. Raises NotAuthorized.
        """
        return request

    def wants_new_token(self, reply: HttpReply) -> bool:
        """Whether the service turned the token down and nothing else, so that a fresh one helps."""
        return False

    def probe(self, account: Account) -> HttpRequest | None:
        """A request that proves the settings right and sends nothing; None when the service has none."""
        return None

    def findings(self, account: Account, reply: HttpReply) -> list[Finding]:
        """What the answer to the probe says, in words. By default the status decides."""
        if reply.is_good:
            return [Finding(True, f"{self.spec.label} knows these credentials.")]
        outcome = self.scrubbed(account, outcome_of_status(reply))
        return [Finding(False, _VERDICTS.get(outcome.kind, "The service answered with an error."), outcome.answer)]

    def check(self, values: Mapping[str, Any]) -> dict[str, list[str]]:
        """What cannot work in these settings, by field, without asking the network."""
        return check_fields(self.spec, values)

    def scrubbed(self, account: Account, outcome: Outcome) -> Outcome:
        """The outcome in one line and without secrets, should the service have quoted them."""
        detail = _veil(self.spec, account, outcome.detail)
        return outcome if detail == outcome.detail else replace(outcome, detail=detail)


class HttpProvider(Translations, Afterwards):
    """A kind of service that is spoken to over HTTP. Stateless; connections belong to the running event loop."""

    def base_url(self, account: Account) -> str:
        """Where this account is spoken to: the operator's endpoint with its path, else the service's own address."""
        return (account.endpoint or self.home(account.values)).rstrip("/")

    async def send(
        self, account: Account, prepared: Prepared[Any], envelopes: Sequence[Envelope], watch: Watch
    ) -> None:
        """Hand over the envelopes, `spec.max_batch` a request and `in_flight` requests at once; see `Provider.send`.

        What the service says of the whole account (wrong settings, not to be reached) holds for the rest of the batch
        too: it is answered alike without another request. "Too fast" ends the batch, and the rest stays untouched.
        """
        run = _Run(self, account, prepared, enumerate(envelopes), watch)
        count = min(self.in_flight, -(-len(envelopes) // self.spec.max_batch), watch.at_once or self.in_flight)
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(count):
                    group.create_task(run.work())
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from None

    async def verify(self, account: Account) -> list[Finding]:
        """Ask the service about the account; nothing is sent to anybody."""
        try:
            found = await self._look(account)
        except (ValueError, LookupError, TypeError, AttributeError):
            log.exception("What %s says of an account cannot be understood", self.spec.kind)
            found = [Finding(False, f"The address answers, but not as {self.spec.label} does.")]
        return [replace(finding, detail=_veil(self.spec, account, finding.detail)) for finding in found]

    async def _look(self, account: Account) -> list[Finding]:
        request = self.probe(account)
        if request is None:
            return [Finding(False, f"{self.spec.label} answers only when something is sent. Send a test to see.")]
        try:
            reply = await self.ask(account, request, patience=VERIFY_PATIENCE)
        except NotAuthorized as error:
            outcome = self.scrubbed(account, error.outcome)
            return [Finding(False, _VERDICTS.get(outcome.kind, "The sign-in failed."), outcome.answer)]
        except httpx.TransportError as error:
            return [Finding(False, f"{self.spec.label} cannot be reached.", outcome_of_failure(error).detail)]
        found = self.findings(account, reply)
        if not all(finding.works for finding in found):
            return found
        try:
            return [*found, *await self.look_further(account, partial(self.ask, account, patience=VERIFY_PATIENCE))]
        except (httpx.TransportError, NotAuthorized) as error:
            words = f"{self.spec.label} stopped answering when it was asked about the sender."
            return [*found, Finding(True, words, type(error).__name__, doubt=True)]

    async def look_further(self, account: Account, ask: Ask) -> list[Finding]:
        """What the account can be asked once the probe went well: its sender, its quota. `ask` sends one question.

        A question that this key may not ask is a doubt, not a fault: whoever may only send can send.
        """
        return []

    async def ask_for_receipts(self, account: Account) -> bool:
        """Ask for receipts over the service's own API; see `Provider.ask_for_receipts`."""
        replies = [await self.ask(account, request) for request in self.receipts_requests(account)]
        return all(reply.is_good for reply in replies)

    async def ask(self, account: Account, request: HttpRequest, *, patience: float | None = None) -> HttpReply:
        """Authorize, ask, and once more with a fresh token when only that was wrong. Raises as `exchange` does."""
        await pause(account.key)
        return await self.ask_signed(account, request, await self.authorize(account, request), patience=patience)

    async def ask_signed(
        self, account: Account, request: HttpRequest, signed: HttpRequest, *, patience: float | None = None
    ) -> HttpReply:
        """The same with a request that is authorized already; `request` is what it was before that."""
        base, patience = self.base_url(account), self.patience if patience is None else patience
        reply = await exchange(base, signed, http2=self.http2, patience=patience)
        if self.wants_new_token(reply):
            signed = await self.authorize(account, request, refused=signed.headers.get("authorization", ""))
            reply = await exchange(base, signed, http2=self.http2, patience=patience)
        note_pause(account.key, reply)
        return reply


def _veil(spec: ProviderSpec, account: Account, text: str) -> str:
    """What a service said, in one line and without this account's secrets."""
    text = " ".join(text.split())
    for field in spec.fields:
        secret = account.values.get(field.name) if field.secret else None
        if isinstance(secret, str) and len(secret) >= SHORTEST_SECRET:
            text = text.replace(secret, "…")
    return text


_VERDICTS = {
    OutcomeKind.CONFIG_PERMANENT: "The service refuses these settings.",
    OutcomeKind.THROTTLED: "The service asks to wait before the next try.",
    OutcomeKind.TRANSIENT: "The service has trouble at the moment.",
}


class _Run:
    """One batch on its way: several workers draw from it until it is empty, or nothing more may go."""

    def __init__(
        self, provider: HttpProvider, account: Account, prepared: Prepared[Any],
        envelopes: Iterator[tuple[int, Envelope]], watch: Watch,
    ) -> None:  # fmt: skip
        self._provider = provider
        self._account = account
        self._prepared = prepared
        self._envelopes = envelopes
        self._watch = watch
        self._verdict: Outcome | None = None  # what holds for everything that has not begun
        self._is_over = False  # the service asked to be slower: nothing more begins

    async def work(self) -> None:
        """Carry envelopes until there are none that may start."""
        while group := list(islice(self._envelopes, self._provider.spec.max_batch)):
            await pause(self._account.key)
            parcel = await self._pack(group)  # before anything counts as begun: it may have to ask for a token
            granted = 0 if self._is_over else self._watch.may_start(len(group))
            if not granted:
                self._envelopes = iter(())
                return
            if granted < len(group):
                self._envelopes = chain(group[granted:], self._envelopes)
                parcel = await self._pack(group[:granted])
            await self._carry(parcel)

    async def _pack(self, group: Sequence[tuple[int, Envelope]]) -> "_Parcel":
        """A group as a request that is ready to go, with the outcomes of what does not go with it."""
        items, refused = self._render(group)
        if self._verdict is None and items:
            try:
                request = self._provider.request(self._account, items)
                signed = await self._provider.authorize(self._account, request)
                return _Parcel(items, refused, (request, signed))
            except ValueError as error:
                return _Parcel([], [*refused, ([item.index for item in items], _unwritable(error))])
            except NotAuthorized as error:
                self._verdict = self._provider.scrubbed(self._account, error.outcome)
        if self._verdict is not None and items:
            refused.append(([item.index for item in items], self._verdict))
        return _Parcel([], refused)

    def _render(self, group: Sequence[tuple[int, Envelope]]) -> tuple[list[Item], list[tuple[list[int], Outcome]]]:
        """The items of a group; and the outcomes of what cannot be written or taken."""
        items: list[Item] = []
        refused: list[tuple[list[int], Outcome]] = []
        for index, envelope in group:
            try:
                rendered = self._prepared.render(envelope.recipient)
            except ValueError as error:
                refused.append(([index], _unwritable(error)))
                continue
            item = Item(index, envelope.key, envelope.recipient, rendered)
            refusal = self._provider.refuse(self._account, item)
            if refusal is None:
                items.append(item)
            else:
                refused.append(([index], refusal))
        return items, refused

    async def _carry(self, parcel: "_Parcel") -> None:
        indexes = [item.index for item in parcel.items]
        for refused, outcome in parcel.refused:
            self._answer_unsent(refused, outcome)
        if parcel.ready is None:
            return
        if self._verdict is not None:
            self._answer_unsent(indexes, self._verdict)
            return
        self._watch.started(indexes)
        try:
            reply = await self._provider.ask_signed(self._account, *parcel.ready)
        except NotAuthorized as error:
            self._settle(parcel.items, [error.outcome] * len(indexes))
        except httpx.TransportError as error:
            outcome = outcome_of_failure(error)
            if isinstance(error, NOT_SENT):
                self._verdict = outcome
            self._settle(parcel.items, [outcome] * len(indexes))
        else:
            self._settle(parcel.items, with_allowance(self._judge(parcel.items, reply), reply.headers))

    def _judge(self, items: Sequence[Item], reply: HttpReply) -> Sequence[Outcome]:
        """What the kind makes of the answer; one of a shape it never met costs its own items, not the batch."""
        try:
            outcomes = self._provider.outcomes(self._account, items, reply)
        except (ValueError, LookupError, TypeError, AttributeError):
            log.exception("The answer of %s cannot be understood", self._provider.spec.kind)
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

    def _answer_unsent(self, indexes: Sequence[int], outcome: Outcome) -> None:
        self._watch.started(indexes)
        for index in indexes:
            self._answer(index, outcome)

    def _answer(self, index: int, outcome: Outcome) -> None:
        """Tell the watch. What is left after "too fast" is neither sent nor refused: it waits, untouched."""
        self._watch.answered(index, outcome)
        if outcome.kind is OutcomeKind.THROTTLED and _is_about_everybody(outcome):
            self._is_over = True


@dataclass(slots=True)
class _Parcel:
    """A group as it goes: `ready` is its request, as it was before it was authorized and after."""

    items: Sequence[Item]
    refused: Sequence[tuple[list[int], Outcome]]
    ready: tuple[HttpRequest, HttpRequest] | None = None


def _is_about_everybody(outcome: Outcome) -> bool:
    """Whether it says something of the account rather than of one recipient or one message."""
    return outcome.kind is OutcomeKind.CONFIG_PERMANENT or (
        outcome.kind is OutcomeKind.THROTTLED and outcome.reason is Reason.RATE_LIMITED
    )


def _unwritable(error: ValueError) -> Outcome:
    return Outcome(OutcomeKind.MESSAGE_PERMANENT, Reason.CONTENT_REJECTED, str(error))
