"""The kit every provider is made with: what it is given, what it must tell, what it promises."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, NamedTuple, Protocol

from app.domain.exact_request import HIDDEN, ExactRequest
from app.domain.outcomes import Outcome
from app.domain.provider_spec import Field, ProviderSpec
from app.domain.receipts import HookRequest, Receipt
from app.domain.rendered import Attachment, Prepared, Recipient, RenderedEmail
from app.domain.return_paths import ReturnPaths
from app.domain.storable import storable_text
from app.infra.tokens import TokenCache


@dataclass(frozen=True, slots=True)
class Account:
    """One configured account at a delivery service, decrypted for this call only.

    `key` names the account and changes whenever its settings change, so that pooled connections are never reused
    across a change. `endpoint` is the operator's override of the base URL (never a tenant's), with its path;
    `side_endpoints` are those of further addresses, by what follows the kind's name (`token` for `fcm_token`).
    `allow_private_hosts` lets the SMTP host be a loopback or private address. `tokens` is where tokens that hold for a
    while are kept, shared by the workers of a machine. `receipts_url` is where this service shall tell what became of
    a message, for those that are told so with each one; empty when nobody listens. `return_paths` makes the addresses
    to which mail servers send that; None while nobody receives it there.
    """

    key: str
    values: Mapping[str, Any] = field(repr=False)  # credentials and options by wire name; never logged
    endpoint: str = ""
    allow_private_hosts: bool = False
    side_endpoints: Mapping[str, str] = field(default_factory=dict)
    tokens: TokenCache = field(default_factory=TokenCache, repr=False, compare=False)
    receipts_url: str = field(default="", repr=False)
    return_paths: ReturnPaths | None = field(default=None, repr=False, compare=False)


def without_secrets(account: Account, spec: ProviderSpec) -> Account:
    """The same account with … for every secret, so that nothing made of it can hold one.

    The end of the address for receipts is a secret too; it keeps its length, because some services take only short
    addresses. Return paths get a signature that holds nowhere.
    """
    hidden = {
        field.name: _opened(field, value)
        for field in spec.fields
        if field.secret and (value := account.values.get(field.name))
    }
    start, slash, token = account.receipts_url.rpartition("/")
    paths = replace(account.return_paths, key=HIDDEN.encode()) if account.return_paths else None
    return replace(
        account, values={**account.values, **hidden}, receipts_url=start + slash + HIDDEN * len(token),
        return_paths=paths,
    )  # fmt: skip


def _opened(field: Field, value: Any) -> Any:
    """What of a secret may be shown."""
    if not field.open_parts or not isinstance(value, Mapping):
        return HIDDEN
    return {name: value.get(name) for name in field.open_parts}


class Envelope(NamedTuple):
    """One delivery of a batch: `key` is the delivery key that travels with the request (stable across retries)."""

    key: str
    recipient: Recipient


def attachments_of(prepared: Prepared[RenderedEmail], envelopes: Sequence[Envelope]) -> Sequence[Attachment]:
    """The files of an email: the same ones for everybody, so the first that can be rendered tells."""
    for each in envelopes:
        with suppress(Exception):  # one that cannot be rendered is answered when its turn comes
            return prepared.render(each.recipient).extras.attachments
    return ()


class Watch(Protocol):
    """What an adapter tells while it sends; the engine stands behind it.

    Order for each envelope: `may_start` → `started` → bytes on the wire → `answered`. What was started and never
    answered is *uncertain*; what was never started goes back to the queue untouched.
    """

    @property
    def at_once(self) -> int | None:
        """How many requests of this batch may be under way at the same time; None for as many as the adapter likes."""

    @property
    def is_paced(self) -> bool:
        """Whether a limit counts what starts: then an envelope is asked for when its turn comes, and no sooner."""

    def may_start(self, count: int) -> int:
        """How many of `count` more envelopes may be started at this moment; start these at once, and no others.

        0: start nothing more. Fewer than asked for: a limit is near; ask again for the rest.
        """

    def started(self, indexes: Sequence[int]) -> None:
        """These envelopes (positions in the batch) are about to be written to the wire."""

    def answered(self, index: int, outcome: Outcome) -> None:
        """What became of one envelope; exactly once for each started one."""


class WatchBehind:
    """The part of a watch that stands before another one and is the other's: how many may start, and how."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch

    @property
    def at_once(self) -> int | None:
        """As the other watch has it."""
        return self._watch.at_once

    @property
    def is_paced(self) -> bool:
        """As the other watch has it."""
        return self._watch.is_paced

    def may_start(self, count: int) -> int:
        """As the other watch has it."""
        return self._watch.may_start(count)


