"""A tree whose logs are read by a program: every line is JSON, says what it is about, and holds nothing secret."""

import json
import urllib.error
import urllib.request
from contextlib import suppress
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.faults.conftest import Open
from tests.faults.story import PASSWORD, Office
from tests.faults.tree import wait_for

pytestmark = pytest.mark.faults

TOKEN = "metrics-token-that-is-planted"
GUESS = "a-wrong-token-that-is-planted"
PEOPLE = 3_000


@pytest.fixture
def watched(open_office: Open) -> Office:
    return open_office(environment={"CARILLON_LOG_FORMAT": "json", "CARILLON_METRICS_TOKEN": TOKEN})


def ask(office: Office, path: str, **headers: str) -> str:
    """The answer's text; empty when it was refused."""
    with suppress(urllib.error.HTTPError):
        request = urllib.request.Request(office.tree.address + path, headers=headers)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return str(answer.read().decode())
    return ""


def read(said: str) -> tuple[list[dict[str, Any]], list[str]]:
    """The lines that are JSON, and the others."""
    found: list[dict[str, Any]] = []
    others = []
    for line in said.splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            others.append(line)
    return found, others


def counted_lost(office: Office) -> float:
    text = ask(office, "/metrics", Authorization=f"Bearer {TOKEN}")
    samples = [each for family in text_string_to_metric_families(text) for each in family.samples]
    return sum(each.value for each in samples if each.name == "carillon_batches_lost_total")


def test_every_line_is_json_with_ids_and_without_addresses_and_secrets(watched: Office) -> None:
    office = watched
    key = office.tree.run("key", "create", "--project", "default", "--name", "Till", "--scopes", "all")
    message = office.write(PEOPLE)
    office.sink.slow_down(0.002)
    office.send(message)
    wait_for(lambda: office.sink.total() > 200 and office.senders(), "it runs")
    office.tree.signal(office.senders()[0])
    wait_for(lambda: counted_lost(office) == 1, "the lost batch is counted", 30)
    office.sink.slow_down(0)
    ask(office, f"/v1/messaging/messages/{message}", **{
        "X-Appwrite-Project": "default", "X-Appwrite-Key": key, "X-Request-Id": "asked-by-test",
    })  # fmt: skip
    ask(office, "/metrics", Authorization=f"Bearer {GUESS}")
    ask(office, f"/hooks/mailgun/{office.provider_id}/{GUESS}")
    office.wait_until_settled(message)
    assert office.tree.stop() == 0
    lines, others = read(office.tree.said)
    greeting = ["Carillon is ready:", "Nobody can sign in", "  http://127.0.0.1"]  # standard output, for a person
    assert [line[:18] for line in others] == greeting
    check_ids(office, message, lines)
    everything = json.dumps(lines)
    with office.shop.database.read() as session:
        planted = {TOKEN, GUESS, key, PASSWORD, *session.scalars(_addresses()).all()}
    assert [secret for secret in planted if secret in everything] == []


def _addresses() -> Any:
    from sqlalchemy import text  # noqa: PLC0415

    return text("SELECT address FROM targets LIMIT 50")


def check_ids(office: Office, message: str, lines: list[dict[str, Any]]) -> None:
    """The lines of each sort that must be there, each with what it is about."""
    by_event: dict[str, list[dict[str, Any]]] = {}
    for line in lines:
        assert {"event", "level", "timestamp", "process"} <= line.keys(), line
        by_event.setdefault(line["event"], []).append(line)
    assert {line["process"] for line in by_event["Started"]} >= {"up", "web", "worker", "ticker"}
    batches = by_event["A batch is recorded"]
    about = {(line["project"], line["message"], line["provider"], line["job"]) for line in batches}
    assert about == {("default", message, office.provider_id, "dispatch")}
    assert sum(line["outcomes"].get("accepted", 0) for line in batches) >= PEOPLE - 1_000
    [lost] = by_event["A worker was lost"]
    assert (lost["message"], lost["provider"], lost["process"]) == (message, office.provider_id, "ticker")
    assert len(lost["deliveries_uncertain"]) == min(lost["uncertain"], 20)
    asked = [line for line in by_event["A request is answered"] if line["request"] == "asked-by-test"]
    assert [(line["route"], line["actor"]) for line in asked] == [("/v1/messaging/messages/<message_id>", "key")]
