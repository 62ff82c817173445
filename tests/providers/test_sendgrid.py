"""SendGrid: the request as its documentation shows it, and what each of its answers means."""

import base64
import email
import json
from email import policy
from pathlib import Path

import pytest

from app.domain.rendered import Attachment, Extras, Recipient, RenderedEmail
from app.emulators.sendgrid import EMULATOR
from app.providers.base import Account
from app.providers.http import HttpReply, Item
from app.providers.sendgrid import PROVIDER, judge
from tests.providers.http_rig import HttpRig, json_of

PAYLOADS = Path(__file__).parent / "payloads" / "sendgrid"
GOOD = {"apiKey": "SG.test-key-4b1d9e", "fromName": "Acme News", "fromEmail": "news@example.org"}
ANN = Recipient("ann@example.com", "Ann Smith")
LETTER = RenderedEmail("Good morning", "Hello Ann\n", "<p>Hello Ann</p>\n")
TAKEN = {"x-message-id": "14c5d75ce93.dfd.64b469"}


def plain_of(row):
    return email.message_from_bytes(row.raw, policy=policy.default).get_body(("plain",)).get_content()


def key_of(row):
    return json_of(row)["personalizations"][0]["custom_args"]["delivery"]


RIG = HttpRig(PROVIDER, EMULATOR, GOOD, (GOOD["apiKey"],), key_of=key_of, content_of=plain_of)


def document_for(rendered=LETTER, recipient=ANN, **changes):
    request = PROVIDER.request(Account("key", {**GOOD, **changes}), [Item(0, "7.m1", recipient, rendered)])
    return json.loads(request.body)


def reply(name, status):
    return HttpReply(status, {}, (PAYLOADS / f"{name}.json").read_bytes())


def test_the_form_asks_for_what_the_interface_names():
    assert [field.name for field in PROVIDER.spec.fields] == [
        "apiKey", "fromName", "fromEmail", "replyToName", "replyToEmail", "webhookPublicKey",
    ]  # fmt: skip
    assert [field.name for field in PROVIDER.spec.fields if field.needed] == ["apiKey", "fromEmail"]


def test_the_base_url_is_sendgrids_unless_the_operator_names_another():
    assert PROVIDER.base_url(Account("key", GOOD)) == "https://api.sendgrid.com/v3"
    assert (
        PROVIDER.base_url(Account("key", GOOD, "https://api.eu.sendgrid.com/v3/")) == "https://api.eu.sendgrid.com/v3"
    )


def test_the_request_is_the_one_of_the_documentation():
    request = PROVIDER.request(Account("key", GOOD), [Item(0, "7.m1", ANN, LETTER)])
    assert (request.method, request.path) == ("POST", "/mail/send")
    assert request.headers == {"content-type": "application/json", "authorization": f"Bearer {GOOD['apiKey']}"}
    assert json.loads(request.body) == {
        "personalizations": [
            {"to": [{"email": "ann@example.com", "name": "Ann Smith"}], "custom_args": {"delivery": "7.m1"}}
        ],
        "from": {"email": "news@example.org", "name": "Acme News"},
        "subject": "Good morning",
        "content": [
            {"type": "text/plain", "value": "Hello Ann\n"}, {"type": "text/html", "value": "<p>Hello Ann</p>\n"},
        ],
        "headers": {"Message-ID": "<7.m1@example.org>"},
    }  # fmt: skip
    assert GOOD["apiKey"] not in repr(request)


def test_a_text_without_a_page_is_one_part_and_nothing_empty():
    assert [part["type"] for part in document_for(RenderedEmail("Hi", "Hi\n"))["content"]] == ["text/plain"]


def test_a_reply_to_of_the_message_comes_before_the_one_of_the_provider():
    settings = {"replyToName": "Help desk", "replyToEmail": "help@example.org"}
    assert document_for(**settings)["reply_to"] == {"email": "help@example.org", "name": "Help desk"}
    rendered = RenderedEmail("Hi", "Hi\n", extras=Extras(reply_to="ann@example.org"))
    assert document_for(rendered, **settings)["reply_to"] == {"email": "ann@example.org"}
    assert "reply_to" not in document_for()


def test_nobody_in_copy_gets_a_copy_for_each_recipient():
    """Appwrite's adapter repeats cc for every recipient (sheet 20.1, 12); Cc as a header is reserved here."""
    document = document_for(RenderedEmail("Hi", "Hi\n", extras=Extras(cc=("bob@example.org",))))
    assert "bob@example.org" not in json.dumps(document)


def test_our_own_unsubscribe_header_is_the_only_one():
    document = document_for(RenderedEmail("Hi", "Hi\n", headers=(("List-Unsubscribe", "<https://e.example/u>"),)))
    assert document["headers"]["List-Unsubscribe"] == "<https://e.example/u>"
    assert document["tracking_settings"] == {"subscription_tracking": {"enable": False}}


