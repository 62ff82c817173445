"""The SES emulator is as strict as Amazon: signatures, fields, limits; seen by a client that is not ours."""

import asyncio
import base64
import json
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy

import httpx
import pytest

from app.emulators.faults import EVERYONE, Dial, Faults
from app.emulators.outbox import Outbox
from app.emulators.ses import EMULATOR, REGION, SECRET
from app.infra.http import HttpRequest
from app.infra.sigv4 import SigningKey, sign_request

SEND = "/v2/email/outbound-emails"
RAW = base64.b64encode(b"From: news@example.org\r\nTo: ann@example.com\r\nSubject: Hi\r\n\r\nHello\r\n").decode()
SIMPLE = {"Subject": {"Data": "Hi"}, "Body": {"Text": {"Data": "Hello"}}, "Headers": [{"Name": "X-A", "Value": "b"}]}
LETTER = {
    "FromEmailAddress": "news@example.org", "Destination": {"ToAddresses": ["ann@example.com"]},
    "Content": {"Raw": {"Data": RAW}}, "EmailTags": [{"Name": "delivery", "Value": "1_dm"}],
}  # fmt: skip


def ask(tmp_path, document=LETTER, *, path=SEND, method="POST", dial="", age=0, alter=lambda headers: {}, **key):
    """What the emulator answers to a signed request, and the rows that it keeps."""

    async def run():
        outbox, faults = Outbox(tmp_path / "outbox.sqlite3"), Faults(tmp_path / "outbox.sqlite3")
        if dial:
            faults.turn(Dial(EVERYONE, dial))
        emulator = EMULATOR(outbox, faults)
        await emulator.start()
        signer = SigningKey(
            **{"access_key": "AKIAKEY", "secret_key": SECRET, "region": REGION, "service": "ses", **key}
        )
        body = json.dumps(document).encode() if method == "POST" else b""
        request = HttpRequest(method, path, {"content-type": "application/json"}, body)
        signed = sign_request(emulator.url, request, signer, datetime.now(UTC) - timedelta(seconds=age))
        try:
            async with httpx.AsyncClient(trust_env=False) as client:
                headers = {**signed.headers, **alter(signed.headers)}
                answer = await client.request(method, emulator.url + path, content=body, headers=headers)
            return answer, [outbox.get(row.id) for row in outbox.newest()]
        finally:
            await emulator.stop()
            outbox.close()
            faults.close()

    return asyncio.run(run())


def kind_of(answer):
    return answer.headers["x-amzn-errortype"].partition(":")[0]


def test_a_raw_message_arrives_byte_by_byte(tmp_path):
    answer, rows = ask(tmp_path)
    assert answer.status_code == 200
    assert answer.json()["MessageId"]
    assert (rows[0].raw, rows[0].recipient, rows[0].account) == (base64.b64decode(RAW), "ann@example.com", "AKIAKEY")


def test_a_simple_message_is_put_together(tmp_path):
    _, rows = ask(tmp_path, {**LETTER, "Content": {"Simple": SIMPLE}, "ReplyToAddresses": ["help@example.org"]})
    mail = message_from_bytes(rows[0].raw, policy=policy.default)
    assert (mail["Subject"], mail["X-A"], mail["Reply-To"]) == ("Hi", "b", "help@example.org")


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"secret_key": "wrong"}, "InvalidSignatureException"),
        ({"region": "us-east-1"}, "InvalidSignatureException"),
        ({"service": "s3"}, "MissingAuthenticationTokenException"),
        ({"age": 600}, "InvalidSignatureException"),
        ({"age": -600}, "InvalidSignatureException"),
        ({"alter": lambda headers: {"authorization": ""}}, "MissingAuthenticationTokenException"),
        ({"alter": lambda headers: {"content-type": "text/plain"}}, "InvalidSignatureException"),
        (
            {"alter": lambda headers: {"authorization": headers["authorization"].replace("host;", "")}},
            "InvalidSignatureException",
        ),
    ],
)
def test_a_signature_that_does_not_hold_is_refused(changes, kind, tmp_path):
    answer, rows = ask(tmp_path, **changes)
    assert (answer.status_code, kind_of(answer), rows) == (403, kind, [])


