"""The settings of a process, read once from the environment."""

import hashlib
import os
import tempfile
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from app.infra import setting_kinds as kinds

ROOT = Path(__file__).resolve().parents[2]  # templates/, static/ and wsgi.py lie here
LONGEST_SOCKET_PATH = 100  # bytes: the kernel takes 107, and a server adds a few of its own
PREFIX = "CARILLON_"

_BYTES = "use a number of bytes from 1 to 1000000000000"
_PORT = "use a number from 0 to 65535, where 0 takes any free port"
_PORT_OR_NONE = "use a number from 1 to 65535, or 0 for none"
_PROXIES = "use the number of reverse proxies in front, from 0 to 8"


class BadSettingsError(ValueError):
    """Some settings cannot be; `sentences` name each, what is wrong with it and what would be right."""

    def __init__(self, sentences: list[str]) -> None:
        super().__init__("\n".join(sentences))
        self.sentences = sentences


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Every setting with its default; each is read from `CARILLON_<NAME>`. Frozen: handed down, never changed.

    Values may be given as texts, as the environment has them. What may hold a password is kept out of `repr`.
    Raises BadSettingsError, whose sentences name each setting that cannot be.
    """

    data_dir: Annotated[Path, kinds.path] = Path("var")
    database_url: Annotated[str, kinds.database] = field(default="", repr=False)
    redis_url: Annotated[str, kinds.queue] = field(default="", repr=False)
    storage_url: Annotated[str, kinds.text] = field(default="", repr=False)
    largest_file: Annotated[int, kinds.number(1, 10**12, _BYTES)] = 30_000_000  # of an upload; a bucket may allow less
    secret_keys: Annotated[str, kinds.text] = field(default="", repr=False)
    public_url: Annotated[str, kinds.web_address] = ""
    provider_endpoints: Annotated[dict[str, str], kinds.web_addresses] = field(default_factory=dict)
    allow_private_hosts: Annotated[bool, kinds.yes_or_no] = False
    workers: Annotated[int, kinds.number(1, 256)] = field(default_factory=lambda: os.cpu_count() or 1)
    lease_seconds: Annotated[int, kinds.number(2, 3600)] = 60  # after so long without a sign its batch is taken over
    host: Annotated[str, kinds.text] = "127.0.0.1"
    port: Annotated[int, kinds.number(0, 65_535, _PORT)] = 8025
    bounces_host: Annotated[str, kinds.text] = "127.0.0.1"
    bounces_port: Annotated[int, kinds.number(0, 65_535, _PORT_OR_NONE)] = 0  # 0: and no return paths are made
    bounces_protocol: Annotated[Literal["smtp", "lmtp"], kinds.one_of("smtp", "lmtp")] = "smtp"
    bounces_certificate: Annotated[Path | None, kinds.perhaps_a_path] = None  # PEM, key and chain; offers STARTTLS
    log_format: Annotated[Literal["console", "json"], kinds.one_of("console", "json")] = "console"
    metrics_token: Annotated[str, kinds.hard_to_guess] = field(default="", repr=False)  # without one: no /metrics
    trusted_proxies: Annotated[int, kinds.number(0, 8, _PROXIES)] = 0  # in front, whose X-Forwarded-* are believed

    def __post_init__(self) -> None:
        """Read each value; whoever makes settings gets good ones or an error that names all that are not."""
        wrong = []
        for each in fields(self):
            try:
                object.__setattr__(self, each.name, _reader_of(each)(getattr(self, each.name)))
            except ValueError as error:
                wrong.append(f"{_named(each.name)} {error}.")
        if wrong:
            raise BadSettingsError(wrong)

    @classmethod
    def names(cls) -> list[str]:
        """What each is called; in the environment it is CARILLON_ and this in capitals."""
        return [each.name for each in fields(cls)]

    @classmethod
    def from_env(cls, **overrides: Any) -> "Settings":
        """The settings of this process; `overrides` (from the command line) win over the environment.

        Raises BadSettingsError, whose sentences name each setting that cannot be.
        """
        told = {name.upper(): value for name, value in os.environ.items()}  # noqa: TID251 - this is the one place
        found = {name: told[PREFIX + name.upper()] for name in cls.names() if PREFIX + name.upper() in told}
        return cls(**found | {name: value for name, value in overrides.items() if value is not None})

    def but(self, changes: Mapping[str, Any]) -> "Settings":
        """The same with some changed. Raises BadSettingsError."""
        return replace(self, **changes)

    def environment(self) -> dict[str, str]:
        """The environment for a child process, in which `from_env` reads these very settings."""
        ours = {f"{PREFIX}{name.upper()}": kinds.written(getattr(self, name)) for name in self.names()}
        return {**os.environ, **ours}  # noqa: TID251 - as above

    @property
    def sqlalchemy_url(self) -> str:
        """Where the database is: the one that was set, else SQLite in the data dir."""
        return self.database_url or f"sqlite:///{self.data_dir / 'carillon.sqlite3'}"

    @property
    def run_dir(self) -> Path:
        """Sockets, pid files and what running processes tell one another."""
        return self.data_dir / "run"

    @property
    def key_file(self) -> Path:
        """Where the secret key lies when none was set."""
        return self.data_dir / "secret.key"

    @property
    def valkey_socket(self) -> Path:
        """The socket of the embedded Valkey; in a short private folder when the data dir's path is too long for one.

        Whoever started the server last wrote down where that folder is, so that all processes agree.
        """
        near = self.run_dir / "valkey.sock"
        if len(os.fsencode(near)) <= LONGEST_SOCKET_PATH:
            return near
        if self.valkey_note.is_file():
            return Path(self.valkey_note.read_text().strip())
        place = hashlib.sha256(os.fsencode(self.data_dir)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"carillon-{os.getuid()}-{place}" / "valkey.sock"

    @property
    def valkey_note(self) -> Path:
        """Where it is written down that the socket lies outside the data dir."""
        return self.run_dir / "valkey.where"

    @property
    def broker_url(self) -> str:
        """Where the queue is: the Redis or Valkey that was set, else the embedded one."""
        return self.redis_url or f"unix://{self.valkey_socket}"

    @property
    def is_embedded(self) -> bool:
        """Whether Carillon brings its own Valkey."""
        return not self.redis_url

    @property
    def address(self) -> str:
        """The address people open, without a trailing slash."""
        host = "localhost" if self.host in {"0.0.0.0", "::", ""} else self.host  # noqa: S104 - compared, not bound to
        host = f"[{host}]" if ":" in host else host
        return (self.public_url or f"http://{host}:{self.port}").rstrip("/")


def _reader_of(setting: Field[Any]) -> kinds.Read:
    """What stands beside the type."""
    reader: kinds.Read = setting.type.__metadata__[0]  # type: ignore[union-attr] # each is Annotated
    return reader


def _named(name: str) -> str:
    """A setting by the name in the environment, and by its option where the command line has one."""
    option = f" (--{name.replace('_', '-')})" if name in {"port", "host", "workers", "data_dir"} else ""
    return f"{PREFIX}{name.upper()}{option}"
