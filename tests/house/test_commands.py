"""The `carillon` command as people and scripts type it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.conftest import ROOT


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


def carillon(*words: str, typed: str = "", **settings: str) -> "subprocess.CompletedProcess[str]":
    """Run the command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "app.cli", *words], cwd=ROOT, text=True, capture_output=True, input=typed, check=False,
        env={**os.environ, **{f"CARILLON_{name}": value for name, value in settings.items()}}, timeout=60,
    )  # fmt: skip


def assert_refused(seen: "subprocess.CompletedProcess[str]", sentence: str) -> None:
    assert sentence in seen.stderr
    assert "Traceback" not in seen.stderr
    assert seen.returncode == 2


def test_help_names_every_command() -> None:
    seen = carillon("--help")
    for word in ("up", "web", "worker", "ticker", "project", "key", "member", "seed", "db", "sending", "doctor"):
        assert f"\n  {word} " in seen.stdout


def test_a_project_a_key_and_a_member_come_from_the_command_line(data_dir: Path) -> None:
    where = ("--data-dir", str(data_dir))
    assert carillon("project", "create", "acme", "--name", "Acme", *where).returncode == 0
    key = carillon("key", "create", "--project", "acme", "--name", "shop", "--scopes", "all", *where)
    assert key.stdout.splitlines()[-1].startswith("carillon_")
    member = carillon(
        "member", "create", "olga@example.org", "--role", "admin", "--password-stdin", *where, typed="a long password\n"
    )
    assert member.returncode == 0, member.stderr
    again = carillon("project", "create", "acme", "--name", "Acme", *where)
    assert_refused(again, "Project 'acme' exists already; choose another id.")


@pytest.mark.parametrize(
    ("words", "settings", "sentence"),
    [
        (("up", "--port", "banana"), {}, "CARILLON_PORT (--port) cannot be that; use a number from 0 to 65535"),
        (("up", "--workers", "many"), {}, "CARILLON_WORKERS (--workers) cannot be that; use a number from 1 to 256"),
        (("up", "--host", "no.such.host.invalid"), {}, "--host no.such.host.invalid is not an address of this machine"),
        (("up",), {"PORT": "-1"}, "CARILLON_PORT (--port) cannot be that"),
        (("up",), {"SECRET_KEYS": "short"}, "Each of CARILLON_SECRET_KEYS needs at least 32 characters"),
        (("db", "upgrade"), {"DATABASE_URL": "mysql://x"}, "CARILLON_DATABASE_URL is not a database Carillon knows"),
        (
            ("db", "upgrade"), {"DATABASE_URL": "postgresql://u:sesame@127.0.0.1:1/x"},
            "The database cannot be used: connection failed",
        ),
        (
            ("member", "create", "olga@example.org", "--role", "king", "--password-stdin"), {},
            "Role 'king' does not exist; use one of viewer, composer, operator, admin.",
        ),
        (("member", "create", "olga@example.org", "--role", "admin"), {}, "give it with --password-stdin"),
        (("key", "create", "--project", "no", "--name", "k", "--scopes", "all"), {}, "Project 'no' does not exist."),
        (("project", "create", "-x-", "--name", "k"), {}, "No such option"),
        (("project", "create", "ü", "--name", "k"), {}, "Project id 'ü' cannot be."),
        (("dance",), {}, "No such command 'dance'"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said_in_a_sentence(
    data_dir: Path, words: tuple[str, ...], settings: dict[str, str], sentence: str
) -> None:
    seen = carillon(*words, DATA_DIR=str(data_dir), **settings)
    assert_refused(seen, sentence)
    assert "sesame" not in seen.stderr


def test_a_data_dir_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert_refused(carillon("up", "--data-dir", str(tmp_path / "file" / "data")), "cannot be made: Not a directory")


def test_an_unknown_scope_is_named_with_all_that_exist(data_dir: Path) -> None:
    carillon("project", "create", "acme", "--name", "Acme", "--data-dir", str(data_dir))
    seen = carillon("key", "create", "--project", "acme", "--name", "k", "--scopes", "fly", "--data-dir", str(data_dir))
    assert_refused(seen, "Scopes fly: use all, or a list of ")


def test_the_doctor_names_what_is_missing_and_what_to_do(data_dir: Path) -> None:
    seen = carillon("doctor", "--data-dir", str(data_dir))
    assert seen.returncode == 1
    assert f"BAD  secret keys: There is no key file {data_dir}/secret.key; `carillon up` makes it." in seen.stdout
    assert "BAD  queue: It does not answer" in seen.stdout


def test_all_sending_is_stopped_and_resumed_from_the_command_line(data_dir: Path) -> None:
    where = ("--data-dir", str(data_dir))
    for name in ("acme", "other"):
        assert carillon("project", "create", name, "--name", name, *where).returncode == 0
    stopped = carillon("sending", "stop", *where)
    assert [line.partition(".")[0] for line in stopped.stdout.splitlines()] == ["acme: stopped", "other: stopped"]
    resumed = carillon("sending", "resume", "--project", "acme", *where)
    assert resumed.stdout.startswith("acme: sending goes on. On the way: messages 0, people left 0.")
    told = carillon("sending", "status", *where).stdout.splitlines()
    assert told[0].startswith("acme: sending.")
    assert told[1].startswith("other: stopped since ")
    assert "by the command line" in told[1]
    assert_refused(carillon("sending", "stop", "--project", "none", *where), "Project 'none' does not exist.")
