"""Providers: connect, change, order, switch, repair and disconnect accounts at delivery services."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from app import providers as catalog
from app.domain.errors import Conflict, Invalid, NotFound
from app.domain.message_states import MessageStatus
from app.domain.provider_spec import ProviderSpec
from app.domain.shares import per_cent
from app.engine import breaker, capacity, provider_history, token_deaths
from app.engine.accounts import SANDBOX
from app.models.messages import Message
from app.models.providers import Provider
from app.services.providers import provider_health
from app.services.providers.provider_health import Health
from app.services.providers.provider_settings import LONGEST_NAME, Settled, kept_of, settings_that_stay, settle
from app.services.tracking import deliveries
from app.services.work import Work

POLICIES = ("retry", "hold")


def specs() -> list[ProviderSpec]:
    """Every kind of provider that can be connected."""
    return catalog.specs()


def spec_of(kind: str) -> ProviderSpec:
    """What that kind needs; NotFound when there is no such kind."""
    try:
        return catalog.get(kind).spec
    except KeyError:
        raise NotFound(f"There is no provider of the kind {kind!r}.") from None


@dataclass(frozen=True, slots=True)
class Card:
    """A provider as a list shows it. `state` is ready, disabled, incomplete, resting or failing.

    `tier` is its place in the failover order, from 0; of what that tier is given it gets `percent`. `is_shared`: others
    stand side by side with it. `is_first` and `is_last`: it cannot move further up, or down.
    """

    provider: Provider
    spec: ProviderSpec
    state: str
    health: Health
    is_first: bool = True
    is_last: bool = True
    tier: int = 0
    percent: int = 100
    is_shared: bool = False


def list_providers(work: Work) -> dict[str, list[Card]]:
    """The providers of each channel in failover order, with how each did in the last hour."""
    work.require("providers.read")
    rows = work.session.scalars(
        select(Provider)
        .where(Provider.project_pk == work.project_pk)
        .order_by(Provider.channel, Provider.rank, Provider.pk)
    ).all()
    health = provider_health.health_of(work, [row.pk for row in rows])
    groups: dict[str, dict[int, list[Provider]]] = {}
    for row in rows:
        groups.setdefault(row.channel, {}).setdefault(row.rank, []).append(row)
    return {
        channel: [
            Card(
                row, spec_of(row.kind), state_of(work, row), health[row.pk],
                is_first=place == 0 and len(tier) == 1, is_last=place == len(tiers) - 1 and len(tier) == 1,
                tier=place, percent=percents_of(tier)[row.pk], is_shared=len(tier) > 1,
            )
            for place, tier in enumerate(tiers.values())
            for row in tier
        ]
        for channel, tiers in groups.items()
    }  # fmt: skip


def percents_of(tier: Sequence[Provider]) -> dict[int, int]:
    """By the provider's number, the part of the tier's deliveries that each gets, in whole per cent.

    What is switched off gets nothing; the rest add up to 100.
    """
    able = [provider for provider in tier if provider.enabled]
    parts = per_cent([provider.share for provider in able])
    return {provider.pk: 0 for provider in tier} | {row.pk: part for row, part in zip(able, parts, strict=True)}


def find_provider(work: Work, provider_id: str) -> Provider:
    """The provider with that id; NotFound when there is none in this project."""
    work.require("providers.read")
    row: Provider = work.find(Provider, provider_id, noun="provider", type="provider_not_found")
    return row


def card_of(work: Work, provider: Provider) -> Card:
    """One provider with its state and its last hour."""
    health = provider_health.health_of(work, [provider.pk])[provider.pk]
    return Card(provider, spec_of(provider.kind), state_of(work, provider), health)


def state_of(work: Work, provider: Provider) -> str:
    """The word for how a provider stands: ready, disabled, incomplete, resting (we try it again soon) or failing."""
    if not provider.enabled:
        return "disabled"
    if not provider.credentials and not provider.options:
        return "incomplete"
    if provider.blocked_at is None:
        return "ready"
    waits = provider.retry_at is not None and provider.retry_at > work.now
    return "resting" if waits and provider.streak else "failing"


def names_of(work: Work) -> list[tuple[str, str]]:
    """(id, name) of every provider, by name; for filters."""
    rows = work.session.execute(
        select(Provider.id, Provider.name).where(Provider.project_pk == work.project_pk).order_by(Provider.name)
    )
    return [(row.id, row.name) for row in rows]


def connect(work: Work, kind: str, *, name: str, values: Mapping[str, Any], policy: str = "") -> Provider:
    """Connect an account: it is enabled, and the last in its channel's failover order. Raises Invalid by field."""
    work.require("providers.write")
    spec = spec_of(kind)
    settled = settle(catalog.get(kind), values)
    _check(name, policy or spec.uncertain_policy, settled)
    provider = add(work, spec, name.strip(), settled, policy)
    work.audit("provider.create", f"provider/{provider.id}", name=provider.name, kind=kind)
    wake(work)
    return provider


