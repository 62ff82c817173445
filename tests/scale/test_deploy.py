"""The files of docs/deploy: systemd takes the units, and every command and setting in them is one that there is."""

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.cli import main
from app.infra.settings import ROOT, Settings

DEPLOY = ROOT / "docs" / "deploy"
UNITS = sorted(path.name for path in DEPLOY.glob("*.service"))
COMPOSE: Mapping[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
OURS = {name: each for name, each in COMPOSE["services"].items() if each["image"] == "carillon"}


@pytest.mark.parametrize("name", UNITS)
def test_systemd_takes_each_unit(name: str, tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is missing, on Debian: apt-get install systemd")
    unit = tmp_path / name.replace("@.", "@1.")
    here = {"/opt/carillon/.venv/bin/carillon": "/bin/true", "=/opt/carillon": f"={tmp_path}", "=carillon\n": "=root\n"}
    words = (DEPLOY / name).read_text()
    for theirs, ours in here.items():
        words = words.replace(theirs, ours)
    unit.write_text(words)
    said = subprocess.run([program, "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False)
    assert (said.returncode, said.stderr) == (0, "")


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_starts_a_command_that_there_is_and_never_gives_up(name: str) -> None:
    words = (DEPLOY / name).read_text()
    command = re.search(r"^ExecStart=\S+/carillon (\w+)$", words, re.MULTILINE)
    assert command, words
    assert command[1] in main.commands
    assert command[1] in name
    assert {"Restart=always", "StartLimitIntervalSec=0", "KillMode=mixed"} <= set(words.splitlines())


def test_the_composition_starts_commands_that_there_are_for_every_part() -> None:
    words = {tuple(each["command"]) for each in OURS.values()}
    assert words == {("web",), ("worker",), ("ticker",), ("db", "upgrade")}
    assert {command[0] for command in words} <= main.commands.keys()


def test_settings_that_are_named_are_settings_that_there_are() -> None:
    known = {f"CARILLON_{name.upper()}" for name in Settings.names()}
    texts = "\n".join((DEPLOY / name).read_text() for name in (*UNITS, "carillon.env", "compose.yaml", "Dockerfile"))
    assert set(re.findall(r"CARILLON_[A-Z_]*[A-Z]", texts)) <= known


def test_parts_that_share_journals_share_volume_and_host_name_and_no_other_does() -> None:
    sharing = {name for name, each in OURS.items() if "volumes" in each}
    assert sharing == {"worker", "ticker"}
    assert {(OURS[name]["hostname"], *OURS[name]["volumes"]) for name in sharing} == {
        ("machine", "machine:/var/lib/carillon")
    }


def test_whatever_is_mounted_and_waited_for_is_there() -> None:
    services = COMPOSE["services"]
    mounted = {volume.partition(":")[0] for each in services.values() for volume in each.get("volumes", ())}
    assert mounted == set(COMPOSE["volumes"])
    assert {name for each in services.values() for name in each.get("depends_on", ())} <= services.keys()


def test_the_image_holds_all_that_is_needed_to_run_and_the_lock_pins_it() -> None:
    copied = set(re.findall(r"^COPY (?!--from)(.+) \S+$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE))
    sources = {word for line in copied for word in line.split()}
    let_in = {line[1:] for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines() if line[:1] == "!"}
    assert sources == let_in == {
        "pyproject.toml", "requirements.lock", "README.md", "app", "templates", "static", "wsgi.py", "worker.py"
    }  # fmt: skip
    assert all((ROOT / source).exists() for source in sources)
