"""/messaging/providers: create and update are made from each kind's spec, so a new kind needs no route."""

from functools import partial
from typing import Any

from app.api import wire
from app.api.kinds import BOOL, EMAIL, NEW_ID, OBJECT, PHONE, choice, text, whole
from app.api.lists import PROVIDERS, QUERY, SEARCH, TOTAL, wish
from app.api.operations import Call, Operation, add, operation, refuse
from app.api.params import Kind, Param, snake
from app.domain.errors import Unsupported
from app.domain.provider_spec import Field, FieldKind, ProviderSpec
from app.services.programs import shelves
from app.services.providers import providers
from app.services.work import Work

_NAME = text(128)
_SENDER = {"fromName", "replyToName"}


def _draw(work: Work, call: Call, row: Any) -> dict[str, Any]:
    may_see = "providers.write" in call.scopes
    values = providers.settings_of(work, row) | (providers.secrets_for(work, row) if may_see else {})
    secret = dict.fromkeys(row.secret_notes or {}, "set")
    return wire.provider(row, providers.spec_of(row.kind), secret | values, is_masked=not may_see)


@operation("GET", "/messaging/providers", "providers.read", QUERY, SEARCH, TOTAL, model="ProviderList")
def list_providers(work: Work, call: Call) -> dict[str, Any]:
    """List providers."""
    found = shelves.list_providers(work, wish(call, PROVIDERS))
    return wire.page("providers", partial(_draw, work, call), found.rows, found.total)


@operation("GET", "/messaging/providers/{providerId}", "providers.read", model="Provider")
def get_provider(work: Work, call: Call) -> dict[str, Any]:
    """Get a provider."""
    return _draw(work, call, providers.find_provider(work, call.provider_id))


@operation("DELETE", "/messaging/providers/{providerId}", "providers.write")
def delete_provider(work: Work, call: Call) -> None:
    """Delete a provider with its secrets."""
    providers.disconnect(work, call.provider_id)


def _kind_of(field: Field, *, is_create: bool) -> Kind:
    """What a field of a spec may be on the wire (9.2)."""
    match field.kind:
        case FieldKind.NUMBER:
            return whole(field.minimum or 0, field.maximum or 2**31 - 1)
        case FieldKind.BOOL | FieldKind.MAYBE:
            return BOOL
        case FieldKind.JSON:
            return OBJECT
        case FieldKind.CHOICE:
            return choice(*(word for word, _ in field.choices))
        case _:
            return _text_kind_of(field, is_create=is_create)


def _text_kind_of(field: Field, *, is_create: bool) -> Kind:
    if field.kind is FieldKind.PHONE:
        return PHONE if is_create else text(256)
    if field.kind is FieldKind.EMAIL:
        return text(128) if field.name == "replyToEmail" and not is_create else EMAIL
    if field.name in _SENDER:
        return text(128, 0 if is_create else 1)
    return text()


def _params(spec: ProviderSpec, *, is_create: bool) -> list[Param]:
    required = {"host"} if is_create else set()  # only SMTP has it, and only there something is required (9.2)
    return [
        Param(snake(field.name), _kind_of(field, is_create=is_create), None, field.name in required, field.name)
        for field in spec.fields
    ]


def _given(spec: ProviderSpec, call: Call) -> dict[str, Any]:
    return {field.name: call.given[snake(field.name)] for field in spec.fields if call.has(snake(field.name))}


def _create(spec: ProviderSpec, work: Work, call: Call) -> dict[str, Any]:
    row = providers.register(
        work, spec.kind, _given(spec, call), name=call.name, provider_id=call.provider_id, enabled=call.enabled is True
    )
    return _draw(work, call, row)


def _update(spec: ProviderSpec, work: Work, call: Call) -> dict[str, Any]:
    given = _given(spec, call)
    row = providers.amend(work, call.provider_id, spec.kind, given, name=call.name, enabled=call.enabled)
    return _draw(work, call, row)


def _offer(spec: ProviderSpec) -> None:
    """The two operations of one kind."""
    path, enabled = f"/messaging/providers/{spec.kind}", Param("enabled", BOOL)
    names = {field.name: field.name for field in spec.fields} | {"id": "providerId"}
    new = [Param("provider_id", NEW_ID, required=True), Param("name", _NAME, required=True)]
    create = (*new, *_params(spec, is_create=True), enabled)
    update = (Param("name", _NAME), *_params(spec, is_create=False), enabled)
    add(
        Operation(
            "POST", path, "providers.write", partial(_create, spec), 201, create, names, f"Connect {spec.label}.",
            model="Provider",
        )
    )  # fmt: skip
    add(
        Operation(
            "PATCH", path + "/{providerId}", "providers.write", partial(_update, spec), 200, update, names,
            f"Change a provider of the kind {spec.label}.", model="Provider",
        )
    )  # fmt: skip


for _spec in providers.specs():
    _offer(_spec)


def _refuse_appwrite(_work: Work, _call: Call) -> None:
    kinds = ", ".join(sorted(spec.kind for spec in providers.specs()))
    raise Unsupported(f"The kind appwrite needs a push server that is not here. Connect one of these instead: {kinds}.")


refuse("POST", "/messaging/providers/appwrite", "providers.write", _refuse_appwrite)
refuse("PATCH", "/messaging/providers/appwrite/{providerId}", "providers.write", _refuse_appwrite)
