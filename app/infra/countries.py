"""The names of countries and currencies, and money in words (from Unicode's CLDR, by Babel)."""

import unicodedata
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING

from app.infra.loading import later

if TYPE_CHECKING:
    from babel import core, numbers
    from phonenumbers import phonenumberutil
else:
    core, numbers = later("babel.core"), later("babel.numbers")
    phonenumberutil = later("phonenumbers.phonenumberutil")

_LANGUAGE = "en"
# What price lists call some countries, beside the names of CLDR.
_ALSO = {
    "uk": "GB", "great britain": "GB", "usa": "US", "united states of america": "US", "russian federation": "RU",
    "czech republic": "CZ", "turkey": "TR", "ivory coast": "CI", "hong kong": "HK", "macau": "MO", "macao": "MO",
    "macedonia": "MK", "swaziland": "SZ", "viet nam": "VN", "republic of korea": "KR", "korea": "KR", "burma": "MM",
    "cape verde": "CV", "east timor": "TL", "palestine": "PS", "vatican": "VA", "moldova republic of": "MD",
    "holland": "NL", "the netherlands": "NL", "uae": "AE", "bosnia": "BA", "congo": "CG", "dr congo": "CD",
    "slovak republic": "SK", "lao pdr": "LA", "brunei darussalam": "BN", "syrian arab republic": "SY",
    "tanzania united republic of": "TZ", "venezuela bolivarian republic of": "VE", "iran islamic republic of": "IR",
}  # fmt: skip


@cache
def country_names() -> Mapping[str, str]:
    """The name of every country that has telephone numbers, by its code (ISO 3166), in the order of the names."""
    names = core.Locale(_LANGUAGE).territories
    found = {code: names[code] for code in phonenumberutil.SUPPORTED_REGIONS if code in names}
    return dict(sorted(found.items(), key=lambda item: plain(item[1])))


def country_name(code: str) -> str:
    """The country's name; the code itself where nobody knows it."""
    return country_names().get(code, code)


def find_country(text: str) -> str | None:
    """The code of a country that is written as its code or its English name; None when there is no such country."""
    typed = text.strip()
    if typed.upper() in country_names():
        return typed.upper()
    return _codes_by_name().get(plain(typed)[:80])


@cache
def _codes_by_name() -> Mapping[str, str]:
    return _ALSO | {plain(name): code for code, name in country_names().items()}


def plain(text: str) -> str:
    """A name without what people type differently: accents, case, signs."""
    letters = unicodedata.normalize("NFKD", text.casefold().replace("&", " and "))
    words = "".join(each if each.isalnum() else " " for each in letters if not unicodedata.combining(each))
    return " ".join(words.split())


@cache
def currencies() -> Mapping[str, str]:
    """The name of every currency that some country pays with now, by its code (ISO 4217), in the order of the codes."""
    regions = [code for code in map(str, core.Locale(_LANGUAGE).territories) if len(code) == 2]
    codes = {currency for region in regions for currency in numbers.get_territory_currencies(region, tender=True)}
    return {code: numbers.get_currency_name(code, locale=_LANGUAGE) for code in sorted(map(str, codes))}


def say_money(amount: Decimal, currency: str, is_sum: bool = False) -> str:
    """An amount as people write it: "€12.35", "¥1,234", "CHF 1,234.50".

    A price below one unit keeps all of its decimals ("€0.0075"); a sum only where it is less than the smallest coin.
    """
    places = numbers.get_currency_precision(currency)
    decimals = max(-int(amount.normalize().as_tuple().exponent), 0) if amount else 0
    is_small = 0 < abs(amount) < (Decimal(1).scaleb(-places) if is_sum else 1)
    shown = max(places, min(decimals, 6)) if is_small else places
    pattern = f"¤\u00a0#,##0{'.' if shown else ''}{'0' * shown}"
    text: str = numbers.format_currency(amount, currency, pattern, locale=_LANGUAGE, currency_digits=False)
    symbol, _, figures = text.partition("\u00a0")
    return f"{symbol}\u00a0{figures}" if symbol[-1:].isalpha() else f"{symbol}{figures}"
