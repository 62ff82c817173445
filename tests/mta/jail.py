"""A folder that a mail server takes for the whole machine: its programs, their libraries, its users, and nothing else.

Exim and OpenSMTPD have the names of their users, folders and sockets built in, and Debian installs no two mail servers
beside each other. In a folder of its own each has them all, and the machine that the tests run on has none of them.
"""

import os
import re
import shutil
import stat
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

_DEVICES = {"null": (1, 3), "urandom": (1, 9)}


def build(root: Path, package: Path, programs: Sequence[str], users: Mapping[str, int]) -> None:
    """Fill the empty folder `root` with these programs of an unpacked package, and with users and their groups.

    A library is taken from the package where it brings it along, else from this machine.
    """
    for name in ("etc", "tmp", "dev", "run", "var/run", "var/spool", "var/log"):
        (root / name).mkdir(parents=True, exist_ok=True)
    for name, number in _DEVICES.items():
        os.mknod(root / "dev" / name, 0o666 | stat.S_IFCHR, os.makedev(*number))
        (root / "dev" / name).chmod(0o666)
    for program in programs:
        _copy(package / program, root / program)
        for library in _libraries_of(package / program, package):
            _copy(library, root / str(library).removeprefix(str(package)).lstrip("/"))
    everybody = {"root": 0, **users, "nobody": 65534}
    (root / "etc/passwd").write_text(
        "".join(f"{name}:x:{number}:{number}::/:/bin/false\n" for name, number in everybody.items())
    )
    (root / "etc/group").write_text("".join(f"{name}:x:{number}:\n" for name, number in everybody.items()))
    (root / "etc/hosts").write_text("127.0.0.1 localhost\n")


def _libraries_of(program: Path, package: Path) -> list[Path]:
    folders = {str(path.parent) for path in package.rglob("*.so.*")}
    environment = {**os.environ, "LD_LIBRARY_PATH": ":".join(sorted(folders))}
    told = subprocess.run(["ldd", program], env=environment, capture_output=True, text=True, check=True).stdout
    return [Path(found) for found in re.findall(r"(/\S+) \(0x", told)]


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.exists():
        shutil.copy(source, target)
