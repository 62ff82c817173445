"""Amazon SES: the request as its documentation shows it, and what each of its answers means."""

import asyncio
import base64
import email
import json
from email import policy
from pathlib import Path

import pytest

from app.domain.delivery_tags import key_of_tag, tag_of
from app.domain.rendered import Attachment, Extras, Recipient, RenderedEmail
from app.emulators.ses import EMULATOR, SECRET
from app.providers.base import Account
from app.providers.http import HttpReply, Item, NotAuthorized
from app.providers.ses import PROVIDER, judge
from tests.providers.contract import envelopes, send, verify
from tests.providers.http_rig import HttpRig, json_of

PAYLOADS = Path(__file__).parent / "payloads" / "ses"
GOOD = {
    "accessKey": "AKIATESTKEY0000001", "secretKey": SECRET, "region": "eu-west-1", "fromName": "Acme News",
    "fromEmail": "news@example.org",
}  # fmt: skip
ANN = Recipient("ann@example.com", "Ann Smith")
LETTER = RenderedEmail("Good morning", "Hello Ann\n", "<p>Hello Ann</p>\n")


def mail_of(raw):
    return email.message_from_bytes(raw, policy=policy.default)


RIG = HttpRig(
    PROVIDER, EMULATOR, GOOD, (SECRET,),
    key_of=lambda row: key_of_tag(json_of(row)["EmailTags"][0]["Value"]),
    content_of=lambda row: mail_of(row.raw).get_body(("plain",)).get_content(),
    says_how_long=False,
)  # fmt: skip


def document_for(rendered=LETTER, recipient=ANN, **changes):
    request = PROVIDER.request(Account("key", {**GOOD, **changes}), [Item(0, "7.m1", recipient, rendered)])
    return json.loads(request.body)


def mail_for(rendered=LETTER, recipient=ANN, **changes):
    return mail_of(base64.b64decode(document_for(rendered, recipient, **changes)["Content"]["Raw"]["Data"]))


def reply(name, status, kind=""):
    headers = {"x-amzn-errortype": f"{kind}:http://internal.amazon.com/coral/x#y"} if kind else {}
    return HttpReply(status, headers, (PAYLOADS / f"{name}.json").read_bytes())


def authorize(**changes):
    request = PROVIDER.request(Account("key", GOOD), [Item(0, "7.m1", ANN, LETTER)])
    return asyncio.run(PROVIDER.authorize(Account("key", {**GOOD, **changes}), request))


def test_the_form_asks_for_what_the_interface_names():
    fields = PROVIDER.spec.fields
    names = ["accessKey", "secretKey", "region", "fromName", "fromEmail", "replyToName", "replyToEmail"]
    assert [field.name for field in fields if not field.extra] == names
    assert [field.name for field in fields if field.extra] == ["configurationSet", "topicArn"]
    assert [field.name for field in fields if field.needed] == ["accessKey", "secretKey", "region", "fromEmail"]
    assert [field.name for field in fields if field.secret] == ["secretKey"]


def test_the_configuration_set_travels_with_each_email_where_there_is_one():
    assert document_for(configurationSet="carillon")["ConfigurationSetName"] == "carillon"
    assert "ConfigurationSetName" not in document_for(configurationSet="")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("configurationSet", "two words"), ("configurationSet", "a" * 65), ("topicArn", "carillon"),
        ("topicArn", "arn:aws:sqs:eu-west-1:123456789012:carillon"),
        ("topicArn", "arn:aws:sns:evil.example/#:123456789012:carillon"),
    ],
)  # fmt: skip
def test_settings_of_receipts_that_cannot_be_are_named(field, value):
    assert list(PROVIDER.check({**GOOD, field: value})) == [field]


def test_the_region_decides_the_address():
    assert PROVIDER.base_url(Account("key", GOOD)) == "https://email.eu-west-1.amazonaws.com"
    gov = {**GOOD, "region": "us-gov-west-1"}
    assert PROVIDER.base_url(Account("key", gov)) == "https://email.us-gov-west-1.amazonaws.com"


@pytest.mark.parametrize("region", ["", "eu-west-1.evil.example/#", "evil.example:443/", "EU-WEST-1", "eu", "a@b"])
def test_no_region_leads_to_another_host(region):
    with pytest.raises(NotAuthorized, match="Region") as caught:
        authorize(region=region)
    assert (caught.value.outcome.kind, caught.value.outcome.reason) == ("config_permanent", "not_configured")
    assert bool(PROVIDER.check({**GOOD, "region": region})) == bool(region)


