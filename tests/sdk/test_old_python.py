"""The official Python SDK 11.1.0, unmodified, against a running installation: programs that stayed behind go on."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import pytest
from werkzeug.routing import Map, Rule

from app.api import read_operations
from app.infra.settings import ROOT
from tests.api.declared import validator
from tests.needs import OLD_SDK
from tests.sdk.absent import STATUS, absent_methods
from tests.sdk.calls import answered, check_calls
from tests.sdk.conftest import Installation

pytestmark = pytest.mark.needs("older Python SDK")
VERSION = "11.1.0"


@dataclass(frozen=True)
class Story:
    """What the SDK's methods ask for (verb and path by name), and each call with what came back."""

    methods: dict[str, tuple[str, str]]
    notes: list[dict[str, Any]]

    def answers(self, method: str) -> list[Any]:
        """What that method gave, in order."""
        return [note["answer"] for note in self.notes if note["method"] == method and "answer" in note]


@pytest.fixture(scope="module")
def story(installation: Installation) -> Story:
    """All of it, played once."""
    access = installation.open_project("old")
    done = subprocess.run(
        [sys.executable, "-m", "tests.sdk.old.journey", access.endpoint, access.project, access.key], cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(OLD_SDK)}, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    return Story({name: (verb, path) for name, verb, path in told["methods"]}, told["notes"])


def test_it_really_was_the_old_one(installation: Installation, story: Story) -> None:
    assert len(installation.relay.exchanges("Python", VERSION)) >= len(story.notes)


def test_every_method_was_called_and_answered(installation: Installation, story: Story) -> None:
    offered = story.methods.keys() - absent_methods().keys()
    assert {method for method in offered if not story.answers(method)} == set()
    done = answered(story.methods.values(), installation.relay.exchanges("Python", VERSION))
    assert {method for method in offered if story.methods[method] not in done} == set()


def test_every_answer_has_all_that_its_model_names(story: Story) -> None:
    """The SDK hands out plain dictionaries, so the schemas of the operations stand in for its models."""
    offered = {(each.method, each.path): each.model for each in read_operations()}
    rules = [Rule(path.replace("{", "<").replace("}", ">"), endpoint=(verb, path), methods=[verb])
             for verb, path in offered]  # fmt: skip
    routes = Map(rules).bind("localhost")
    checked = set()
    for note in story.notes:
        if isinstance(note.get("answer"), dict):
            verb, path = story.methods[note["method"]]
            model = offered[routes.match(path, verb)[0]]
            validator(model).validate(note["answer"])
            checked.add(model)
    assert {"Topic", "Message", "Provider", "User", "Account", "Session", "Bucket", "File", "LogList"} <= checked


def test_what_is_not_here_says_so(story: Story) -> None:
    refused = {note["method"]: note["error"] for note in story.notes if "error" in note}
    expected = {method: area for method, area in absent_methods().items() if method in story.methods}
    assert refused.keys() == expected.keys()
    for method, error in refused.items():
        area = expected[method]
        assert (error["code"], error["type"]) == (STATUS[area.type], area.type), method


def test_logs_that_later_versions_gave_up_tell_who_did_what(story: Story) -> None:
    (topic,) = story.answers("messaging.list_topic_logs")
    newest = topic["logs"][0]
    assert (newest["event"], newest["userName"], newest["ip"]) == ("topic.update", "SDK", "127.0.0.1")
    events = {
        method: {log["event"] for log in story.answers(f"messaging.list_{method}_logs")[0]["logs"]}
        for method in ("provider", "message", "subscriber")
    }
    assert events["provider"] >= {"provider.create", "provider.update"}
    assert events["message"] >= {"message.create", "message.update"}
    assert events["subscriber"] == {"subscriber.create"}


def test_the_operations_it_exercises_are_on_file(installation: Installation, story: Story) -> None:
    assert story.notes
    check_calls("python-11", "Python", VERSION, installation.relay.exchanges("Python", VERSION))
