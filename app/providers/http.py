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
more: `refuse` (what this service can never take, too large for example), `sign_in` (OAuth and its kin; `account.tokens`
keeps tokens), `authorize` (a signature over the whole request), `wants_new_token`, `findings`, `look_further`, `check`,
`receipts`, `reference_of` (how the delivery key stands in a request, where not as it is), `proof` (what people read
instead of a token or signature), `load_of` (what counts towards the service's limit). Kinds of push write their JSON
through `push_copies`.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

import httpx

from app.domain.exact_request import NO_LOAD, ExactRequest, Load, hide_proof
from app.domain.outcomes import Outcome, OutcomeKind
from app.domain.provider_checks import check_fields
from app.domain.provider_spec import ProviderSpec
from app.domain.rendered import Prepared
from app.infra.http import PATIENCE, HttpReply, HttpRequest, exchange
from app.infra.http_outcomes import outcome_of_failure, outcome_of_status, unreadable, wait_asked_for
from app.infra.http_pauses import note_pause, pause
from app.providers.afterwards import Afterwards
from app.providers.base import Account, Envelope, Finding, Watch, without_secrets
from app.providers.http_items import Item, NotAuthorized, batch_key, refuse_beyond_ascii, refuse_large
from app.providers.http_run import Run
from app.providers.http_sign_in import SignIn

__all__ = [
    "Ask", "HttpProvider", "HttpReply", "HttpRequest", "Item", "NotAuthorized", "batch_key", "outcome_of_failure",
    "outcome_of_status", "refuse_beyond_ascii", "refuse_large", "unreadable", "wait_asked_for",
]  # fmt: skip

log = logging.getLogger(__name__)

Ask = Callable[[HttpRequest], Awaitable[HttpReply]]

VERIFY_PATIENCE = 10.0  # seconds: somebody looks at a spinner meanwhile
SHORTEST_SECRET = 6  # characters; taking shorter ones out of an answer would tear words apart


class Translations(SignIn):
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

    def reference_of(self, key: str) -> str:
        """How the delivery key stands in a request; by default as it is. Pure."""
        return key

    def outcomes(self, account: Account, items: Sequence[Item], reply: HttpReply) -> list[Outcome]:
        """What became of each item, in their order. Pure; by default the status decides for all."""
        return [outcome_of_status(reply)] * len(items)

    def refuse(self, account: Account, item: Item) -> Outcome | None:
        """Why this item cannot be handed to this service at all; None when it can. Pure."""
        return None

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
        if not outcome.detail:
            return outcome
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
        run = Run(self, account, prepared, envelopes, watch)
        count = min(self.in_flight, -(-len(envelopes) // self.spec.max_batch), watch.at_once or self.in_flight)
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(count):
                    group.create_task(run.work())
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from None

    def request_of(self, account: Account, prepared: Prepared[Any], envelope: Envelope) -> ExactRequest:
        """The request for this envelope alone, made by `request`; see `Provider.request_of`."""
        shown = without_secrets(account, self.spec)
        item = Item(0, envelope.key, envelope.recipient, prepared.render(envelope.recipient))
        refusal = self.refuse(shown, item)
        request = self.request(shown, [item])
        headers = {**request.headers, **self.proof_shown}
        return ExactRequest(
            request.method, self.base_url(shown) + request.path,
            tuple((name, hide_proof(value)) for name, value in headers.items()), request.body,
            self.load_of(item, request), self.spec.max_batch, refusal.detail if refusal is not None else "",
        )  # fmt: skip

    def load_of(self, item: Item, request: HttpRequest) -> Load:
        """What of this request counts towards what the service takes: all of it, where it counts. Pure."""
        return Load(len(request.body), self.spec.largest_body) if self.spec.largest_body else NO_LOAD

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
