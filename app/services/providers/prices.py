"""What text messages cost through each provider: the customer's own contracts, country by country, from a day on."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from sqlalchemy import select

from app.domain.channels import PRICED
from app.domain.errors import Invalid, NotFound
from app.domain.prices import OTHERS, Tariff, amount_of, read_amount, read_day
from app.infra.countries import country_name, country_names, currencies, find_country, plain
from app.models.prices import Price
from app.models.providers import Provider
from app.services.lists.listing import PAGE_SIZE, Cursor, Page
from app.services.providers import sender
from app.services.work import Work

MOST_PRICES = 3_000  # of one provider: every country with a dozen changes
EVERYWHERE_ELSE = "Other countries"
OTHERS_TYPED = "*"  # how a form and a file say so


@dataclass(frozen=True, slots=True)
class Line:
    """One price as people read it. `state` is now (it holds today), later (it does not yet) or before (it held)."""

    pk: int
    id: str
    country: str
    name: str
    tariff: Tariff
    valid_from: date
    state: str

    @property
    def amount(self) -> Decimal:
        """What a segment costs, exactly."""
        return self.tariff.amount


@dataclass(frozen=True, slots=True)
class Summary:
    """What a provider's table holds today: how many countries, the price for others, the currencies in it."""

    countries: int
    others: Tariff | None
    currencies: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        """Whether nothing has a price."""
        return not self.countries and self.others is None


@dataclass(frozen=True, slots=True)
class Typed:
    """A price as it was typed, all of it text. `country` is a code or a name, `*` for all others; no day is today."""

    country: str
    amount: str
    currency: str
    valid_from: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """A price as it was understood."""

    country: str
    tariff: Tariff
    valid_from: date


def name_of(country: str) -> str:
    """The country's name, or the words for all others."""
    return country_name(country) if country else EVERYWHERE_ELSE


def country_of(country: str) -> str:
    """Where a number belongs to, in words; "" is a number of no country."""
    return country_name(country) if country else "No known country"


def choices() -> list[tuple[str, str]]:
    """What a price can be for, as pairs (what a form sends, words): all others first."""
    return [(OTHERS_TYPED, EVERYWHERE_ELSE), *country_names().items()]


def coins() -> list[tuple[str, str]]:
    """The currencies that a price can be in, as pairs (code, words)."""
    return [(code, f"{code}, {name}") for code, name in currencies().items()]


def usual_coin(work: Work, provider: Provider) -> str:
    """The currency that the newest price of the table is in; empty when there is none."""
    rows = rows_of(work, provider.pk)
    return max(rows, key=lambda row: row.pk).currency if rows else ""


def day_of(work: Work, moment: datetime) -> date:
    """The day on the project's calendar."""
    return moment.astimezone(ZoneInfo(work.project.time_zone)).date()


def today_of(work: Work) -> date:
    """The day that it is for the project."""
    return day_of(work, work.now)


def find_priced(work: Work, provider_id: str) -> Provider:
    """The provider, when its messages are paid for one by one; NotFound otherwise."""
    work.require("providers.read")
    provider = sender.find_provider(work, provider_id)
    if provider.channel not in PRICED:
        raise NotFound(f"{provider.name} has no price table: only text messages are paid for by country.")
    return provider


def list_prices(work: Work, provider: Provider, words: str, cursor: Cursor) -> Page[Line]:
    """One page of a provider's prices, others first, then by country's name, the newest of each first.

    `words` are looked for in names, codes and currencies. The whole table is read, at most MOST_PRICES of them.
    """
    work.require("providers.read")
    asked = plain(words)[:80]
    lines = [
        line for line in all_lines(work, provider)
        if asked in plain(f"{line.country} {line.name} {line.tariff.currency}")
    ]  # fmt: skip
    places = {line.pk: place for place, line in enumerate(lines)}
    start = places.get(cursor.after, -1) + 1 if cursor.after is not None else 0
    if cursor.before is not None:
        start = max(places.get(cursor.before, 0) - PAGE_SIZE, 0)
    shown = lines[start : start + PAGE_SIZE]
    has_more = start + PAGE_SIZE < len(lines)
    return Page(shown, str(shown[-1].pk) if has_more else None, str(shown[0].pk) if start and shown else None)


def all_lines(work: Work, provider: Provider) -> list[Line]:
    """A provider's whole table, in the order of `list_prices`."""
    today, rows = today_of(work), rows_of(work, provider.pk)
    now = _in_force(rows, today)
    lines = [
        Line(
            row.pk, row.id, row.country, name_of(row.country), Tariff(row.micros, row.currency), row.valid_from,
            "later" if row.valid_from > today else "now" if now[row.country] is row else "before",
        )
        for row in rows
    ]  # fmt: skip
    return sorted(lines, key=lambda line: (bool(line.country), plain(line.name), -line.valid_from.toordinal()))


def rows_of(work: Work, *provider_pks: int) -> Sequence[Price]:
    """All prices of these providers, in the order of their days."""
    query = select(Price).where(Price.project_pk == work.project_pk, Price.provider_pk.in_(provider_pks))
    return work.session.scalars(query.order_by(Price.valid_from, Price.pk)).all()


def _in_force(rows: Iterable[Price], day: date) -> dict[str, Price]:
    """The price of each country on a day; `rows` are in the order of their days."""
    return {row.country: row for row in rows if row.valid_from <= day}