def register(
    work: Work, kind: str, values: Mapping[str, Any], *, name: str, provider_id: str = "", enabled: bool = False
) -> Provider:
    """Keep an account as a program describes it, complete or not; it is enabled only when nothing is missing.

    Raises Invalid for a value that was given and cannot be, Conflict for an id in use.
    """
    work.require("providers.write")
    spec = spec_of(kind)
    taken = select(Provider.pk).where(Provider.project_pk == work.project_pk, Provider.id == provider_id)
    if provider_id and work.session.scalar(taken) is not None:
        sentence = f"A provider with the id {provider_id} exists already; choose another id."
        raise Conflict(sentence, type="provider_already_exists", fields={"id": [sentence]})
    settled = settle(catalog.get(kind), values)
    is_ready = not _part_problems(name, spec.uncertain_policy, settled, values)
    provider = add(work, spec, name.strip(), settled, "", provider_id)
    provider.enabled = enabled and is_ready
    work.audit("provider.create", f"provider/{provider.id}", name=provider.name, kind=kind)
    wake(work)
    return provider


def amend(
    work: Work, provider_id: str, kind: str, values: Mapping[str, Any], *, name: str | None = None,
    enabled: bool | None = None,
) -> Provider:  # fmt: skip
    """Change what a program names and keep the rest; `enabled` None leaves the switch as it is.

    Raises Invalid for a value that cannot be, for another kind, and for enabling what is not complete.
    """
    work.require("providers.write")
    provider = find_provider(work, provider_id)
    if provider.kind != kind:
        sentence = f"Provider {provider_id} is of the kind {provider.kind}; change it as one of those."
        raise Invalid({"kind": [sentence]}, type="provider_incorrect_type")
    if provider.is_emulated and values:
        values = dict(values) | settings_that_stay(work, provider, spec_of(provider.kind))
    kept = kept_of(work, provider)
    settled = settle(catalog.get(kind), kept | dict(provider.options) | dict(values), kept)
    name = provider.name if name is None else name.strip()
    missing = _part_problems(name, provider.uncertain_policy, settled, values)
    if enabled and missing:
        sentences = " ".join(sentence for group in missing.values() for sentence in group)
        raise Invalid({"enabled": [sentences]}, type="provider_missing_credentials")
    provider.enabled = provider.enabled if enabled is None else enabled
    spec = spec_of(kind)
    fresh = {each for each in settled.replaced if settled.credentials[each] != kept.get(each)}
    settled.replaced &= fresh
    provider.secret_notes = dict(provider.secret_notes or {}) | settled.notes(spec, work.now)
    keep_settings(work, provider, settled)
    provider.name = name
    _touch(work, provider)
    repair(work, provider)
    work.audit("provider.update", f"provider/{provider.id}", name=name, secrets=sorted(fresh))
    return provider


