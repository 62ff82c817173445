"""What tests with the official SDKs may ask for: one running installation for all of them, with a project for each."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from appwrite.client import Client
from appwrite.exception import AppwriteException
from appwrite.models.base_model import AppwriteModel
from appwrite.services.messaging import Messaging
from appwrite.services.storage import Storage
from appwrite.services.users import Users

from tests.faults.tree import Sink, Tree
from tests.sdk.relay import Relay
from tests.sdk.strictness import require_whole
from tests.sharing_out import gets_whole_rooms

HERE = Path(__file__).parent


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
        """The official Python client 27.0.0, unmodified; one with an empty key is a guest's."""
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
        return self.tree.run(*words)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs_all_of(pattern): says something of all tests in the files of that name")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests that sum up come last in this room, and not at all when some that they sum up were left out."""
    files = {item.path for item in items}
    is_cut = bool(config.option.keyword or config.option.markexpr or any("::" in word for word in config.args))
    is_cut = is_cut or not gets_whole_rooms(config)
    left_out = [
        item for item in items
        if (pattern := _pattern(item)) and (is_cut or not set(HERE.glob(pattern)) <= files)
    ]  # fmt: skip
    if left_out:
        config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]
    places = [place for place, item in enumerate(items) if HERE in item.path.parents]
    ours = sorted((items[place] for place in places), key=lambda item: bool(_pattern(item)))
    for place, item in zip(places, ours, strict=True):
        items[place] = item


def _pattern(item: pytest.Item) -> str:
    """The files whose tests this one sums up; empty for the most."""
    mark = item.get_closest_marker("needs_all_of")
    return str(mark.args[0]) if mark else ""


@pytest.fixture(scope="package")
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


@pytest.fixture(scope="package")
def shop(installation: Installation) -> Access:
    """The project of the Python SDK 27.0.0."""
    return installation.open_project("shop")


@pytest.fixture
def client(shop: Access) -> Client:
    return shop.client()


@pytest.fixture
def messaging(client: Client) -> Messaging:
    return Messaging(client)


@pytest.fixture
def users(client: Client) -> Users:
    return Users(client)


@pytest.fixture
def storage(client: Client) -> Storage:
    return Storage(client)


@pytest.fixture(autouse=True)
def _whole_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK's models fill in what an answer lacks; here that is an error."""
    read = AppwriteModel.model_validate.__func__  # type: ignore[attr-defined]

    def read_strictly(model: type[AppwriteModel], given: Any) -> Any:
        require_whole(model, given)
        return read(model, given)

    monkeypatch.setattr(AppwriteModel, "model_validate", classmethod(read_strictly))


def refusal(call: Callable[..., Any], *given: Any, **named: Any) -> tuple[int | None, str | None]:
    """Code and type of what the SDK raises."""
    with pytest.raises(AppwriteException) as caught:
        call(*given, **named)
    assert caught.value.message, "an error says what is wrong"
    return caught.value.code, caught.value.type
