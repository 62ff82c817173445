"""Mailgun: the request as its documentation shows it, and what each of its answers means."""

import email
import json
from email import policy
from email.header import decode_header, make_header
from pathlib import Path
from urllib.parse import parse_qsl

import pytest

from app.domain.rendered import Attachment, Extras, Recipient, RenderedEmail
from app.emulators.mailgun import EMULATOR
from app.emulators.serving import HttpCall
from app.providers.base import Account
from app.providers.http import HttpReply, Item
from app.providers.mailgun import PROVIDER, judge
from tests.providers.http_rig import HttpRig, form_of

PAYLOADS = Path(__file__).parent / "payloads" / "mailgun"
GOOD = {
    "apiKey": "key-3ax6xnjp29jd6fds4gc373sgvjxteol0", "domain": "mg.example.org", "isEuRegion": False,
    "fromName": "Acme News", "fromEmail": "news@example.org",
}  # fmt: skip
ANN = Recipient("ann@example.com", "Ann Smith")
LETTER = RenderedEmail("Good morning", "Hello Ann\n", "<p>Hello Ann</p>\n")


def plain_of(row):
    return email.message_from_bytes(row.raw, policy=policy.default).get_body(("plain",)).get_content()


RIG = HttpRig(
    PROVIDER, EMULATOR, GOOD, (GOOD["apiKey"],), key_of=lambda row: form_of(row)["v:delivery"], content_of=plain_of
)


def request_for(rendered=LETTER, recipient=ANN, **changes):
    item = Item(0, "d1.m1", recipient, rendered)
    return PROVIDER.request(Account("key", {**GOOD, **changes}), [item])


def fields_of(request):
    return dict(parse_qsl(request.body.decode(), keep_blank_values=True))


def reply(name, status):
    path = next(PAYLOADS.glob(f"{name}.*"))
    return HttpReply(status, {}, path.read_bytes())


def test_the_form_asks_for_what_the_interface_names():
    assert [field.name for field in PROVIDER.spec.fields] == [
        "apiKey", "domain", "isEuRegion", "fromName", "fromEmail", "replyToName", "replyToEmail",
        "webhookSigningKey",
    ]  # fmt: skip
    assert [field.name for field in PROVIDER.spec.fields if field.needed] == [
        "apiKey", "domain", "isEuRegion", "fromEmail",
    ]  # fmt: skip
    assert [field.name for field in PROVIDER.spec.missing({**GOOD, "isEuRegion": None})] == ["isEuRegion"]
    assert PROVIDER.spec.missing(GOOD) == [], "no is an answer as well"


@pytest.mark.parametrize(("is_eu", "host"), [(True, "api.eu.mailgun.net"), (False, "api.mailgun.net")])
def test_the_region_decides_the_address(is_eu, host):
    assert PROVIDER.base_url(Account("key", {**GOOD, "isEuRegion": is_eu})) == f"https://{host}/v3"


def test_the_operators_endpoint_comes_first_with_its_path():
    assert PROVIDER.base_url(Account("key", GOOD, "http://127.0.0.1:8025/v3/")) == "http://127.0.0.1:8025/v3"


def test_the_request_is_the_one_of_the_documentation():
    request = request_for()
    assert (request.method, request.path) == ("POST", "/mg.example.org/messages")
    assert fields_of(request) == {
        "from": "Acme News <news@example.org>", "to": "Ann Smith <ann@example.com>", "subject": "Good morning",
        "text": "Hello Ann\n", "html": "<p>Hello Ann</p>\n", "h:Message-Id": "<d1.m1@example.org>",
        "v:delivery": "d1.m1",
    }  # fmt: skip
    assert request.headers["authorization"].startswith("Basic ")
    assert GOOD["apiKey"] not in repr(request)


def test_the_reply_to_is_not_lost_among_the_fields():
    """Appwrite's adapter appends it to the list of parameters, and so never sends it (sheet 20.1, 4)."""
    request = request_for(replyToName="Help desk", replyToEmail="help@example.org")
    assert fields_of(request)["h:Reply-To"] == "Help desk <help@example.org>"


def test_the_messages_own_reply_to_comes_first():
    rendered = RenderedEmail("Hi", "Hi\n", extras=Extras(reply_to="ann@example.org", reply_to_name="Ann"))
    assert fields_of(request_for(rendered, replyToEmail="help@example.org"))["h:Reply-To"] == "Ann <ann@example.org>"


def test_people_in_copy_are_named_and_not_written_to_again():
    rendered = RenderedEmail("Hi", "Hi\n", extras=Extras(cc=("bob@example.org", "cid@example.org")))
    fields = fields_of(request_for(rendered))
    assert fields["h:Cc"] == "bob@example.org, cid@example.org"
    assert not {"cc", "bcc"} & set(fields)


@pytest.mark.parametrize("name", ["Jürgen Müller", 'Ann "The Boss" Smith', "O'Neil, Pat", "שלום"])
def test_a_display_name_is_encoded_by_us(name):
    written = fields_of(request_for(recipient=Recipient("ann@example.com", name)))["to"]
    assert written.isascii()
    assert "\n" not in written
    parsed = email.message_from_string(f"To: {written}\n\n", policy=policy.default)["To"].addresses[0]
    assert (parsed.display_name, parsed.addr_spec) == (name, "ann@example.com")


