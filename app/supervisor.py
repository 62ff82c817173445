"""`carillon up`: everything of one machine under one process, started again when it dies, stopped in order."""

import errno
import http.client
import signal
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from importlib.util import find_spec
from random import sample
from typing import TYPE_CHECKING

import click
import structlog

from app.children import Child, stop_children
from app.data_dir import DataDir
from app.infra.clock import monotonic
from app.infra.processes import StopSign, set_title
from app.infra.settings import ROOT, Settings

if TYPE_CHECKING:
    from app.infra.valkey import Valkey

# What Valkey and the vault are made with is imported where it is used, on purpose: the children shall read their code
# meanwhile, and the start is as long as the longest of these chains (docs/adr/0038-start-and-memory.md).
# ruff: noqa: PLC0415

STEP = 0.1  # seconds between two looks at the children
STOP_WITHIN = 9.0  # seconds in which all must be over; ten are promised
WEB_SHARE = 2.5  # seconds of it for the web processes
TICKER_SHARE = 1.0
EMULATORS_SHARE = 0.5
VALKEY_SHARE = 1.0
VALKEY_PAUSE = 1.0  # seconds before a Valkey that did not start is started again
OTHERS_AT_LATEST = 10.0  # seconds after which the workers beyond the first start, ready or not
# glibc gives each thread a heap of its own, which costs a worker 2 MiB; with one lock for Python none is quicker.
ONE_HEAP = {"MALLOC_ARENA_MAX": "1"}
READY_WITHIN = 60.0  # seconds after which it is said that something is not ready

log = structlog.get_logger(__name__)


class StartError(Exception):
    """It cannot start; the sentence says why and what would be right."""


