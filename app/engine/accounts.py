"""From a provider's row to the account an adapter is given, decrypted for this call only."""

import base64
import hmac
import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from sqlalchemy import inspect

from app.domain.return_paths import ReturnPaths
from app.infra.settings import Settings
from app.infra.token_shelf import TokenShelf
from app.infra.tokens import TokenCache
from app.infra.vault import Vault
from app.models.base import to_milliseconds
from app.models.providers import Provider
from app.providers.base import Account

ProviderRow = Any  # a Provider, or a row of it with at least the columns that `account_of` reads
SANDBOX = "sandbox"  # the option of an emulated provider that names its account at the emulator
NOWHERE = "127.0.0.1:1"  # refuses at once: the emulator does not run, and is tried again later
EMULATORS = "emulators.json"  # in the run dir: where each emulator of this machine listens
HOOKS = "/hooks"  # what lies under it takes receipts
BOUNCES = "bounces"  # what the keys that sign return paths are for
TOKEN_BYTES = 16  # short, because some services take only short addresses; far too many to guess


def account_of(vault: Vault, settings: Settings, provider: ProviderRow) -> Account:
    """The account of a provider; VaultError when its credentials were encrypted with a key we do not have."""
    credentials: dict[str, Any] = vault.decrypt_json(provider.credentials) if provider.credentials else {}
    return Account(
        key=f"{provider.pk}.{provider.version}",
        values=credentials | dict(provider.options),
        endpoint=endpoint_of(
            settings, provider.kind, is_emulated=provider.is_emulated, sandbox=str(provider.options.get(SANDBOX, ""))
        ),
        allow_private_hosts=settings.allow_private_hosts or provider.is_emulated,
        side_endpoints=side_endpoints_of(
            settings, provider.kind, is_emulated=provider.is_emulated, sandbox=str(provider.options.get(SANDBOX, ""))
        ),
        tokens=_tokens_of(settings.run_dir, settings.broker_url, vault),
        receipts_url=receipts_url_of(vault, settings, provider),
        return_paths=return_paths_of(vault, settings, provider),
    )


@lru_cache(maxsize=8)
def _tokens_of(run_dir: Path, broker_url: str, vault: Vault) -> TokenCache:
    """The tokens that this process has, shares with its machine, and with all machines: one for all its accounts."""
    return TokenCache(run_dir / "tokens", vault, TokenShelf(broker_url, vault))


def is_kept(provider: ProviderRow) -> bool:
    """Whether this provider stands in the database, and is not only tried out."""
    return not isinstance(provider, Provider) or bool(inspect(provider).has_identity)


def return_paths_of(vault: Vault, settings: Settings, provider: ProviderRow) -> ReturnPaths | None:
    """What makes the return paths of a provider; None while the receiver of bounces is off."""
    if not settings.bounces_port or not is_kept(provider):
        return None
    return ReturnPaths(vault.signing_key(BOUNCES), provider.pk)


def receipts_url_of(vault: Vault, settings: Settings, provider: ProviderRow) -> str:
    """Where this provider's service tells what became of a message; empty when it could not reach us there.

    A service out there needs the public address that the operator set. An emulator runs beside us.
    """
    if not is_kept(provider) or not (settings.public_url or provider.is_emulated):
        return ""
    start = f"http://127.0.0.1:{settings.port}" if provider.is_emulated else settings.address
    token = receipts_tokens_of(vault, provider)[0]
    return f"{start}{HOOKS}/{provider.kind}/{quote(provider.id, safe='')}/{token}"


def receipts_tokens_of(vault: Vault, provider: ProviderRow) -> list[str]:
    """What stands at the end of the address for receipts: the one in use, then those of older secret keys."""
    whose = f"{provider.project_pk}/{provider.pk}/{provider.id}/{to_milliseconds(provider.created_at)}".encode()
    digests = [hmac.digest(key, whose, "sha256")[:TOKEN_BYTES] for key in vault.signing_keys("receipts")]
    return [base64.urlsafe_b64encode(digest).decode().rstrip("=") for digest in digests]


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


def side_endpoints_of(settings: Settings, kind: str, *, is_emulated: bool, sandbox: str = "") -> dict[str, str]:
    """Further addresses of the service by their name: `token` is what the operator sets as `fcm_token`.

    `sandbox` stands in those of an emulator where it left a place for the account's name.
    """
    if is_emulated:
        found = emulators(settings).get(kind, {}).get("side_urls", {})
        return {name: str(url).replace("{account}", quote(sandbox, safe="")) for name, url in found.items()}
    start = f"{kind}_"
    return {
        name.removeprefix(start): url for name, url in settings.provider_endpoints.items() if name.startswith(start)
    }


def emulators(settings: Settings) -> Mapping[str, Mapping[str, Any]]:
    """What the emulators that run on this machine announce, by kind: url, channel, values to connect with."""
    file = settings.run_dir / EMULATORS
    try:
        seen = file.stat()
    except OSError:
        return {}
    return _read_emulators(file, (seen.st_ino, seen.st_mtime_ns, seen.st_size))


@lru_cache(maxsize=8)
def _read_emulators(file: Path, _version: tuple[int, int, int]) -> Mapping[str, Mapping[str, Any]]:
    """The same, read once for each version of the file: each webhook of an emulated provider asks twice."""
    try:
        found = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
