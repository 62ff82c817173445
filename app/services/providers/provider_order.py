"""The failover order: which provider comes first on a channel, which stand side by side, and how those share.

An order is a list of tiers, the first one first. Providers of a tier divide deliveries by their shares; the next tier
steps in when none of them can.
"""

from collections.abc import Sequence

from sqlalchemy import select

from app.domain.channels import Channel
from app.domain.errors import Invalid
from app.models.providers import Provider
from app.services.providers.providers import find_provider
from app.services.work import Work

LARGEST_SHARE = 100

Tiers = list[list[Provider]]


def tiers_of(work: Work, channel: str) -> Tiers:
    """The providers of a channel, tier by tier."""
    work.require("providers.read")
    rows = work.session.scalars(
        select(Provider)
        .where(Provider.project_pk == work.project_pk, Provider.channel == channel)
        .order_by(Provider.rank, Provider.pk)
    )
    tiers: dict[int, list[Provider]] = {}
    for row in rows:
        tiers.setdefault(row.rank, []).append(row)
    return list(tiers.values())


def reorder(work: Work, channel: str, tiers: Sequence[Sequence[str]]) -> Tiers:
    """Put the providers of a channel into this order: tiers of ids, the first one first. The tiers as they are now.

    Invalid (field `tiers`) unless each provider of the channel is named exactly once.
    """
    work.require("providers.write")
    if channel not in set(Channel):
        raise Invalid({"channel": [f"Channel must be one of {', '.join(Channel)}."]})
    before = tiers_of(work, channel)
    known = {provider.id: provider for tier in before for provider in tier}
    named = [each for tier in tiers for each in tier]
    problems = [f"There is no {channel} provider with the id {each}." for each in named if each not in known]
    problems += [f"{known[each].name} is named twice. Name each provider once." for each in sorted(set(named))
                 if each in known and named.count(each) > 1]  # fmt: skip
    problems += [f"{row.name} is missing. Name every {channel} provider." for row in known.values()
                 if row.id not in named]  # fmt: skip
    if problems:
        raise Invalid({"tiers": problems})
    return _put(work, channel, before, [[known[each] for each in tier] for tier in tiers if tier])


def move(work: Work, provider_id: str, *, up: bool) -> Provider:
    """Move a provider one place up or down; nothing happens at the end.

    One that stands beside others leaves them, and stands alone before or after them.
    """
    provider, tiers, here = _found(work, provider_id)
    alone = [provider]
    rest = [[row for row in tier if row is not provider] for tier in tiers]
    if rest[here]:
        rest.insert(here if up else here + 1, alone)
    elif 0 <= (there := here - 1 if up else here + 1) < len(tiers):
        del rest[here]
        rest.insert(there, alone)
    else:
        return provider
    _put(work, provider.channel, tiers, rest)
    return provider


def stand_beside(work: Work, provider_id: str) -> Provider:
    """Let a provider share with the tier above it; Invalid when there is none."""
    provider, tiers, here = _found(work, provider_id)
    if not here:
        raise Invalid({"tiers": [f"{provider.name} is in the first place already: nothing is above it to share with."]})
    rest = [[row for row in tier if row is not provider] for tier in tiers]
    rest[here - 1].append(provider)
    _put(work, provider.channel, tiers, rest)
    return provider


def stand_alone(work: Work, provider_id: str) -> Provider:
    """Let a provider stand alone, right after those it shared with; nothing happens when it does already."""
    provider, tiers, here = _found(work, provider_id)
    rest = [[row for row in tier if row is not provider] for tier in tiers]
    if rest[here]:
        rest.insert(here + 1, [provider])
        _put(work, provider.channel, tiers, rest)
    return provider


def set_share(work: Work, provider_id: str, share: int) -> Provider:
    """Say how much a provider takes beside others of its tier: with shares 3 and 1, three of four deliveries.

    Invalid unless it is a whole number from 1 to 100.
    """
    work.require("providers.write")
    provider = find_provider(work, provider_id)
    if not 1 <= share <= LARGEST_SHARE:
        raise Invalid({"share": [f"Share needs a whole number from 1 to {LARGEST_SHARE}."]})
    if provider.share != share:
        work.audit("provider.share", f"provider/{provider.id}", name=provider.name, before=provider.share, after=share)
        provider.share, provider.updated_at = share, work.now
    return provider


def _found(work: Work, provider_id: str) -> tuple[Provider, Tiers, int]:
    """The provider, the tiers of its channel, and the place of its own one."""
    work.require("providers.write")
    provider = find_provider(work, provider_id)
    tiers = tiers_of(work, provider.channel)
    return provider, tiers, next(place for place, tier in enumerate(tiers) if provider in tier)


def _put(work: Work, channel: str, before: Tiers, after: Tiers) -> Tiers:
    """Number the tiers, and write into the trail what the order was and is."""
    after = [tier for tier in after if tier]
    if [{row.id for row in tier} for tier in before] != [{row.id for row in tier} for tier in after]:
        words = [[[row.name for row in tier] for tier in order] for order in (before, after)]
        work.audit("provider.reorder", f"channel/{channel}", before=words[0], after=words[1])
    for rank, tier in enumerate(after):
        for row in tier:
            row.rank = rank
    return after
