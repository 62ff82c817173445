"""Receipts of the Sandbox without anybody pasting an address: each emulator is told where we listen, as services are.

An emulator forgets when it ends, and we may listen elsewhere after a start. So the ticker compares, for each provider
of the Sandbox, what was told last with what would be right, and rings until the emulator has agreed.
"""

import asyncio
from hashlib import sha256
from pathlib import Path

import httpx
import structlog
from sqlalchemy import Select, select

from app import providers as catalog
from app.domain.permissions import system
from app.engine.accounts import EMULATORS, account_of, receipts_url_of
from app.infra.goodbyes import say_goodbye
from app.infra.http import HttpRequest, exchange
from app.infra.settings import Settings
from app.infra.vault import VaultError
from app.models.providers import Provider
from app.providers.base import Account
from app.services.work import Work, Workshop

CONSOLE = "console"  # the side address of an emulator whose service is told by hand only

log = structlog.get_logger(__name__)


def ring_untold(shop: Workshop) -> None:
    """Ring for each provider of the Sandbox whose emulator does not know where we listen; nothing when none runs."""
    if not (shop.settings.run_dir / EMULATORS).exists():
        return
    with shop.read(system()) as work:
        wanted = [row.pk for row in work.session.scalars(_emulated()) if _is_untold(work, row)]
    for pk in wanted:
        shop.broker.ring("ask_for_receipts", pk)


def ask(shop: Workshop, provider_pk: int) -> bool:
    """Tell the emulator of that provider where we listen; whether it knows now. Harmless when it knew before."""
    with shop.read(system()) as work:
        provider = work.session.scalar(_emulated().where(Provider.pk == provider_pk))
        if provider is None or not catalog.get(provider.kind).spec.receipts_hint:
            return False
        try:
            account = account_of(work.vault, work.settings, provider)
        except VaultError as error:
            log.warning("The Sandbox cannot be told where receipts go", provider=provider.id, why=str(error))
            return False
        kind, mark, note = provider.kind, _mark(work, provider), _note(work.settings, provider.pk)
    if not asyncio.run(_ask(kind, account)):
        return False
    note.parent.mkdir(parents=True, exist_ok=True)
    note.write_text(mark)
    return True


async def _ask(kind: str, account: Account) -> bool:
    """Over the service's own API where it has one for that, else as a person does in its console."""
    console = account.side_endpoints.get(CONSOLE)
    try:
        if console is None:
            return await catalog.get(kind).ask_for_receipts(account)
        return (await exchange(console, HttpRequest.json("", {"url": account.receipts_url}))).is_good
    except httpx.TransportError:
        return False
    finally:
        await say_goodbye()


def _emulated() -> Select[Provider]:
    return select(Provider).where(Provider.is_emulated.is_(True))


def _is_untold(work: Work, provider: Provider) -> bool:
    if not catalog.get(provider.kind).spec.receipts_hint:
        return False
    try:
        return _note(work.settings, provider.pk).read_text() != _mark(work, provider)
    except OSError:
        return True


def _mark(work: Work, provider: Provider) -> str:
    """What changes whenever the emulator has to be told anew: it started again, or we listen elsewhere."""
    try:
        started = (work.settings.run_dir / EMULATORS).stat().st_mtime_ns
    except OSError:
        started = 0
    return sha256(f"{started} {receipts_url_of(work.vault, work.settings, provider)}".encode()).hexdigest()


def _note(settings: Settings, provider_pk: int) -> Path:
    """Where it is written down what was told last."""
    return settings.run_dir / "receipts" / str(provider_pk)
