"""Mail that comes back: held against the signed address it was sent to, read, and kept as receipts."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from app.domain.bounce_reports import read_report
from app.domain.permissions import system
from app.domain.provider_spec import ProviderSpec
from app.domain.receipts import Receipt
from app.domain.return_paths import ReturnPath, check_of, day_of, read_return_path
from app.engine import feedback
from app.engine.accounts import BOUNCES, return_paths_of
from app.infra.smtp_hosts import ascii_domain
from app.models.feedback import FeedbackEvent
from app.models.providers import Provider
from app.services.work import Work, Workshop

DOMAIN = "bounceDomain"  # the option that holds it
LARGEST_NUMBER = 2**63 - 1  # of a row, in any of the databases

log = structlog.get_logger(__name__)


def take(shop: Workshop, local_parts: Sequence[str], raw: bytes, *, is_from_nobody: bool) -> int:
    """Keep what a mail says that came to these local parts, and ring for it; how many receipts that were.

    `is_from_nobody`: its envelope sender was `<>`. Addresses that none of our keys signed, or whose delivery is gone,
    say nothing. When this returns, what it kept is on disk. Raises Unavailable.
    """
    keys, now = shop.vault.signing_keys(BOUNCES), shop.clock.now()
    read = [read_return_path(local, keys, day_of(now)) for local in dict.fromkeys(local_parts)]
    proven = [path for path in read if path is not None and path.delivery_pk <= LARGEST_NUMBER]
    if len(proven) < len(read):
        log.info("A bounce came to an address that nobody signed", total=len(read) - len(proven))
    if not proven:
        return 0
    report = read_report(raw, now, is_from_nobody=is_from_nobody)
    if not report.receipts:
        log.info("A mail to a return path says nothing of a delivery", size=len(raw))
        return 0
    with shop.open(system()) as work:
        total = 0
        for path in proven:
            quoted = () if path.delivery_pk else report.quoted
            total += _keep(work, _delivery_path(path, quoted, keys, day_of(now)), report.receipts)
        if total:
            work.ring("apply_receipts")
    return total


def _delivery_path(path: ReturnPath, quoted: Sequence[str], keys: Sequence[bytes], today: int) -> ReturnPath | None:
    """The path that names a delivery: itself, or for a complaint the first one that it quotes and that we signed."""
    if path.delivery_pk:
        return path
    found = (read_return_path(local, keys, today) for local in quoted)
    return next((each for each in found if each is not None and 0 < each.delivery_pk <= LARGEST_NUMBER), None)


def _keep(work: Work, path: ReturnPath | None, receipts: Sequence[Receipt]) -> int:
    """Keep the receipts for the delivery of the path, each once; how many those are."""
    if path is None:
        return 0
    known = feedback.key_of(work.session, path.delivery_pk)
    if known is None or check_of(known[1]) != path.check:
        log.info("A bounce came for a delivery that is gone", delivery=path.delivery_pk)
        return 0
    project_pk, key = known
    provider = work.session.get(Provider, path.provider_pk) if path.provider_pk <= LARGEST_NUMBER else None
    if provider is None or provider.project_pk != project_pk:
        log.info("A bounce came for a provider that is gone", delivery=path.delivery_pk)
        return 0
    named = [replace(each, event_id=f"{each.event_id}.{path.delivery_pk:x}", delivery_key=key) for each in receipts]
    feedback.keep(work.session, (project_pk, provider.pk), named, work.now)
    return len(named)


@dataclass(frozen=True, slots=True)
class MailDesk:
    """How mail servers tell what became of a provider's mail, and what they said last.

    `domain` is where mail comes back to, empty when it goes to the sender; `listens_at` is the host and port where it
    is received here, empty while that is off. `complaints` is the address for feedback loops, for those that may change
    the provider, once both are there.
    """

    domain: str
    listens_at: str
    complaints: str
    hint: str
    last: FeedbackEvent | None

    @property
    def last_at(self) -> datetime | None:
        """When the last receipt came in."""
        return self.last.received_at if self.last is not None else None


def desk_of(work: Work, provider: Provider, spec: ProviderSpec) -> MailDesk | None:
    """The mail desk of a provider; None for a kind whose service tells in another way, or not at all."""
    work.require("providers.read")
    if not spec.bounces_hint:
        return None
    domain = ascii_domain(str(provider.options.get(DOMAIN) or ""))
    paths = return_paths_of(work.vault, work.settings, provider)
    may_see = paths is not None and domain and work.actor.may("providers.write")
    complaints = f"{paths.for_complaints()}@{domain}" if paths is not None and may_see else ""
    listens_at = f"{work.settings.bounces_host}:{work.settings.bounces_port}" if paths is not None else ""
    return MailDesk(domain, listens_at, complaints, spec.bounces_hint, feedback.last_of(work.session, provider.pk))
