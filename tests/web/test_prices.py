"""The pages of price tables: look, add, change, remove, bring in and take out."""

import io
import re

import pytest

from app.domain.permissions import Actor
from app.services.providers import prices
from app.services.providers.prices import Typed
from app.services.work import Workshop
from tests.services.test_prices import text_provider
from tests.web.page_client import PageClient, find_token

PROVIDERS = "/p/default/providers"


@pytest.fixture
def home(workshop: Workshop, actor: Actor) -> str:
    """The address of an empty price table."""
    with workshop.open(actor) as work:
        return f"{PROVIDERS}/{text_provider(work).id}/prices"


def send_file(client: PageClient, home: str, file: bytes, **values: str) -> str:
    token = find_token(client.raw.get(f"{home}/import").text)
    fields = {"csrf_token": token, "file": (io.BytesIO(file), "prices.csv"), **values}
    answer = client.raw.post(f"{home}/import", data=fields, follow_redirects=True)
    return f"{answer.status_code} {re.sub(r'<[^>]+>', ' ', answer.text)}"


def test_a_price_is_added_changed_and_removed(olga: PageClient, home: str) -> None:
    assert "begins empty" in olga.get(home).text
    page = olga.submit(olga.get(f"{home}/new"), country="DE", amount="0,0812", currency="EUR")
    assert "€0.0812" in page.text
    edit = olga.get(page.select("a[href$='/edit']")[0]["href"])
    assert edit.form().values["amount"] == "0.0812"
    page = olga.submit(edit, amount="0.09", valid_from="2026-12-01")
    assert "From that day on" in page.text
    question = olga.get(page.select("a[href$='/remove']")[0]["href"])
    assert "€0.09 for one segment, valid from 1 Dec 2026" in question.text
    assert "begins empty" in olga.submit(question).text


def test_what_is_wrong_stands_beside_its_field_with_what_was_typed(olga: PageClient, home: str) -> None:
    page = olga.submit(olga.get(f"{home}/new"), country="", amount="cheap", currency="EUR")
    assert page.status == 422
    assert "needs a number like 0.0075" in page.select("#amount-error")[0].get_text()
    assert page.form().values["amount"] == "cheap"
    assert page.select("#country-error")[0].get_text(strip=True).endswith("Choose a country, or “Other countries”.")


def test_the_table_is_searched(olga: PageClient, home: str, workshop: Workshop, actor: Actor) -> None:
    with workshop.open(actor) as work:
        provider = prices.find_priced(work, home.split("/")[-2])
        for country in ("DE", "FR", "*"):
            prices.add_price(work, provider, Typed(country, "0.1", "EUR"))
    assert "France" not in olga.fragment(f"{home}?q=german").text
    assert "Nothing matches" in olga.get(f"{home}?q=atlantis").text
    shown = olga.get(home.removesuffix("/prices")).text
    assert "2 countries have a price of their own, in EUR. Other countries: €0.10 for one segment." in shown


def test_a_file_comes_in_and_goes_out_as_it_was(olga: PageClient, home: str) -> None:
    told = send_file(olga, home, b"country,price\nDE,0.0812\n*,0.12\n", currency="EUR")
    assert told.startswith("200")
    assert "2 prices added, 0 changed, 0 as they were." in told
    answer = olga.raw.get(f"{home}/prices.csv")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.data.decode("utf-8-sig").splitlines()[1] == "*,Other countries,0.12,EUR,2026-11-21"
    assert "0 prices added, 0 changed, 2 as they were." in send_file(olga, home, answer.data)


@pytest.mark.parametrize("file", [b"country,price\nXX,<b>\n", b"\x89PNG"])
def test_a_wrong_file_is_told_on_its_page(olga: PageClient, home: str, file: bytes) -> None:
    told = send_file(olga, home, file)
    assert told.startswith("422")
    assert "The file was not taken over" in told
    assert "begins empty" in olga.get(home).text


def test_a_viewer_looks_only(vera: PageClient, home: str) -> None:
    assert "Add a price" not in vera.get(home).text
    assert [vera.get(f"{home}/{place}").status for place in ("new", "import")] == [403, 403]
    assert vera.raw.get(f"{home}/prices.csv").status_code == 200


@pytest.mark.parametrize("place", ["", "/new", "/import", "/prices.csv", "/nothing/edit", "/nothing/remove"])
def test_what_is_not_there_is_said_so(olga: PageClient, home: str, place: str) -> None:
    missing = home.replace(home.split("/")[-2], "nobody")
    assert olga.get(f"{missing}{place}").status == 404
    if "nothing" in place:
        assert olga.get(f"{home}{place}").status == 404
