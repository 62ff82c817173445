"""Absurd arguments and settings: one sentence, exit code 2, never a traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.conftest import ROOT

LONG = "x" * 5_000
MEMBER = ("member", "create", "ann@example.org", "--password-stdin", "--role")
KEY = ("key", "create", "--project", "nowhere", "--name", "k", "--scopes")
ARGUMENTS: list[tuple[tuple[str | bytes, ...], str]] = [
    (("project", "create"), "Missing argument 'ID'"),
    (("project", "create", "acme"), "Missing option '--name'"),
    (("project", "create", "acme", "--name", ""), "Name needs 1 to 128 characters"),
    (("project", "create", "acme", "--name", "a\nb"), "Name needs 1 to 128 characters"),
    (("project", "create", "acme", "--name", LONG), "Name needs 1 to 128 characters"),
    (("project", "create", "acme", "--name", b"\xff\xfe"), "Name"),
    (("project", "create", b"\xff", "--name", "Acme"), "cannot be."),
    (("member", "create", "--role", "admin", "--password-stdin"), "Missing argument 'EMAIL'"),
    (("member", "create", "ann", "--role", "admin", "--password-stdin"), "Email needs an address"),
    (
        ("member", "create", "ann@example.org\r\nBcc: x", "--role", "admin", "--password-stdin"),
        "Email needs an address",
    ),
    ((*MEMBER, "admin", "--project", "nowhere"), "Project 'nowhere' does not exist"),
    ((*MEMBER, "admin", "--name", "a\nb"), "Name can have at most 128 characters and no line breaks"),
    ((*MEMBER, "admin", "--name", b"\xff"), "Name"),
    (("member", "password", "nobody@example.org", "--password-stdin"), "There is no member nobody@example.org"),
    ((*KEY, "all"), "Project 'nowhere' does not exist"),
    (("seed", "--project", "nowhere"), "Project 'nowhere' does not exist"),
    (("up", "--port", "70000"), "use a number from 0 to 65535"),
    (("up", "--workers", "0"), "use a number from 1 to 256"),
    (("web", "--port", "1e3"), "use a number from 0 to 65535"),
    (("doctor", "--fast"), "No such option"),
    (("ticker", "extra"), "unexpected extra argument"),
    (("db", "downgrade"), "No such command 'downgrade'"),
]
SETTINGS = [
    ("PROVIDER_ENDPOINTS", "[]", "CARILLON_PROVIDER_ENDPOINTS"),
    ("PROVIDER_ENDPOINTS", "{", "CARILLON_PROVIDER_ENDPOINTS is not a JSON object"),
    ("PROVIDER_ENDPOINTS", '{"mailgun": "ftp://x"}', "has no base URL for mailgun"),
    ("LOG_FORMAT", "xml", "use console or json"),
    ("TRUSTED_PROXIES", "many", "use the number of reverse proxies in front"),
    ("ALLOW_PRIVATE_HOSTS", "maybe", "use true or false"),
    ("LEASE_SECONDS", "0", "use a number from 2 to 3600"),
    ("PUBLIC_URL", "carillon.example.org", "CARILLON_PUBLIC_URL is not an address of a page"),
    ("REDIS_URL", "http://x", "CARILLON_REDIS_URL is not an address of a queue"),
    ("DATABASE_URL", "sqlite:////no/such/folder/x.sqlite3", "The database cannot be used"),
    ("DATABASE_URL", "postgresql://[", "CARILLON_DATABASE_URL"),
    ("SECRET_KEYS", ",", "CARILLON_SECRET_KEYS"),
    ("DATA_DIR", "/dev/null/x", "Not a directory"),
]


def run(words: tuple[str | bytes, ...], **settings: str) -> "subprocess.CompletedProcess[str]":
    """Run the command to its end, with a password on standard input."""
    return subprocess.run(
        [sys.executable, "-m", "app.cli", *words], cwd=ROOT, text=True, capture_output=True, check=False, timeout=60,
        input="a long enough password\n", env={**os.environ, **settings},
    )  # fmt: skip


def assert_refused(seen: "subprocess.CompletedProcess[str]", sentence: str) -> None:
    assert "Traceback" not in seen.stderr, seen.stderr[-2_000:]
    assert sentence in " ".join(seen.stderr.split())
    assert seen.returncode == 2


@pytest.mark.parametrize(("words", "sentence"), ARGUMENTS)
def test_an_absurd_argument_gets_a_sentence(tmp_path: Path, words: tuple[str | bytes, ...], sentence: str) -> None:
    assert_refused(run(words, CARILLON_DATA_DIR=str(tmp_path / "data")), sentence)


@pytest.mark.parametrize(("name", "value", "sentence"), SETTINGS)
def test_an_absurd_setting_gets_a_sentence(tmp_path: Path, name: str, value: str, sentence: str) -> None:
    where = {"CARILLON_DATA_DIR": str(tmp_path / "data"), f"CARILLON_{name}": value}
    assert_refused(run(("project", "create", "acme", "--name", "Acme"), **where), sentence)
