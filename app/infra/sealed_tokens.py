"""A token that a provider hands out or takes for a while, and how it is kept: encrypted, with its end."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from app.infra.vault import Vault, VaultError

MARGIN = timedelta(minutes=1)  # a token is not used in its last minute


@dataclass(frozen=True, slots=True)
class Token:
    """What is sent along, and until when it holds (aware)."""

    value: str = field(repr=False)
    expires_at: datetime

    def holds(self, now: datetime) -> bool:
        """Whether it can still be used."""
        return now < self.expires_at - MARGIN


def seal_token(vault: Vault, token: Token) -> str:
    """The token, encrypted, in ASCII."""
    return vault.encrypt_json({"value": token.value, "expires_at": token.expires_at.isoformat()})


def open_token(vault: Vault, sealed: str) -> Token | None:
    """What `seal_token` sealed; None when it was sealed with keys that we do not have, or is none."""
    try:
        kept = vault.decrypt_json(sealed)
        return Token(str(kept["value"]), datetime.fromisoformat(kept["expires_at"]))
    except (VaultError, ValueError, KeyError, TypeError):
        return None
