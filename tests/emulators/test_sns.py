"""The SNS beside the emulated SES asks before it tells, signs what it says, and lets nobody in without a signature."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from app.emulators.ses import CONFIGURATION_SET, EMULATOR, SECRET, TOPIC
from app.infra.hook_proofs import is_signed_by_sns
from app.infra.http import HttpRequest
from app.infra.sigv4 import SigningKey, sign_request
from tests.emulators.sms_rig import Stage, play

LETTER = {
    "FromEmailAddress": "news@example.org", "Destination": {"ToAddresses": ["ann@example.com"]},
    "Content": {"Simple": {"Subject": {"Data": "Hi"}, "Body": {"Text": {"Data": "Hello"}}}},
    "EmailTags": [{"Name": "delivery", "Value": "17_dm1"}], "ConfigurationSetName": CONFIGURATION_SET,
}  # fmt: skip


def sign(stage: Stage, request: HttpRequest, service: str) -> HttpRequest:
    key = SigningKey("AKIAKEY", SECRET, "eu-west-1", service)
    return sign_request(stage.emulator.url, request, key, datetime.now(UTC))


async def ask(stage: Stage, fields: Mapping[str, str], service: str = "sns") -> httpx.Response:
    """One request to SNS, signed."""
    request = sign(stage, HttpRequest.form("/for/acme/sns/", list(fields.items())), service)
    return await stage.client.post(request.path, content=request.body, headers=dict(request.headers))


async def subscribe(stage: Stage, **more: str) -> httpx.Response:
    fields = {"Action": "Subscribe", "TopicArn": TOPIC, "Protocol": "http", "Endpoint": stage.ear, **more}
    return await ask(stage, fields)


async def send(stage: Stage, **changes: Any) -> httpx.Response:
    request = sign(stage, HttpRequest.json("/for/acme/v2/email/outbound-emails", {**LETTER, **changes}), "ses")
    return await stage.client.post(request.path, content=request.body, headers=dict(request.headers))


async def confirm(stage: Stage) -> dict[str, Any]:
    """Visit what the last question names; the question."""
    question: dict[str, Any] = json.loads(stage.heard[-1].body)
    assert (await stage.client.get(question["SubscribeURL"])).status_code == 200
    return question


def test_nothing_is_told_before_the_subscription_is_confirmed(tmp_path):
    async def work(stage):
        answer = await subscribe(stage)
        assert "<SubscriptionArn>pending confirmation</SubscriptionArn>" in answer.text
        await stage.receipts(1)
        await send(stage)
        question = await confirm(stage)
        assert "pending" not in (await subscribe(stage)).text, "it is confirmed, and not asked again"
        await send(stage)
        return question, await stage.receipts(3)

    question, heard = play(EMULATOR, tmp_path, work)
    assert parse_qs(urlsplit(question["SubscribeURL"]).query)["Token"] == [question["Token"]]
    assert [each.headers["x-amz-sns-message-type"] for each in heard] == [
        "SubscriptionConfirmation", "Notification", "Notification",
    ]  # fmt: skip
    events = [json.loads(json.loads(each.body)["Message"]) for each in heard[1:]]
    assert [each["eventType"] for each in events] == ["Send", "Delivery"]
    assert {tuple(each["mail"]["tags"]["delivery"]) for each in events} == {("17_dm1",)}


@pytest.mark.parametrize("version", ["1", "2"])
def test_what_it_says_is_signed_with_the_certificate_that_it_names(version, tmp_path):
    async def work(stage):
        fields = {"TopicArn": TOPIC, "AttributeName": "SignatureVersion", "AttributeValue": version}
        assert (await ask(stage, {"Action": "SetTopicAttributes", **fields})).status_code == 200
        await subscribe(stage)
        await stage.receipts(1)
        await confirm(stage)
        await send(stage)
        heard = [json.loads(each.body) for each in await stage.receipts(3)]
        return heard, [(await stage.client.get(each["SigningCertURL"])).content for each in heard]

    heard, certificates = play(EMULATOR, tmp_path, work)
    for found, certificate in zip(heard, certificates, strict=True):
        assert found["SignatureVersion"] == version
        assert is_signed_by_sns(found, certificate, datetime.now(UTC))
        assert not is_signed_by_sns(found | {"Message": "another"}, certificate, datetime.now(UTC))


def test_raw_delivery_brings_the_event_alone(tmp_path):
    async def work(stage):
        more = {"Attributes.entry.1.key": "RawMessageDelivery", "Attributes.entry.1.value": "true"}
        await subscribe(stage, **more)
        await stage.receipts(1)
        await confirm(stage)
        await send(stage)
        return (await stage.receipts(3))[1:]

    for each in play(EMULATOR, tmp_path, work):
        assert json.loads(each.body)["mail"]["destination"] == ["ann@example.com"]
        assert (each.headers["x-amz-sns-rawdelivery"], each.headers["x-amz-sns-topic-arn"]) == ("true", TOPIC)


def test_an_email_without_a_configuration_set_is_told_to_nobody(tmp_path):
    async def work(stage):
        await subscribe(stage)
        await stage.receipts(1)
        await confirm(stage)
        document = {name: value for name, value in LETTER.items() if name != "ConfigurationSetName"}
        request = sign(stage, HttpRequest.json("/for/acme/v2/email/outbound-emails", document), "ses")
        await stage.client.post(request.path, content=request.body, headers=dict(request.headers))
        await send(stage)
        return await stage.receipts(3)

    assert len(play(EMULATOR, tmp_path, work)) == 3


def test_whoever_unsubscribes_is_told_nothing_more(tmp_path):
    async def work(stage):
        await subscribe(stage)
        await stage.receipts(1)
        await confirm(stage)
        await send(stage)
        last = json.loads((await stage.receipts(3))[-1].body)
        assert (await stage.client.get(last["UnsubscribeURL"])).status_code == 200
        assert "pending" in (await subscribe(stage)).text
        return await stage.receipts(4)

    assert json.loads(play(EMULATOR, tmp_path, work)[-1].body)["Type"] == "SubscriptionConfirmation"


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"Action": "Subscribe", "TopicArn": f"{TOPIC}2", "Protocol": "http", "Endpoint": "http://a.example"}, 404),
        ({"Action": "Subscribe", "TopicArn": TOPIC, "Protocol": "https", "Endpoint": "http://a.example"}, 400),
        ({"Action": "Subscribe", "TopicArn": TOPIC, "Protocol": "sms", "Endpoint": "+491701234567"}, 400),
        ({"Action": "ConfirmSubscription", "TopicArn": TOPIC, "Token": "another"}, 400),
        ({"Action": "SetTopicAttributes", "AttributeName": "SignatureVersion", "AttributeValue": "3"}, 400),
        ({"Action": "Publish"}, 400),
        ({}, 400),
    ],
)  # fmt: skip
def test_what_the_documentation_forbids_is_refused(fields, status, tmp_path):
    async def work(stage):
        return await ask(stage, fields)

    answer = play(EMULATOR, tmp_path, work)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "text/xml")


def test_nobody_subscribes_without_a_signature_for_sns(tmp_path):
    async def work(stage):
        bare = await stage.client.post("/for/acme/sns/", data={"Action": "Subscribe", "TopicArn": TOPIC})
        other = await ask(stage, {"Action": "Subscribe", "TopicArn": TOPIC}, "ses")
        foreign = await stage.client.get("/for/acme/sns/SimpleNotificationService-0123456789abcdef.pem")
        return [bare.status_code, other.status_code, foreign.status_code]

    assert play(EMULATOR, tmp_path, work) == [403, 403, 404]


def test_an_address_asks_for_its_own_bounce_or_complaint_after_the_delivery(tmp_path):
    async def work(stage):
        await subscribe(stage)
        await stage.receipts(1)
        await confirm(stage)
        for fault in ("late-bounce", "complaint"):
            await send(stage, Destination={"ToAddresses": [f"ann+{fault}-1@example.com"]})
        return await stage.receipts(7)

    events = [json.loads(json.loads(each.body)["Message"]) for each in play(EMULATOR, tmp_path, work)[1:]]
    assert sorted(each["eventType"] for each in events[:4]) == ["Delivery", "Delivery", "Send", "Send"]
    assert sorted(each["eventType"] for each in events[4:]) == ["Bounce", "Complaint"]