def test_the_request_is_the_one_of_the_documentation():
    request = PROVIDER.request(Account("key", GOOD), [Item(0, "7.m1", ANN, LETTER)])
    assert (request.method, request.path) == ("POST", "/v2/email/outbound-emails")
    document = json.loads(request.body)
    assert set(document["Content"]) == {"Raw"}
    assert {name: document[name] for name in document if name != "Content"} == {
        "FromEmailAddress": "news@example.org",
        "Destination": {"ToAddresses": ["ann@example.com"]},
        "EmailTags": [{"Name": "delivery", "Value": "7_dm1"}],
    }
    mail = mail_for()
    assert (mail["From"], mail["To"], mail["Subject"]) == (
        "Acme News <news@example.org>", "Ann Smith <ann@example.com>", "Good morning",
    )  # fmt: skip
    assert [part.get_content().strip() for part in mail.iter_parts()] == ["Hello Ann", "<p>Hello Ann</p>"]


def test_the_signature_covers_the_bytes_that_are_sent():
    signed = authorize()
    proof = signed.headers["authorization"]
    assert proof.startswith(f"AWS4-HMAC-SHA256 Credential={GOOD['accessKey']}/")
    assert "/eu-west-1/ses/aws4_request, SignedHeaders=content-type;host;x-amz-date, " in proof
    assert SECRET not in repr(signed) + proof


def test_what_somebody_wrote_is_no_template():
    """Appwrite makes a stored template of the content, in which {{…}} is evaluated (sheet 20.1, 13)."""
    document = document_for(RenderedEmail("{{subject}}", "Dear {{name}}\n", "<p>{{#each x}}</p>\n"))
    assert set(document["Content"]) == {"Raw"}
    assert b"Dear {{name}}" in base64.b64decode(document["Content"]["Raw"]["Data"])


def test_people_in_copy_are_named_and_not_written_to_again():
    """Appwrite's adapter writes to everybody in copy once for each recipient (sheet 20.1, 12)."""
    rendered = RenderedEmail("Hi", "Hi\n", extras=Extras(cc=("bob@example.org", "cid@example.org")))
    assert mail_for(rendered)["Cc"] == "bob@example.org, cid@example.org"
    assert document_for(rendered)["Destination"] == {"ToAddresses": ["ann@example.com"]}


def test_reply_to_headers_and_names_travel_in_the_mime_document():
    rendered = RenderedEmail("Grüße", "Hi\n", headers=(("List-Unsubscribe", "<https://e.example/u>"),))
    mail = mail_for(rendered, Recipient("ann@bücher.example", "Jürgen, Müller"), replyToEmail="help@example.org")
    assert (mail["Subject"], mail["Reply-To"]) == ("Grüße", "help@example.org")
    assert mail["List-Unsubscribe"] == "<https://e.example/u>"
    assert mail["To"].addresses[0].display_name == "Jürgen, Müller"
    assert mail["To"].addresses[0].addr_spec == "ann@xn--bcher-kva.example"


def test_files_travel_in_the_mime_document():
    files = (
        Attachment("Größe.pdf", "application/pdf", b"%PDF\x00\xff"),
        Attachment("l.png", "image/png", b"\x89", "l"),
    )
    mail = mail_for(RenderedEmail("Hi", "Hi\n", "<img src='cid:l'>\n", extras=Extras(attachments=files)))
    found = {part.get_filename(): part.get_payload(decode=True) for part in mail.walk() if part.get_filename()}
    assert found == {"Größe.pdf": b"%PDF\x00\xff", "l.png": b"\x89"}


def test_an_email_of_thirty_megabytes_is_not_too_large():
    """Appwrite stops at the 10 MB of the first version of the API (sheet 20.1, 14)."""
    for size, is_fine in ((28, True), (31, False)):
        files = (Attachment("a.bin", "application/octet-stream", b"x" * size * 1024 * 1024),)
        item = Item(0, "k", ANN, RenderedEmail("Hi", "Hi\n", extras=Extras(attachments=files)))
        outcome = PROVIDER.refuse(Account("key", GOOD), item)
        assert outcome is None if is_fine else outcome.reason == "too_large"


def test_an_address_that_amazon_cannot_write_is_not_even_sent():
    outcome = PROVIDER.refuse(Account("key", GOOD), Item(0, "k", Recipient("jörg@example.com"), LETTER))
    assert (outcome.kind, outcome.reason) == ("recipient_permanent", "address_needs_smtputf8")


@pytest.mark.parametrize("key", ["7.m1", "7._", "7.a_b.c", "7._d_u", "7.-x__", "test-abc"])
def test_a_tag_holds_the_whole_key_in_the_signs_that_amazon_allows(key):
    assert tag_of(key).replace("_", "").replace("-", "").isalnum()
    assert key_of_tag(tag_of(key)) == key


