"""Receipts as they come in: proven, translated and kept, then rung for; and what a provider's page says of them."""

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import bindparam, select

from app import providers as catalog
from app.domain.errors import NotFound, Unavailable
from app.domain.permissions import system
from app.domain.provider_spec import ProviderSpec
from app.domain.receipts import HookRequest, NotUnderstood, Receipt
from app.engine import feedback
from app.engine.accounts import account_of, receipts_tokens_of, receipts_url_of
from app.infra.gathering import Board, Gathering
from app.infra.hook_evidence import EvidenceMissing, EvidenceShelf, visit
from app.infra.hook_proofs import is_same
from app.infra.prepared import Prepared
from app.infra.vault import VaultError
from app.models.feedback import FeedbackEvent
from app.models.providers import Provider
from app.providers.base import Account
from app.services.work import Work, Workshop

log = structlog.get_logger(__name__)
OF_SANDBOX = "The Sandbox knows this address already: what it says afterwards comes here by itself."
_shelf = EvidenceShelf()  # what this process fetched to prove receipts


# Every webhook asks this: what its account is made of.
_NAMED = Prepared(
    select(
        Provider.pk, Provider.project_pk, Provider.id, Provider.kind, Provider.version, Provider.created_at,
        Provider.is_emulated, Provider.credentials, Provider.options,
    ).where(Provider.id == bindparam("id"), Provider.kind == bindparam("kind"))
)  # fmt: skip
_Told = tuple[tuple[int, int], list[Receipt]]  # whose they are, as `feedback.keep` takes it, and what was told


class Intake:
    """Where services tell what became of messages; one for a process, whose threads commit together."""

    def __init__(self, shop: Workshop) -> None:
        self._shop = shop
        self._gathering: Gathering[_Told] = Gathering(self._keep)

    def take(self, kind: str, provider_id: str, token: str, hook: HookRequest) -> int:
        """Keep what a service says, and ring for it to be applied; how many receipts that were.

        Raises NotFound for an address that is none, NotProven and NotUnderstood (see `domain.receipts`), Unavailable,
        also when what proves it cannot be fetched from the service now: it will tell it again.
        """
        with self._shop.look(system()) as work:
            provider = _whose(work, kind, provider_id, token)
            try:
                account = account_of(work.vault, work.settings, provider)
            except VaultError as error:
                log.warning("Receipts cannot be checked", provider=provider.id, why=str(error))
                raise NotFound("There is nothing at this address.") from error
        receipts = _read(kind, account, hook)
        if receipts:
            self._gathering.bring(((provider.project_pk, provider.pk), receipts))
        return len(receipts)

    def _keep(self, board: Board[_Told]) -> None:
        """What came in at the same moment, in one transaction."""
        mine: dict[tuple[int, int], list[Receipt]] = defaultdict(list)
        with self._shop.open(system()) as work:
            work.session.connection()  # from here on we may write: whoever came meanwhile is taken along
            for place, receipts in board():
                mine[place] += receipts
            for place, receipts in mine.items():
                feedback.keep(work.session, place, receipts, work.now)
            work.ring("apply_receipts")


def _read(kind: str, account: Account, hook: HookRequest) -> list[Receipt]:
    """What the kind makes of it; a shape that it never met is refused, so that the service tells it again.

    No transaction is open meanwhile: a kind may want to see what lies at its service, and to say yes to it there.
    """
    provider = catalog.get(kind)
    try:
        evidence = provider.evidence_address(account, hook)
        if evidence:
            hook = replace(hook, evidence=_shelf.fetch(evidence))
        found = provider.receipts(account, hook)
        confirmation = provider.confirmation_address(account, hook)
        if confirmation and not visit(confirmation):
            raise Unavailable("The service does not take our confirmation at the moment. Send this again.")
        if confirmation:
            log.info("Receipts are subscribed to", kind=kind)
        return found
    except EvidenceMissing as error:
        raise Unavailable(f"{error} Send this again.") from error
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        log.exception("A receipt cannot be understood", kind=kind)
        raise NotUnderstood("The body has a shape that is not known here.") from error


def _whose(work: Work, kind: str, provider_id: str, token: str) -> Any:
    """The row of the provider whose token this is; ids are unique only within a project, so several may be asked."""
    known = catalog.catalog().get(kind)
    if known is not None and known.spec.receipts_hint and provider_id.isprintable():
        for provider in work.rows(_NAMED, id=provider_id, kind=kind):
            if any(is_same(token, right) for right in receipts_tokens_of(work.vault, provider)):
                return provider
    raise NotFound("There is nothing at this address.")


def ring_waiting(shop: Workshop) -> None:
    """Ring for what came before its delivery was known, when it is time to look again."""
    with shop.database.read() as session:
        is_due = feedback.has_due(session, shop.clock.now())
    if is_due:
        shop.broker.ring("apply_receipts")


@dataclass(frozen=True, slots=True)
class Desk:
    """Where a provider's service tells what became of its messages, how it is told to, and what it said last.

    `address` is empty when nobody could reach it there; `missing` names the fields without which nothing is believed.
    """

    address: str
    hint: str
    missing: tuple[str, ...]
    last: FeedbackEvent | None

    @property
    def last_at(self) -> datetime | None:
        """When the last receipt came in."""
        return self.last.received_at if self.last is not None else None


def desk_of(work: Work, provider: Provider, spec: ProviderSpec) -> Desk | None:
    """The desk of a provider; None when its service tells nothing. The address is for those who may change it."""
    work.require("providers.read")
    if not spec.receipts_hint:
        return None
    address = receipts_url_of(work.vault, work.settings, provider) if work.actor.may("providers.write") else ""
    known = (provider.secret_notes or {}).keys() | {name for name, value in provider.options.items() if value}
    missing = tuple(each.label for each in spec.fields if each.proves_receipts and each.name not in known)
    hint = OF_SANDBOX if provider.is_emulated else spec.receipts_hint
    return Desk(address, hint, missing, feedback.last_of(work.session, provider.pk))
