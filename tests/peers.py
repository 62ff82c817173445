"""Other senders, to be held against: Python's in an environment of their own, Node's from tests/package.json.

They pin what Carillon pins otherwise, so nothing of them is imported here: what needs them runs as a script of
tests/contrast/inside, by the interpreter of that environment, and is spoken to by words, files and the sink.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.needs import NODE_MODULES, TESTS, find_program

LOCK = TESTS / "contrast" / "requirements.lock"
INSIDE = TESTS / "contrast" / "inside"
VENV = Path(sys.prefix) / "peers"
_NODEMAILER = NODE_MODULES / "nodemailer" / "package.json"


class PeerMissingError(Exception):
    """A sender that is not here and cannot be fetched; the sentence says what is missing."""


def python() -> str:
    """The interpreter that knows Django, post_office and Celery, in the versions of the lock.

    Makes its environment first when that is missing or of another lock. PeerMissingError when PyPI cannot be reached.
    """
    kept, interpreter = VENV / LOCK.name, str(VENV / "bin" / "python")
    if kept.exists() and kept.read_text() == LOCK.read_text():
        return interpreter
    shutil.rmtree(VENV, ignore_errors=True)
    uv = [sys.executable, "-m", "uv"]
    for words in (
        [*uv, "venv", "--quiet", "--python", sys.executable, str(VENV)],
        [*uv, "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--python", interpreter, "-r", str(LOCK)],
    ):
        done = subprocess.run(words, stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            raise PeerMissingError(f"Django, post_office and Celery could not be installed: {done.stderr.strip()}")
    shutil.copy(LOCK, VENV)
    return interpreter


def version(name: str) -> str:
    """The version of a Python package that the lock names."""
    found = re.search(rf"^{re.escape(name)}==(\S+)", LOCK.read_text(), re.MULTILINE)
    if found is None:
        raise KeyError(name)
    return found[1]


def surroundings(**more: str) -> dict[str, str]:
    """The environment for that interpreter, in which it finds our scripts."""
    return os.environ | {"PYTHONPATH": str(INSIDE)} | more


def django_surroundings(port: int, database: Mapping[str, str], **post_office: object) -> dict[str, str]:
    """The same for Django, with the mail server's port, the database and the settings of post_office."""
    return surroundings(
        DJANGO_SETTINGS_MODULE="mail_settings", SMTP_PORT=str(port), DATABASE=json.dumps(database),
        POST_OFFICE=json.dumps(post_office),
    )  # fmt: skip


def run(*words: str, environment: Mapping[str, str]) -> str:
    """Run a module of that interpreter to its end; what it printed. AssertionError with its last words if it fails."""
    done = subprocess.run([python(), "-m", *words], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2_000:]
    return done.stdout.strip()


def node() -> str:
    """The program that runs nodemailer. PeerMissingError when one of the two is not here."""
    program = find_program("node")
    if program is None or not _NODEMAILER.exists():
        raise PeerMissingError("There is no Node with nodemailer here; install npm, then run: make needs")
    return program


def nodemailer_version() -> str:
    """The version that is installed."""
    return str(json.loads(_NODEMAILER.read_text())["version"])
