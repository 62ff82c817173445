"""What tests with the official SDKs may ask for: a running installation, a mail server, a key of a project."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from appwrite.client import Client

from app.infra.settings import ROOT
from tests.faults.tree import Sink, Tree


@dataclass(frozen=True)
class Installation:
    """A real `carillon up` with the project `shop`, and the mail server that its email goes to."""

    tree: Tree
    sink: Sink
    key: str

    def client(self, *, key: str = "", project: str = "shop") -> Client:
        """The official client, unmodified."""
        return Client().set_endpoint(f"{self.tree.address}/v1").set_project(project).set_key(key or self.key)

    def run(self, *words: str) -> str:
        """One command; the last line it printed."""
        return run(self.tree, *words)


def run(tree: Tree, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", *words], cwd=ROOT, env=tree.settings.environment(), capture_output=True,
        text=True, check=True, timeout=60,
    )  # fmt: skip
    return done.stdout.strip().splitlines()[-1]


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("sdk")
    sink = Sink(folder / "sink")
    tree = Tree(folder / "tree", workers=1)
    try:
        tree.start()
        run(tree, "project", "create", "shop", "--name", "Shop")
        key = run(tree, "key", "create", "--project", "shop", "--name", "SDK", "--scopes", "all")
        yield Installation(tree, sink, key)
    finally:
        tree.kill_all()
        sink.stop()


@pytest.fixture
def client(installation: Installation) -> Client:
    return installation.client()
