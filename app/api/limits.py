"""How often an operation may be asked for (contract, 3.6): declared on the operation, counted for all web processes.

    @operation("POST", "/account", "sessions.write", …, limit=Limit(10, 3600, by=(By.IP,)))

Keys, members and the machine are not limited. While the queue's server is away nobody is: the API answers still.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from flask import Request, Response, after_this_request, request

from app.api.params import raw_parameters
from app.domain.addresses import email_key, normalise_email
from app.domain.byte_ranges import parse_chunk
from app.domain.errors import TooMany
from app.domain.networks import network_of
from app.domain.permissions import Actor
from app.infra.clock import Clock
from app.infra.counters import Counters


class By(StrEnum):
    """What is counted apart, besides the project and the operation."""

    IP = "ip"
    USER = "user"  # the contact that is signed in; guests count together
    EMAIL = "email"  # the parameter of that name
    CHUNK = "chunk"  # which piece of an upload it is


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `most` calls within `seconds`, counted apart for each value of `by`.

    Operations that share a `name` are counted together; without one each has its own count. An answer with the status
    `cleared_on` begins the count anew.
    """

    most: int
    seconds: int
    by: tuple[By, ...] = ()
    name: str = ""
    cleared_on: int = 0


class Limiter:
    """Counts calls and refuses those that are too many. One per process; safe to share between threads."""

    def __init__(self, counters: Counters, clock: Clock) -> None:
        self._counters = counters
        self._clock = clock

    def count(self, limit: Limit | None, name: str, actor: Actor) -> None:
        """Count this request and put the X-RateLimit headers on its answer; TooMany when there were too many before."""
        if limit is None or actor.is_privileged:
            return
        key = _key(limit, name, actor)
        counted = self._counters.count(key, limit.seconds)
        if counted is None:
            return
        ends_at = int(self._clock.now().timestamp()) + counted.seconds_left
        headers = {
            "X-RateLimit-Limit": str(limit.most),
            "X-RateLimit-Remaining": str(max(0, limit.most - counted.done)),
            "X-RateLimit-Reset": str(ends_at),
        }

        @after_this_request
        def _finish(answer: Response) -> Response:
            answer.headers.update(headers)
            if answer.status_code == limit.cleared_on:
                self._counters.forget(key)
            return answer

        if counted.done > limit.most:
            often = f"At most {limit.most:,} of these calls in {limit.seconds:,} seconds."
            raise TooMany(f"{often} Try again in {counted.seconds_left:,} seconds.", retry_after=counted.seconds_left)


def _key(limit: Limit, name: str, actor: Actor) -> str:
    """The name of the counter: hashed, so that no address stands in it and its length is fixed."""
    parts = [str(actor.project_pk), limit.name or name, *(_READERS[by](request, actor) for by in limit.by)]
    return hashlib.sha256("\n".join(parts).encode("utf-8", "replace")).hexdigest()


def _email(asked: Request, _actor: Actor) -> str:
    """The mailbox that is meant, however it is spelt: nobody gets further guesses for a spelling."""
    given = raw_parameters(asked).get("email")
    return email_key(normalise_email(given) or given.strip()) if isinstance(given, str) else ""


def _chunk(asked: Request, _actor: Actor) -> str:
    """The number of the chunk; what is none is counted together."""
    chunk = parse_chunk(asked.headers.get("Content-Range", ""))
    return str(chunk.number) if chunk is not None else ""


_READERS: Mapping[By, Callable[[Request, Actor], str]] = {
    By.IP: lambda _asked, actor: network_of(actor.ip),
    By.USER: lambda _asked, actor: str(actor.pk),
    By.EMAIL: _email,
    By.CHUNK: _chunk,
}
