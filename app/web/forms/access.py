"""Forms for signing in and for the first member."""

from flask_wtf import FlaskForm
from wtforms import BooleanField, PasswordField

from app.web.fields import TextField


class SignInForm(FlaskForm):  # type: ignore[misc]
    """What a member types to get in."""

    email = TextField("Email", render_kw={"autocomplete": "username", "inputmode": "email", "autofocus": True})
    password = PasswordField("Password", render_kw={"autocomplete": "current-password"})


class FirstMemberForm(FlaskForm):  # type: ignore[misc]
    """What the first member types."""

    name = TextField("Name", render_kw={"autocomplete": "name", "autofocus": True})
    email = TextField("Email", render_kw={"autocomplete": "username", "inputmode": "email"})
    password = PasswordField("Password", render_kw={"autocomplete": "new-password"})
    with_demo = BooleanField("Add sample data", default=True)
