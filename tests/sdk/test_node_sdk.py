"""The official SDKs for Node, 27 and 14, unmodified, against a running installation: their own types read every answer.

Each story in tests/sdk/node/stories is told with each version; calls are checked by what the SDK's .d.ts files declare.
"""

import json
import subprocess
from dataclasses import dataclass
from typing import Any

import pytest

from tests import needs
from tests.sdk.absent import absent_methods
from tests.sdk.calls import check_calls
from tests.sdk.conftest import Installation

NODE = needs.TESTS / "sdk" / "node"
VERSIONS = ("27", "14")
STORIES = sorted(path.name for path in (NODE / "stories").glob("*.mjs"))
SECONDS = 120  # for all stories of one version; they take about 5

pytestmark = pytest.mark.needs("node", "official SDKs")


@dataclass(frozen=True)
class Telling:
    """How the stories ended with one version: None, or the error with its stack, by their file."""

    version: str
    ends: dict[str, str | None]
    uncalled: list[str]
    absent: list[str]


@pytest.fixture(scope="module", params=VERSIONS)
def telling(request: pytest.FixtureRequest, installation: Installation) -> Telling:
    access = installation.open_project(f"node-{request.param}")
    spots = {"endpoint": access.endpoint, "project": access.project, "key": access.key, "port": installation.sink.port}
    found = run_node("tell.mjs", f"node-appwrite-{request.param}", json.dumps(spots))
    return Telling(**found)


def run_node(script: str, *words: str, said: str = "") -> dict[str, Any]:
    """What a script of tests/sdk/node prints as JSON in its last line."""
    done = subprocess.run(
        [needs.find_program("node") or "node", script, *words], cwd=NODE, input=said, capture_output=True, text=True,
        check=False, timeout=SECONDS,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("story", STORIES)
def test_a_story_is_told_to_its_end(telling: Telling, story: str) -> None:
    if error := telling.ends[story]:
        pytest.fail(f"node-appwrite {telling.version}, {story}:\n{error}", pytrace=False)


def test_every_method_of_the_sdk_was_called(telling: Telling) -> None:
    assert telling.uncalled == []


def test_what_is_not_offered_is_what_the_document_says(telling: Telling) -> None:
    documented = {plain(name) for name in absent_methods()}
    assert {name for name in telling.absent if plain(name) not in documented} == set()


def test_the_check_of_answers_finds_what_is_wrong_with_them() -> None:
    target = {"$id": "a", "$createdAt": "", "$updatedAt": "", "name": "", "userId": "a", "providerType": "push"}
    answers = [
        {"service": "account", "method": "createPushTarget", "answer": target | {"identifier": 1, "expired": None}},
        {"service": "account", "method": "createJWT", "answer": {}},
        {"service": "storage", "method": "listFiles", "answer": {"total": 0, "files": {}}},
        {"service": "messaging", "method": "deleteSubscriber", "answer": "gone"},
    ]
    assert run_node("check.mjs", "appwrite", said=json.dumps(answers))["complaints"] == [
        "account.createPushTarget.identifier is 1, not a string",
        "account.createPushTarget.expired is null, not a boolean",
        "account.createJWT.jwt is undefined, not a string",
        "storage.listFiles.files is {}, not an array",
        'messaging.deleteSubscriber is "gone", not an object',
    ]


def plain(method: str) -> str:
    """`Account.updateMFA` and `account.update_mfa` are the same method."""
    return method.replace("_", "").lower()


def test_the_operations_it_exercises_are_on_file(telling: Telling, installation: Installation) -> None:
    slug = f"node-{telling.version.partition('.')[0]}"
    exchanges = installation.relay.exchanges("Node.js", telling.version)
    check_calls(slug, "Node.js", telling.version, exchanges)