def _part_problems(name: str, policy: str, settled: Settled, given: Mapping[str, Any]) -> dict[str, list[str]]:
    """What is still missing for enabling; raises Invalid for what was given and cannot be."""
    wrong = {field: said for field, said in settled.problems.items() if given.get(field) not in (None, "")}
    missing = {field: said for field, said in settled.problems.items() if field not in wrong}
    settled.problems = wrong
    _check(name, policy, settled)
    return missing


def secrets_for(work: Work, provider: Provider) -> dict[str, Any]:
    """The secrets of a provider by wire name; only for a program whose key may write them (the caller has checked)."""
    work.require("providers.read")
    kept = kept_of(work, provider)
    return {field.name: kept.get(field.name, "") for field in spec_of(provider.kind).fields if field.secret}


def add(
    work: Work, spec: ProviderSpec, name: str, settled: Settled, policy: str = "", provider_id: str = ""
) -> Provider:
    """Put a provider that was checked into the database, the last of its channel's failover order."""
    last = work.session.scalar(
        select(func.max(Provider.rank)).where(
            Provider.project_pk == work.project_pk, Provider.channel == spec.channel.value
        )
    )
    provider = Provider(
        id=provider_id or work.unique_id(), project_pk=work.project_pk, name=name, kind=spec.kind,
        channel=spec.channel.value,
        rank=0 if last is None else last + 1, uncertain_policy=policy or spec.uncertain_policy,
        credentials=work.vault.encrypt_json(settled.credentials), options=settled.options,
        secret_notes=settled.notes(spec, work.now), **work.stamp(),
    )  # fmt: skip
    work.session.add(provider)
    work.session.flush()
    return provider


def _check(name: str, policy: str, settled: Settled) -> None:
    problems = {field: list(sentences) for field, sentences in settled.problems.items()}
    if not 1 <= len(name.strip()) <= LONGEST_NAME or not name.strip().isprintable():
        problems["name"] = [f"Name needs 1 to {LONGEST_NAME} characters and no line breaks."]
    if policy not in POLICIES:
        problems["policy"] = ["Choose retry or hold for deliveries that may have arrived."]
    if problems:
        raise Invalid(problems)


def keep_settings(work: Work, provider: Provider, settled: Settled) -> None:
    """Put settings that were checked in the place of the old ones; what names a Sandbox account stays."""
    sandbox = {SANDBOX: provider.options[SANDBOX]} if SANDBOX in (provider.options or {}) else {}
    provider.credentials, provider.options = work.vault.encrypt_json(settled.credentials), settled.options | sandbox


def settings_of(work: Work, provider: Provider) -> dict[str, Any]:
    """The settings of a provider for its form: everything but the secrets, by wire name."""
    kept = kept_of(work, provider)
    spec = spec_of(provider.kind)
    secret = {field.name for field in spec.fields if field.secret}
    return {name: value for name, value in (kept | dict(provider.options)).items() if name not in secret | {SANDBOX}}


def secrets_of(provider: Provider) -> dict[str, tuple[datetime, str]]:
    """When each secret was set, and how it ends (empty when it is too short to show even that)."""
    return {
        name: (datetime.fromisoformat(note["set_at"]), note["ending"])
        for name, note in (provider.secret_notes or {}).items()
    }


def change(work: Work, provider_id: str, *, name: str, values: Mapping[str, Any], policy: str) -> Provider:
    """Save new settings; a secret that comes empty stays as it was. It is used again at once if it was blocked."""
    work.require("providers.write")
    provider = find_provider(work, provider_id)
    if provider.is_emulated:
        values = dict(values) | settings_that_stay(work, provider, spec_of(provider.kind))
    kept = kept_of(work, provider)
    settled = settle(catalog.get(provider.kind), values, kept)
    _check(name, policy, settled)
    spec = spec_of(provider.kind)
    provider.secret_notes = dict(provider.secret_notes or {}) | settled.notes(spec, work.now)
    provider.name, provider.uncertain_policy = name.strip(), policy
    keep_settings(work, provider, settled)
    if not provider.is_emulated:
        provider.verified_at = None
    _touch(work, provider)
    repair(work, provider)
    work.audit("provider.update", f"provider/{provider.id}", name=provider.name, secrets=sorted(settled.replaced))
    return provider


