"""What tests with the official SDKs may ask for: one running installation for all of them, with a project for each."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from appwrite.client import Client

from app.infra.settings import ROOT
from tests.faults.tree import Sink, Tree
from tests.sdk.relay import Relay


@dataclass(frozen=True)
class Access:
    """What a program needs to call a project: where, which, and a key with every scope."""

    address: str
    project: str
    key: str

    @property
    def endpoint(self) -> str:
        """What the SDKs call endpoint."""
        return f"{self.address}/v1"

    def client(self, *, key: str | None = None, project: str = "") -> Client:
        """The official Python client 27.0.0, unmodified; an empty key makes a guest."""
        client = Client().set_endpoint(self.endpoint).set_project(project or self.project)
        secret = self.key if key is None else key
        return client.set_key(secret) if secret else client


@dataclass(frozen=True)
class Installation:
    """A real `carillon up`, the relay in front of it that notes every call, and the mail server its email goes to."""

    tree: Tree
    relay: Relay
    sink: Sink

    def open_project(self, project: str) -> Access:
        """A new project: limits and rows of one SDK are no matter of another."""
        self.run("project", "create", project, "--name", project.title())
        return Access(self.relay.address, project, self.make_key(project, "all"))

    def make_key(self, project: str, *scopes: str) -> str:
        """The secret of a new key."""
        return self.run("key", "create", "--project", project, "--name", "SDK", "--scopes", ",".join(scopes))

    def run(self, *words: str) -> str:
        """One command; the last line it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "app.cli", *words], cwd=ROOT, env=self.tree.settings.environment(),
            capture_output=True, text=True, check=True, timeout=60,
        )  # fmt: skip
        return done.stdout.strip().splitlines()[-1]


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("sdk")
    sink = Sink(folder / "sink")
    tree = Tree(folder / "tree", workers=1)
    try:
        tree.start()
        relay = Relay(tree.address)
        try:
            yield Installation(tree, relay, sink)
        finally:
            relay.close()
    finally:
        tree.kill_all()
        sink.stop()


@pytest.fixture(scope="session")
def shop(installation: Installation) -> Access:
    """The project of the Python SDK 27.0.0."""
    return installation.open_project("shop")


@pytest.fixture
def client(shop: Access) -> Client:
    return shop.client()
