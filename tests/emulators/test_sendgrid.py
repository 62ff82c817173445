"""The SendGrid emulator is as strict as SendGrid: keys, fields, limits; seen by a client that is not ours."""

import asyncio
import base64
import json
from email import message_from_bytes, policy

import httpx
import pytest

from app.emulators.faults import EVERYONE, Dial, Faults
from app.emulators.outbox import Outbox
from app.emulators.sendgrid import EMULATOR

LETTER = {
    "personalizations": [{"to": [{"email": "ann@example.com", "name": "Ann"}], "custom_args": {"delivery": "1.m"}}],
    "from": {"email": "news@example.org"},
    "subject": "Good morning",
    "content": [{"type": "text/plain", "value": "Hello"}, {"type": "text/html", "value": "<p>Hello</p>"}],
}
ANN = {"email": "ann@example.com"}


def ask(tmp_path, path="/mail/send", document=LETTER, key="SG.key", dial="", method="POST"):
    """What the emulator answers, and the rows that it keeps."""

    async def run():
        outbox, faults = Outbox(tmp_path / "outbox.sqlite3"), Faults(tmp_path / "outbox.sqlite3")
        if dial:
            faults.turn(Dial(EVERYONE, dial))
        emulator = EMULATOR(outbox, faults)
        await emulator.start()
        try:
            async with httpx.AsyncClient(base_url=emulator.url, trust_env=False) as client:
                headers = {"authorization": f"Bearer {key}"}
                content = json.dumps(document) if method == "POST" else None
                answer = await client.request(method, path, content=content, headers=headers)
            return answer, [outbox.get(row.id) for row in outbox.newest()]
        finally:
            await emulator.stop()
            outbox.close()
            faults.close()

    return asyncio.run(run())


def fields_of(answer):
    return [error["field"] for error in answer.json()["errors"]]


def test_a_message_is_taken_with_an_empty_answer_and_an_id(tmp_path):
    answer, rows = ask(tmp_path)
    assert (answer.status_code, answer.content) == (202, b"")
    assert answer.headers["x-message-id"]
    mail = message_from_bytes(rows[0].raw, policy=policy.default)
    assert (mail["To"], mail["Subject"]) == ("Ann <ann@example.com>", "Good morning")
    assert (rows[0].recipient, rows[0].account) == ("ann@example.com", "key")


def test_everybody_of_a_personalization_sees_the_others(tmp_path):
    people = [{"to": [ANN, {"email": "ben@example.com"}], "cc": [{"email": "cem@example.com"}]}]
    _, rows = ask(tmp_path, document={**LETTER, "personalizations": people})
    assert {row.recipient for row in rows} == {"ann@example.com", "ben@example.com", "cem@example.com"}
    mail = message_from_bytes(rows[0].raw, policy=policy.default)
    assert (mail["To"], mail["Cc"]) == ("ann@example.com, ben@example.com", "cem@example.com")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"personalizations": [{"to": [{"email": "nobody"}]}]}, "personalizations.0.to.0.email"),
        ({"personalizations": [{"to": []}]}, "personalizations.0.to"),
        ({"personalizations": []}, "personalizations"),
        ({"personalizations": [{"to": [ANN], "cc": [ANN]}]}, "personalizations"),
        ({"personalizations": [{"to": [ANN], "custom_args": {"delivery": 7}}]}, None),
        ({"personalizations": [{"to": [ANN], "custom_args": {"a": "x" * 10_000}}]}, "personalizations.0.custom_args"),
        ({"from": {"email": "nobody"}}, "from.email"),
        ({"reply_to": ANN, "reply_to_list": [ANN]}, "reply_to_list"),
        ({"subject": ""}, "subject"),
        ({"content": []}, "content"),
        ({"content": [{"type": "text/plain", "value": ""}]}, "content.0.value"),
        ({"content": LETTER["content"][::-1]}, "content"),
        ({"headers": {"Cc": "ben@example.com"}}, "headers.Cc"),
        ({"headers": {"X-Number": 7}}, None),
        ({"attachments": [{"content": "not base64", "filename": "a.txt"}]}, "attachments.0.content"),
        ({"attachments": [{"content": "eA=="}]}, "attachments.0.filename"),
        ({"categories": ["x"] * 11}, "categories"),
        ({"colour": "red"}, "colour"),
        ({"content": "Hello"}, None),
        ({"from": None}, None),
    ],
    ids=lambda value: str(value)[:50],
)
def test_what_the_documentation_forbids_is_refused(change, field, tmp_path):
    answer, rows = ask(tmp_path, document={**LETTER, **change})
    assert (answer.status_code, rows) == (400, [])
    assert field in fields_of(answer)


@pytest.mark.parametrize(("key", "status"), [("other", 401), ("SG.x.readonly", 403), ("SG.x.nocredits", 401)])
def test_a_key_that_may_not_send_is_turned_away(key, status, tmp_path):
    answer, rows = ask(tmp_path, key=key)
    assert (answer.status_code, rows) == (status, [])


def test_a_sender_that_is_not_verified_is_refused(tmp_path):
    answer, _ = ask(tmp_path, document={**LETTER, "from": {"email": "news@unverified.example"}})
    assert (answer.status_code, fields_of(answer)) == (403, ["from"])


def test_the_scopes_say_what_a_key_may_do(tmp_path):
    assert ask(tmp_path, "/scopes", method="GET")[0].json() == {"scopes": ["mail.send"]}
    assert ask(tmp_path, "/elsewhere", method="GET")[0].status_code == 404


def test_sandbox_mode_keeps_nothing(tmp_path):
    answer, rows = ask(tmp_path, document={**LETTER, "mail_settings": {"sandbox_mode": {"enable": True}}})
    assert (answer.status_code, rows) == (200, [])


def test_throttling_says_when_it_ends_and_nothing_else(tmp_path):
    answer, _ = ask(tmp_path, dial="throttled")
    assert answer.status_code == 429
    assert int(answer.headers["x-ratelimit-reset"]) > 1_700_000_000
    assert "retry-after" not in answer.headers


def test_a_file_arrives_as_it_was(tmp_path):
    file = {"content": base64.b64encode(b"%PDF").decode(), "filename": "a.pdf", "type": "application/pdf"}
    _, rows = ask(tmp_path, document={**LETTER, "attachments": [file]})
    parts = list(message_from_bytes(rows[0].raw, policy=policy.default).iter_attachments())
    assert [(part.get_filename(), part.get_payload(decode=True)) for part in parts] == [("a.pdf", b"%PDF")]
