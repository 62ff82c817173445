"""What one request of the API costs: CPU time inside one process, without server and sockets, beside a bare Flask view.

    .venv/bin/python -m tests.bench.api_cost [--profile] [get|list|create]

CPU time, not wall time, and the best of several rounds: other work on the machine moves it little. Commits that wait
for the disk do not show in it.
"""

import cProfile
import io
import json
import pstats
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from flask import Flask

from app.domain.permissions import Actor, ActorKind, Role, permissions_of, system
from app.factory import create_app
from app.infra.settings import Settings
from app.migrations import upgrade
from app.services.team import keys, projects
from app.services.work import Workshop
from tests.bench import bare_flask
from tests.bench.bench_api import fill

ROUNDS, REQUESTS = 7, 300
SECRET = "a-key-of-the-benchmark-that-is-long-enough-for-everything"
ADMIN = Actor(ActorKind.MEMBER, "Olga", project_pk=1, pk=1, permissions=permissions_of(frozenset({Role.ADMIN})))
Asked = tuple[str, str, Callable[[], bytes]]  # method, path below /v1, a body each time


def main(*arguments: str) -> None:
    """Print the microseconds of each sort of request, ours and bare; with --profile also where ours go."""
    names = [name for name in arguments if not name.startswith("-")]
    with _shop() as shop:
        app, secret = create_app(shop.settings, workshop=shop), _furnish(shop)
        for name, asked in _requests(shop).items():
            if names and name not in names:
                continue
            answer = _call(app, secret, asked)
            bare_flask.make_database(kept := shop.settings.data_dir / f"{name}.sqlite3")
            bare = bare_flask.create_app(json.loads(answer), kept)
            yardstick = ("GET" if asked[0] == "GET" else "POST", "", asked[2])
            ask, ask_bare = partial(_call, app, secret, asked), partial(_call, bare, "", yardstick)
            ours, theirs = _alternate(ask, ask_bare)
            calls = _profile(ask, is_shown="--profile" in arguments)
            cost = f"{ours:6.0f} µs in {calls:6,.0f} calls of functions"
            print(f"{name:8} {cost}; a bare view {theirs:4.0f} µs", flush=True)


def _requests(shop: Workshop) -> dict[str, Asked]:
    with shop.read(system(1)) as work:
        message = work.session.connection().exec_driver_sql("SELECT id FROM messages").scalar()
    numbers = count(1)

    def next_target() -> bytes:
        return json.dumps({"subscriberId": "unique()", "targetId": f"t{next(numbers)}"}).encode()

    return {
        "get": ("GET", f"/messaging/messages/{message}", bytes),
        "list": ("GET", "/messaging/messages", bytes),
        "create": ("POST", "/messaging/topics/readers/subscribers", next_target),
    }


def _call(app: Flask, secret: str, asked: Asked) -> bytes:
    """One request as granian hands it over; its answer."""
    method, path, body = asked[0], asked[1], asked[2]()
    status: list[str] = []
    answer = app(
        {
            "REQUEST_METHOD": method, "SCRIPT_NAME": "", "PATH_INFO": f"/v1{path}" if path else "/", "QUERY_STRING": "",
            "SERVER_NAME": "127.0.0.1", "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1", "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(body), "wsgi.errors": sys.stderr,
            "wsgi.multithread": True, "wsgi.multiprocess": True, "wsgi.run_once": False, "REMOTE_ADDR": "127.0.0.1",
            "HTTP_HOST": "127.0.0.1", "HTTP_X_APPWRITE_PROJECT": "default", "HTTP_X_APPWRITE_KEY": secret,
            "HTTP_X_APPWRITE_RESPONSE_FORMAT": "2.5.0", "HTTP_USER_AGENT": "AppwritePythonSDK/27.0.0",
            "CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(len(body)),
        },
        lambda said, _headers, _error=None: status.append(said),
    )  # fmt: skip
    whole = b"".join(answer)
    if hasattr(answer, "close"):
        answer.close()
    assert status[0].startswith("2"), (status, whole)
    return whole


def _alternate(ours: Callable[[], bytes], theirs: Callable[[], bytes]) -> tuple[float, float]:
    """The best of some rounds, in microseconds: what is above it is other work on the machine."""
    figures: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for place, ask in enumerate((ours, theirs)):
            begun = time.process_time()
            for _ in range(REQUESTS):
                ask()
            figures[place].append((time.process_time() - begun) / REQUESTS * 1e6)
    return min(figures[0]), min(figures[1])


def _profile(ask: Callable[[], bytes], *, is_shown: bool) -> float:
    """How many functions one request calls, a figure that no other work moves; shown: the costly ones."""
    profile = cProfile.Profile()
    profile.enable()
    for _ in range(REQUESTS):
        ask()
    profile.disable()
    found = pstats.Stats(profile)
    if is_shown:
        found.sort_stats("cumulative").print_stats(70)
    return float(found.total_calls / REQUESTS)  # type: ignore[attr-defined]


@contextmanager
def _shop() -> Iterator[Workshop]:
    with TemporaryDirectory() as folder:
        path = Path(folder)
        settings = Settings(data_dir=path, redis_url=f"unix://{path}/none", secret_keys=SECRET)
        upgrade(settings.sqlalchemy_url)
        shop = Workshop.equip(settings)
        yield shop
        shop.close()


def _furnish(shop: Workshop) -> str:
    """A project with people and messages; a key that may do everything."""
    with shop.open(Actor(ActorKind.SYSTEM, "system", permissions=ADMIN.permissions)) as work:
        projects.create_project(work, "default", name="Acme")
    with shop.open(ADMIN) as work:
        _, secret = keys.create_key(work, name="Bench", scopes=["all"])
    fill(shop.database)
    return secret


if __name__ == "__main__":
    main(*sys.argv[1:])
