"""MSG91: the request as its documentation shows it, and what each of its answers means."""

import json
from pathlib import Path

import pytest

from app.domain.rendered import Recipient, RenderedSms
from app.emulators.msg91 import EMULATOR, TEMPLATE
from app.providers.base import Account
from app.providers.http import HttpReply, Item
from app.providers.msg91 import PROVIDER, judge
from tests.providers.http_rig import HttpRig, json_of

PAYLOADS = Path(__file__).parent / "payloads" / "msg91"
GOOD = {"templateId": TEMPLATE, "senderId": "ACMEIN", "authKey": "301234A0bcDEfGHijk5f0e1d2c"}
RIG = HttpRig(
    PROVIDER, EMULATOR, GOOD, (GOOD["authKey"],), key_of=lambda row: json_of(row)["CRQID"], says_how_long=False
)


def request_for(text="Hello Ann", **changes):
    item = Item(0, "17.m1", Recipient("+919876543210", "Ann"), RenderedSms(text))
    return PROVIDER.request(Account("key", {**GOOD, **changes}), [item])


def body_for(*arguments, **changes):
    return json.loads(request_for(*arguments, **changes).body)


def sample(name, status, **headers):
    return HttpReply(status, {"content-type": "application/json", **headers}, (PAYLOADS / f"{name}.json").read_bytes())


def test_the_form_asks_for_what_the_interface_names():
    needed = [field.name for field in PROVIDER.spec.fields if field.needed]
    assert needed == ["templateId", "senderId", "authKey"]
    assert [field.name for field in PROVIDER.spec.fields if field.secret] == ["authKey"]
    assert [field.name for field in PROVIDER.spec.fields if field.extra] == ["variables"]
    assert PROVIDER.spec.uncertain_policy == "hold"


def test_the_request_is_the_one_of_the_documentation():
    request = request_for()
    assert (request.method, request.path) == ("POST", "/flow")
    assert json.loads(request.body) == {
        "template_id": TEMPLATE, "sender": "ACMEIN", "short_url": "0",
        "recipients": [{"mobiles": "919876543210", "content": "Hello Ann"}], "CRQID": "17.m1",
    }  # fmt: skip
    assert request.headers["authkey"] == GOOD["authKey"]
    assert PROVIDER.base_url(Account("key", GOOD)) == "https://control.msg91.com/api/v5"


@pytest.mark.parametrize(
    ("variables", "names"),
    [("", ["content"]), ("message", ["message"]), ("VAR1, otp", ["VAR1", "otp"]), (" a,,b ", ["a", "b"])],
)
def test_the_text_never_goes_into_variables_that_nobody_named(variables, names):
    assert body_for(variables=variables)["recipients"] == [
        {"mobiles": "919876543210", **dict.fromkeys(names, "Hello Ann")}
    ]


def test_a_text_outside_gsm7_says_that_it_is_unicode():
    assert body_for("नमस्ते")["unicode"] == "1"
    assert "unicode" not in body_for("Hello")


def test_the_id_of_the_request_is_kept():
    outcome = judge(sample("sent", 200))
    assert (outcome.kind, outcome.provider_message_id) == ("accepted", "3763646c3058373530393938")


@pytest.mark.parametrize(
    ("name", "status", "kind", "reason"),
    [
        ("bad_key_in_200", 200, "config_permanent", "authentication_failed"),
        ("bad_key", 401, "config_permanent", "authentication_failed"),
        ("no_key", 401, "config_permanent", "authentication_failed"),
        ("bad_address", 418, "config_permanent", "not_configured"),
        ("bad_address", 200, "config_permanent", "not_configured"),
        ("unknown", 418, "config_permanent", "not_configured"),
        ("bad_template", 400, "config_permanent", "not_configured"),
        ("bad_template_without_code", 200, "config_permanent", "not_configured"),
        ("bad_sender", 400, "config_permanent", "sender_refused"),
        ("bad_number", 200, "recipient_permanent", "invalid_address"),
        ("no_balance", 200, "config_permanent", "not_configured"),
        ("unknown", 200, "message_permanent", "content_rejected"),
        ("unknown", 202, "message_permanent", "content_rejected"),
        ("unknown", 400, "message_permanent", "content_rejected"),
        ("unknown", 429, "throttled", "rate_limited"),
        ("bad_number", 500, "transient", "server_error"),
    ],
)
def test_a_200_alone_is_never_a_success(name, status, kind, reason):
    outcome = judge(sample(name, status))
    assert (outcome.kind, outcome.reason, outcome.provider_message_id) == (kind, reason, "")
    found = json.loads((PAYLOADS / f"{name}.json").read_text())
    assert outcome.detail == (found.get("message") or found["errors"])


def test_the_code_is_kept():
    assert judge(sample("bad_template", 400)).code == "400 211"
    assert judge(sample("bad_key", 401)).code == "401 207"


def test_words_never_make_an_error_look_temporary():
    body = b'{"type":"error","message":"429 503 timeout, too many requests, try again"}'
    assert judge(HttpReply(200, {}, body)).kind == "message_permanent"


def test_the_wait_of_a_header_is_kept():
    assert judge(sample("unknown", 429, **{"retry-after": "5"})).retry_after.total_seconds() == 5
    assert judge(sample("unknown", 200)).retry_after is None


def test_only_the_type_says_success():
    assert judge(HttpReply(200, {}, b'{"status":"success","message":"376364"}')).kind != "accepted"


@pytest.mark.parametrize("body", [b"", b"ok", b"[]", b'{"type":"success"}', b'{"type":"success","message":""}', b"{}"])
def test_a_good_status_with_nonsense_is_uncertain(body):
    assert judge(HttpReply(200, {}, body)).kind == "uncertain"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"templateId": "1107161234567890123"}, "templateId"),
        ({"variables": "##content##"}, "variables"),
        ({"variables": "mobiles"}, "variables"),
        ({"authKey": "a\nb"}, "authKey"),
    ],
)
def test_what_cannot_work_is_said_at_its_field(changes, field):
    assert list(PROVIDER.check({**GOOD, **changes})) == [field]


@pytest.mark.parametrize(
    ("name", "status", "works"),
    [("bad_key_in_200", 200, False), ("bad_address", 418, False), ("bad_number", 200, True), ("sent", 200, True),
     ("unknown", 400, True), ("unknown", 503, False)],
)  # fmt: skip
def test_verifying_judges_the_key_and_not_that_there_is_nobody(name, status, works):
    found = PROVIDER.findings(Account("key", GOOD), sample(name, status))
    assert [finding.works for finding in found] == [works]


@pytest.mark.parametrize("status", [200, 400, 404])
def test_verifying_believes_only_msg91(status):
    found = PROVIDER.findings(Account("key", GOOD), HttpReply(status, {}, b"<html>Welcome</html>"))
    assert [finding.works for finding in found] == [False]


def test_verifying_sends_to_nobody():
    assert json.loads(PROVIDER.probe(Account("key", GOOD)).body)["recipients"] == []


def test_no_secret_shows_in_a_repr():
    assert GOOD["authKey"] not in repr([request_for(), Account("key", GOOD)])
