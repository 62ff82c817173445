"""An S3 server of our own for the tests: files in a temporary folder, gone when the tests end."""

import itertools
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.infra.settings import Settings
from tests import needs

TESTS = Path(__file__).parent
# What the server takes for true, and how the store's client is told where S3 is (docs/settings.md).
SURROUNDINGS = {
    "AWS_ACCESS_KEY_ID": "S3RVER", "AWS_SECRET_ACCESS_KEY": "S3RVER", "AWS_REGION": "us-east-1",
    "AWS_ALLOW_HTTP": "true",
}  # fmt: skip


@contextmanager
def server(folder: Path, port: int = 0) -> Iterator[str]:
    """The address of a running server that has one bucket, `carillon`; on that port, else on a free one."""
    command = [needs.find_program("node") or "node", str(TESTS / "s3.js"), str(folder), str(port)]
    # The server is an old one: Node would say so, and it pages long lists with a cipher that OpenSSL 3 has put aside.
    quiet = os.environ | {"NODE_NO_WARNINGS": "1", "NODE_OPTIONS": "--openssl-legacy-provider"}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=quiet) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        assert port.isdigit(), "the S3 server did not start"
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.stdin.close()
            process.wait(10)


_numbers = itertools.count()


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real S3 server that all tests of a session share."""
    with server(tmp_path_factory.mktemp("s3")) as address:
        yield address


@pytest.fixture
def settings_on_s3(s3: str, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings of an installation whose files lie on S3, under a prefix of its own."""
    for name, value in (SURROUNDINGS | {"AWS_ENDPOINT_URL": s3}).items():
        monkeypatch.setenv(name, value)
    return settings.but({"storage_url": f"s3://carillon/installation-{next(_numbers)}"})


@pytest.fixture(params=["disk", pytest.param("s3", marks=pytest.mark.needs("node", "S3 server"))])
def any_place(request: pytest.FixtureRequest, settings: Settings) -> Settings:
    """The settings of an installation whose files lie in its data dir, or on S3."""
    return settings if request.param == "disk" else request.getfixturevalue("settings_on_s3")
