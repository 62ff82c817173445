"""Forms of price tables: one price, and a file with many. They only parse; services judge."""

from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from wtforms import BooleanField, SelectField
from wtforms.widgets import DateInput

from app.services.providers.prices import Typed, choices, coins
from app.web.fields import TextField, options


class PriceForm(FlaskForm):  # type: ignore[misc]
    """What one segment to a country costs."""

    country = SelectField("Country", validate_choice=False)
    amount = TextField("Price of one segment", render_kw={"autocomplete": "off", "inputmode": "decimal"})
    currency = SelectField("Currency", validate_choice=False)
    valid_from = TextField("Valid from", widget=DateInput())

    def offer(self) -> "PriceForm":
        """The same form with countries and currencies to choose from."""
        self.country.choices = options([("", "Choose a country"), *choices()])
        self.currency.choices = options([("", "Choose a currency"), *coins()])
        return self

    def typed(self) -> Typed:
        """What was typed, as it stands."""
        return Typed(
            self.country.data or "", self.amount.data or "", self.currency.data or "", self.valid_from.data or ""
        )


class PriceSheetForm(FlaskForm):  # type: ignore[misc]
    """A file with prices."""

    file = FileField("CSV file", render_kw={"accept": ".csv,.tsv,.txt,text/csv,text/plain"})
    currency = SelectField("Currency where a line names none", validate_choice=False)
    replaces = BooleanField("Remove the prices that are not in the file")

    def offer(self) -> "PriceSheetForm":
        """The same form with currencies to choose from."""
        self.currency.choices = options([("", "Every line names its own"), *coins()])
        return self
