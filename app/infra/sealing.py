"""Sealed texts: octets that nobody can read or change, in letters that may stand in an address (RFC 5297, AES-SIV).

The same octets always give the same text, so what is sent again is the same again, and a list of links holds no names.
"""

import base64
import re
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

LONGEST = 4_000  # letters of a text that is worth looking at
_LETTERS = re.compile(r"[A-Za-z0-9_-]+")


class Sealer:
    """Seals with the first key and opens with all of them; each is 32 octets (`Vault.signing_keys`)."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._ciphers = [AESSIV(key) for key in keys]

    def seal(self, octets: bytes) -> str:
        """The octets, sealed: 22 letters more than they would take open. ValueError for none."""
        return base64.urlsafe_b64encode(self._ciphers[0].encrypt(octets, None)).rstrip(b"=").decode()

    def open(self, text: str) -> bytes | None:
        """What was sealed with one of our keys; None for everything else, another spelling of the same included."""
        if len(text) > LONGEST or not text.isascii() or _LETTERS.fullmatch(text) is None or len(text) % 4 == 1:
            return None
        sealed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        if base64.urlsafe_b64encode(sealed).rstrip(b"=").decode() != text:
            return None  # the last letter can be spelt in several ways
        for cipher in self._ciphers:
            try:
                return cipher.decrypt(sealed, None)
            except InvalidTag:
                continue
        return None
