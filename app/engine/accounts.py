"""From a provider's row to the account an adapter is given, decrypted for this call only."""

import json
from typing import Any
from urllib.parse import quote, urlsplit

from app.infra.settings import Settings
from app.infra.tokens import TokenCache
from app.infra.vault import Vault
from app.models.providers import Provider
from app.providers.base import Account

SANDBOX = "sandbox"  # the option of an emulated provider that names its account at the emulator
NOWHERE = "127.0.0.1:1"  # refuses at once: the emulator does not run, and is tried again later


def account_of(vault: Vault, settings: Settings, provider: Provider) -> Account:
    """The account of a provider; VaultError when its credentials were encrypted with a key we do not have."""
    credentials: dict[str, Any] = vault.decrypt_json(provider.credentials) if provider.credentials else {}
    return Account(
        key=f"{provider.pk}.{provider.version}",
        values=credentials | dict(provider.options),
        endpoint=endpoint_of(
            settings, provider.kind, is_emulated=provider.is_emulated, sandbox=str(provider.options.get(SANDBOX, ""))
        ),
        allow_private_hosts=settings.allow_private_hosts or provider.is_emulated,
        side_endpoints=side_endpoints_of(settings, provider.kind, is_emulated=provider.is_emulated),
        tokens=TokenCache(settings.run_dir / "tokens", vault),
    )


def endpoint_of(settings: Settings, kind: str, *, is_emulated: bool, sandbox: str = "") -> str:
    """Where the account really is when not where its settings say: the emulator, or what the operator set; or empty.

    `sandbox` is the name under which an emulator over HTTP keeps what arrives.
    """
    if not is_emulated:
        return settings.provider_endpoints.get(kind, "")
    running = emulators(settings).get(kind)
    if running is None:
        return f"{'smtp' if kind == 'smtp' else 'http'}://{NOWHERE}"
    url = urlsplit(str(running["url"]))
    if not sandbox or not url.scheme.startswith("http"):
        return str(running["url"])
    return f"{url.scheme}://{url.netloc}/for/{quote(sandbox, safe='')}{url.path}"


def side_endpoints_of(settings: Settings, kind: str, *, is_emulated: bool) -> dict[str, str]:
    """Further addresses of the service by their name: `token` is what the operator sets as `fcm_token`."""
    if is_emulated:
        return dict(emulators(settings).get(kind, {}).get("side_urls", {}))
    start = f"{kind}_"
    return {
        name.removeprefix(start): url for name, url in settings.provider_endpoints.items() if name.startswith(start)
    }


def emulators(settings: Settings) -> dict[str, dict[str, Any]]:
    """What the emulators that run on this machine announce, by kind: url, channel, values to connect with."""
    try:
        found = json.loads((settings.run_dir / "emulators.json").read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
