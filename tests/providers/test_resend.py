"""Resend: the request as its documentation shows it, and what each of its answers means."""

import base64
import email
import json
from email import policy
from email.header import decode_header, make_header
from pathlib import Path

import pytest

from app.domain.delivery_tags import key_of_tag
from app.domain.rendered import Attachment, Extras, Recipient, RenderedEmail
from app.emulators.resend import EMULATOR
from app.providers.base import Account
from app.providers.http import HttpReply, Item
from app.providers.resend import PROVIDER, judge
from tests.providers.http_rig import HttpRig, json_of

PAYLOADS = Path(__file__).parent / "payloads" / "resend"
GOOD = {"apiKey": "re_test_4b1d9e0c", "fromName": "Acme News", "fromEmail": "news@sandbox.example"}
ANN = Recipient("ann@example.com", "Ann Smith")
LETTER = RenderedEmail("Good morning", "Hello Ann\n", "<p>Hello Ann</p>\n")


def plain_of(row):
    return email.message_from_bytes(row.raw, policy=policy.default).get_body(("plain",)).get_content()


def key_of(row):
    """The key of the one email of a request that led to this row."""
    sent = json_of(row)
    mine = [each for each in (sent if isinstance(sent, list) else [sent]) if row.recipient in each["to"][0]]
    return key_of_tag(mine[0]["tags"][0]["value"])


RIG = HttpRig(PROVIDER, EMULATOR, GOOD, (GOOD["apiKey"],), key_of=key_of, content_of=plain_of)


def items(count, rendered=LETTER):
    return [Item(index, f"{index}.m1", Recipient(f"p{index}@example.com"), rendered) for index in range(count)]


def request_for(rendered=LETTER, recipient=ANN, **changes):
    return PROVIDER.request(Account("key", {**GOOD, **changes}), [Item(0, "7.m1", recipient, rendered)])


def email_for(rendered=LETTER, recipient=ANN, **changes):
    return json.loads(request_for(rendered, recipient, **changes).body)


def reply(name, status=200):
    return HttpReply(status, {}, (PAYLOADS / f"{name}.json").read_bytes())


def outcomes_of(name, count, status=200):
    return PROVIDER.outcomes(Account("key", GOOD), items(count), reply(name, status))


def test_the_form_asks_for_what_the_interface_names():
    assert [field.name for field in PROVIDER.spec.fields] == [
        "apiKey", "fromName", "fromEmail", "replyToName", "replyToEmail", "webhookSecret",
    ]  # fmt: skip
    assert [field.name for field in PROVIDER.spec.fields if field.needed] == ["apiKey", "fromEmail"]


def test_the_request_is_the_one_of_the_documentation():
    request = request_for()
    assert (request.method, request.path) == ("POST", "/emails")
    assert request.headers == {
        "content-type": "application/json", "authorization": f"Bearer {GOOD['apiKey']}", "idempotency-key": "7.m1",
    }  # fmt: skip
    assert json.loads(request.body) == {
        "from": "Acme News <news@sandbox.example>",
        "to": ["Ann Smith <ann@example.com>"],
        "subject": "Good morning",
        "html": "<p>Hello Ann</p>\n",
        "text": "Hello Ann\n",
        "tags": [{"name": "delivery", "value": "7_dm1"}],
    }
    assert GOOD["apiKey"] not in repr(request)


def test_a_batch_is_permissive_and_has_a_key_of_its_own():
    """Appwrite sends no idempotency key at all (sheet 20.2, 38)."""
    request = PROVIDER.request(Account("key", GOOD), items(3))
    assert (request.path, request.headers["x-batch-validation"]) == ("/emails/batch", "permissive")
    assert [each["to"] for each in json.loads(request.body)] == [[f"p{index}@example.com"] for index in range(3)]
    assert 1 <= len(request.headers["idempotency-key"]) <= 256


def test_a_batch_in_another_composition_has_another_key():
    keys = [
        PROVIDER.request(Account("key", GOOD), batch).headers["idempotency-key"]
        for batch in (items(3), items(2), items(3)[::-1], items(3)[1:], items(3)[:1])
    ]
    assert len(set(keys)) == len(keys)
    assert PROVIDER.request(Account("key", GOOD), items(3)).headers["idempotency-key"] == keys[0]