def repair(work: Work, provider: Provider) -> None:
    """Let a blocked provider take deliveries again, and wake the messages that wait for it."""
    if provider.blocked_at is not None:
        work.audit("provider.repair", f"provider/{provider.id}", reason=provider.blocked_reason)
    token_deaths.drop_held(work.session, provider.pk)
    breaker.close(work.session, provider, work.now, by="repaired")
    wake(work)


def switch(work: Work, provider_id: str, *, on: bool) -> Provider:
    """Switch a provider on or off. Off: it takes no further deliveries, what it has in hand is finished."""
    work.require("providers.write")
    provider = find_provider(work, provider_id)
    if provider.enabled == on:
        return provider
    provider.enabled = on
    _touch(work, provider)
    work.audit("provider.enable" if on else "provider.disable", f"provider/{provider.id}", name=provider.name)
    wake(work)
    return provider


NAMED = 5  # of the messages that keep a provider from being disconnected


@dataclass(frozen=True, slots=True)
class Removal:
    """What disconnecting a provider would mean, in numbers."""

    sending: int  # messages that it carries right now
    carried: tuple[Message, ...]  # the first of these
    pinned: int  # drafts and scheduled messages that name it
    others: int  # enabled providers left on the channel


def removal_of(work: Work, provider_id: str) -> Removal:
    """What disconnecting that provider would mean."""
    work.require("providers.write")
    provider = find_provider(work, provider_id)
    pinned = select(func.count()).select_from(Message).where(Message.provider_pk == provider.pk)
    others = select(func.count()).where(
        Provider.project_pk == work.project_pk, Provider.channel == provider.channel, Provider.enabled.is_(True),
        Provider.pk != provider.pk,
    )  # fmt: skip
    early = pinned.where(Message.status.in_([MessageStatus.DRAFT, MessageStatus.SCHEDULED]))
    going = (Message.provider_pk == provider.pk) & (Message.status == MessageStatus.PROCESSING)
    carried = Message.pk.in_(deliveries.carried(work, provider.pk)) | going
    mine = select(Message).where(Message.project_pk == work.project_pk, carried)
    return Removal(
        sending=work.session.scalar(select(func.count()).select_from(mine.subquery())) or 0,
        carried=tuple(work.session.scalars(mine.order_by(Message.pk).limit(NAMED))),
        pinned=work.session.scalar(early) or 0,
        others=work.session.scalar(others) or 0,
    )


def disconnect(work: Work, provider_id: str) -> None:
    """Delete a provider and its secrets; what it has sent stays in the log. Conflict while it carries messages."""
    removal = removal_of(work, provider_id)
    provider = find_provider(work, provider_id)
    if removal.sending:
        raise Conflict(
            f"{provider.name} carries {removal.sending} {'message' if removal.sending == 1 else 'messages'} right now. "
            "Pause or cancel first, or switch the provider off and wait until what it has in hand is finished."
        )
    for message in work.session.scalars(select(Message).where(Message.provider_pk == provider.pk)):
        message.provider_pk = None
    work.audit("provider.delete", f"provider/{provider.id}", name=provider.name, kind=provider.kind)
    provider_history.forget(work.session, provider.pk)
    work.session.delete(provider)


def _touch(work: Work, provider: Provider) -> None:
    provider.version += 1
    provider.updated_at = work.now
    capacity.set_limit(provider, None, work.now)


def wake(work: Work) -> None:
    """Let messages that wait for a provider look again."""
    work.ring("wake", work.project_pk, queue="urgent")
