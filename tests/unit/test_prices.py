"""What text messages cost: reading prices and days, and sums that are exact."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.prices import DEAREST, MICROS, Tariff, amount_of, estimate, read_amount, read_day
from app.infra.countries import country_names, currencies, find_country, say_money
from app.infra.phone_numbers import region_of


@pytest.mark.parametrize(
    ("typed", "micros"),
    [("0.0075", 7_500), ("0,0075", 7_500), (" 1 ", 1_000_000), ("0", 0), ("0.000001", 1), ("1000000", 10**12)],
)
def test_a_price_is_kept_to_the_millionth(typed: str, micros: int) -> None:
    assert read_amount(typed) == (micros, "")


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("", "needs a number like 0.0075"), ("-1", "needs a number"), ("1e3", "needs a number"),
        ("0.0000001", "at most six decimals"), ("٣", "needs a number"), ("0.05 EUR", "without the currency"),
        ("1,234.5", "needs a number"), ("1000000.5", "at most 1,000,000"), ("NaN", "needs a number"),
        ("1,234", "two ways. Write 1.234 or 1234."),
    ],
)  # fmt: skip
def test_what_is_no_price_gets_its_sentence(typed: str, words: str) -> None:
    micros, sentence = read_amount(typed)
    assert micros == 0
    assert words in sentence


@given(st.integers(0, DEAREST * MICROS))
def test_what_is_shown_of_a_price_reads_back_as_the_same(micros: int) -> None:
    assert read_amount(str(amount_of(micros))) == (micros, "")


@pytest.mark.parametrize("typed", ["2026-2-1", "2026-02-30", "1999-12-31", "2100-01-01", "today", "²026-01-01"])
def test_what_is_no_day_gets_its_sentence(typed: str) -> None:
    assert read_day(typed) == (None, "Valid from needs a day like 2026-12-01, between 2000 and 2099.")


def test_a_day_may_be_left_out() -> None:
    assert read_day(" ") == (None, "")
    assert read_day("2026-12-01") == (date(2026, 12, 1), "")


def test_each_country_has_its_own_price_and_the_rest_that_of_others() -> None:
    found = estimate({"DE": Tariff(81_200, "EUR"), "": Tariff(120_000, "EUR")}, [("DE", 10, 20), ("US", 3, 3)])
    assert [(part.country, part.cost, part.is_other) for part in found.parts] == [
        ("DE", Decimal("1.624"), False), ("US", Decimal("0.36"), True),
    ]  # fmt: skip
    assert found.sums == {"EUR": Decimal("1.984")}


def test_what_has_no_price_is_counted_and_never_free() -> None:
    found = estimate({"DE": Tariff(1, "EUR")}, [("DE", 1, 1), ("US", 5, 7), ("", 1, 2)])
    assert [(part.country, part.segments, part.cost) for part in found.without_price] == [
        ("US", 7, None),
        ("", 2, None),
    ]
    assert not estimate({}, [("DE", 1, 1)]).is_priced


def test_currencies_are_summed_apart() -> None:
    found = estimate({"DE": Tariff(50_000, "EUR"), "US": Tariff(7_900, "USD")}, [("DE", 2, 2), ("US", 1000, 1000)])
    assert found.sums == {"EUR": Decimal("0.1"), "USD": Decimal("7.9")}


@given(st.lists(st.tuples(st.sampled_from(["DE", "US", "FR", ""]), st.integers(1, 10**6), st.integers(1, 10**7))))
def test_a_sum_is_exactly_what_its_parts_cost(reach: list[tuple[str, int, int]]) -> None:
    found = estimate({"DE": Tariff(81_219, "EUR"), "": Tariff(120_001, "EUR")}, reach)
    assert found.sums.get("EUR", 0) == sum(part.cost or 0 for part in found.parts)


@pytest.mark.parametrize(
    ("typed", "code"),
    [("DE", "DE"), ("de", "DE"), ("Germany", "DE"), ("côte d'ivoire", "CI"), ("Türkiye", "TR"), ("turkey", "TR"),
     ("UK", "GB"), ("united  states", "US"), ("Bosnia & Herzegovina", "BA"), ("Atlantis", None), ("", None)],
)  # fmt: skip
def test_a_country_is_found_by_code_and_by_name(typed: str, code: str | None) -> None:
    assert find_country(typed) == code


def test_every_country_is_found_by_its_own_name() -> None:
    assert [name for code, name in country_names().items() if find_country(name) != code] == []


def test_only_currencies_in_use_are_offered() -> None:
    assert {"EUR", "USD", "JPY", "KWD"} <= currencies().keys()
    assert not {"DEM", "XXX", "XAU"} & currencies().keys()


@pytest.mark.parametrize(
    ("amount", "currency", "words"),
    [("12.345", "EUR", "€12.34"), ("0.0075", "USD", "$0.0075"), ("1234.5", "JPY", "¥1,234"), ("0", "EUR", "€0.00"),
     ("1234.5", "CHF", "CHF\u00a01,234.50"), ("1000000.129", "GBP", "£1,000,000.13"), ("0.05", "EUR", "€0.05")],
)  # fmt: skip
def test_money_is_written_as_people_do(amount: str, currency: str, words: str) -> None:
    assert say_money(Decimal(amount), currency) == words


@pytest.mark.parametrize(
    ("amount", "words"), [("0.1624", "€0.16"), ("0.0079", "€0.0079"), ("12.344", "€12.34"), ("0.01", "€0.01")]
)
def test_a_sum_has_coins_and_no_more_unless_it_is_less_than_one(amount: str, words: str) -> None:
    assert say_money(Decimal(amount), "EUR", is_sum=True) == words


@pytest.mark.parametrize(
    ("number", "region"),
    [("+15551234567", "US"), ("+14165551234", "CA"), ("+18765551234", "JM"), ("+447700900123", "GB"),
     ("+447781123456", "GG"), ("+77011234567", "KZ"), ("+79161234567", "RU"), ("+4915112345678", "DE"),
     ("+393491234567", "IT"), ("+88212345678", ""), ("+999", "")],
)  # fmt: skip
def test_a_number_belongs_to_a_country(number: str, region: str) -> None:
    assert region_of(number) == region
