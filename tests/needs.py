"""What the tests need beside Python's packages: looked for, installed where that can be, named where it cannot."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

TESTS = Path(__file__).parent
AXE = TESTS / "node_modules" / "axe-core" / "axe.min.js"
_SYSTEM_FOLDERS = ("/usr/sbin", "/sbin", "/usr/local/sbin")  # where Debian keeps what only root starts
_POLICY = Path("/usr/sbin/policy-rc.d")
_NO_CLUSTER = Path("/etc/postgresql-common/createcluster.conf")


def find_program(*names: str) -> str | None:
    """The first of these programs that is there, on the path or among those of the system."""
    folders = os.pathsep.join([os.environ.get("PATH", ""), *_SYSTEM_FOLDERS])
    return next((found for name in names if (found := shutil.which(name, path=folders))), None)


def find_postgresql(program: str = "postgres") -> str | None:
    """A program of the newest PostgreSQL server: Debian keeps them off the path."""
    debian = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"), key=lambda path: float(path.parts[4]))
    return str(debian[-1]) if debian else find_program(program)


def find_chromium() -> str | None:
    """Chromium or Chrome."""
    return find_program("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@dataclass(frozen=True)
class Need:
    """One thing outside Python: what it is for, how to see whether it is there, which packages bring it."""

    name: str
    purpose: str
    is_there: Callable[[], bool]
    packages: tuple[str, ...]

    @property
    def advice(self) -> str:
        """How to get it by hand."""
        if self.name == "axe-core":
            return "install npm, then run: npm ci --prefix tests"
        return f"on Debian: apt-get install {' '.join(self.packages)}"


NEEDS = {
    need.name: need
    for need in (
        Need("chromium", "browser tests", lambda: bool(find_chromium()), ("chromium",)),
        Need("chromedriver", "browser tests", lambda: bool(find_program("chromedriver")), ("chromium-driver",)),
        Need("postgresql", "tests on PostgreSQL", lambda: bool(find_postgresql("initdb")), ("postgresql",)),
        Need("smtp-sink", "sending to a foreign server", lambda: bool(find_program("smtp-sink")), ("postfix",)),
        Need("wrk", "load on the API in benchmarks", lambda: bool(find_program("wrk")), ("wrk",)),
        Need("npm", "axe-core", lambda: AXE.exists() or bool(find_program("npm")), ("npm",)),
        Need("axe-core", "finding barriers on pages", AXE.exists, ()),
    )
}
BY_MARK = {"browser": ("chromium", "chromedriver", "axe-core"), "postgresql": ("postgresql",)}


def missing_for(marks: set[str]) -> list[Need]:
    """What a test with these marks needs and has not."""
    return [NEEDS[name] for mark in sorted(marks) for name in BY_MARK.get(mark, ()) if not NEEDS[name].is_there()]


def install() -> None:
    """Install what is missing where we may; say in a sentence what is left to do by hand."""
    packages = [package for need in NEEDS.values() if not need.is_there() for package in need.packages]
    if packages and os.geteuid() == 0 and shutil.which("apt-get"):
        _install_packages(packages)
    if not AXE.exists() and (npm := find_program("npm")):
        subprocess.run([npm, "ci"], cwd=TESTS, check=False)
    for need in NEEDS.values():
        if not need.is_there():
            print(f"Missing: {need.name}, for {need.purpose}. The tests that need it cannot run; {need.advice}")


def _install_packages(packages: list[str]) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    print(f"Installing {', '.join(packages)}")
    with _no_services():
        subprocess.run(["apt-get", "update", "-qq"], env=environment, check=False)
        subprocess.run(
            ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages], env=environment, check=False
        )


@contextmanager
def _no_services() -> Iterator[None]:
    """Let no package start a daemon or make a database: the tests make their own, and throw them away."""
    is_ours = not _POLICY.exists()
    if is_ours:
        _POLICY.write_text("#!/bin/sh\nexit 101\n")
        _POLICY.chmod(0o755)
    if not _NO_CLUSTER.exists():
        _NO_CLUSTER.parent.mkdir(exist_ok=True)
        _NO_CLUSTER.write_text("create_main_cluster = false\n")
    try:
        yield
    finally:
        if is_ours:
            _POLICY.unlink()


if __name__ == "__main__":
    install()
    sys.exit(0)