def test_a_reply_to_of_the_message_comes_before_the_one_of_the_provider():
    settings = {"replyToName": "Help desk", "replyToEmail": "help@example.org"}
    assert email_for(**settings)["reply_to"] == ["Help desk <help@example.org>"]
    rendered = RenderedEmail("Hi", "Hi\n", extras=Extras(reply_to="ann@example.org", reply_to_name="Ann"))
    assert email_for(rendered, **settings)["reply_to"] == ["Ann <ann@example.org>"]


def test_nobody_in_copy_gets_a_copy_for_each_recipient():
    """Appwrite's adapter repeats cc for every recipient (sheet 20.1, 12); Resend has no header for it alone."""
    found = email_for(RenderedEmail("Hi", "Hi\n", extras=Extras(cc=("bob@example.org",))))
    assert "bob@example.org" not in json.dumps(found)


def test_headers_of_the_message_travel():
    rendered = RenderedEmail("Hi", "Hi\n", headers=(("List-Unsubscribe", "<https://e.example/u>"),))
    assert email_for(rendered)["headers"] == {"List-Unsubscribe": "<https://e.example/u>"}


@pytest.mark.parametrize("name", ["Smith, Ann", 'Ann "The Boss" Smith', "Jürgen Müller, München", "שלום " * 9], ids=len)
def test_a_name_is_never_in_quotes(name):
    written = email_for(recipient=Recipient("ann@example.com", name.strip()))["to"][0]
    assert '"' not in written
    assert "\n" not in written
    shown, _, address = written.rpartition(" ")
    assert (str(make_header(decode_header(shown))), address) == (name.strip(), "<ann@example.com>")


@pytest.mark.parametrize(
    ("name", "shown"), [("Acme, Inc.", "Acme Inc. <{}>"), ("Grüße", "Grüße <{}>"), ('"Acme"', "Acme <{}>"), (",", "{}")]
)
def test_a_sender_name_is_neither_quoted_nor_encoded(name, shown):
    assert email_for(fromName=name)["from"] == shown.format(GOOD["fromEmail"])


@pytest.mark.parametrize("name", ["Ann\r\nBcc: eve@example.org", "Ann\0"])
def test_a_name_that_would_break_a_header_is_not_written(name):
    with pytest.raises(ValueError, match="line break"):
        email_for(recipient=Recipient("ann@example.com", name))


@pytest.mark.parametrize(
    ("name", "kind", "written", "said"),
    [
        ("a.pdf", "application/pdf", "a.pdf", "application/pdf"),
        ("report", "application/pdf", "report.pdf", "application/pdf"),
        ("a.txt", "application/pdf", "a.txt", None),
        ("a.unheard-of", "application/x-unheard-of", "a.unheard-of", "application/x-unheard-of"),
    ],
)
def test_the_name_and_the_type_of_a_file_never_disagree(name, kind, written, said):
    """A file whose extension says something else than its type is lost without a word (sheet 4.1)."""
    files = (Attachment(name, kind, b"\x00\xff"),)
    found = email_for(RenderedEmail("Hi", "Hi\n", extras=Extras(attachments=files)))["attachments"][0]
    assert (found["filename"], found.get("content_type")) == (written, said)
    assert base64.b64decode(found["content"]) == b"\x00\xff"


def test_an_inline_image_has_its_content_id():
    files = (Attachment("l.png", "image/png", b"\x89", "logo"),)
    found = email_for(RenderedEmail("Hi", "Hi\n", "<p>", extras=Extras(attachments=files)))["attachments"][0]
    assert found["content_id"] == "logo"


@pytest.mark.parametrize(
    ("address", "size", "reason"),
    [("ann@example.com", 31, "too_large"), ("jörg@example.com", 0, "address_needs_smtputf8"), ("a@example.com", 1, "")],
)
def test_what_resend_never_takes_is_not_even_sent(address, size, reason):
    files = (Attachment("a.bin", "application/octet-stream", b"x" * size * 1024 * 1024),)
    item = Item(0, "k", Recipient(address), RenderedEmail("Hi", "Hi\n", extras=Extras(attachments=files)))
    outcome = PROVIDER.refuse(Account("key", GOOD), item)
    assert (outcome.reason if outcome else "") == reason


