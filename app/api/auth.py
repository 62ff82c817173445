"""Who asks: project and key become an actor with what the operation's scope allows; then the view runs in one work."""

import json
from collections.abc import Callable
from typing import Any

from flask import Response, request

from app.api.answers import as_json, empty
from app.api.kinds import UID
from app.api.operations import PUBLIC, Call, Operation
from app.api.params import Param, camel, raw_parameters, read_all, snake
from app.domain.errors import AppError, Forbidden, Invalid
from app.domain.permissions import Actor, ActorKind, permissions_of_scope, system
from app.services import idempotency, keys
from app.services.keys import KeyPass
from app.services.work import Workshop

MOST_HEADER = 512


class Refusal(AppError):
    """The credentials, or the project, cannot be used."""


def guard(operation: Operation, shop: Workshop) -> Callable[..., Response]:
    """The Flask view of an operation: checks in the contract's order (3.3), then the operation itself."""

    def answer(**places: str) -> Response:
        actor, scopes = admit(operation, shop)
        given, provided = _read(operation, places)
        call = Call(actor, scopes, given, provided, shop.settings.address)
        with shop.read(actor) if operation.is_reading else shop.open(actor) as work:
            key, mark = _idempotency_key(operation), _fingerprint(operation, call)
            earlier = idempotency.recall(work, key, mark) if key else None
            if earlier is not None:
                return _replay(earlier)
            try:
                body = operation.view(work, call)
            except Invalid as error:
                raise _in_wire_words(operation, error) from error
            if key:
                idempotency.remember(work, key, mark, operation.status, body)
        if isinstance(body, Response):
            return body
        return empty() if body is None else as_json(body, operation.status)

    answer.operation = operation  # type: ignore[attr-defined]
    return answer


def admit(operation: Operation, shop: Workshop) -> tuple[Actor, frozenset[str]]:
    """Who asks, with what the operation's scope permits, and all scopes of the key. Raises what section 3 says."""
    project_id, secret = _project_id(), request.headers.get("X-Appwrite-Key", "")
    if not project_id and secret:
        raise Refusal("Name the project in the header X-Appwrite-Project.", type="project_id_missing")
    found = _show(shop, project_id, secret)
    if request.headers.get("X-Appwrite-JWT") and found.pk is None:
        raise Refusal("Failed to verify JWT. No such token was issued here.", type="user_jwt_invalid")
    if operation.scope != PUBLIC and operation.scope not in found.scopes:
        who = "app" if found.pk else "User"
        role = "applications" if found.pk else "guests"
        raise Forbidden(f'{who} (role: {role}) missing scopes (["{operation.scope}"])')
    if found.is_touch_due and found.pk is not None:
        with shop.open(system(found.project_pk)) as work:
            keys.touch_key(work, found.pk)
    actor = Actor(
        ActorKind.KEY, found.name, found.project_pk or None, found.pk, permissions_of_scope(operation.scope),
        request.remote_addr or "", _user_agent(),
    )  # fmt: skip
    return actor, found.scopes


def _project_id() -> str:
    return request.headers.get("X-Appwrite-Project", "") or request.args.get("project", "")


def _show(shop: Workshop, project_id: str, secret: str) -> KeyPass:
    """What the credentials open; a guest's pass, outside every project, when neither is given."""
    if not project_id:
        return KeyPass(0)
    with shop.read(system()) as work:
        found = keys.show_key(work, _storable(project_id), secret)
    if found is None:
        raise Refusal(f"There is no project {project_id[:64]!r} here.", type="project_not_found")
    if found.is_expired:
        raise Refusal("This API key is expired. Make a new one in the dashboard.", type="project_key_expired")
    return found


def _storable(text: str) -> str:
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def _user_agent() -> str:
    return (request.headers.get("X-Forwarded-User-Agent") or request.headers.get("User-Agent", ""))[:MOST_HEADER]


def _read(operation: Operation, places: dict[str, str]) -> tuple[dict[str, Any], frozenset[str]]:
    """The parameters; those of the path are ids, come first, and win over the body."""
    raw = raw_parameters(request) | {camel(name): value for name, value in places.items()}
    declared = {param.name for param in operation.params}
    path = [Param(snake(wire), UID, required=True) for wire in operation.places if snake(wire) not in declared]
    return read_all([*path, *operation.params], raw)


def _in_wire_words(operation: Operation, error: Invalid) -> Invalid:
    """The same, naming the parameter as the request does."""
    if error.type != Invalid.type:
        return error
    sentences = [
        f"Invalid `{operation.fields.get(name, camel(name))}` param: {' '.join(said)}"
        for name, said in error.fields.items()
    ]
    return Invalid({"params": sentences[:5]})


def _idempotency_key(operation: Operation) -> str:
    if operation.method != "POST":
        return ""
    key = request.headers.get("Idempotency-Key", "")
    if key and (len(key) > idempotency.LONGEST_KEY or not key.isascii() or not key.isprintable()):
        raise Invalid({"key": [f"Idempotency-Key has 1 to {idempotency.LONGEST_KEY} visible ASCII characters."]})
    return key


def _fingerprint(operation: Operation, call: Call) -> str:
    given = json.dumps(call.given, default=str, sort_keys=True, ensure_ascii=True)
    return idempotency.fingerprint(operation.name, given)


def _replay(earlier: idempotency.Earlier) -> Response:
    answer = empty() if earlier.body is None else as_json(earlier.body, earlier.status)
    answer.headers["Idempotency-Replayed"] = "true"
    return answer
