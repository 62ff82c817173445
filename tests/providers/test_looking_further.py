"""Test connection beyond the credentials: whether the sender may send, where, and what is left of the plan."""

import asyncio
import importlib
import json

import pytest

from app.domain.channels import Channel
from app.providers import catalog, get
from app.providers.base import Account, Finding
from app.providers.fcm import PROVIDER as FCM
from app.providers.http import HttpProvider, HttpReply, HttpRequest
from app.providers.twilio import Twilio
from tests.providers.contract import verify

Answers = dict[str, tuple[int, object]]


def look(kind: str, values: dict[str, object], answers: Answers) -> list[Finding]:
    """What the kind finds further, when the service answers so (by the start of the path)."""
    provider = get(kind)
    assert isinstance(provider, HttpProvider)

    async def ask(request: HttpRequest) -> HttpReply:
        assert request.method == "GET", "looking changes nothing"
        path = next(start for start in sorted(answers, key=len, reverse=True) if start in request.path)
        status, body = answers[path]
        return HttpReply(status, {}, json.dumps(body).encode())

    return asyncio.run(provider.look_further(Account("key", values), ask))


def verdicts(findings: list[Finding]) -> list[str]:
    return ["doubt" if each.doubt else "good" if each.works else "bad" for each in findings]


SENDER = {"fromEmail": "news@Acme.example"}
TWILIO = {"accountSid": f"AC{'0' * 32}", "authToken": "0123456789abcdef", "from": "+15551234567"}
NUMBER = {"phone_number": "+15551234567", "capabilities": {"sms": True}}
BALANCE = {"balance": "3.50", "currency": "USD"}
MUTE = {"phone_number": "+15551234567", "capabilities": {"sms": False}}


@pytest.mark.parametrize(
    ("domains", "singles", "expected"),
    [
        ([{"domain": "acme.example", "valid": True}], {"results": []}, "good"),
        ([{"domain": "acme.example", "valid": False}], {"results": []}, "bad"),
        ([], {"results": [{"from_email": "news@acme.example", "verified": True}]}, "good"),
        ([], {"results": [{"from_email": "news@acme.example", "verified": False}]}, "bad"),
        ([], {"results": []}, "bad"),
        ({"errors": [{"message": "access forbidden"}]}, {"errors": []}, "doubt"),
    ],
)
def test_sendgrid_a_sender_that_is_not_verified_is_not_called_good(domains, singles, expected):
    answers: Answers = {
        "/whitelabel/domains": (200, domains), "/verified_senders": (200, singles), "/user/credits": (403, {}),
    }  # fmt: skip
    assert verdicts(look("sendgrid", {"apiKey": "SG.x", **SENDER}, answers)) == [expected]


@pytest.mark.parametrize(("left", "expected"), [(12, "good"), (0, "bad")])
def test_sendgrid_a_plan_that_is_used_up_is_said(left, expected):
    answers: Answers = {
        "/whitelabel/domains": (200, [{"domain": "acme.example", "valid": True}]), "/verified_senders": (403, {}),
        "/user/credits": (200, {"remain": left, "total": 100}),
    }  # fmt: skip
    assert verdicts(look("sendgrid", {"apiKey": "SG.x", **SENDER}, answers)) == ["good", expected]


@pytest.mark.parametrize(
    ("identities", "expected"),
    [
        ({"acme.example": True}, "good"),
        ({"news%40mail.acme.example": True}, "good"),
        ({"mail.acme.example": False, "acme.example": True}, "good"),
        ({"mail.acme.example": False}, "bad"),
        ({}, "bad"),
    ],
)
def test_ses_a_sender_counts_as_verified_by_itself_its_domain_or_one_above(identities, expected):
    answers: Answers = {"/v2/email/identities/": (404, {"message": "Email identity does not exist."})}
    for name, is_so in identities.items():
        answers[f"/v2/email/identities/{name}"] = (200, {"VerifiedForSendingStatus": is_so})
    values = {"fromEmail": "news@mail.acme.example", "region": "eu-west-1"}
    (found,) = look("ses", values, answers)
    assert verdicts([found]) == [expected]
    assert "eu-west-1" in found.sentence


def test_ses_a_key_that_may_not_look_at_identities_is_a_doubt_and_no_fault():
    answers: Answers = {"/v2/email/identities/": (403, {"message": "not authorized"})}
    assert verdicts(look("ses", {**SENDER, "region": "eu-west-1"}, answers)) == ["doubt"]


@pytest.mark.parametrize(
    ("sender", "expected"),
    [("news@mg.acme.example", "good"), ("news@acme.example", "good"), ("news@other.example", "doubt"), ("", "bad")],
)
def test_mailgun_a_sender_of_another_domain_deserves_a_look(sender, expected):
    values = {"apiKey": "k", "domain": "mg.acme.example", "fromEmail": sender}
    assert verdicts(look("mailgun", values, {})) == [expected]