def test_the_path_and_the_query_are_signed_as_they_go_over_the_wire(tmp_path):
    for path in ("/for/a%20b/v2/email/account", "/v2/email/account?b=2&a=%2F%20&a=1&c="):
        assert ask(tmp_path, path=path, method="GET")[0].status_code == 200


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"Destination": {"ToAddresses": ["nobody"]}}, "BadRequestException"),
        ({"Destination": {"ToAddresses": ["jörg@example.com"]}}, "BadRequestException"),
        ({"Destination": {"ToAddresses": []}}, "BadRequestException"),
        ({"Destination": {"ToAddresses": [f"p{n}@example.com" for n in range(51)]}}, "BadRequestException"),
        ({"Content": {}}, "BadRequestException"),
        ({"Content": {"Raw": {"Data": RAW}, "Simple": SIMPLE}}, "BadRequestException"),
        ({"Content": {"Raw": {"Data": base64.b64encode(b"Subject: Hi\r\n\r\n").decode()}}}, "BadRequestException"),
        ({"Content": {"Raw": {"Data": "no base64"}}}, "SerializationException"),
        ({"Content": {"Simple": {**SIMPLE, "Body": {}}}}, "BadRequestException"),
        ({"Content": {"Template": {"TemplateName": "news"}}}, "NotFoundException"),
        ({"ConfigurationSetName": "news"}, "NotFoundException"),
        ({"EmailTags": [{"Name": "delivery", "Value": "1.m"}]}, "BadRequestException"),
        ({"FromEmailAddress": "nobody"}, "BadRequestException"),
        ({"FromEmailAddress": "news@unverified.example"}, "MessageRejected"),
        ({"Colour": "red"}, "SerializationException"),
        ({"EmailTags": ["delivery"]}, "SerializationException"),
    ],
    ids=lambda value: str(value)[:50],
)
def test_what_the_documentation_forbids_is_refused(change, kind, tmp_path):
    answer, rows = ask(tmp_path, {**LETTER, **change})
    assert (answer.status_code // 100, kind_of(answer), rows) == (4, kind, [])
    assert answer.json()["message"]


def test_the_account_says_whether_it_may_write_to_everybody(tmp_path):
    account = ask(tmp_path, path="/v2/email/account", method="GET")[0].json()
    assert (account["SendingEnabled"], account["ProductionAccessEnabled"]) == (True, True)
    confined = ask(tmp_path, path="/v2/email/account", method="GET", access_key="AKIASANDBOX")[0].json()
    assert (confined["ProductionAccessEnabled"], confined["SendQuota"]["Max24HourSend"]) == (False, 200.0)


def test_throttling_does_not_say_how_long_it_lasts(tmp_path):
    answer, _ = ask(tmp_path, dial="throttled")
    assert (answer.status_code, kind_of(answer)) == (429, "TooManyRequestsException")
    assert not [name for name in answer.headers if "retry" in name or "limit" in name]


BULK = "/v2/email/outbound-bulk-emails"


def bulk_to(*people):
    template = {"TemplateContent": {"Subject": "Hi", "Text": "Hello {{name}}"}, "TemplateData": '{"name": "you"}'}
    return {
        "FromEmailAddress": "news@example.org", "DefaultContent": {"Template": template},
        "BulkEmailEntries": [{"Destination": {"ToAddresses": [person]}} for person in people],
    }  # fmt: skip


def test_a_bulk_says_which_of_its_addresses_is_dead_and_sends_to_the_others(tmp_path):
    answer, rows = ask(tmp_path, bulk_to("ann@example.com", "bea+mailbox-unknown@example.com", "c@nowhere"), path=BULK)
    statuses = [each["Status"] for each in answer.json()["BulkEmailEntryResults"]]
    assert (answer.status_code, statuses) == (200, ["SUCCESS", "INVALID_PARAMETER", "INVALID_PARAMETER"])
    assert [row.recipient for row in rows] == ["ann@example.com"]
    assert b"Hello you" in rows[0].raw


@pytest.mark.parametrize(
    ("document", "kind"),
    [
        (bulk_to(*(f"p{number}@example.com" for number in range(51))), "BadRequestException"),
        ({**bulk_to(), "BulkEmailEntries": 7}, "SerializationException"),
        ({**bulk_to("ann@example.com"), "DefaultContent": {}}, "SerializationException"),
    ],
    ids=["too many", "no list", "no template"],
)
def test_a_bulk_that_is_none_is_refused_whole(document, kind, tmp_path):
    answer, rows = ask(tmp_path, document, path=BULK)
    assert (answer.status_code, kind_of(answer), rows) == (400, kind, [])


def test_the_dial_refuses_a_whole_bulk(tmp_path):
    answer, rows = ask(tmp_path, bulk_to("ann@example.com"), path=BULK, dial="mailbox-unknown")
    assert (answer.status_code, kind_of(answer), rows) == (400, "BadRequestException", [])
