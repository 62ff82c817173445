"""Forms of the settings: the project, members, invitations and API keys."""

from flask_wtf import FlaskForm
from wtforms import PasswordField, RadioField, SelectField, SelectMultipleField
from wtforms.validators import Optional
from wtforms.widgets import CheckboxInput, ListWidget

from app.domain.permissions import KEY_SCOPES, Role
from app.web.context import zone
from app.web.fields import LocalTimeField, TextField, lateness_choices, options

ROLES = (
    (Role.VIEWER.value, "Viewer: sees everything, changes nothing"),
    (Role.COMPOSER.value, "Composer: writes and sends messages, keeps contacts and topics"),
    (Role.OPERATOR.value, "Operator: pauses, cancels and retries, keeps suppressions, exports"),
    (Role.ADMIN.value, "Admin: all of that, and providers, members, keys and settings"),
)


class CheckboxesField(SelectMultipleField):
    """Several choices, each a checkbox of its own."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()


class ProjectForm(FlaskForm):  # type: ignore[misc]
    """Name, time zone, lateness and unsubscribe mailbox of the project."""

    name = TextField("Name", description="What the project switcher and new members see.")
    time_zone = SelectField(
        "Time zone",
        description="Times are shown in this zone, and the composer offers it first. Messages that are scheduled "
                    "already keep their moment.",
    )  # fmt: skip
    max_lateness = SelectField(
        "A late message waits for a person after", choices=options(lateness_choices()), validate_choice=False,
        description="Carillon may be switched off when a message should start. One that is later than this is not "
                    "sent by itself. Each message can have a limit of its own.",
    )  # fmt: skip
    unsubscribe_mailbox = TextField(
        "Unsubscribe mailbox", render_kw={"inputmode": "email"},
        description="An address that you read. Mail programs without unsubscribe links send the request there; every "
                    "email to a topic names it beside its own link.",
    )  # fmt: skip


class InvitationForm(FlaskForm):  # type: ignore[misc]
    """The role that somebody new gets."""

    role = RadioField("Role", choices=options(ROLES), default=Role.VIEWER.value)


class RolesForm(FlaskForm):  # type: ignore[misc]
    """The roles of one member."""

    roles = CheckboxesField("Roles", choices=options(ROLES))


class JoinForm(FlaskForm):  # type: ignore[misc]
    """What an invited person types."""

    name = TextField("Name", render_kw={"autocomplete": "name", "autofocus": True})
    email = TextField("Email", render_kw={"autocomplete": "username", "inputmode": "email"})
    password = PasswordField("Password", render_kw={"autocomplete": "new-password"})


class KeyForm(FlaskForm):  # type: ignore[misc]
    """A new API key."""

    name = TextField("Name", description="What uses the key, such as Shop backend.")
    scopes = CheckboxesField(
        "Scopes", choices=options((scope, scope) for scope in sorted(KEY_SCOPES)),
        description="What the key may do. Give it no more than it needs.",
    )  # fmt: skip
    expires_at = LocalTimeField("Ends at", [Optional()], zone=zone)
