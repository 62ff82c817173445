"""What text messages cost: prices of one segment by country, and what a message comes to with them."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

OTHERS = ""  # stands for every country that has no price of its own
MICROS = 1_000_000  # in one unit of a currency
DEAREST = 1_000_000  # units for one segment; in some currencies a coin is worth little
_AMOUNT = re.compile(r"(\d{1,9})(?:[.,](\d{1,6}))?")
_TWO_READINGS = re.compile(r"[1-9]\d{0,2},\d{3}")
_EARLIEST, _LATEST = date(2000, 1, 1), date(2099, 12, 31)


@dataclass(frozen=True, slots=True)
class Tariff:
    """What one segment costs: millionths of a unit, and the currency's code (ISO 4217)."""

    micros: int
    currency: str

    @property
    def amount(self) -> Decimal:
        """In whole units, exactly."""
        return amount_of(self.micros)


def amount_of(micros: int) -> Decimal:
    """Units of a currency from its millionths, exactly and without zeros at the end that say nothing."""
    amount = (Decimal(micros) / MICROS).normalize()
    return amount.quantize(Decimal(1)) if amount == amount.to_integral_value() else amount


def read_amount(text: str) -> tuple[int, str]:
    """The millionths of a price and "", or 0 and a sentence. A comma is a decimal point if nothing else."""
    typed = text.strip()
    if _TWO_READINGS.fullmatch(typed):
        return 0, f"Price {typed} can be read in two ways. Write {typed.replace(',', '.')} or {typed.replace(',', '')}."
    found = _AMOUNT.fullmatch(typed) if typed.isascii() else None
    if found is None:
        return 0, "Price needs a number like 0.0075, with at most six decimals and without the currency."
    micros = int(found[1]) * MICROS + int((found[2] or "").ljust(6, "0"))
    if micros > DEAREST * MICROS:
        return 0, f"Price is that of one segment, at most {DEAREST:,}; {typed} is more."
    return micros, ""


def read_day(text: str) -> tuple[date | None, str]:
    """A day and "", or None and a sentence; nothing typed is None without one."""
    typed = text.strip()
    if not typed:
        return None, ""
    try:
        day = date.fromisoformat(typed) if re.fullmatch(r"\d{4}-\d{2}-\d{2}", typed, re.ASCII) else None
    except ValueError:
        day = None
    if day is None or not _EARLIEST <= day <= _LATEST:
        return None, f"Valid from needs a day like 2026-12-01, between {_EARLIEST.year} and {_LATEST.year}."
    return day, ""


@dataclass(frozen=True, slots=True)
class Part:
    """What a message comes to in one country: its recipients, their segments, and the price that holds there.

    `country` is ISO 3166, "" for numbers of no country. `tariff` is None where no price is known; `is_other` says that
    it is the one for all other countries.
    """

    country: str
    people: int
    segments: int
    tariff: Tariff | None = None
    is_other: bool = False

    @property
    def cost(self) -> Decimal | None:
        """What the segments cost, exactly; None where no price is known."""
        return None if self.tariff is None else amount_of(self.tariff.micros * self.segments)


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a message costs: its parts by country, the dearest first, and a sum for each currency."""

    parts: tuple[Part, ...] = ()
    sums: Mapping[str, Decimal] = field(default_factory=dict)

    @property
    def without_price(self) -> tuple[Part, ...]:
        """The countries that the sums do not hold."""
        return tuple(part for part in self.parts if part.tariff is None)

    @property
    def is_priced(self) -> bool:
        """Whether any price is known."""
        return any(part.tariff is not None for part in self.parts)


def estimate(tariffs: Mapping[str, Tariff], reach: Iterable[tuple[str, int, int]]) -> Estimate:
    """What a message costs. `reach` holds country, people, segments; `tariffs` are by country, OTHERS for the rest."""
    parts = [_part(tariffs, country, people, segments) for country, people, segments in reach]
    sums: Counter[str] = Counter()
    for part in parts:
        if part.tariff is not None:
            sums[part.tariff.currency] += part.tariff.micros * part.segments
    parts.sort(key=lambda part: (-(part.cost or 0), -part.segments, part.country))
    return Estimate(tuple(parts), {currency: amount_of(micros) for currency, micros in sorted(sums.items())})


def _part(tariffs: Mapping[str, Tariff], country: str, people: int, segments: int) -> Part:
    own = tariffs.get(country) if country else None
    return Part(country, people, segments, own or tariffs.get(OTHERS), is_other=own is None)