def test_headers_of_the_message_travel():
    rendered = RenderedEmail("Hi", "Hi\n", headers=(("List-Unsubscribe", "<https://e.example/u>"),))
    assert fields_of(request_for(rendered))["h:List-Unsubscribe"] == "<https://e.example/u>"


def test_a_domain_with_a_slash_leads_to_no_other_resource():
    assert request_for(domain="mg.example.org/../x").path == "/mg.example.org%2F..%2Fx/messages"
    assert "domain" in PROVIDER.check({**GOOD, "domain": "mg.example.org/"})


def test_files_travel_from_memory_with_their_names():
    """Appwrite's adapter measures them by a path, and a part without a file name is dropped by Mailgun (20.1, 6)."""
    files = (
        Attachment("Größe, 1.pdf", "application/pdf", b"%PDF\x00\xff\r\n"),
        Attachment("", "text/plain", b"plain"),
        Attachment("logo.png", "image/png", b"\x89PNG", "logo@mail"),
    )
    request = request_for(RenderedEmail("Hi", "Hi\n", extras=Extras(attachments=files)))
    call = HttpCall("POST", request.path, "", request.headers, request.body, "c", "HTTP/1.1", False)
    assert [part for part in call.parts() if part[1]] == [
        ("attachment", "Größe, 1.pdf", b"%PDF\x00\xff\r\n", "application/pdf"),
        ("attachment", "file", b"plain", "text/plain"),
        ("inline", "logo@mail", b"\x89PNG", "image/png"),
    ]
    assert call.form()["subject"] == ["Hi"]


def test_an_email_that_is_too_large_is_not_even_sent():
    files = (Attachment("a.bin", "application/octet-stream", b"x" * 20 * 1024 * 1024),)
    item = Item(0, "k", Recipient("ann@example.com"), RenderedEmail("Hi", "Hi\n", extras=Extras(attachments=files)))
    outcome = PROVIDER.refuse(Account("key", GOOD), item)
    assert (outcome.kind, outcome.reason) == ("message_permanent", "too_large")


@pytest.mark.parametrize(
    ("name", "status", "kind", "reason"),
    [
        ("queued", 200, "accepted", "accepted"),
        ("magnificent", 200, "config_permanent", "not_configured"),
        ("bad_to", 400, "recipient_permanent", "invalid_address"),
        ("bad_from", 400, "config_permanent", "sender_refused"),
        ("no_body", 400, "message_permanent", "content_rejected"),
        ("forbidden", 401, "config_permanent", "authentication_failed"),
        ("unverified", 403, "config_permanent", "sender_refused"),
        ("unknown_domain", 404, "config_permanent", "not_configured"),
        ("too_many", 429, "throttled", "rate_limited"),
    ],
)
def test_an_answer_becomes_its_outcome(name, status, kind, reason):
    outcome = judge(reply(name, status))
    assert (outcome.kind, outcome.reason) == (kind, reason)
    assert outcome.detail
    assert outcome.provider_message_id == (
        json.loads((PAYLOADS / "queued.json").read_text())["id"] if status == 200 and kind == "accepted" else ""
    )


@pytest.mark.parametrize("body", [b"", b"OK", b'{"message":"Queued. Thank you."}', b'{"id":"<1@x>","message":"Hello"}'])
def test_a_good_status_without_a_queued_message_is_not_a_success(body):
    assert judge(HttpReply(200, {}, body)).kind == "uncertain"


def test_a_failing_service_never_leaves_a_recipient_without_an_outcome():
    """Appwrite's adapter writes nothing about anybody when Mailgun answers 5xx (20.1, 5)."""
    items = [Item(0, "k", Recipient("ann@example.com"), LETTER)]
    for status in (500, 502, 503, 504):
        outcomes = PROVIDER.outcomes(Account("key", GOOD), items, HttpReply(status))
        assert [outcome.kind for outcome in outcomes] == ["transient"]


@pytest.mark.parametrize(
    ("status", "body", "verdicts"),
    [
        (200, {"domain": {"state": "active"}}, [True, True]),
        (200, {"domain": {"state": "unverified"}}, [True, False]),
        (404, {"message": "Domain not found"}, [True, False]),
        (401, None, [False]),
        (200, None, [False]),
    ],
)
def test_verifying_says_what_works_and_what_does_not(status, body, verdicts):
    found = PROVIDER.findings(Account("key", GOOD), HttpReply(status, {}, json.dumps(body).encode()))
    assert [finding.works for finding in found] == verdicts


def test_a_name_beyond_ascii_reads_the_same_in_the_header():
    written = fields_of(request_for(fromName="Grüße"))["from"].partition(" <")[0]
    assert str(make_header(decode_header(written))) == "Grüße"


@pytest.mark.parametrize(
    "body", [b'{"domain": "mg.example.org"}', b'{"domain": [1]}', b'{"domain": {}}', b"[]", b"hello"]
)
def test_an_answer_that_is_no_domain_is_said_to_be_none(body: bytes) -> None:
    (found,) = PROVIDER.findings(Account("key", GOOD), HttpReply(200, {}, body))
    assert (found.works, "something else" in found.sentence) == (False, True)
