"""The settings of a process, read once from the environment."""

import hashlib
import json
import os
import re
import tempfile
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

ROOT = Path(__file__).resolve().parents[2]  # templates/, static/ and wsgi.py lie here
LONGEST_SOCKET_PATH = 100  # bytes: the kernel takes 107, and a server adds a few of its own


class BadSettingsError(ValueError):
    """Some settings cannot be; `sentences` name each, what is wrong with it and what would be right."""

    def __init__(self, sentences: list[str]) -> None:
        super().__init__("\n".join(sentences))
        self.sentences = sentences


class Settings(BaseSettings):
    """Every setting with its default; each is read from `CARILLON_<NAME>`. Frozen: handed down, never changed.

    What may hold a password is kept out of `repr`.
    """

    model_config = SettingsConfigDict(env_prefix="CARILLON_", frozen=True, extra="ignore", hide_input_in_errors=True)

    data_dir: Path = Path("var")
    database_url: str = Field(default="", repr=False)
    redis_url: str = Field(default="", repr=False)
    storage_url: str = Field(default="", repr=False)
    largest_file: int = Field(default=30_000_000, ge=1, le=10**12)  # bytes of an upload; a bucket may allow less
    secret_keys: str = Field(default="", repr=False)
    public_url: str = ""
    provider_endpoints: dict[str, str] = Field(default_factory=dict)
    allow_private_hosts: bool = False
    workers: int = Field(default_factory=lambda: os.cpu_count() or 1, ge=1, le=256)
    lease_seconds: int = Field(default=60, ge=2, le=3600)  # after so long without a sign a worker's batch is taken over
    host: str = "127.0.0.1"
    port: int = Field(default=8025, ge=0, le=65535)
    bounces_host: str = "127.0.0.1"
    bounces_port: int = Field(default=0, ge=0, le=65535)  # 0: bounces are not received, and no return paths are made
    bounces_protocol: Literal["smtp", "lmtp"] = "smtp"
    bounces_certificate: Path | None = None  # PEM file with key and chain; offers STARTTLS
    log_format: Literal["console", "json"] = "console"
    metrics_token: str = Field(default="", repr=False)  # what /metrics must be shown; without it there is no such page
    trusted_proxies: int = Field(default=0, ge=0, le=8)  # reverse proxies in front, whose X-Forwarded-* are believed

    @field_validator("data_dir")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().resolve()

    @field_validator("bounces_certificate", mode="before")
    @classmethod
    def _perhaps_a_path(cls, value: Path | str | None) -> Path | None:
        return Path(value).expanduser().resolve() if value else None

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: str) -> str:
        scheme, mark, rest = value.strip().partition("://")
        if not value.strip():
            return ""
        if scheme in {"postgres", "postgresql", "postgresql+psycopg"} and mark:
            return f"postgresql+psycopg://{rest}"
        if scheme == "sqlite" and mark:
            return f"sqlite://{rest}"
        raise ValueError("is not a database Carillon knows; use postgresql+psycopg://user:password@host/name")

    @field_validator("redis_url")
    @classmethod
    def _known_queue(cls, value: str) -> str:
        value = value.strip()
        if value and urlsplit(value).scheme not in {"redis", "rediss", "unix"}:
            raise ValueError("is not an address of a queue; use redis://host:6379/0, rediss://… or unix:///path")
        return value

    @field_validator("public_url")
    @classmethod
    def _web_address(cls, value: str) -> str:
        value = value.strip()
        if value and not _is_web_address(value):
            raise ValueError("is not an address of a page; use one like https://carillon.example.org")
        return value

    @field_validator("metrics_token")
    @classmethod
    def _hard_to_guess(cls, value: str) -> str:
        value = value.strip()
        if value and not re.fullmatch(r"[!-~]{16,256}", value):
            raise ValueError("is not hard to guess; use 16 to 256 letters, digits and signs without spaces")
        return value

    @field_validator("provider_endpoints")
    @classmethod
    def _web_addresses(cls, value: dict[str, str]) -> dict[str, str]:
        for kind, url in value.items():
            if not _is_web_address(url):
                raise ValueError(f"has no base URL for {kind}; give one like http://127.0.0.1:9000/v3")
        return value

    @classmethod
    def from_env(cls, **overrides: Any) -> "Settings":
        """The settings of this process; `overrides` (from the command line) win over the environment.

        Raises BadSettingsError, whose sentences name each setting that cannot be.
        """
        try:
            return cls(**{name: value for name, value in overrides.items() if value is not None})
        except ValidationError as error:
            raise BadSettingsError([_sentence(problem) for problem in error.errors()]) from error
        except SettingsError as error:
            raise BadSettingsError([
                'CARILLON_PROVIDER_ENDPOINTS is not a JSON object; use one like {"mailgun": "http://127.0.0.1:9000/v3"}.'
            ]) from error  # fmt: skip

    def environment(self) -> dict[str, str]:
        """The environment for a child process, in which `from_env` reads these very settings."""
        ours = {f"CARILLON_{name.upper()}": _written(value) for name, value in self}
        return {**os.environ, **ours}  # noqa: TID251 - this is the one place

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


def _written(value: Any) -> str:
    if isinstance(value, dict):
        return json.dumps(value)
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _is_web_address(value: str) -> bool:
    try:
        parts = urlsplit(value)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        return False


_RIGHT = {
    "port": "use a number from 0 to 65535, where 0 takes any free port",
    "bounces_port": "use a number from 1 to 65535, or 0 for none",
    "bounces_protocol": "use smtp or lmtp",
    "bounces_certificate": "use the path of a PEM file with a key and its certificates",
    "workers": "use a number from 1 to 256",
    "largest_file": "use a number of bytes from 1 to 1000000000000",
    "lease_seconds": "use a number from 2 to 3600",
    "allow_private_hosts": "use true or false",
    "log_format": "use console or json",
    "trusted_proxies": "use the number of reverse proxies in front, from 0 to 8",
    "data_dir": "use the path of a folder",
}


def _sentence(problem: Any) -> str:
    name = str(problem["loc"][0]) if problem["loc"] else ""
    setting = f"CARILLON_{name.upper()}"
    option = f" (--{name.replace('_', '-')})" if name in {"port", "host", "workers", "data_dir"} else ""
    if problem["type"] == "value_error":
        return f"{setting}{option} {problem['ctx']['error']}."
    if name in _RIGHT:
        return f"{setting}{option} cannot be that; {_RIGHT[name]}."
    return f"{setting}{option} cannot be that: {problem['msg'][:1].lower()}{problem['msg'][1:]}."
