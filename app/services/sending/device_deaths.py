"""What a person says when a provider called too many device tokens dead at once."""

from app.domain.errors import Conflict
from app.engine import breaker, token_deaths
from app.models.providers import Provider
from app.services.providers.providers import find_provider, wake
from app.services.work import Work


def count_held(work: Work, provider: Provider) -> int | None:
    """How many devices wait for somebody's word; None when nothing is asked about this provider."""
    work.require("providers.read")
    return token_deaths.held_count(work.session, provider.pk) if token_deaths.is_waiting(provider) else None


def believe(work: Work, provider_id: str) -> int:
    """The devices are gone: retire them at once and believe the provider for a day; how many devices that were.

    The provider takes deliveries again. Conflict when it does not wait for this, so that nothing is vouched for unseen.
    """
    work.require("providers.write")
    provider = find_provider(work, provider_id)
    if not token_deaths.is_waiting(provider):
        raise Conflict(f"Nobody asks about the devices of {provider.name} any more. Look at its page.")
    gone = token_deaths.believe(work.session, provider, work.now)
    breaker.close(work.session, provider, work.now, by="repaired")
    work.audit("provider.believe", f"provider/{provider.id}", devices=gone)
    wake(work)
    return gone