@pytest.mark.parametrize(
    ("sender", "listed", "expected"),
    [
        ("+15551234567", {"incoming_phone_numbers": [NUMBER]}, "good"),
        ("15551234567", {"incoming_phone_numbers": [NUMBER]}, "good"),
        ("+15551234567", {"incoming_phone_numbers": [MUTE]}, "bad"),
        ("+15551234567", {"incoming_phone_numbers": []}, "bad"),
        ("+15551234567", None, "doubt"),
        ("12345", {"short_codes": [{"short_code": "12345"}]}, "good"),
        ("12345", {"short_codes": []}, "bad"),
        ("ACME", {}, "doubt"),
        (f"MG{'0' * 32}", {}, "doubt"),
    ],
)
def test_twilio_a_number_of_somebody_else_is_not_called_good(sender, listed, expected):
    answers: Answers = {
        "/IncomingPhoneNumbers": (200, listed), "/SMS/ShortCodes": (200, listed), "/Balance": (200, BALANCE),
    }  # fmt: skip
    found = look("twilio", {**TWILIO, "from": sender}, answers)
    assert verdicts(found) == [expected, "good"]
    assert "3.50 USD" in found[1].sentence


def test_twilio_an_empty_balance_deserves_a_look():
    answers: Answers = {
        "/IncomingPhoneNumbers": (200, {"incoming_phone_numbers": [NUMBER]}), "/Balance": (200, {"balance": "-0.10"}),
    }  # fmt: skip
    assert verdicts(look("twilio", TWILIO, answers)) == ["good", "doubt"]


@pytest.mark.parametrize(
    ("sender", "listed", "expected"),
    [
        ("+15551234567", {"numbers": [{"msisdn": "15551234567", "features": ["SMS", "VOICE"]}]}, "good"),
        ("+15551234567", {"numbers": [{"msisdn": "15551234567", "features": ["VOICE"]}]}, "bad"),
        ("+15551234567", {"numbers": [{"msisdn": "155512345678", "features": ["SMS"]}]}, "doubt"),
        ("+15551234567", {}, "doubt"),
        ("ACME", {}, "doubt"),
    ],
)
def test_vonage_says_whether_the_number_is_ours(sender, listed, expected):
    values = {"apiKey": "abcd1234", "apiSecret": "s", "from": sender}
    assert verdicts(look("vonage", values, {"/account/numbers": (200, listed)})) == [expected]


@pytest.mark.parametrize(
    ("sender", "expected"), [("+447700900123", "good"), ("Acme", "good"), ("Other", "doubt"), ("+4477", "doubt")]
)
def test_textmagic_a_sender_that_it_would_replace_is_not_called_good(sender, expected):
    sources = {"dedicated": ["447700900123"], "user": [], "shared": [], "senderIds": ["Acme"]}
    values = {"username": "u", "apiKey": "k", "from": sender}
    assert verdicts(look("textmagic", values, {"/sources": (200, sources)})) == [expected]


def test_resend_says_what_the_plan_counts_and_that_the_test_domain_reaches_nobody_else():
    body = json.dumps({"data": []}).encode()
    headers = {"x-resend-daily-quota": "12", "x-resend-monthly-quota": "340"}
    account = Account("key", {"apiKey": "re_x", "fromEmail": "onboarding@resend.dev"})
    found = get("resend").findings(account, HttpReply(200, headers, body))  # type: ignore[attr-defined]
    assert verdicts(found) == ["good", "doubt", "good"]
    assert found[-1].sentence == "The plan's quota counts 12 today and 340 this month."


@pytest.mark.parametrize(
    ("status", "reason", "words"),
    [
        (403, "SERVICE_DISABLED", "is off in the project"),
        (403, "", "may not send in the project"),
        (404, "", "knows no Firebase project"),
    ],
)
def test_fcm_a_wrong_project_is_named_with_what_to_do(status, reason, words):
    error = {"code": status, "message": "No.", "status": "PERMISSION_DENIED" if status == 403 else "NOT_FOUND"}
    details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason}] if reason else []
    body = json.dumps({"error": {**error, "details": details}}).encode()
    file = {"project_id": "bells", "client_email": "a@bells.example", "private_key": "-"}
    found = FCM.findings(Account("key", {"serviceAccountJSON": file}), HttpReply(status, {}, body))
    assert not found[-1].works
    assert words in found[-1].sentence
    assert "bells" in found[-1].sentence


@pytest.mark.parametrize("kind", [kind for kind, each in catalog().items() if each.spec.channel is not Channel.PUSH])
def test_every_kind_tells_of_its_sender_against_its_emulator(kind, tmp_path):
    rig = importlib.import_module(f"tests.providers.test_{kind}").RIG
    findings, arrived = verify(get(kind), rig, tmp_path)
    assert not arrived
    told = " ".join(f"{each.sentence} {each.detail}" for each in findings)
    assert any(
        word in told for word in ("sender", "verified", "authenticated", "number of this account", "something is sent")
    ), told


class Stumbling(Twilio):
    """Meets an answer that its code was not made for."""

    async def ask(self, account, request, *, patience=None):
        return HttpReply(200, {}, b'{"status": "active"}')

    async def look_further(self, account, ask):
        return [Finding("SMS" in (await ask(HttpRequest("GET", "/x"))).fields()["capabilities"], "It can send.")]


def test_an_answer_of_a_shape_nobody_knows_is_a_sentence_and_no_crash():
    (found,) = asyncio.run(Stumbling().verify(Account("key", TWILIO)))
    assert verdicts([found]) == ["bad"]
    assert found.sentence == "The address answers, but not as Twilio does."


def test_half_a_character_in_an_answer_can_be_shown_on_a_page():
    account = {"SendingEnabled": False, "EnforcementStatus": "PROBATION \ud83d"}
    findings = get("ses").findings(Account("key", {}), HttpReply(200, {}, json.dumps(account).encode()))
    assert "PROBATION" in "".join(found.sentence + found.detail for found in findings).encode().decode()