@pytest.mark.parametrize(
    ("name", "status", "error", "kind", "reason"),
    [
        ("bad_address", 400, "BadRequestException", "recipient_permanent", "invalid_address"),
        ("bad_request", 400, "BadRequestException", "message_permanent", "content_rejected"),
        ("not_verified", 400, "MessageRejected", "config_permanent", "sender_refused"),
        ("virus", 400, "MessageRejected", "message_permanent", "content_rejected"),
        ("not_verified", 400, "MailFromDomainNotVerifiedException", "config_permanent", "sender_refused"),
        ("suspended", 400, "AccountSuspendedException", "config_permanent", "not_configured"),
        ("suspended", 400, "SendingPausedException", "config_permanent", "not_configured"),
        ("legacy", 404, "", "config_permanent", "not_configured"),
        ("wrong_key", 403, "UnrecognizedClientException", "config_permanent", "authentication_failed"),
        ("wrong_signature", 403, "InvalidSignatureException", "config_permanent", "authentication_failed"),
        ("old_signature", 403, "InvalidSignatureException", "config_permanent", "authentication_failed"),
        ("denied", 403, "AccessDeniedException", "config_permanent", "authentication_failed"),
        ("wrong_key", 403, "ExpiredTokenException", "config_permanent", "authentication_failed"),
        ("rate", 429, "TooManyRequestsException", "throttled", "rate_limited"),
        ("daily", 429, "TooManyRequestsException", "config_permanent", "rate_limited"),
        ("rate", 400, "LimitExceededException", "throttled", "rate_limited"),
        ("daily", 400, "LimitExceededException", "config_permanent", "rate_limited"),
        ("internal", 500, "InternalServiceErrorException", "transient", "server_error"),
        ("internal", 503, "", "transient", "server_error"),
    ],
)
def test_an_answer_becomes_its_outcome(name, status, error, kind, reason):
    outcome = judge(reply(name, status, error), "ann@example.com")
    assert (outcome.kind, outcome.reason) == (kind, reason)
    assert outcome.detail
    assert outcome.code == f"{status} {error or ('NotFoundException' if name == 'legacy' else '')}".strip()


@pytest.mark.parametrize("error", ["MessageRejected", "BadRequestException"])
def test_a_message_that_is_too_long_is_called_so_and_not_refused_content(error):
    """SES has no error of its own for it, only the sentence."""
    body = json.dumps({"message": "Message length is more than 41943040 bytes long: '41943999'."}).encode()
    outcome = judge(HttpReply(400, {"x-amzn-errortype": error}, body), "ann@example.com")
    assert (outcome.kind, outcome.reason) == ("message_permanent", "too_large")


def test_the_id_of_a_message_is_kept():
    outcome = judge(reply("sent", 200), "ann@example.com")
    assert outcome.kind == "accepted"
    assert outcome.provider_message_id == json.loads((PAYLOADS / "sent.json").read_text())["MessageId"]


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"<html>"])
def test_a_good_status_without_an_id_is_not_a_success(body):
    assert judge(HttpReply(200, {}, body), "ann@example.com").kind == "uncertain"


@pytest.mark.parametrize(
    ("status", "body", "verdicts"),
    [
        (200, {"SendingEnabled": True, "ProductionAccessEnabled": True, "SendQuota": {"Max24HourSend": 5e4}}, [1, 1]),
        (200, {"SendingEnabled": True, "ProductionAccessEnabled": False, "SendQuota": {}}, [1, 0]),
        (200, {"SendingEnabled": False, "EnforcementStatus": "SHUTDOWN"}, [1, 0]),
        (200, [], [0]),
        (403, {"message": "no"}, [0]),
        (500, None, [0]),
    ],
)
def test_verifying_says_what_works_and_what_does_not(status, body, verdicts):
    found = PROVIDER.findings(Account("key", GOOD), HttpReply(status, {}, json.dumps(body).encode()))
    assert [finding.works for finding in found] == [bool(verdict) for verdict in verdicts]


@pytest.mark.parametrize(
    ("name", "error", "word"),
    [
        ("old_signature", "InvalidSignatureException", "clock"),
        ("denied", "AccessDeniedException", "ses:GetAccount"),
        ("wrong_key", "UnrecognizedClientException", "secret"),
    ],
)
def test_verifying_names_what_has_to_be_mended(name, error, word):
    found = PROVIDER.findings(Account("key", GOOD), reply(name, 403, error))
    assert not found[0].works
    assert word in found[0].sentence


def test_a_wrong_secret_is_found_out_by_the_signature(tmp_path):
    rig = HttpRig(PROVIDER, EMULATOR, {**GOOD, "secretKey": "wrong"}, (), key_of=RIG.key_of)
    told, arrived = send(PROVIDER, rig, tmp_path, lambda _: envelopes(1))
    assert [outcome.kind for outcome in told.outcomes.values()] == ["config_permanent"]
    assert arrived == []
    findings, _ = verify(PROVIDER, rig, tmp_path / "verify")
    assert [finding.works for finding in findings] == [False]