class Supervisor:
    """One installation on one machine. `run()` blocks until SIGTERM or SIGINT."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings.but({"port": settings.port or _free_port(settings.host)})
        self.valkey: Valkey | None = None  # until it is started; for good when there is a server elsewhere
        self.children: list[Child] = []
        self._others: list[Child] = []  # what starts once all is ready
        self._was_ready = False
        self._is_inviting = False
        self._stop = StopSign()
        self._greeting = _greeting(self.settings.address, "")
        self.data_dir = DataDir(self.settings)
        self._valkey_from = 0.0  # not to be started before

    def run(self) -> int:
        """Start everything, watch over it, stop it in order; the exit code. Raises what `plain_errors` can say."""
        set_title("up")
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stop.raise_up())
        with self.data_dir.lock():
            _check_ports(self.settings)
            try:
                self._start()
                self._watch()
            finally:
                self._stop_all()
        return 0

    def _start(self) -> None:
        self.children = self._family()
        if self.data_dir.is_prepared():
            self._start_children()  # Valkey is there before the first of them has read its own code
            _check_keys(self.settings)
            self._start_valkey()
            self._is_inviting = not self.data_dir.has_member()
        else:
            _check_keys(self.settings)
            first = self._prepare()
            self._start_children()
            self._greeting = _greeting(self.settings.address, first)
        threading.Thread(target=self._greet_when_ready, name="greeting", daemon=True).start()

    def _start_valkey(self) -> None:
        if not self.settings.is_embedded:
            return
        from app.infra.valkey import Valkey

        self.valkey = Valkey(self.settings)
        self.valkey.start()

    def _start_children(self) -> None:
        """Those first that readiness needs; the other workers would only take their time from them."""
        if self._stop.is_up:
            return
        self._others = self._named("worker")[1:]
        for child in self.children:
            if child in self._others:
                child.start_later(OTHERS_AT_LATEST)
            else:
                child.start()

    def _prepare(self) -> str:
        """Make the tables, beside Valkey's start; the address of the first member, empty when there is one."""
        preparing = self._run_prepare()
        try:
            self._start_valkey()
            said, _ = preparing.communicate()
        finally:
            preparing.kill()
            preparing.wait()
        if preparing.returncode and not self._stop.is_up:
            raise StartError("The database could not be prepared; the lines above say why.")
        return said.strip()

    def _run_prepare(self) -> subprocess.Popen[str]:
        return subprocess.Popen(  # noqa: S603 - our own command
            [*_CARILLON, "prepare"], env=self.settings.environment(), cwd=ROOT, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip

    def _family(self) -> list[Child]:
        """All children, in the order in which they are started; stopped in the order of `_stop_all`."""
        # Files that SQLite makes for a moment lie where the database lies: there is room, and it may write there.
        env = {**ONE_HEAP, "SQLITE_TMPDIR": str(self.settings.data_dir), **self.settings.environment()}
        workers = [Child(f"worker-{number}", [*_CARILLON, "worker"], env) for number in range(self.settings.workers)]
        family = [Child("web", [*_CARILLON, "web"], env), *workers, Child("ticker", [*_CARILLON, "ticker"], env)]
        if self.settings.bounces_port:
            family.append(Child("bounces", [*_CARILLON, "bounces"], env))
        if find_spec("app.emulators.__main__") is not None:
            words = [sys.executable, "-m", "app.emulators", "--data-dir", str(self.settings.data_dir)]
            if self.settings.bounces_port:
                words += ["--bounces-to", f"{_near(self.settings.bounces_host)}:{self.settings.bounces_port}"]
                words += ["--bounces-protocol", self.settings.bounces_protocol]
            family.append(Child("emulators", words, env))
        return family

    def _watch(self) -> None:
        while not self._stop.wait(STEP):
            self._look_after_valkey()
            while self._was_ready and self._others:
                self._others.pop().hurry()
            for child in self.children:
                child.look_after()

    def _look_after_valkey(self) -> None:
        if self.valkey is None or self.valkey.is_running() or monotonic() < self._valkey_from:
            return
        from app.infra.valkey import ValkeyError

        log.warning("Valkey ended; starting it again")
        try:
            self.valkey.start()
        except ValkeyError as error:  # it died again while it started: all else goes on without bells
            self._valkey_from = monotonic() + VALKEY_PAUSE
            log.error("Valkey does not start; trying again", pause=VALKEY_PAUSE, error=str(error))  # noqa: TRY400 - said

    def _stop_all(self) -> None:
        """Web first, so that nothing new comes in; workers end their batch; Valkey last, because all ring there."""
        log.info("Stopping")
        end = monotonic() + STOP_WITHIN
        stop_children(self._named("web") + self._named("bounces"), WEB_SHARE)
        stop_children(self._named("ticker"), TICKER_SHARE)
        end -= VALKEY_SHARE if self.valkey else 0
        stop_children(self._named("worker"), end - monotonic() - EMULATORS_SHARE)
        stop_children(self._named("emulators"), end - monotonic())  # at least their share, and what the others left
        if self.valkey is not None:
            self.valkey.stop(patience=VALKEY_SHARE)
        log.info("Stopped")

    def _named(self, start: str) -> list[Child]:
        return [child for child in self.children if child.name.startswith(start)]

    def _greet_when_ready(self) -> None:
        began = monotonic()
        while not self._stop.wait(0.05):
            if _is_ready(self.settings):
                self._was_ready = True
                click.echo(self._greeting)
                if self._is_inviting:
                    self._invite()
                return
            if monotonic() - began > READY_WITHIN:
                log.warning("Not everything is ready; run `carillon doctor` to see what is missing")
                return

    def _invite(self) -> None:
        """On a data dir that was left before anybody could sign in: say where the first member is made."""
        preparing = self._run_prepare()
        try:
            while preparing.poll() is None and not self._stop.wait(STEP):
                pass
            said = preparing.communicate()[0] if preparing.poll() == 0 else ""
        finally:
            preparing.kill()
            preparing.wait()
        if said.strip():
            click.echo(_invitation(said.strip()))


_CARILLON = [sys.executable, "-m", "app.cli"]


def _greeting(address: str, first: str) -> str:
    ready = f"Carillon is ready: {address}"
    return f"{ready}\n{_invitation(first)}" if first else ready


def _invitation(first: str) -> str:
    return f"Nobody can sign in yet. Open this address once to make the first member:\n  {first}"


def _check_keys(settings: Settings) -> None:
    """Say in words that a secret key cannot be, before a child dies of it; the key file is made when there is none."""
    from app.infra.vault import Vault

    Vault.open(settings)


def _is_ready(settings: Settings) -> bool:
    connection = http.client.HTTPConnection(_near(settings.host), settings.port, timeout=2)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _near(host: str) -> str:
    """Where a program on this machine reaches what listens on that host."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104 - asked, not bound to


def _free_port(host: str) -> int:
    """A port that is free and stays so: above it Linux takes ports for connections that go out, at any moment."""
    for port in sample(range(20_000, 32_000), 50):
        with suppress(StartError), _bound(host, port):
            return port
    with _bound(host, 0) as probe:
        return int(probe.getsockname()[1])


def _check_ports(settings: Settings) -> None:
    """Say in words that a port is taken, before a child dies of it."""
    _bound(settings.host, settings.port).close()
    if settings.bounces_port:
        _bound(settings.bounces_host, settings.bounces_port, "CARILLON_BOUNCES_HOST", "CARILLON_BOUNCES_PORT").close()


def _bound(host: str, port: int, host_word: str = "--host", port_word: str = "--port") -> socket.socket:
    not_ours = f"{host_word} {host} is not an address of this machine; use 127.0.0.1 or 0.0.0.0."
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        probe = socket.socket(family, kind, protocol)
    except OSError as error:
        raise StartError(not_ours) from error
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        probe.bind(address)
    except PermissionError as error:
        probe.close()
        raise StartError(f"Port {port} is not open to this user; use one above 1023 with {port_word}.") from error
    except OSError as error:
        probe.close()
        if error.errno == errno.EADDRNOTAVAIL:
            raise StartError(not_ours) from error
        raise StartError(f"Port {port} on {host} is taken by another program; use another with {port_word}.") from error
    return probe
