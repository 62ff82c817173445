"""With which day a week starts, by where people live: the week data of Unicode's CLDR (UTS 35, part 4)."""

import re

MONDAY, FRIDAY, SATURDAY, SUNDAY = 0, 4, 5, 6

_SUNDAY = frozenset({
    "AG", "AS", "BD", "BR", "BS", "BT", "BW", "BZ", "CA", "CO", "DM", "DO", "ET", "GT", "GU", "HK", "HN", "ID",
    "IL", "IN", "JM", "JP", "KE", "KH", "KR", "LA", "MH", "MM", "MO", "MT", "MX", "MZ", "NI", "NP", "PA", "PE",
    "PH", "PK", "PR", "PT", "PY", "SA", "SG", "SV", "TH", "TT", "TW", "UM", "US", "VE", "VI", "WS", "YE", "ZA", "ZW"
})  # fmt: skip
_SATURDAY = frozenset({
    "AF", "BH", "DJ", "DZ", "EG", "IQ", "IR", "JO", "KW", "LY", "OM", "QA", "SD", "SY"
})  # fmt: skip
_FRIDAY = frozenset({"MV"})

# Where most people who speak a language live, for languages that say no country (CLDR, likely subtags).
_HOMES = {
    "ar": "EG", "bn": "BD", "en": "US", "fa": "IR", "he": "IL", "hi": "IN", "id": "ID", "ja": "JP", "ko": "KR",
    "pt": "BR", "th": "TH", "ur": "PK",
}  # fmt: skip
_TAG = re.compile(r"^([A-Za-z]{2,3})(?:-[A-Za-z]{4})?(?:-([A-Za-z]{2}))?(?:-|$)")


def week_start_of(languages: str) -> int:
    """The first day of the week, 0 for Monday to 6 for Sunday, by the first language of an Accept-Language header.

    Its country counts, else the country where most of its speakers live; Monday when it says neither (ISO 8601).
    """
    found = _TAG.match(languages.split(",", maxsplit=1)[0].split(";", maxsplit=1)[0].strip())
    if found is None:
        return MONDAY
    country = (found[2] or _HOMES.get(found[1].lower(), "")).upper()
    if country in _SUNDAY:
        return SUNDAY
    if country in _SATURDAY:
        return SATURDAY
    return FRIDAY if country in _FRIDAY else MONDAY
