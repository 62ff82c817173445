"""Return paths: addresses of ours, one for each delivery, to which mail servers send what became of it (VERP).

What such an address says is signed, so that what comes back needs no other proof of whom it speaks: nothing that stands
inside a mail is believed about that. Everything is lower-case letters, digits, `+` and `-`, because some servers change
the case of a local part; the longest has 64 octets, the most that RFC 5321 (4.5.3.1.1) grants.
"""

import hashlib
import hmac
import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

VALID_DAYS = 30  # servers keep trying for five days and tell it then; some lists and gateways wait for longer
LONGEST_LOCAL = 64
_MAC_BYTES = 10
_BOUNCE = re.compile(
    r"(bounce\+([0-9a-f]{1,16})-([0-9a-f]{1,16})-([0-9a-f]{1,6})-([0-9a-f]{6}))([0-9a-f]{20})", re.IGNORECASE
)
_COMPLAINTS = re.compile(r"(complaints\+([0-9a-f]{1,16})-)([0-9a-f]{20})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ReturnPaths:
    """Makes the return paths of one provider; `key` signs them (`signing_key` of the vault)."""

    key: bytes = field(repr=False)
    provider_pk: int

    def of(self, delivery_key: str, day: int) -> str:
        """The local part for a delivery that is tried on that day (days since 1970, UTC).

        Empty when there can be none: the key is not one of the ledger's, or its number is too long.
        """
        number = delivery_key.partition(".")[0]
        if not (number.isascii() and number.isdigit()):
            return ""
        start = f"bounce+{int(number):x}-{self.provider_pk:x}-{day:x}-{check_of(delivery_key):06x}"
        local = start + _sign(start, self.key)
        return local if len(local) <= LONGEST_LOCAL else ""

    def for_complaints(self) -> str:
        """The local part of the address at which this provider takes complaints; it holds for as long as the key."""
        start = f"complaints+{self.provider_pk:x}-"
        return start + _sign(start, self.key)


@dataclass(frozen=True, slots=True)
class ReturnPath:
    """What a signed address says: the delivery's number, the check of its key, and the provider that carried it.

    Of an address for complaints only the provider is known; the delivery's number is 0.
    """

    provider_pk: int
    delivery_pk: int = 0
    check: int = 0


def day_of(moment: datetime) -> int:
    """The day of an aware moment, counted from 1970 in UTC, as return paths have it."""
    return int(moment.timestamp() // 86_400)


def check_of(delivery_key: str) -> int:
    """24 bits by which a delivery is told from another one that was given its number later."""
    return zlib.crc32(delivery_key.encode()) & 0xFFFFFF


def is_return_path(local: str) -> bool:
    """Whether the local part has the form of one of ours, whoever signed it."""
    return len(local) <= LONGEST_LOCAL and (_BOUNCE.fullmatch(local) or _COMPLAINTS.fullmatch(local)) is not None


def read_return_path(local: str, keys: Iterable[bytes], today: int) -> ReturnPath | None:
    """What the local part says; None when none of the keys signed it or it is too old (`today`: days since 1970)."""
    if not is_return_path(local):
        return None
    bounce, complaints = _BOUNCE.fullmatch(local), _COMPLAINTS.fullmatch(local)
    if bounce is not None and today - VALID_DAYS <= int(bounce[4], 16) <= today + 1 and _is_signed(bounce, keys):
        return ReturnPath(int(bounce[3], 16), int(bounce[2], 16), int(bounce[5], 16))
    if complaints is not None and _is_signed(complaints, keys):
        return ReturnPath(int(complaints[2], 16))
    return None


def _is_signed(match: re.Match[str], keys: Iterable[bytes]) -> bool:
    """Whether the last group is the signature of the first; takes as long for a wrong one."""
    said, given = match[1].lower(), match[match.re.groups].lower()
    return sum(hmac.compare_digest(_sign(said, key), given) for key in keys) > 0


def _sign(said: str, key: bytes) -> str:
    """Keyed BLAKE2s (RFC 7693) in 20 hex digits: a third of what HMAC-SHA256 costs, and it stands before each mail."""
    return hashlib.blake2s(said.encode(), key=key, digest_size=_MAC_BYTES).hexdigest()
