"""Who asks, and with what: project, key, session or token become an actor; then the view runs in one work."""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from flask import Response, request

from app.api.answers import as_json, empty
from app.api.credentials import read_credentials
from app.api.kinds import UID
from app.api.limits import Limiter
from app.api.operations import PUBLIC, Call, Operation
from app.api.params import Param, camel, raw_parameters, read_all, snake
from app.domain.errors import Forbidden, Invalid
from app.domain.permissions import ActorKind, system
from app.infra import logs
from app.infra.counters import Counters
from app.services.programs import callers, idempotency
from app.services.programs.callers import Caller, Refusal
from app.services.work import Work, Workshop

MOST_HEADER = 512
HASHED_AT_ONCE = 256 * 1024  # bytes
_ROLE_WORDS = {ActorKind.KEY: "applications", ActorKind.CONTACT: "users", ActorKind.GUEST: "guests"}


def guard(operation: Operation, shop: Workshop, limiter: Limiter) -> Callable[..., Response]:
    """The Flask view of an operation: checks in the contract's order (3.3), then the operation itself."""
    params = _expected(operation)
    is_one_look, address = operation.is_reading and not operation.opens_own, shop.settings.address

    def listen(caller: Caller, places: dict[str, str]) -> Call:
        ip, device = request.environ.get("REMOTE_ADDR") or "", _user_agent(caller)
        actor = caller.act(operation.scope, ip=ip, user_agent=device)
        limiter.count(operation.limit, operation.name, actor)
        given, provided = _read(params, places)
        return Call(actor, caller.scopes, given, provided, address, caller.session_pk, caller.is_by_token)

    def answer(**places: str) -> Response:
        with shop.look(system()) as work:
            caller = admit(operation, work)
            if is_one_look and not caller.is_touch_due:  # most requests: answered by the look that let them in
                call = listen(caller, places)
                return _run(operation, work.given_to(call.actor), call)
        if caller.is_touch_due:
            with shop.open(system(caller.project_pk)) as work:
                callers.touch(work, caller)
        call = listen(caller, places)  # no transaction is open while a body comes in
        if operation.opens_own:
            return _run_apart(operation, shop, call)
        if operation.shares_commit:
            return shop.share(call.actor, lambda work: _run(operation, work, call))
        with shop.read(call.actor) if operation.is_reading else shop.open(call.actor) as work:
            return _run(operation, work, call)

    answer.operation = operation  # type: ignore[attr-defined]
    return answer


def _run(operation: Operation, work: Work, call: Call) -> Response:
    """The answer of the view; the kept one when the request came before with the same Idempotency-Key."""
    key = _idempotency_key(operation, call)
    mark = _fingerprint(operation, call) if key else ""
    earlier = idempotency.recall(work, key, mark) if key else None
    if earlier is not None:
        return _replay(earlier)
    body = _view(operation, work, call)
    if key:
        idempotency.remember(work, key, mark, operation.status, body)
    return _as_answer(operation, body)


def _run_apart(operation: Operation, shop: Workshop, call: Call) -> Response:
    """The same for a view that opens its own works: its key is held meanwhile, and its answer kept right after."""
    key = _idempotency_key(operation, call)
    if not key:
        return _as_answer(operation, _view(operation, shop, call))
    mark = _fingerprint(operation, call)
    with shop.open(call.actor) as work:
        earlier = idempotency.recall(work, key, mark)
        if earlier is not None:
            return _replay(earlier)
        idempotency.reserve(work, key, mark)
    body = None
    try:
        body = _view(operation, shop, call)
    finally:
        with shop.open(call.actor) as work:
            idempotency.release(work, key)
            if body is not None and not isinstance(body, Response):
                idempotency.remember(work, key, mark, operation.status, body)
    return _as_answer(operation, body)


def _view(operation: Operation, place: Work | Workshop, call: Call) -> Any:
    try:
        return operation.view(place, call)
    except Invalid as error:
        raise _in_wire_words(operation, error) from error


