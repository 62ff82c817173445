"""What a kind says afterwards: the part of the kit about receipts; by default a service tells nothing."""

from collections.abc import Sequence
from typing import ClassVar

from app.domain.provider_spec import ProviderSpec
from app.domain.receipts import HookRequest, NotProven, Receipt
from app.infra.http import HttpRequest
from app.providers.base import Account


class Afterwards:
    """What a kind with `spec.receipts_hint` writes: `receipts`, and of the others what its service needs. All pure."""

    spec: ClassVar[ProviderSpec]

    def evidence_address(self, account: Account, hook: HookRequest) -> str:
        """Where lies what proves this request; see `Provider.evidence_address`. Most requests prove themselves."""
        return ""

    def receipts(self, account: Account, hook: HookRequest) -> list[Receipt]:
        """Theirs → ours, proven; see `Provider.receipts`."""
        raise NotProven(f"{self.spec.label} tells nothing afterwards.")

    def confirmation_address(self, account: Account, hook: HookRequest) -> str:
        """Where we say that we want receipts; see `Provider.confirmation_address`. Most services do not ask."""
        return ""

    def receipts_requests(self, account: Account) -> Sequence[HttpRequest]:
        """The requests by which the service learns `account.receipts_url`, where its API has some for that."""
        return ()
