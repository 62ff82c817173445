"""What the tests need beside Python's packages: looked for, installed where that can be, named where it cannot."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

TESTS = Path(__file__).parent
NODE_MODULES = TESTS / "node_modules"
AXE = NODE_MODULES / "axe-core" / "axe.min.js"
_SDKS = ("node-appwrite-27", "node-appwrite-14", "appwrite", "typescript")
_FROM_NPM = ("axe-core", "official SDKs", "S3 server", "vendors' SDKs for Node")
# The older Python SDK cannot share an environment with the newer one, so it lies in a folder beside.
OLD_SDK = Path(sys.prefix) / "appwrite-11.1.0"
_OLD_SDK_LOCK = TESTS / "sdk" / "old" / "requirements.lock"
# The vendors' SDKs pin what ours pins otherwise; they lie in a folder of their own, with the lock they were made from.
VENDOR_SDKS = Path(sys.prefix) / "vendor-sdks"
VENDOR_SDKS_LOCK = TESTS / "vendor" / "python" / "requirements.lock"
# Debian installs no two mail servers beside each other, so two of them are only unpacked; they run in a folder each.
MAIL_SERVERS = Path(sys.prefix) / "mail-servers"
_MAIL_SERVERS = {"Exim": ("exim4-daemon-light", "usr/sbin/exim4"), "OpenSMTPD": ("opensmtpd", "usr/sbin/smtpd")}
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


def has_emoji() -> bool:
    """Whether a font draws what people put into texts: without one, pictures of pages show boxes."""
    return any(Path("/usr/share/fonts").rglob("*Emoji*"))


def find_libfaketime() -> str | None:
    """The library that fakes the time of day of whatever is started with it."""
    return next(map(str, sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))), None)


def mail_server(name: str) -> Path:
    """Where the program of this mail server, `Exim` or `OpenSMTPD`, lies once it was unpacked."""
    package, program = _MAIL_SERVERS[name]
    return MAIL_SERVERS / package / program


def has_mail_server(name: str) -> bool:
    """Whether that program is there, and may be shut into a folder."""
    return os.geteuid() == 0 and mail_server(name).exists()


def has_node_sdks() -> bool:
    """The official SDKs for Node and the web, and what reads their declarations."""
    return all((NODE_MODULES / name / "package.json").exists() for name in _SDKS)


def has_s3_server() -> bool:
    """The S3 server that the tests of the file store talk to."""
    return (NODE_MODULES / "s3rver" / "package.json").exists()


def has_npm_packages() -> bool:
    """Everything that tests/package.json names."""
    named = json.loads((TESTS / "package.json").read_text())["devDependencies"]
    return all((NODE_MODULES / name / "package.json").exists() for name in named)


def has_old_sdk() -> bool:
    """The Python SDK 11.1.0 with what it stands on."""
    return (OLD_SDK / "appwrite-11.1.0.dist-info" / "RECORD").exists()


def has_vendor_sdks() -> bool:
    """The vendors' SDKs for Python, in the versions of their lock."""
    kept = VENDOR_SDKS / VENDOR_SDKS_LOCK.name
    return kept.exists() and kept.read_text() == VENDOR_SDKS_LOCK.read_text()


def _may_run_postfix() -> bool:
    return os.geteuid() == 0 and bool(find_program("postfix"))


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
        if self.name in _FROM_NPM:
            return "install npm, then run: npm ci --omit=optional --prefix tests"
        if self.name in _MAIL_SERVERS:
            return "run as root, on Debian: make needs"
        if self.name in ("older Python SDK", "vendors' SDKs for Python"):
            return "run: make needs"
        return f"on Debian: apt-get install {' '.join(self.packages)}"