def _as_answer(operation: Operation, body: Any) -> Response:
    if isinstance(body, Response):
        return body
    return empty() if body is None else as_json(body, operation.status)


def admit(operation: Operation, work: Work) -> Caller:
    """Who asks, let in by project, credentials, scope and state. Raises what section 3 says."""
    shown = read_credentials(request)
    if not shown.project_id and shown.key:
        raise Refusal("Name the project in the header X-Appwrite-Project.", type="project_id_missing")
    caller = callers.recognise(work, shown)
    logs.add_context(actor=caller.kind.value, project=shown.project_id)
    if operation.scope not in caller.scopes and operation.scope != PUBLIC:
        role = _ROLE_WORDS[caller.kind]
        raise Forbidden(f'{caller.email} (role: {role}) missing scopes (["{operation.scope}"])')
    if caller.is_blocked:
        raise Refusal("This user is blocked. Ask whoever runs this service.", type="user_blocked")
    return caller


def make_limiter(shop: Workshop) -> Limiter:
    """What counts the calls of this process, together with all others."""
    return Limiter(Counters(shop.broker), shop.clock)


def _user_agent(caller: Caller) -> str:
    """What the device says of itself; a program may pass on what its own client said."""
    shown = request.environ.get
    passed_on = shown("HTTP_X_FORWARDED_USER_AGENT", "") if caller.kind is ActorKind.KEY else ""
    return str(passed_on or shown("HTTP_USER_AGENT", ""))[:MOST_HEADER]


def _expected(operation: Operation) -> Sequence[Param]:
    """The parameters in the order they are judged in: those of the path are ids and come first."""
    declared = {param.name for param in operation.params}
    path = [Param(snake(wire), UID, required=True) for wire in operation.places if snake(wire) not in declared]
    return [*path, *operation.params]


def _read(params: Sequence[Param], places: dict[str, str]) -> tuple[dict[str, Any], frozenset[str]]:
    """The parameters; those of the path win over the body."""
    raw = raw_parameters(request)
    for name, value in places.items():
        raw[camel(name)] = value
    return read_all(params, raw)


def _in_wire_words(operation: Operation, error: Invalid) -> Invalid:
    """The same, naming the parameter as the request does."""
    if error.type != Invalid.type:
        return error
    sentences = [
        f"Invalid `{operation.fields.get(name, camel(name))}` param: {' '.join(said)}"
        for name, said in error.fields.items()
    ]
    return Invalid({"params": sentences[:5]})


def _idempotency_key(operation: Operation, call: Call) -> str:
    """The key under which the answer is kept. Guests have none: nobody could tell theirs from another's."""
    if operation.method != "POST" or call.actor.kind is ActorKind.GUEST:
        return ""
    key = request.headers.get("Idempotency-Key", "")
    if key and operation.is_secret:
        raise Invalid({"key": ["Idempotency-Key: this answer holds a secret and is never kept. Leave the key out."]})
    if key and (len(key) > idempotency.LONGEST_KEY or not key.isascii() or not key.isprintable()):
        raise Invalid({"key": [f"Idempotency-Key has 1 to {idempotency.LONGEST_KEY} visible ASCII characters."]})
    return key


def _fingerprint(operation: Operation, call: Call) -> str:
    given = json.dumps(call.given, default=str, sort_keys=True, ensure_ascii=True)
    return idempotency.fingerprint(operation.name, given, *_sent_files())


def _sent_files() -> Iterator[str]:
    """What makes two uploads the same one, besides their parameters: the bytes, and which chunk they are."""
    if request.mimetype != "multipart/form-data":
        return
    yield request.headers.get("Content-Range", "")
    for name, file in request.files.items(multi=True):
        digest = hashlib.sha256()
        while piece := file.stream.read(HASHED_AT_ONCE):
            digest.update(piece)
        file.stream.seek(0)
        yield f"{name}:{file.filename}:{digest.hexdigest()}"


def _replay(earlier: idempotency.Earlier) -> Response:
    answer = empty() if earlier.body is None else as_json(earlier.body, earlier.status)
    answer.headers["Idempotency-Replayed"] = "true"
    return answer