@pytest.mark.parametrize(
    ("name", "status", "kind", "reason"),
    [
        ("validation_error", 400, "message_permanent", "content_rejected"),
        ("missing_required_field", 422, "message_permanent", "content_rejected"),
        ("invalid_attachment", 422, "message_permanent", "content_rejected"),
        ("invalid_parameter", 422, "message_permanent", "content_rejected"),
        ("invalid_to", 422, "recipient_permanent", "invalid_address"),
        ("invalid_from_address", 422, "config_permanent", "sender_refused"),
        ("missing_api_key", 401, "config_permanent", "authentication_failed"),
        ("restricted_api_key", 401, "config_permanent", "authentication_failed"),
        ("invalid_api_key", 403, "config_permanent", "authentication_failed"),
        ("unverified_domain", 403, "config_permanent", "sender_refused"),
        ("invalid_idempotency_key", 400, "message_permanent", "content_rejected"),
        ("concurrent_idempotent_requests", 409, "transient", "server_error"),
        ("invalid_idempotent_request", 409, "message_permanent", "content_rejected"),
        ("rate_limit_exceeded", 429, "throttled", "rate_limited"),
        ("daily_quota_exceeded", 429, "config_permanent", "rate_limited"),
        ("monthly_quota_exceeded", 429, "config_permanent", "rate_limited"),
        ("security_error", 451, "config_permanent", "sender_refused"),
        ("application_error", 500, "transient", "server_error"),
        ("internal_server_error", 500, "transient", "server_error"),
    ],
)
def test_an_answer_becomes_its_outcome(name, status, kind, reason):
    outcome = judge(reply(name, status))
    sample = json.loads((PAYLOADS / f"{name}.json").read_text())
    assert (outcome.kind, outcome.reason) == (kind, reason)
    assert (outcome.detail, outcome.code) == (sample["message"], f"{status} {sample['name']}")


def test_the_headers_of_the_limit_say_how_long_to_wait():
    """Appwrite ignores the headers and sleeps inside the job (sheet 20.2, 34 and 35)."""
    body = (PAYLOADS / "rate_limit_exceeded.json").read_bytes()
    assert judge(HttpReply(429, {"ratelimit-reset": "3"}, body)).retry_after.total_seconds() == 3
    assert judge(HttpReply(429, {"ratelimit-reset": "3", "retry-after": "5"}, body)).retry_after.total_seconds() == 5


def test_the_ids_of_a_batch_belong_to_its_emails_in_their_order():
    ids = [each["id"] for each in json.loads((PAYLOADS / "batch.json").read_text())["data"]]
    assert [outcome.provider_message_id for outcome in outcomes_of("batch", 3)] == ids


def test_a_partial_result_is_read_by_index():
    found = outcomes_of("partial", 4)
    assert [outcome.kind for outcome in found] == [
        "accepted", "recipient_permanent", "accepted", "message_permanent",
    ]  # fmt: skip
    ids = [each["id"] for each in json.loads((PAYLOADS / "partial.json").read_text())["data"]]
    assert [outcome.provider_message_id for outcome in found] == [ids[0], "", ids[1], ""]


def test_a_batch_whose_answer_does_not_fit_is_uncertain():
    assert {outcome.kind for outcome in outcomes_of("batch", 2)} == {"uncertain"}
    assert {outcome.kind for outcome in outcomes_of("batch", 4)} == {"uncertain"}
    assert {outcome.kind for outcome in outcomes_of("sent", 2)} == {"uncertain"}


def test_a_batch_that_may_still_be_running_is_uncertain():
    """In another composition it would have another key, and be sent twice."""
    assert {each.kind for each in outcomes_of("concurrent_idempotent_requests", 2, 409)} == {"uncertain"}


@pytest.mark.parametrize("body", [b"", b"[]", b'["yes", null]', b'{"data": null}', b"<html>"])
def test_a_good_status_without_an_id_is_not_a_success(body):
    for count in (1, 2):
        found = PROVIDER.outcomes(Account("key", GOOD), items(count), HttpReply(200, {}, body))
        assert [outcome.kind for outcome in found] == ["uncertain"] * count


@pytest.mark.parametrize(
    ("status", "body", "verdicts"),
    [
        (200, {"data": [{"name": "sandbox.example", "status": "verified"}]}, [True, True]),
        (200, {"data": [{"name": "sandbox.example", "status": "pending"}]}, [True, False]),
        (200, {"data": []}, [True, False]),
        (401, {"name": "restricted_api_key", "message": "only send"}, [True, True]),
        (403, {"name": "invalid_api_key", "message": "no"}, [False]),
        (200, None, [False]),
    ],
)
def test_verifying_says_what_works_and_what_does_not(status, body, verdicts):
    found = PROVIDER.findings(Account("key", GOOD), HttpReply(status, {}, json.dumps(body).encode()))
    assert [finding.works for finding in found] == verdicts
