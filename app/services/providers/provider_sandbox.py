"""The Sandbox as a provider: every kind whose emulator runs on this machine can be connected with one click."""

from typing import Any

from sqlalchemy import select

from app import providers as catalog
from app.domain.errors import Unavailable
from app.engine.accounts import SANDBOX, emulators
from app.models.providers import Provider
from app.services.providers import providers
from app.services.providers.provider_settings import Settled, settle
from app.services.work import Work

FIRST = "smtp"  # the kind that is connected when nobody names one; it can be connected before its emulator runs
_FIRST_VALUES = {
    "host": "sandbox.invalid", "port": 25, "encryption": "none", "autoTLS": False, "username": "{account}",
    "password": "sandbox",
}  # fmt: skip


def kinds(work: Work) -> list[str]:
    """The kinds whose emulator runs on this machine, beside the first one."""
    known = catalog.catalog()
    return [kind for kind in emulators(work.settings) if kind in known and kind != FIRST]


def connect_emulated(work: Work, kind: str = FIRST) -> Provider:
    """Connect the Sandbox as a provider of that kind; the one that is connected already, when there is one.

    NotFound for a kind there is none of; Unavailable when its emulator does not run.
    """
    work.require("providers.write")
    spec = providers.spec_of(kind)
    found: Provider | None = work.session.scalar(
        select(Provider).where(
            Provider.project_pk == work.project_pk, Provider.kind == kind, Provider.is_emulated.is_(True)
        )
    )
    if found is not None:
        if not found.enabled:
            providers.switch(work, found.id, on=True)
        work.ring("ask_for_receipts", found.pk)
        return found
    settled = _settings(work, kind)
    settled.options[SANDBOX] = work.project.id
    provider = providers.add(work, spec, "Sandbox" if kind == FIRST else f"{spec.label} Sandbox", settled)
    provider.is_emulated = True
    provider.verified_at = work.now
    work.audit("provider.create", f"provider/{provider.id}", name=provider.name, kind=kind, emulated=True)
    providers.wake(work)
    work.ring("ask_for_receipts", provider.pk)
    return provider


def _settings(work: Work, kind: str) -> Settled:
    running = emulators(work.settings).get(kind)
    if running is None and kind != FIRST:
        raise Unavailable(f"The Sandbox for {providers.spec_of(kind).label} does not run on this machine.")
    names = {"fromName": work.project.name, "fromEmail": _sender(work)}
    values = names | dict(running["values"] if running else _FIRST_VALUES)
    filled = {name: _fill(value, work) for name, value in values.items()}
    return settle(catalog.get(kind), filled)


def _sender(work: Work) -> str:
    return f"news@{work.project.id.lower().replace('_', '-').strip('.-')}.example"


def _fill(value: Any, work: Work) -> Any:
    """The value with the project in the places that the emulator left for it."""
    if not isinstance(value, str):
        return value
    return value.replace("{account}", work.project.id).replace("{name}", work.project.name)