class PartWatch(WatchBehind):
    """A watch for some envelopes of a batch: positions are those among themselves, `places` those in the batch."""

    def __init__(self, watch: Watch, places: Sequence[int]) -> None:
        super().__init__(watch)
        self._places = places

    def started(self, indexes: Sequence[int]) -> None:
        """They are, in the batch."""
        self._watch.started([self._places[index] for index in indexes])

    def answered(self, index: int, outcome: Outcome) -> None:
        """It is, in the batch."""
        self._watch.answered(self._places[index], outcome)


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of a verification: what was tried and whether it works, in words for an admin.

    A `doubt` works as far as can be told, and deserves a look. `size_limit` is how many bytes of one message the
    service takes, in the line that says so.
    """

    works: bool
    sentence: str
    detail: str = ""
    doubt: bool = False
    size_limit: int | None = None

    def __post_init__(self) -> None:
        """Keep words of the service as a page can show them: JSON can hold half a character."""
        for name in ("sentence", "detail"):
            object.__setattr__(self, name, storable_text(getattr(self, name)))


class Provider(Protocol):
    """One kind of delivery service: a spec and translations. Stateless; accounts come as arguments."""

    spec: ClassVar[ProviderSpec]

    async def send(
        self, account: Account, prepared: Prepared[Any], envelopes: Sequence[Envelope], watch: Watch
    ) -> None:
        """Hand each envelope to the service; every outcome goes to `watch.answered`. Raises only on bugs.

        `prepared` is the rendering of the message (`rendering.prepare`), from which each recipient's own is filled.
        """

    def request_of(self, account: Account, prepared: Prepared[Any], envelope: Envelope) -> ExactRequest:
        """What `send` would tell the service for this envelope alone, for people to read; no network, nothing is sent.

        It is made by the very code that sends, of an account whose secrets were taken out before (`without_secrets`).
        ValueError or LookupError for what cannot be written: the service has no words for it, or a setting is missing.
        """

    def reference_of(self, key: str) -> str:
        """How a delivery key stands in what the service is handed, in the field that it has for that. Pure."""

    async def verify(self, account: Account) -> list[Finding]:
        """Try the account without sending anything; what works and what does not, in words."""

    def evidence_address(self, account: Account, hook: HookRequest) -> str:
        """Where the service keeps what proves this request (a certificate); `hook.evidence` holds it afterwards.

        Empty for a request that proves itself. It must never be an address that the request could choose freely: only
        one of the service's own. No network. Raises as `receipts` does.
        """

    def receipts(self, account: Account, hook: HookRequest) -> list[Receipt]:
        """What the service tells with this request, once it is proven that it did; only for kinds with `receipts_hint`.

        No network. Raises NotProven and NotUnderstood (`domain.receipts`), nothing else, whatever a stranger sends.
        """

    def confirmation_address(self, account: Account, hook: HookRequest) -> str:
        """Where we say that we do want what the service offers with this request; empty when it offers nothing.

        Asked only for a request that `receipts` believed; an address of the service's own. No network.
        """

    async def ask_for_receipts(self, account: Account) -> bool:
        """Ask the service, over its own API, to tell `account.receipts_url` from now on; whether it agreed.

        True at once for a service that is told the address with each message, or nowhere but in its console. Raises
        httpx.TransportError.
        """

    def check(self, values: Mapping[str, Any]) -> dict[str, list[str]]:
        """Sentences about settings that cannot work, by field name; empty when all is well. No network."""