def test_files_travel_from_memory():
    """Appwrite's adapter measures what is in memory by a path, and fails (sheet 20.1, 6)."""
    files = (Attachment("a.pdf", "application/pdf", b"%PDF\x00\xff"), Attachment("logo.png", "image/png", b"\x89", "l"))
    assert document_for(RenderedEmail("Hi", "Hi\n", extras=Extras(attachments=files)))["attachments"] == [
        {
            "content": base64.b64encode(b"%PDF\x00\xff").decode(), "filename": "a.pdf", "type": "application/pdf",
            "disposition": "attachment",
        },
        {
            "content": base64.b64encode(b"\x89").decode(), "filename": "logo.png", "type": "image/png",
            "disposition": "inline", "content_id": "l",
        },
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["Ann\r\nBcc: eve@example.org", "Ann\0"])
def test_a_name_that_would_break_a_header_is_not_written(name):
    with pytest.raises(ValueError, match="line break"):
        document_for(recipient=Recipient("ann@example.com", name))


def test_a_domain_beyond_ascii_travels_in_its_ascii_form():
    to = document_for(recipient=Recipient("ann@bücher.example"))["personalizations"][0]["to"]
    assert to == [{"email": "ann@xn--bcher-kva.example"}]


def test_an_email_that_is_too_large_is_not_even_sent():
    files = (Attachment("a.bin", "application/octet-stream", b"x" * 24 * 1024 * 1024),)
    item = Item(0, "k", ANN, RenderedEmail("Hi", "Hi\n", extras=Extras(attachments=files)))
    outcome = PROVIDER.refuse(Account("key", GOOD), item)
    assert (outcome.kind, outcome.reason) == ("message_permanent", "too_large")
    assert PROVIDER.refuse(Account("key", GOOD), Item(0, "k", ANN, LETTER)) is None


@pytest.mark.parametrize(
    ("name", "status", "kind", "reason"),
    [
        ("bad_to", 400, "recipient_permanent", "invalid_address"),
        ("bad_from", 400, "config_permanent", "sender_refused"),
        ("bad_content", 400, "message_permanent", "content_rejected"),
        ("nameless", 400, "message_permanent", "content_rejected"),
        ("not_unique", 400, "message_permanent", "content_rejected"),
        ("unauthorized", 401, "config_permanent", "authentication_failed"),
        ("no_credits", 401, "config_permanent", "rate_limited"),
        ("unverified", 403, "config_permanent", "sender_refused"),
        ("forbidden", 403, "config_permanent", "authentication_failed"),
        ("not_acceptable", 406, "config_permanent", "not_configured"),
        ("too_large", 413, "message_permanent", "too_large"),
        ("too_many", 429, "throttled", "rate_limited"),
        ("residency", 451, "config_permanent", "not_configured"),
    ],
)
def test_an_answer_becomes_its_outcome(name, status, kind, reason):
    outcome = judge(reply(name, status))
    assert (outcome.kind, outcome.reason) == (kind, reason)
    assert outcome.detail == json.loads((PAYLOADS / f"{name}.json").read_text())["errors"][0]["message"]
    assert outcome.provider_message_id == ""


def test_the_id_is_a_header_of_an_empty_answer():
    outcome = judge(HttpReply(202, TAKEN))
    assert (outcome.kind, outcome.provider_message_id) == ("accepted", "14c5d75ce93.dfd.64b469")


def test_a_good_status_without_an_id_is_not_a_success():
    assert judge(HttpReply(202)).kind == "uncertain"
    assert judge(HttpReply(200, {}, b"<html>Welcome</html>")).kind == "uncertain"


def test_the_reset_of_the_limit_says_how_long_to_wait():
    """Appwrite ignores the headers and sleeps inside the job (sheet 20.2, 34 and 35)."""
    outcome = judge(HttpReply(429, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "20"}, b"{}"))
    assert outcome.retry_after.total_seconds() == 20


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize("body", [b"", b"<html>", b'{"errors":[{"message":"429 quota","field":"from"}]}', b"[1]"])
def test_a_failing_service_is_tried_again_whatever_it_says(status, body):
    """Appwrite decides by words in the text (sheet 20.2, 33)."""
    assert judge(HttpReply(status, {}, body)).kind == "transient"


@pytest.mark.parametrize("body", [b"[]", b'{"errors":null}', b'{"errors":[null,1]}', b'{"errors":{}}', b"\xff"])
def test_an_answer_in_another_shape_breaks_nothing(body):
    assert judge(HttpReply(400, {}, body)).kind == "message_permanent"


@pytest.mark.parametrize(
    ("status", "body", "verdicts"),
    [
        (200, {"scopes": ["mail.send", "sender_verification_eligible"]}, [True, True]),
        (200, {"scopes": ["mail.batch.read"]}, [True, False]),
        (401, {"errors": []}, [False]),
        (200, None, [False]),
        (500, None, [False]),
    ],
)
def test_verifying_says_what_works_and_what_does_not(status, body, verdicts):
    found = PROVIDER.findings(Account("key", GOOD), HttpReply(status, {}, json.dumps(body).encode()))
    assert [finding.works for finding in found] == verdicts
