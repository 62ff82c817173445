"""From a provider's row to the account an adapter is given, decrypted for this call only."""

import json
from typing import Any

from app.infra.settings import Settings
from app.infra.vault import Vault
from app.models.providers import Provider
from app.providers.base import Account


def account_of(vault: Vault, settings: Settings, provider: Provider) -> Account:
    """The account of a provider; VaultError when its credentials were encrypted with a key we do not have."""
    credentials: dict[str, Any] = vault.decrypt_json(provider.credentials) if provider.credentials else {}
    return Account(
        key=f"{provider.pk}.{provider.version}",
        values=credentials | dict(provider.options),
        endpoint=endpoint_of(settings, provider.kind, is_emulated=provider.is_emulated),
        allow_private_hosts=settings.allow_private_hosts or provider.is_emulated,
    )


def endpoint_of(settings: Settings, kind: str, *, is_emulated: bool) -> str:
    """Where the account really is when not where its settings say: the emulator, or what the operator set; or empty."""
    if not is_emulated:
        return settings.provider_endpoints.get(kind, "")
    try:
        running = json.loads((settings.run_dir / "emulators.json").read_text())
        return f"{kind}://{running[kind]['host']}:{running[kind]['port']}"
    except (OSError, ValueError, KeyError):
        return f"{kind}://127.0.0.1:1"  # the emulator does not run: refused at once, and tried again later