NEEDS = {
    need.name: need
    for need in (
        Need("chromium", "browser tests", lambda: bool(find_chromium()), ("chromium",)),
        Need("chromedriver", "browser tests", lambda: bool(find_program("chromedriver")), ("chromium-driver",)),
        Need("emoji", "pictures of pages", has_emoji, ("fonts-noto-color-emoji",)),
        Need("postgresql", "tests on PostgreSQL", lambda: bool(find_postgresql("initdb")), ("postgresql",)),
        Need("pgbouncer", "a pool before PostgreSQL", lambda: bool(find_program("pgbouncer")), ("pgbouncer",)),
        Need("smtp-sink", "sending to a foreign server", lambda: bool(find_program("smtp-sink")), ("postfix",)),
        Need("Postfix", "sending to real mail servers", _may_run_postfix, ("postfix",)),
        Need("Exim", "sending to real mail servers", lambda: has_mail_server("Exim"), ()),
        Need("OpenSMTPD", "sending to real mail servers", lambda: has_mail_server("OpenSMTPD"), ()),
        Need("libfaketime", "clocks that are set while all runs", lambda: bool(find_libfaketime()), ("faketime",)),
        Need("wrk", "load on the API in benchmarks", lambda: bool(find_program("wrk")), ("wrk",)),
        Need("nginx", "a quick service over HTTP in benchmarks", lambda: bool(find_program("nginx")), ("nginx-light",)),
        Need("curl", "the examples of the documents", lambda: bool(find_program("curl")), ("curl",)),
        Need(
            "npm", "axe-core and the official SDKs", lambda: has_npm_packages() or bool(find_program("npm")), ("npm",)
        ),
        Need("node", "tests with the official SDKs", lambda: bool(find_program("node")), ("nodejs",)),
        Need("axe-core", "finding barriers on pages", AXE.exists, ()),
        Need("official SDKs", "tests with the official SDKs for Node and the web", has_node_sdks, ()),
        Need("S3 server", "files on S3", has_s3_server, ()),
        Need("older Python SDK", "tests with an SDK that is some years old", has_old_sdk, ()),
        Need("vendors' SDKs for Python", "keeping the emulators honest", has_vendor_sdks, ()),
        Need("vendors' SDKs for Node", "keeping the emulators honest", has_npm_packages, ()),
    )
}
BY_MARK = {"browser": ("chromium", "chromedriver", "axe-core"), "postgresql": ("postgresql",)}


def missing_for(marks: set[str]) -> list[Need]:
    """What a test with these marks needs and has not."""
    return [NEEDS[name] for mark in sorted(marks) for name in BY_MARK.get(mark, ()) if not NEEDS[name].is_there()]


def install() -> None:
    """Install what is missing where we may; say in a sentence what is left to do by hand."""
    if os.geteuid() == 0 and shutil.which("apt-get"):
        _install_from_debian()
    if not has_npm_packages() and (npm := find_program("npm")):
        # Optional is what Firebase's SDK needs for its databases and files: a third of all packages, and used by none.
        subprocess.run([npm, "ci", "--omit=optional"], cwd=TESTS, check=False)
    if not has_old_sdk():
        _install_old_sdk()
    if not has_vendor_sdks():
        _install_vendor_sdks()
    for need in NEEDS.values():
        if not need.is_there():
            print(f"Missing: {need.name}, for {need.purpose}. The tests that need it cannot run; {need.advice}")


def _install_from_debian() -> None:
    packages = [package for need in NEEDS.values() if not need.is_there() for package in need.packages]
    if packages:
        _install_packages(packages)
    if not all(has_mail_server(name) for name in _MAIL_SERVERS):
        _unpack_mail_servers()


def _install_old_sdk() -> None:
    quietly = ["--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes"]
    subprocess.run(
        [sys.executable, "-m", "pip", "install", *quietly, "--target", str(OLD_SDK), "-r", str(_OLD_SDK_LOCK)],
        check=False,
    )


def _install_vendor_sdks() -> None:
    """Anew and whole; with uv, because pip takes ten times as long for the hundred packages that these stand on."""
    shutil.rmtree(VENDOR_SDKS, ignore_errors=True)
    quietly = ["--quiet", "--no-deps", "--require-hashes", "--python", sys.executable]
    done = subprocess.run(
        [sys.executable, "-m", "uv", "pip", "install", *quietly, "--target", str(VENDOR_SDKS), "-r",
         str(VENDOR_SDKS_LOCK)],
        check=False,
    )  # fmt: skip
    if done.returncode == 0:
        shutil.copy(VENDOR_SDKS_LOCK, VENDOR_SDKS)


def _install_packages(packages: list[str]) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    print(f"Installing {', '.join(packages)}")
    with _no_services():
        subprocess.run(["apt-get", "update", "-qq"], env=environment, check=False)
        subprocess.run(
            ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "--no-upgrade", *packages],
            env=environment,
            check=False,
        )


def _unpack_mail_servers() -> None:
    """Put packages that cannot be installed together into a folder each, and install the libraries that they need."""
    subprocess.run(["apt-get", "update", "-qq"], check=False)
    libraries: set[str] = set()
    for package, _ in _MAIL_SERVERS.values():
        folder = MAIL_SERVERS / package
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        subprocess.run(["apt-get", "download", "-qq", package], cwd=folder, check=False)
        for archive in folder.glob("*.deb"):
            subprocess.run(["dpkg", "-x", archive, folder], check=False)
            told = subprocess.run(["dpkg", "-f", archive, "Depends"], capture_output=True, text=True, check=False)
            libraries |= {each.split()[0] for each in told.stdout.split(",") if each.strip().startswith("lib")}
            archive.unlink()
    if libraries:
        _install_packages(sorted(libraries))


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
