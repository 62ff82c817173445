"""What a text costs on the way to a phone: parts, and whether GSM-7 holds it (3GPP TS 23.038 and 23.040)."""

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("\f^{}\\[~]|€")  # two septets each


def is_plain(text: str) -> bool:
    """Whether GSM-7 has every character."""
    return all(sign in _BASIC or sign in _EXTENDED for sign in text)


def count_parts(text: str, *, is_unicode: bool) -> int:
    """How many messages a text becomes; a pair is never split."""
    costs = [(2 if ord(sign) > 0xFFFF else 1) if is_unicode else (2 if sign in _EXTENDED else 1) for sign in text]
    single, joined = (70, 67) if is_unicode else (160, 153)
    if sum(costs) <= single:
        return 1
    parts, used = 1, 0
    for cost in costs:
        parts, used = (parts + 1, cost) if used + cost > joined else (parts, used + cost)
    return parts


def mangle(text: str) -> str:
    """What is left of a text that is sent as GSM-7 although it is not."""
    return "".join(sign if sign in _BASIC or sign in _EXTENDED else "?" for sign in text)
