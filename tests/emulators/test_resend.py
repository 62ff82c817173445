"""The Resend emulator is as strict as Resend: keys, idempotency, batches, its limit; seen by a client not ours."""

import asyncio
import json
from contextlib import asynccontextmanager

import httpx
import pytest

from app.emulators.faults import EVERYONE, Dial, Faults
from app.emulators.outbox import Outbox
from app.emulators.resend import EMULATOR

LETTER = {"from": "Acme <news@sandbox.example>", "to": ["ann@example.com"], "subject": "Hi", "text": "Hello"}
BAD = {**LETTER, "to": ["nobody"]}


class Stage:
    """A running emulator and a client; `ask` waits for the limit's next second when it must."""

    def __init__(self, client, outbox, faults):
        self.client, self.outbox, self.faults = client, outbox, faults

    async def ask(self, document=LETTER, path="/emails", key="re_key", method="POST", **headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        content = json.dumps(document) if method == "POST" else None
        proof = {"authorization": f"Bearer {key}"} if key else {}
        return await self.client.request(method, path, content=content, headers={**proof, **named})

    async def ask_slowly(self, *documents, **how):
        """One after the other, as fast as the limit allows."""
        answers = []
        for document in documents:
            answers.append(await self.ask(document, **how))
            if answers[-1].headers.get("ratelimit-remaining") == "0":
                await asyncio.sleep(1.05)
        return answers


@asynccontextmanager
async def running(tmp_path):
    outbox, faults = Outbox(tmp_path / "outbox.sqlite3"), Faults(tmp_path / "outbox.sqlite3")
    emulator = EMULATOR(outbox, faults)
    await emulator.start()
    try:
        async with httpx.AsyncClient(base_url=emulator.url, trust_env=False) as client:
            yield Stage(client, outbox, faults)
    finally:
        await emulator.stop()
        outbox.close()
        faults.close()


def play(tmp_path, story):
    """Run a story with the emulator; returns what it returns, and how many rows arrived."""

    async def run():
        async with running(tmp_path) as stage:
            return await story(stage), stage.outbox.count()

    return asyncio.run(run())


def ask(tmp_path, *documents, **how):
    answers, count = play(tmp_path, lambda stage: stage.ask_slowly(*documents, **how))
    return answers[0] if len(answers) == 1 else answers, count


def test_the_same_key_with_the_same_bytes_gives_the_same_id_and_sends_nothing_again(tmp_path):
    answers, count = ask(tmp_path, LETTER, LETTER, LETTER, idempotency_key="one")
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert count == 1


def test_the_same_key_with_other_bytes_is_refused(tmp_path):
    answers, count = ask(tmp_path, LETTER, {**LETTER, "subject": "Other"}, idempotency_key="one")
    assert (answers[1].status_code, answers[1].json()["name"]) == (409, "invalid_idempotent_request")
    assert count == 1


def test_the_key_of_another_account_is_another_key(tmp_path):
    async def story(stage):
        return [await stage.ask(key=key, idempotency_key="one") for key in ("re_a", "re_b")]

    answers, count = play(tmp_path, story)
    assert ({answer.status_code for answer in answers}, count) == ({200}, 2)


def test_a_refused_request_does_not_use_its_key_up(tmp_path):
    answers, count = ask(tmp_path, BAD, LETTER, idempotency_key="one")
    assert ([answer.status_code for answer in answers], count) == ([422, 200], 1)


def test_a_key_whose_request_still_runs_is_refused(tmp_path):
    async def story(stage):
        stage.faults.turn(Dial(EVERYONE, "slow", remaining=1, amount=1))
        first = asyncio.ensure_future(stage.ask(idempotency_key="one"))
        await asyncio.sleep(0.3)
        second = await stage.ask(idempotency_key="one")
        return await first, second

    (first, second), count = play(tmp_path, story)
    assert (first.status_code, second.status_code) == (200, 409)
    assert (second.json()["name"], count) == ("concurrent_idempotent_requests", 1)


@pytest.mark.parametrize("length", [0, 257])
def test_a_key_of_a_wrong_length_is_refused(length, tmp_path):
    answer, _ = ask(tmp_path, LETTER, idempotency_key="x" * length)
    assert (answer.status_code, answer.json()["name"]) == (400, "invalid_idempotency_key")


def test_a_strict_batch_is_all_or_nothing(tmp_path):
    answer, count = ask(tmp_path, [LETTER, BAD, LETTER], path="/emails/batch")
    assert (answer.status_code, count) == (422, 0)


def test_a_permissive_batch_names_the_bad_ones_and_sends_the_others(tmp_path):
    answer, count = ask(tmp_path, [LETTER, BAD, LETTER], path="/emails/batch", x_batch_validation="permissive")
    found = answer.json()
    assert (answer.status_code, count, len(found["data"])) == (200, 2, 2)
    assert [(each["index"], "`to` field" in each["message"]) for each in found["errors"]] == [(1, True)]


@pytest.mark.parametrize("count", [0, 101])
def test_a_batch_has_one_to_a_hundred_emails(count, tmp_path):
    answer, rows = ask(tmp_path, [LETTER] * count, path="/emails/batch", x_batch_validation="permissive")
    assert (answer.status_code, rows) == (422, 0)


def test_the_third_request_of_a_second_is_too_fast(tmp_path):
    async def story(stage):
        return [await stage.ask() for _ in range(3)]

    answers, count = play(tmp_path, story)
    assert ([answer.status_code for answer in answers], count) == ([200, 200, 429], 2)
    assert [answer.headers["ratelimit-remaining"] for answer in answers] == ["1", "0", "0"]
    assert {"ratelimit-limit", "ratelimit-reset", "retry-after"} <= set(answers[2].headers)
    assert answers[2].json()["name"] == "rate_limit_exceeded"


@pytest.mark.parametrize(
    ("change", "status", "name"),
    [
        ({"from": ""}, 422, "missing_required_field"),
        ({"text": ""}, 422, "missing_required_field"),
        ({"from": "nobody"}, 422, "invalid_from_address"),
        ({"from": '"Acme, Inc." <news@sandbox.example>'}, 422, "invalid_from_address"),
        ({"from": "=?utf-8?q?Gr=C3=BC=C3=9Fe?= <news@sandbox.example>"}, 451, "security_error"),
        ({"from": "news@unverified.example"}, 403, "validation_error"),
        ({"to": "nobody"}, 422, "validation_error"),
        ({"to": ["jörg@example.com"]}, 422, "validation_error"),
        ({"to": [f"p{n}@example.com" for n in range(51)]}, 422, "validation_error"),
        ({"reply_to": "nobody"}, 422, "validation_error"),
        ({"tags": [{"name": "delivery", "value": "1.m"}]}, 422, "validation_error"),
        ({"headers": {"X-Number": 7}}, 422, "validation_error"),
        ({"attachments": [{"filename": "a.txt"}]}, 422, "invalid_attachment"),
        ({"attachments": [{"filename": "a.txt", "content": "no base64"}]}, 422, "invalid_attachment"),
        ({"colour": "red"}, 422, "invalid_parameter"),
        ({"tags": ["delivery"]}, 422, "validation_error"),
    ],
    ids=lambda value: str(value)[:50],
)
def test_what_the_documentation_forbids_is_refused(change, status, name, tmp_path):
    answer, count = ask(tmp_path, {**LETTER, **change})
    assert (answer.status_code, answer.json()["name"], count) == (status, name, 0)


def test_a_batch_takes_no_files(tmp_path):
    file = {"filename": "a.txt", "content": "eA=="}
    answer, count = ask(tmp_path, [{**LETTER, "attachments": [file]}], path="/emails/batch")
    assert (answer.status_code, count) == (422, 0)


def test_a_file_whose_name_and_type_disagree_is_lost_without_a_word(tmp_path):
    for kind, arrives in (("text/plain", 1), ("application/pdf", 0)):
        file = {"filename": "a.txt", "content": "eA==", "content_type": kind}
        answer, count = ask(tmp_path / kind.replace("/", "-"), {**LETTER, "attachments": [file]})
        assert (answer.status_code, count) == (200, arrives)


@pytest.mark.parametrize(("key", "status", "name"), [("", 401, "missing_api_key"), ("other", 403, "invalid_api_key")])
def test_a_key_that_is_none_is_turned_away(key, status, name, tmp_path):
    answer, count = ask(tmp_path, LETTER, key=key)
    assert (answer.status_code, answer.json()["name"], count) == (status, name, 0)


def test_a_key_that_may_only_send_sees_no_domains(tmp_path):
    answer, _ = ask(tmp_path, None, path="/domains", key="re_x_sending", method="GET")
    assert (answer.status_code, answer.json()["name"]) == (401, "restricted_api_key")
    answer, _ = ask(tmp_path, None, path="/domains", method="GET")
    assert [each["status"] for each in answer.json()["data"]] == ["verified", "not_started"]
