"""The provider pages: what carries messages, in which order, how it does, and how it is connected and repaired."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, request, url_for

from app.domain.channels import Channel
from app.domain.errors import Invalid
from app.domain.provider_spec import ProviderSpec
from app.services.providers import provider_limits, provider_queue, provider_sandbox, provider_trial, providers
from app.services.providers.provider_settings import fixed_fields
from app.services.sending import device_deaths
from app.services.work import Work
from app.services.writing import test_send as trials
from app.web import access
from app.web.context import actor, opening, reading, workshop
from app.web.fields import put_errors
from app.web.forms.providers import ProviderForm, TrialForm, form_for, sections_of
from app.web.htmx import go, render, toast
from app.web.provider_order import list_context
from app.web.provider_page import LimitsForm, page_context
from app.web.wording import CHANNELS

EMPTY = {"name": "Name is missing."}

blueprint = Blueprint("providers", __name__, url_prefix="/p/<project_id>/providers")


@blueprint.get("")
@access.needs("providers.read")
def index(project_id: str) -> Response:
    """Every provider by channel, in failover order."""
    with reading() as work:
        found = list_context(work)
    return render("providers/index.html", **found)


@blueprint.get("/new")
@access.needs("providers.write")
def choose(project_id: str) -> Response:
    """Which kind to connect."""
    with reading() as work:
        sandboxes = provider_sandbox.kinds(work)
    groups: dict[Channel, list[ProviderSpec]] = {Channel(name): [] for name, _ in CHANNELS}
    for spec in providers.specs():
        groups[spec.channel].append(spec)
    return render("providers/choose.html", groups=groups, sandboxes=sandboxes)


@blueprint.post("/sandbox")
@access.needs("providers.write")
def use_sandbox(project_id: str) -> Response:
    """Connect the Sandbox with one click; `kind` says as what, by default as a mail server."""
    with opening() as work:
        provider_sandbox.connect_emulated(work, request.form.get("kind") or provider_sandbox.FIRST)
    toast("The Sandbox is connected. What you send through it stays here and reaches nobody.")
    return go(url_for("home.index") if request.form.get("next") == "home" else url_for("providers.index"))


@blueprint.get("/new/<kind>")
@access.needs("providers.write")
def new(project_id: str, kind: str) -> Response:
    """The empty form of a kind."""
    spec = providers.spec_of(kind)
    return _draw_form(form_for(spec)(policy=spec.uncertain_policy), spec)


@blueprint.post("/new/<kind>")
@access.needs("providers.write")
def create(project_id: str, kind: str) -> Response:
    """Test what was typed, or save it."""
    spec = providers.spec_of(kind)
    form = form_for(spec)()
    try:
        if request.form.get("act") == "test":
            return _draw_form(form, spec, findings=_try(form, spec))
        with opening() as work:
            made = providers.connect(
                work, kind, name=form.name.data or "", values=form.values(spec), policy=form.policy.data or ""
            )
    except Invalid as error:
        put_errors(form, error, EMPTY)
        return _draw_form(form, spec, status=422)
    toast(f"{made.name} is connected.")
    return go(url_for("providers.show", provider_id=made.id))


def _try(form: ProviderForm, spec: ProviderSpec, provider_id: str = "") -> list[Any]:
    return provider_trial.try_typed(workshop(), actor(), spec.kind, form.values(spec), provider_id)


def _draw_form(
    form: ProviderForm, spec: ProviderSpec, provider: Any = None, *, status: int = 200, waiting: int = 0,
    findings: list[Any] | None = None,
) -> Response:  # fmt: skip
    fixed = fixed_fields(spec, is_emulated=provider is not None and provider.is_emulated)
    return render(
        "providers/form.html", status=status, form=form, spec=spec, provider=provider, findings=findings,
        waiting=waiting, sections=sections_of(spec, fixed, form),
    )  # fmt: skip


@blueprint.get("/<provider_id>")
@access.needs("providers.read")
def show(project_id: str, provider_id: str) -> Response:
    """One provider: how it stands, its settings without secrets, what can be done."""
    return _draw(provider_id)


def _draw(provider_id: str, form: TrialForm | None = None, status: int = 200, **extra: Any) -> Response:
    now = access.visitor()
    with reading() as work:
        found = page_context(work, provider_id)
    own = {Channel.EMAIL: now.who.email if now else ""}
    channel = found["card"].spec.channel
    form = form or TrialForm(address=own.get(channel, ""))
    drawn = {"findings": None, "trial": None, "limits_form": LimitsForm.of(found["card"].provider)}
    return render("providers/show.html", status=status, trial_form=form.fit(channel), **found, **(drawn | extra))


@blueprint.post("/<provider_id>/limits")
@access.needs("providers.write")
def limit(project_id: str, provider_id: str) -> Response:
    """How fast it is handed messages, and how many at once."""
    form = LimitsForm()
    try:
        with opening() as work:
            provider_limits.set_limits(work, provider_id, **form.values())
    except Invalid as error:
        put_errors(form, error)
        return _draw(provider_id, status=422, limits_form=form)
    toast("Saved. The next batch keeps to it.")
    return go(url_for("providers.show", provider_id=provider_id))


@blueprint.get("/<provider_id>/edit")
@access.needs("providers.write")
def edit(project_id: str, provider_id: str) -> Response:
    """The form with what is set, but for the secrets."""
    with reading() as work:
        provider, spec, form = _filled(work, provider_id)
        waiting = provider_queue.waiting_for(work, provider)
    return _draw_form(form, spec, provider, waiting=waiting)


@blueprint.post("/<provider_id>/edit")
@access.needs("providers.write")
def change(project_id: str, provider_id: str) -> Response:
    """Test what was typed, or save it."""
    with reading() as work:
        provider, spec, form = _filled(work, provider_id)
        waiting = provider_queue.waiting_for(work, provider)
    try:
        if request.form.get("act") == "test":
            return _draw_form(form, spec, provider, waiting=waiting, findings=_try(form, spec, provider.id))
        with opening() as work:
            providers.change(
                work, provider_id, name=form.name.data or "", values=form.values(spec), policy=form.policy.data or ""
            )
    except Invalid as error:
        put_errors(form, error, EMPTY)
        return _draw_form(form, spec, provider, status=422, waiting=waiting)
    toast("Saved. It is used from now on.")
    return go(url_for("providers.show", provider_id=provider_id))


def _filled(work: Work, provider_id: str) -> tuple[Any, ProviderSpec, ProviderForm]:
    provider = providers.find_provider(work, provider_id)
    spec = providers.spec_of(provider.kind)
    form = form_for(spec, say_secrets(providers.secrets_of(provider)))
    values = providers.settings_of(work, provider)
    return provider, spec, form(data={**values, "name": provider.name, "policy": provider.uncertain_policy})


def say_secrets(secrets: Mapping[str, Any]) -> dict[str, str]:
    """When each secret was set and how it ends, in words."""
    return {
        name: f"Set on {at.day} {at:%b %Y}" + (f", ends in …{ending}" if ending else "")
        for name, (at, ending) in secrets.items()
    }


@blueprint.post("/<provider_id>/test")
@access.needs("providers.write")
def test(project_id: str, provider_id: str) -> Response:
    """Try the connection; a provider that was blocked and works again is used again."""
    findings = provider_trial.try_saved(workshop(), actor(), provider_id)
    return _draw(provider_id, findings=findings)


@blueprint.post("/<provider_id>/send-test")
@access.needs("providers.write")
def send_test(project_id: str, provider_id: str) -> Response:
    """Send a short greeting through it, really and at once."""
    form = TrialForm()
    try:
        trial = trials.send_provider_test(workshop(), actor(), provider_id, form.address.data or "")
    except Invalid as error:
        put_errors(form, error)
        return _draw(provider_id, form, 422)
    return _draw(provider_id, form, trial=trial)


@blueprint.post("/<provider_id>/devices-gone")
@access.needs("providers.write")
def believe(project_id: str, provider_id: str) -> Response:
    """The devices whose tokens it called dead are gone: retire them, and go on."""
    with opening() as work:
        gone = device_deaths.believe(work, provider_id)
    toast(f"{gone:,} {'device is' if gone == 1 else 'devices are'} retired. Sending goes on.")
    return go(url_for("providers.show", provider_id=provider_id))


@blueprint.post("/<provider_id>/switch")
@access.needs("providers.write")
def switch(project_id: str, provider_id: str) -> Response:
    """On or off."""
    is_on = request.form.get("on") == "1"
    with opening() as work:
        provider = providers.switch(work, provider_id, on=is_on)
    toast(f"{provider.name} is switched {'on' if is_on else 'off'}.")
    return go(url_for("providers.show", provider_id=provider_id))


@blueprint.get("/<provider_id>/delete")
@access.needs("providers.write")
def ask_delete(project_id: str, provider_id: str) -> Response:
    """Ask, with numbers."""
    with reading() as work:
        provider = providers.find_provider(work, provider_id)
        removal = providers.removal_of(work, provider_id)
        waiting = provider_queue.waiting_for(work, provider)
    return render("providers/delete.html", provider=provider, removal=removal, waiting=waiting)


@blueprint.post("/<provider_id>/delete")
@access.needs("providers.write")
def delete(project_id: str, provider_id: str) -> Response:
    """Disconnect it."""
    with opening() as work:
        providers.disconnect(work, provider_id)
    toast("Disconnected. Its secrets are deleted; what it sent stays under Deliveries.")
    return go(url_for("providers.index"))
