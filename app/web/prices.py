"""The price table of a provider: look, search, add, change, remove, and all of it as a file."""

from typing import Any

from flask import Blueprint, Response, make_response, request, url_for

from app.domain.errors import Invalid
from app.domain.prices import amount_of
from app.services.lists.listing import Cursor
from app.services.providers import price_sheets, prices
from app.web import access
from app.web.context import opening, reading
from app.web.fields import put_errors
from app.web.forms.prices import PriceForm, PriceSheetForm
from app.web.htmx import go, redraw, render, toast

EMPTY = {"country": "Choose a country, or “Other countries”.", "currency": "Choose a currency."}

blueprint = Blueprint("prices", __name__, url_prefix="/p/<project_id>/providers/<provider_id>/prices")


@blueprint.get("")
@access.needs("providers.read")
def index(project_id: str, provider_id: str) -> Response:
    """The table."""
    words = request.args.get("q", "").replace("\0", "")[:80]
    with reading() as work:
        provider = prices.find_priced(work, provider_id)
        cursor = Cursor.parse(request.args.get("after", ""), request.args.get("before", ""))
        page = prices.list_prices(work, provider, words, cursor)
        summary = prices.summary_of(work, provider)
    return render("prices/index.html", "prices/_table.html", provider=provider, rows=page, words=words, summary=summary)


@blueprint.get("/new")
@access.needs("providers.write")
def new(project_id: str, provider_id: str) -> Response:
    """The empty form."""
    with reading() as work:
        provider = prices.find_priced(work, provider_id)
        form = PriceForm(
            country=request.args.get("country", "")[:2], currency=prices.usual_coin(work, provider),
            valid_from=prices.today_of(work).isoformat(),
        )  # fmt: skip
    return render("prices/form.html", provider=provider, form=form.offer(), price=None)


@blueprint.post("/new")
@access.needs("providers.write")
def create(project_id: str, provider_id: str) -> Response:
    """Add a price."""
    form = PriceForm()
    try:
        with opening() as work:
            row = prices.add_price(work, prices.find_priced(work, provider_id), form.typed())
    except Invalid as error:
        return _redraw(provider_id, form, error)
    toast(f"{prices.name_of(row.country)} has its price.")
    return go(url_for(".index", provider_id=provider_id))


@blueprint.get("/<price_id>/edit")
@access.needs("providers.write")
def edit(project_id: str, provider_id: str, price_id: str) -> Response:
    """The form with what is stored."""
    with reading() as work:
        provider = prices.find_priced(work, provider_id)
        row = prices.find_price(work, provider, price_id)
    form = PriceForm(
        country=row.country or prices.OTHERS_TYPED, amount=str(amount_of(row.micros)), currency=row.currency,
        valid_from=row.valid_from.isoformat(),
    )  # fmt: skip
    return render("prices/form.html", provider=provider, form=form.offer(), price=row)


@blueprint.post("/<price_id>/edit")
@access.needs("providers.write")
def change(project_id: str, provider_id: str, price_id: str) -> Response:
    """Change a price."""
    form = PriceForm()
    try:
        with opening() as work:
            provider = prices.find_priced(work, provider_id)
            row = prices.change_price(work, provider, prices.find_price(work, provider, price_id), form.typed())
    except Invalid as error:
        return _redraw(provider_id, form, error, price_id)
    toast(f"The price for {prices.name_of(row.country)} is saved.")
    return go(url_for(".index", provider_id=provider_id))


@blueprint.get("/<price_id>/remove")
@access.needs("providers.write")
def ask_remove(project_id: str, provider_id: str, price_id: str) -> Response:
    """Ask, saying what will hold instead."""
    with reading() as work:
        provider = prices.find_priced(work, provider_id)
        line = prices.line_of(work, provider, prices.find_price(work, provider, price_id))
    return render("prices/remove.html", provider=provider, line=line)


@blueprint.post("/<price_id>/remove")
@access.needs("providers.write")
def remove(project_id: str, provider_id: str, price_id: str) -> Response:
    """Take a price away."""
    with opening() as work:
        provider = prices.find_priced(work, provider_id)
        name = prices.remove_price(work, provider, prices.find_price(work, provider, price_id))
    toast(f"The price for {name} is gone.")
    return go(url_for(".index", provider_id=provider_id))


@blueprint.get("/import")
@access.needs("providers.write")
def ask_import(project_id: str, provider_id: str) -> Response:
    """The form for a file, and what stands in one."""
    with reading() as work:
        provider = prices.find_priced(work, provider_id)
        form = PriceSheetForm(formdata=None, currency=prices.usual_coin(work, provider))
    return render("prices/import.html", provider=provider, form=form.offer())


@blueprint.post("/import")
@access.needs("providers.write")
def take_file(project_id: str, provider_id: str) -> Response:
    """Take a file over, or say what is wrong with each line of it."""
    form = PriceSheetForm()
    file: Any = form.file.data
    try:
        if not file or not file.filename:
            raise Invalid({"file": ["CSV file is missing. Choose one from your computer."]})
        content = file.stream.read(price_sheets.LARGEST_FILE + 1)
        with opening() as work:
            provider = prices.find_priced(work, provider_id)
            taken = price_sheets.import_prices(
                work, provider, content, form.currency.data or "", replaces=bool(form.replaces.data)
            )
    except Invalid as error:
        sentences = [sentence for each in error.fields.values() for sentence in each]
        with reading() as work:
            provider = prices.find_priced(work, provider_id)
        return redraw("prices/import.html", provider=provider, form=form.offer(), sentences=sentences)
    words = f"{taken.added:,} prices added, {taken.changed:,} changed, {taken.unchanged:,} as they were"
    toast(f"{words}, {taken.removed:,} removed." if taken.removed else f"{words}.")
    return go(url_for(".index", provider_id=provider_id))


@blueprint.get("/prices.csv")
@access.needs("providers.read")
def export(project_id: str, provider_id: str) -> Response:
    """The whole table as a file."""
    with reading() as work:
        provider = prices.find_priced(work, provider_id)
        answer = make_response(price_sheets.export_prices(work, provider))
    answer.headers["Content-Type"] = "text/csv; charset=utf-8"
    answer.headers["Content-Disposition"] = f'attachment; filename="prices-{provider.id}.csv"'
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _redraw(provider_id: str, form: PriceForm, error: Invalid, price_id: str = "") -> Response:
    put_errors(form, error, EMPTY)
    with reading() as work:
        provider = prices.find_priced(work, provider_id)
        row = prices.find_price(work, provider, price_id) if price_id else None
    return redraw("prices/form.html", provider=provider, form=form.offer(), price=row)
