"""The kit every provider is made with: what it is given, what it must tell, what it promises."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from app.domain.outcomes import Outcome
from app.domain.provider_spec import ProviderSpec
from app.domain.receipts import HookRequest, Receipt
from app.domain.rendered import Prepared, Recipient
from app.infra.tokens import TokenCache


@dataclass(frozen=True, slots=True)
class Account:
    """One configured account at a delivery service, decrypted for this call only.

    `key` names the account and changes whenever its settings change, so that pooled connections are never reused
    across a change. `endpoint` is the operator's override of the base URL (never a tenant's), with its path;
    `side_endpoints` are those of further addresses, by what follows the kind's name (`token` for `fcm_token`).
    `allow_private_hosts` lets the SMTP host be a loopback or private address. `tokens` is where tokens that hold for a
    while are kept, shared by the workers of a machine. `receipts_url` is where this service shall tell what became of
    a message, for those that are told so with each one; empty when nobody listens.
    """

    key: str
    values: Mapping[str, Any] = field(repr=False)  # credentials and options by wire name; never logged
    endpoint: str = ""
    allow_private_hosts: bool = False
    side_endpoints: Mapping[str, str] = field(default_factory=dict)
    tokens: TokenCache = field(default_factory=TokenCache, repr=False, compare=False)
    receipts_url: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Envelope:
    """One delivery of a batch: `key` is the delivery key that travels with the request (stable across retries)."""

    key: str
    recipient: Recipient


class Watch(Protocol):
    """What an adapter tells while it sends; the engine stands behind it.

    Order for each envelope: `may_start` → `started` → bytes on the wire → `answered`. What was started and never
    answered is *uncertain*; what was never started goes back to the queue untouched.
    """

    def may_start(self, count: int) -> bool:
        """Whether the lease still is ours and nobody paused, for `count` more envelopes. False: start nothing more."""

    def started(self, indexes: Sequence[int]) -> None:
        """These envelopes (positions in the batch) are about to be written to the wire."""

    def answered(self, index: int, outcome: Outcome) -> None:
        """What became of one envelope; exactly once for each started one."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of a verification: what was tried and whether it works, in words for an admin."""

    works: bool
    sentence: str
    detail: str = ""


class Provider(Protocol):
    """One kind of delivery service: a spec and translations. Stateless; accounts come as arguments."""

    spec: ClassVar[ProviderSpec]

    async def send(
        self, account: Account, prepared: Prepared[Any], envelopes: Sequence[Envelope], watch: Watch
    ) -> None:
        """Hand each envelope to the service; every outcome goes to `watch.answered`. Raises only on bugs.

        `prepared` is the rendering of the message (`rendering.prepare`), from which each recipient's own is filled.
        """

    async def verify(self, account: Account) -> list[Finding]:
        """Try the account without sending anything; what works and what does not, in words."""

    def receipts(self, account: Account, hook: HookRequest) -> list[Receipt]:
        """What the service tells with this request, once it is proven that it did; only for kinds with `receipts_hint`.

        No network. Raises NotProven and NotUnderstood (`domain.receipts`), nothing else, whatever a stranger sends.
        """

    def check(self, values: Mapping[str, Any]) -> dict[str, list[str]]:
        """Sentences about settings that cannot work, by field name; empty when all is well. No network."""