def tariffs_on(work: Work, providers: Sequence[Provider], day: date) -> dict[int, dict[str, Tariff]]:
    """The prices that hold on a day, by the provider's number and by country; "" is for all others."""
    work.require("providers.read")
    rows = rows_of(work, *(provider.pk for provider in providers))
    return {
        provider.pk: {
            country: Tariff(row.micros, row.currency)
            for country, row in _in_force((row for row in rows if row.provider_pk == provider.pk), day).items()
        }
        for provider in providers
    }


def summary_of(work: Work, provider: Provider) -> Summary | None:
    """What the provider's page says of its prices; None where messages are not paid for one by one."""
    if provider.channel not in PRICED:
        return None
    tariffs = tariffs_on(work, [provider], today_of(work))[provider.pk]
    coins = sorted({tariff.currency for tariff in tariffs.values()})
    return Summary(sum(map(bool, tariffs)), tariffs.get(OTHERS), tuple(coins))


def find_price(work: Work, provider: Provider, price_id: str) -> Price:
    """The price with that id; NotFound when it is another provider's, or was removed."""
    work.require("providers.read")
    row: Price = work.find(Price, price_id, noun="price")
    if row.provider_pk != provider.pk:
        raise NotFound("This price does not exist, or was removed.")
    return row


def line_of(work: Work, provider: Provider, row: Price) -> Line:
    """A price as the table shows it."""
    return next(line for line in all_lines(work, provider) if line.pk == row.pk)


def understand(typed: Typed, today: date) -> tuple[Entry | None, dict[str, list[str]]]:
    """What was typed as a price, or sentences by field: country, amount, currency, valid_from."""
    problems: dict[str, list[str]] = {}
    country = OTHERS if typed.country.strip() == OTHERS_TYPED else find_country(typed.country[:80])
    if country is None:
        problems["country"] = ["Country needs a code like DE, an English name like Germany, or * for all others."]
    micros, wrong = read_amount(typed.amount)
    if wrong:
        problems["amount"] = [wrong]
    currency = typed.currency.strip().upper()
    if currency not in currencies():
        problems["currency"] = ["Currency needs a code of three letters that is in use, like EUR or USD."]
    day, wrong = read_day(typed.valid_from)
    if wrong:
        problems["valid_from"] = [wrong]
    if problems or country is None:
        return None, problems
    return Entry(country, Tariff(micros, currency), day or today), {}


def add_price(work: Work, provider: Provider, typed: Typed) -> Price:
    """Add a price. Invalid by field, also when that country has a price from that day on already."""
    return _save(work, provider, typed, None)


def change_price(work: Work, provider: Provider, row: Price, typed: Typed) -> Price:
    """Change a price; saving what is there already leaves no trace."""
    return _save(work, provider, typed, row)


def _save(work: Work, provider: Provider, typed: Typed, row: Price | None) -> Price:
    work.require("providers.write")
    entry, problems = understand(typed, today_of(work))
    if entry is None:
        raise Invalid(problems)
    found = [other for other in rows_of(work, provider.pk) if other is not row]
    if any((other.country, other.valid_from) == (entry.country, entry.valid_from) for other in found):
        sentence = f"{name_of(entry.country)} has a price from {entry.valid_from} on already. Change that one."
        raise Invalid({"country": [sentence]})
    if row is None:
        refuse_too_many(len(found) + 1)
        return add_entry(work, provider, entry, is_told=True)
    set_entry(work, provider, row, entry, is_told=True)
    return row


def refuse_too_many(count: int) -> None:
    """Invalid when a provider would have more prices than its table holds."""
    if count > MOST_PRICES:
        raise Invalid({"": [f"A price table holds at most {MOST_PRICES:,} prices. Remove those that do not hold now."]})


def add_entry(work: Work, provider: Provider, entry: Entry, *, is_told: bool = False) -> Price:
    """A new row; `is_told`: with a line of its own in the trail."""
    row = Price(
        id=work.unique_id(), project_pk=work.project_pk, provider_pk=provider.pk, country=entry.country,
        micros=entry.tariff.micros, currency=entry.tariff.currency, valid_from=entry.valid_from, **work.stamp(),
    )  # fmt: skip
    work.session.add(row)
    if is_told:
        work.audit("price.create", f"price/{row.id}", **_told(provider, entry))
    return row


def set_entry(work: Work, provider: Provider, row: Price, entry: Entry, *, is_told: bool = False) -> bool:
    """Put a price into a row; whether that changed anything."""
    before = Entry(row.country, Tariff(row.micros, row.currency), row.valid_from)
    if before == entry:
        return False
    row.country, row.valid_from, row.updated_at = entry.country, entry.valid_from, work.now
    row.micros, row.currency = entry.tariff.micros, entry.tariff.currency
    if is_told:
        was = f"{before.tariff.amount} {before.tariff.currency} from {before.valid_from}"
        work.audit("price.update", f"price/{row.id}", was=was, **_told(provider, entry))
    return True


def remove_price(work: Work, provider: Provider, row: Price) -> str:
    """Take a price away; what it was for, in words."""
    work.require("providers.write")
    entry = Entry(row.country, Tariff(row.micros, row.currency), row.valid_from)
    work.session.delete(row)
    work.audit("price.remove", f"price/{row.id}", **_told(provider, entry))
    return name_of(entry.country)


def _told(provider: Provider, entry: Entry) -> Mapping[str, str]:
    return {
        "provider": provider.name, "country": name_of(entry.country), "price": str(amount_of(entry.tariff.micros)),
        "currency": entry.tariff.currency, "valid_from": entry.valid_from.isoformat(),
    }  # fmt: skip
