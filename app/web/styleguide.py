"""The style guide: every component once, in all states; what a change of the look is judged against."""

from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

from flask import Blueprint, Response
from wtforms import BooleanField, FileField, Form, RadioField, SelectField
from wtforms.validators import Optional

from app.web import access, filters
from app.web.context import workshop
from app.web.fields import LocalTimeField, LongTextField, SecretField, TextField, options
from app.web.htmx import render

blueprint = Blueprint("styleguide", __name__)

BALANCE = [
    ("Delivered", 1_612, "green", "#tables"),
    ("Sent", 340, "teal", "#tables"),
    ("Queued", 28, "grey"),
    ("Bounced", 12, "orange"),
    ("Failed", 6, "red"),
    ("Uncertain", 2, "violet"),
]
SWATCHES = "accent page surface grey blue teal green orange red violet amber indigo".split()  # noqa: SIM905 - reads as words

ROWS = [
    ("Autumn news", "email", "sending", 2_000, -3),
    ("Your parcel is on its way, and a title that goes over several lines", "push", "sent", 118_204, -900),
    ("Code", "sms", "scheduled", 1, 2_880),
]


class SpecimenForm(Form):
    """One field of each kind."""

    name = TextField("Name", description="What people see in the list.")
    reply_to = TextField("Reply-to", [Optional()])
    body = LongTextField("Text", [Optional()])
    topic = SelectField("Topic", choices=options([("news", "Autumn news"), ("alerts", "Alerts")]))
    encryption = RadioField(
        "Encryption", choices=options([("none", "None"), ("tls", "STARTTLS"), ("ssl", "TLS")]), default="tls"
    )
    is_enabled = BooleanField("Use this provider", description="It takes part in sending as soon as it is saved.")
    send_at = LocalTimeField("Send at", [Optional()])
    contacts = FileField("CSV file", description="Up to 50 MB, in UTF-8.")
    secret = SecretField("API key", set_note="set on 3 Nov, ends in …4f2a")
    price = TextField("Price", description="For one segment.")


def specimens(now: datetime) -> dict[str, Any]:
    """What the template draws: one of everything; `now` anchors the times."""
    form = SpecimenForm(data={"name": "Autumn news", "send_at": now + timedelta(days=2)})
    wrong = SpecimenForm(prefix="wrong-", data={"reply_to": "news at example.org"})
    wrong.reply_to.errors = ["Reply-to needs an address like name@example.org."]
    wrong.encryption.errors = ["Encryption needs one of none, STARTTLS and TLS."]
    wrong.form_errors = ["Nobody would get this message. Add a topic or a contact."]
    rows = [
        SimpleNamespace(name=name, channel=channel, phase=phase, people=people, at=now + timedelta(minutes=minutes))
        for name, channel, phase, people, minutes in ROWS
    ]
    return {
        "form": form,
        "wrong": wrong,
        "rows": rows,
        "now": now,
        "balance_parts": BALANCE,
        "swatches": SWATCHES,
        "delivery_states": list(filters.DELIVERY_BADGES),
        "message_phases": [phase for phase in filters.MESSAGE_BADGES if phase != "processing"],
        "provider_states": list(filters.PROVIDER_BADGES),
    }


@blueprint.get("/styleguide")
@access.signed_in
def show() -> Response:
    """Every component, light and dark."""
    return render("styleguide.html", **specimens(workshop().clock.now()))
