"""Price tables: who may change them, which price holds when, and files that are taken as a whole or not at all."""

from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import select

from app.domain.errors import Forbidden, Invalid, NotFound
from app.domain.permissions import Actor
from app.domain.prices import Tariff
from app.models.audit import AuditEntry
from app.models.prices import Price
from app.models.providers import Provider
from app.services.lists.listing import Cursor
from app.services.providers import price_sheets, prices
from app.services.providers.price_sheets import Taken
from app.services.providers.prices import Typed
from app.services.work import Work, Workshop
from tests import factories

TODAY = date(2026, 11, 21)


def text_provider(work: Work, name: str = "Texts") -> Provider:
    provider = factories.make_provider(work, name=name)
    provider.kind, provider.channel = "twilio", "sms"
    return provider


def add(work: Work, provider: Provider, country: str, amount: str, day: str = "", currency: str = "EUR") -> Price:
    return prices.add_price(work, provider, Typed(country, amount, currency, day))


def table(work: Work, provider: Provider) -> list[tuple[str, Decimal, str, str]]:
    return [
        (line.name, line.amount, line.valid_from.isoformat(), line.state) for line in prices.all_lines(work, provider)
    ]


def test_the_newest_price_that_began_holds(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        provider, other = text_provider(work), text_provider(work, "Others")
        for amount, day in (("0.08", "2026-01-01"), ("0.09", "2026-11-21"), ("0.1", "2026-12-01")):
            add(work, provider, "DE", amount, day)
        add(work, provider, "*", "0.2")
        add(work, other, "DE", "9")
        assert prices.tariffs_on(work, [provider], TODAY)[provider.pk] == {
            "DE": Tariff(90_000, "EUR"), "": Tariff(200_000, "EUR"),
        }  # fmt: skip
        assert prices.tariffs_on(work, [provider, other], date(2026, 12, 1))[provider.pk]["DE"].micros == 100_000
        assert table(work, provider) == [
            ("Other countries", Decimal("0.2"), "2026-11-21", "now"),
            ("Germany", Decimal("0.1"), "2026-12-01", "later"),
            ("Germany", Decimal("0.09"), "2026-11-21", "now"),
            ("Germany", Decimal("0.08"), "2026-01-01", "before"),
        ]


def test_a_price_begins_with_the_day_of_the_project(workshop: Workshop, actor: Actor, clock: object) -> None:
    clock.move(14.5 * 3600)  # type: ignore[attr-defined] # 23:30 in UTC, half past midnight in Berlin
    with workshop.open(actor) as work:
        provider = text_provider(work)
        assert add(work, provider, "DE", "0.08").valid_from == date(2026, 11, 22)


def test_what_is_wrong_is_said_by_field_and_nothing_is_saved(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        provider = text_provider(work)
        with pytest.raises(Invalid) as wrong:
            add(work, provider, "Atlantis", "cheap", "soon", "DEM")
        assert set(wrong.value.fields) == {"country", "amount", "currency", "valid_from"}
        assert table(work, provider) == []


def test_a_country_has_one_price_a_day(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        provider = text_provider(work)
        row = add(work, provider, "DE", "0.08")
        with pytest.raises(Invalid, match="Germany has a price from 2026-11-21 on already"):
            add(work, provider, "germany", "0.09")
        prices.change_price(work, provider, row, Typed("DE", "0.07", "EUR", "2026-11-21"))
        assert table(work, provider) == [("Germany", Decimal("0.07"), "2026-11-21", "now")]


def test_each_change_leaves_a_line_in_the_trail_with_what_was_before(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        provider = text_provider(work)
        row = add(work, provider, "DE", "0.08")
        prices.change_price(work, provider, row, Typed("DE", "0.08", "EUR", "2026-11-21"))
        prices.change_price(work, provider, row, Typed("DE", "0.09", "EUR", "2026-11-21"))
        prices.remove_price(work, provider, row)
    with workshop.read(actor) as work:
        trail = work.session.scalars(select(AuditEntry).where(AuditEntry.event.startswith("price."))).all()
        assert [entry.event for entry in trail] == ["price.create", "price.update", "price.remove"]
        assert trail[1].details["was"] == "0.08 EUR from 2026-11-21"
        assert trail[1].details["price"] == "0.09"


def test_composers_read_prices_and_admins_write_them(workshop: Workshop, actor: Actor, composer: Actor) -> None:
    with workshop.open(actor) as work:
        made = text_provider(work)
        row = add(work, made, "DE", "0.08")
    with workshop.open(composer) as work:
        provider = prices.find_priced(work, made.id)
        assert len(prices.all_lines(work, provider)) == 1
        for act in (
            lambda: add(work, provider, "FR", "0.08"),
            lambda: prices.change_price(work, provider, row, Typed("DE", "1", "EUR")),
            lambda: prices.remove_price(work, provider, row),
            lambda: price_sheets.import_prices(work, provider, b"country,price\nDE,1"),
        ):
            with pytest.raises(Forbidden):
                act()


def test_only_what_is_paid_by_country_has_a_table(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        mail, texts, others = factories.make_provider(work), text_provider(work), text_provider(work)
        with pytest.raises(NotFound, match="has no price table"):
            prices.find_priced(work, mail.id)
        row = add(work, texts, "DE", "0.08")
        with pytest.raises(NotFound):
            prices.find_price(work, others, row.id)
        assert prices.summary_of(work, mail) is None


def test_a_table_is_searched_and_paged_in_the_order_of_names(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        provider = text_provider(work)
        codes = [code for code, _ in prices.choices()][:120]
        for code in codes:
            add(work, provider, code, "0.1")
        first = prices.list_prices(work, provider, "", Cursor())
        second = prices.list_prices(work, provider, "", Cursor.parse(first.older or ""))
        third = prices.list_prices(work, provider, "", Cursor.parse(second.older or ""))
        assert (len(first.items), len(second.items), len(third.items), third.older) == (50, 50, 20, None)
        back = prices.list_prices(work, provider, "", Cursor.parse(before=second.newer or ""))
        assert back.items == first.items
        assert first.newer is None
        assert [line.country for line in [*first.items, *second.items, *third.items]] == ["", *codes[1:]]
        assert [line.name for line in prices.list_prices(work, provider, "albania", Cursor()).items] == ["Albania"]
        assert not prices.list_prices(work, provider, "atlantis", Cursor()).items


def test_a_provider_that_goes_takes_its_prices_along(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        provider = text_provider(work)
        add(work, provider, "DE", "0.08")
        work.session.delete(provider)
    with workshop.read(actor) as work:
        assert work.session.scalars(select(Price)).all() == []


# --- files -----------------------------------------------------------------------------------------------------------


def test_an_export_taken_in_again_changes_nothing(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        provider = text_provider(work)
        for country, amount, day in (("DE", "0.0812", ""), ("*", "0.12", ""), ("DE", "0.000001", "2026-12-01")):
            add(work, provider, country, amount, day)
        file = price_sheets.export_prices(work, provider)
        assert price_sheets.import_prices(work, provider, file, replaces=True) == Taken(0, 0, 3, 0)


def test_a_file_adds_changes_and_only_when_asked_removes(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        provider = text_provider(work)
        add(work, provider, "DE", "0.08")
        add(work, provider, "FR", "0.07")
        file = "ISO;Price (EUR)\nDE;0,0812\n*;0,12\n".encode("utf-16")
        assert price_sheets.import_prices(work, provider, file, "EUR") == Taken(1, 1, 0, 0)
        assert price_sheets.import_prices(work, provider, file, "EUR", replaces=True) == Taken(0, 0, 2, 1)
        assert [(name, amount) for name, amount, _, _ in table(work, provider)] == [
            ("Other countries", Decimal("0.12")), ("Germany", Decimal("0.0812")),
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        (b"", "The file is empty."),
        (b"PK\x03\x04rubbish", "The file is a zip archive or an Excel workbook, not CSV."),
        (b"DE,0.08,EUR\n", "Line 1 needs the names of the columns"),
        (b"country,price,currency\n", "The file has no line below"),
        (b"country,price,currency\nDE,0.08,EUR\nXX,0.1,EUR\n", "Line 3: Country needs a code like DE"),
        (b"country,price,currency\n\n\nDE,=1+1,EUR\n", "Line 4: Price needs a number like 0.0075"),
        (b"country,price\nDE,0.08\n", "Line 2: Currency needs a code"),
        (b"country,price,currency\nDE\n", "Line 2: Price needs a number"),
        (b"country,price,currency\nDE,0.08,EUR\nGermany,0.09,EUR\n", "on in line 2 already. Keep one."),
        (b'country,price,currency\nDE,"0.08,EUR\n', "cannot be read: its quotes do not match"),
        (b"country,price,currency\nDE,0.08,EUR,\xff\n\xc3\xa9\xc3\xa9,1,EUR\n", "holds the byte 0xFF"),
        (b"country,price,currency,valid_from\nDE,0.08,EUR,31.12.2026\n", "Valid from needs a day like 2026-12-01"),
        (b"country,price,currency\n<script>alert(1)</script>,1,EUR\n", "It has <script>alert(1)</script>."),
        (b"x" * (price_sheets.LARGEST_FILE + 1), "larger than 1 MB"),
        (b"country,price,currency\n" + b"DE,0.08,EUR\x00\n", "NUL"),
    ],
)
def test_a_wrong_file_is_named_line_by_line_and_changes_nothing(
    workshop: Workshop, actor: Actor, file: bytes, sentence: str
) -> None:
    with workshop.open(actor) as work:
        provider = text_provider(work)
        add(work, provider, "FR", "0.07")
        with pytest.raises(Invalid) as wrong:
            price_sheets.import_prices(work, provider, file, replaces=True)
        assert sentence in " ".join(wrong.value.fields["file"])
        assert [name for name, *_ in table(work, provider)] == ["France"]


def test_of_many_wrong_lines_only_the_first_are_named(workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        with pytest.raises(Invalid) as wrong:
            price_sheets.import_prices(work, text_provider(work), b"country,price,currency\n" + b"XX,1,EUR\n" * 5000)
        told = wrong.value.fields["file"]
        assert (told[0], len(told), told[-1]) == ("Nothing was changed.", 52, "4,950 more lines are wrong.")


def test_a_table_has_an_end(workshop: Workshop, actor: Actor) -> None:
    days = [f"20{year:02}-{month:02}-01" for year in range(20, 60) for month in range(1, 13)]
    lines = [f"{code},0.1,EUR,{day}" for code in ("DE", "FR", "IT", "ES", "PL", "US", "CA") for day in days]
    with workshop.open(actor) as work:
        provider = text_provider(work)
        with pytest.raises(Invalid, match="at most 3,000 prices"):
            price_sheets.import_prices(
                work, provider, "\n".join(["country,price,currency,valid_from", *lines]).encode()
            )
        assert table(work, provider) == []
