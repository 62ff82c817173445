"""A kind is added by its file, its emulator and its test file; everything else finds it, and nothing else is edited."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.infra.settings import ROOT

DROPPED = {  # what somebody who adds a kind writes, and beside it what looks whether it is seen
    "provider.py": "app/providers/acme.py",
    "emulator.py": "app/emulators/acme.py",
    "kind_tests.py": "tests/providers/test_acme.py",
    "places.py": "tests/web/test_acme_places.py",
}
TOO_MUCH = shutil.ignore_patterns("node_modules", "__pycache__", "bench", "browser", "vendor", "sdk", "faults", "house")


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of the house with one more kind in it."""
    copy = tmp_path_factory.mktemp("thirteenth")
    for name in ("app", "tests"):
        shutil.copytree(ROOT / name, copy / name, ignore=TOO_MUCH)
    for name in ("templates", "static", "docs", "pyproject.toml", "Makefile", "worker.py", "wsgi.py"):
        (copy / name).symlink_to(ROOT / name)
    for source, place in DROPPED.items():
        shutil.copy(ROOT / "tests" / "thirteenth" / source, copy / place)
    yield copy
    shutil.rmtree(copy)


def run(tree: Path, *words: str) -> str:
    """These tests in the copy; what pytest says in the end."""
    command = [sys.executable, "-m", "pytest", "-x", *words]
    done = subprocess.run(command, cwd=tree, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    return done.stdout


def test_its_form_its_endpoints_their_description_and_the_lists_are_there(tree: Path) -> None:
    run(tree, "tests/web/test_acme_places.py", "tests/providers/test_acme.py", "tests/architecture/test_catalog.py")


def test_the_contract_and_the_round_trip_hold_it_to_what_all_kinds_promise(tree: Path) -> None:
    run(tree, "tests/providers/test_contract.py", "tests/emulators/test_roundtrip.py", "-k", "acme")


def test_every_fault_of_the_dial_ends_where_it_does_for_its_channel(tree: Path) -> None:
    run(tree, "tests/emulators/test_sms_faults.py", "-k", "acme and not slow and not hang")
