"""Trying a provider out over the network: Test connection, with what is saved or with what was only typed."""

import asyncio
from collections.abc import Mapping
from typing import Any

from app import providers as catalog
from app.domain.errors import Invalid
from app.domain.permissions import Actor
from app.engine import capacity
from app.engine.accounts import SANDBOX, account_of
from app.infra.goodbyes import say_goodbye
from app.models.providers import Provider
from app.providers.base import Account, Finding
from app.services.providers import providers
from app.services.providers.provider_settings import kept_of, settings_that_stay, settle
from app.services.work import Work, Workshop

PATIENCE = 20.0  # seconds a person waits for the findings at most


def try_saved(shop: Workshop, actor: Actor, provider_id: str) -> list[Finding]:
    """Try a provider as it is saved. When all works, the date is noted and a blocked provider is used again.

    What its server says of the size it takes holds from now on, whatever it said before.

    No transaction is open while the network is asked.
    """
    with shop.read(actor) as work:
        work.require("providers.write")
        provider = providers.find_provider(work, provider_id)
        kind, account = provider.kind, account_of(work.vault, work.settings, provider)
    findings = _verify(kind, account)
    if all(finding.works for finding in findings):
        with shop.open(actor) as work:
            provider = providers.find_provider(work, provider_id)
            provider.verified_at = work.now
            told = [finding.size_limit for finding in findings if finding.size_limit is not None]
            capacity.set_limit(provider, min(told, default=None), work.now)
            providers.repair(work, provider)
    return findings


def try_typed(
    shop: Workshop, actor: Actor, kind: str, values: Mapping[str, Any], provider_id: str = ""
) -> list[Finding]:
    """Try what was typed into the form, before it is saved; secrets left empty are those of the saved provider."""
    with shop.read(actor) as work:
        work.require("providers.write")
        account = _typed_account(work, kind, values, provider_id)
    return _verify(kind, account)


def _typed_account(work: Work, kind: str, values: Mapping[str, Any], provider_id: str) -> Account:
    spec = providers.spec_of(kind)
    saved = providers.find_provider(work, provider_id) if provider_id else None
    kept = kept_of(work, saved) if saved is not None else {}
    if saved is not None and saved.is_emulated:
        values = dict(values) | settings_that_stay(work, saved, spec)
    settled = settle(catalog.get(kind), values, kept)
    if settled.problems:
        raise Invalid(settled.problems)
    sandbox = {SANDBOX: saved.options.get(SANDBOX, "")} if saved is not None else {}
    draft = Provider(
        kind=spec.kind, channel=spec.channel.value, version=0, options=settled.options | sandbox,
        credentials=work.vault.encrypt_json(settled.credentials), is_emulated=bool(saved and saved.is_emulated),
    )  # fmt: skip
    return account_of(work.vault, work.settings, draft)


def _verify(kind: str, account: Account) -> list[Finding]:
    async def ask() -> list[Finding]:
        try:
            return await asyncio.wait_for(catalog.get(kind).verify(account), PATIENCE)
        finally:
            await say_goodbye()

    try:
        return asyncio.run(ask())
    except TimeoutError:
        return [Finding(False, f"The service did not answer within {PATIENCE:.0f} seconds.")]
