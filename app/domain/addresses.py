"""Addresses: normalise, judge and mask email addresses, phone numbers and push tokens."""

import re
import unicodedata
from functools import lru_cache

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\U0010ffff-]+"
_LOCAL = re.compile(rf"{_ATOM}(\.{_ATOM})*")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_PHONE_NOISE = re.compile(r"[\s().\-/\u00a0\u2010-\u2015]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
MAX_EMAIL = 320
LONGEST_NUMBER = 24  # characters of an address without an @ that is shown whole; a longer one is the token of a device
END_OF_TOKEN = 6  # characters that tell one device from another
MAX_TOKEN = 2048

EMAIL_RULE = "needs an address like name@example.org"
PHONE_RULE = "needs an international number like +49 170 1234567"


def has_control_characters(text: str) -> bool:
    """Whether the text holds a line break, NUL or another control character."""
    return _CONTROL.search(text) is not None


def normalise_email(text: str) -> str | None:
    """The address as we store it (RFC 5321 mailbox; domain lower-case A-labels), or None when it is not one.

    The local part is kept as written but for Unicode NFC; quoted local parts and address literals are not accepted.
    """
    text = unicodedata.normalize("NFC", text.strip())
    local, at, domain = text.rpartition("@")
    if not at or len(text) > MAX_EMAIL or len(local.encode()) > 64 or not _LOCAL.fullmatch(local):
        return None
    if has_control_characters(text) or (not text.isascii() and _has_unseen_signs(text)):
        return None
    host = _ascii_domain(domain)
    return f"{local}@{host}" if host else None


def _has_unseen_signs(text: str) -> bool:
    return any(unicodedata.category(sign) in {"Zs", "Cf", "Co"} for sign in text)


@lru_cache(maxsize=4096)  # a list of a hundred thousand people has few domains
def _ascii_domain(domain: str) -> str | None:
    try:
        host = domain.rstrip(".").lower().encode("idna").decode() if not domain.isascii() else domain.lower()
    except UnicodeError:
        return None
    labels = host.split(".")
    if len(host) > 253 or len(labels) < 2 or not all(_LABEL.fullmatch(label) for label in labels):
        return None
    return host if re.search(r"[a-z]", labels[-1]) else None


def domain_of(address: str) -> str:
    """What stands behind the last @ of an email address, in lower case; empty when there is none."""
    return address.rpartition("@")[2].lower() if "@" in address else ""


def are_aligned(one: str, other: str) -> bool:
    """Whether two domains are the same, or one lies below the other, so that one may vouch for it (RFC 7489, 3.1)."""
    return one == other or one.endswith(f".{other}") or other.endswith(f".{one}")


def email_key(address: str) -> str:
    """What makes two email addresses the same mailbox for us: case does not."""
    return address.lower()


def normalise_phone(text: str) -> str | None:
    """The number in E.164, or None. Only the syntax is judged here; `+` or `00` in front is required."""
    digits = text.strip()
    if not digits.isascii():
        digits = "".join(str(unicodedata.digit(sign, sign)) if sign.isdigit() else sign for sign in digits)
    digits = _PHONE_NOISE.sub("", digits)
    if digits.startswith("00"):
        digits = "+" + digits[2:]
    return digits if _E164.fullmatch(digits) else None


def normalise_token(text: str) -> str | None:
    """A push token: printable, without spaces, at most 2,048 characters."""
    text = text.strip()
    if not text or len(text) > MAX_TOKEN or not text.isascii() or any(sign <= " " or sign == "\x7f" for sign in text):
        return None
    return text


def brief(address: str, named: str = "") -> str:
    """The address as lists show it: a device by its label, or by how its long token ends; all others whole."""
    is_token = len(address) > LONGEST_NUMBER and "@" not in address
    return (named or f"device …{address[-END_OF_TOKEN:]}") if is_token else address


def mask(address: str) -> str:
    """The address as a log may show it: enough to recognise, not enough to use."""
    local, at, domain = address.rpartition("@")
    if at:
        return f"{local[:1]}…@{domain}"
    return f"{address[:3]}…{address[-2:]}" if len(address) > 6 else "…"
