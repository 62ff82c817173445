"""What the vendors' SDKs taught the emulators (tests/vendor), in the bytes that they send; no SDK is needed."""

import base64
import hmac
import json
import re
from datetime import UTC, datetime

import jwt
import pytest

from app.emulators.apns import refusal
from app.emulators.fcm import EMULATOR as FCM
from app.emulators.fcm import GRANT, PROJECT, SCOPES
from app.emulators.mailgun import EMULATOR as MAILGUN
from app.emulators.msg91 import EMULATOR as MSG91
from app.emulators.msg91 import TEMPLATE
from app.emulators.resend import EMULATOR as RESEND
from app.emulators.ses_contents import NoTemplate, complete, emails_of, fill
from app.emulators.telesign import EMULATOR as TELESIGN
from app.emulators.twilio import ACCOUNT
from app.emulators.twilio import EMULATOR as TWILIO
from app.emulators.vonage import EMULATOR as VONAGE
from app.emulators.vonage import SIGNATURE_SECRET, SIGNED_KEY
from tests.emulators.sms_rig import play

# Made by telesign 4.1.1 with the key of the Sandbox, for this moment, number and text.
TELESIGN_BODY = "phone_number=491701234567&message=Hello+Ann&message_type=ARN"
TELESIGN_HEADERS = {
    "authorization": "TSA CUSTOMER-1:Y25/sfimCNMAT6RpMS+9EEzp17Jmtb1uSXebbzCdwJE=",
    "date": "Sat, 21 Nov 2026 12:00:00 GMT", "content-type": "application/x-www-form-urlencoded",
    "x-ts-auth-method": "HMAC-SHA256", "x-ts-nonce": "b2a1c0de-0000-4000-8000-000000000001",
}  # fmt: skip


@pytest.mark.parametrize(
    ("body", "status", "accounts"),
    [(TELESIGN_BODY, 200, ["CUSTOMER-1"]), (TELESIGN_BODY.replace("Ann", "Bea"), 401, [])],
    ids=["as signed", "forged"],
)
def test_telesign_takes_a_request_that_is_signed_and_no_other(body, status, accounts, tmp_path):
    async def work(stage):
        answer = await stage.client.post("/v1/messaging", content=body, headers=TELESIGN_HEADERS)
        return answer.status_code, [row.account for row in stage.kept()]

    assert play(TELESIGN, tmp_path, work) == (status, accounts)


def test_twilio_knows_what_was_sent_and_tells_it_to_nobody_else(tmp_path):
    async def work(stage):
        place, who, other = f"/Accounts/{ACCOUNT}/Messages", (ACCOUNT, "one"), (ACCOUNT, "two")
        form = {"To": "+491701234567", "From": "+15005550006", "Body": "x" * 160}
        sent = (await stage.client.post(f"{place}.json", data=form, auth=who)).json()
        found = await stage.client.get(f"{place}/{sent['sid']}.json", auth=who)
        listed = await stage.client.get(f"{place}.json", params={"To": "+491701234567"}, auth=who)
        foreign = await stage.client.get(f"{place}/{sent['sid']}.json", auth=other)
        none = await stage.client.get(f"{place}.json", params={"To": "+491701234568"}, auth=who)
        return sent, found.json(), listed.json(), foreign.status_code, none.json()["messages"]

    sent, found, listed, foreign, none = play(TWILIO, tmp_path, work)
    assert (found["sid"], found["status"], sent["num_segments"]) == (sent["sid"], "delivered", "1")
    assert ([each["sid"] for each in listed["messages"]], listed["next_page_uri"]) == ([sent["sid"]], None)
    assert (foreign, none) == (404, [])


def test_mailgun_takes_an_email_in_mime_with_its_recipients_beside_it(tmp_path):
    async def work(stage):
        mail = b"From: News <news@mg.example>\r\nTo: x@example.org\r\nSubject: Hi\r\n\r\nHello\r\n"
        path, who = "/mg.example/messages.mime", ("api", "key")
        files = {"message": ("mail.mime", mail)}
        taken = await stage.client.post(path, data={"to": "ann@example.org"}, files=files, auth=who)
        nothing = await stage.client.post(path, files={"to": (None, "ann@example.org")}, auth=who)
        nobody = await stage.client.post(path, files=files, auth=who)
        return [each.status_code for each in (taken, nothing, nobody)], mail, stage.kept()

    statuses, mail, kept = play(MAILGUN, tmp_path, work)
    assert statuses == [200, 400, 400]
    assert [(row.recipient, row.sender, row.subject, row.raw) for row in kept] == [
        ("ann@example.org", "News <news@mg.example>", "Hi", mail)
    ]


def test_resend_takes_the_bytes_of_a_file_as_numbers(tmp_path):
    async def work(stage):
        answers = []
        for content in ([72, 105], [72, 256]):
            files = [{"filename": "hi.bin", "content": content}]
            email = {
                "from": "news@a.example",
                "to": "ann@example.org",
                "subject": "Hi",
                "text": "Hi",
                "attachments": files,
            }
            answers.append(await stage.client.post("/emails", json=email, headers={"authorization": "Bearer re_key"}))
        return [answer.status_code for answer in answers], stage.kept()

    statuses, [row] = play(RESEND, tmp_path, work)
    assert statuses == [200, 422]
    assert base64.b64encode(b"Hi") in row.raw


def test_vonage_takes_json_and_signs_for_the_account_that_wants_it(tmp_path):
    async def work(stage):
        fields = {"to": "491701234567", "from": "ACME", "text": "Hello", "client-ref": "a&b=c", "callback": stage.ear}
        answer = await stage.client.post("/sms/json", json=fields, auth=(SIGNED_KEY, "secret"))
        return answer.json(), await stage.receipts(2)

    answer, heard = play(VONAGE, tmp_path, work)
    assert answer["messages"][0]["status"] == "0"
    for receipt in heard:
        fields = json.loads(receipt.body)
        signature = fields.pop("sig")
        signed = "".join(f"&{name}={re.sub('[&=]', '_', fields[name])}" for name in sorted(fields))
        assert hmac.new(SIGNATURE_SECRET.encode(), signed.encode(), "sha256").hexdigest() == signature


def test_msg91_takes_the_flow_of_one_person_without_a_list(tmp_path):
    async def work(stage):
        flow = {"flow_id": TEMPLATE, "mobile": "491701234567", "mobiles": "491701234567", "VAR1": "Ann"}
        answer = await stage.client.post("/flow/", json=flow, headers={"authkey": "key"})
        return answer.json()["type"], [(row.recipient, row.raw) for row in stage.kept()]

    assert play(MSG91, tmp_path, work) == ("success", [("+491701234567", b"Ann")])


def test_apns_says_no_with_the_id_of_the_request():
    name = "123e4567-e89b-12d3-a456-42665544000a"
    assert refusal(400, "BadDeviceToken", name).headers["apns-id"] == name
    assert len(refusal(400, "BadMessageId", "no id").headers["apns-id"]) == len(name)


def test_ses_fills_a_template_that_comes_along_and_knows_no_other():
    template = {"TemplateContent": {"Subject": "Hi {{name}}", "Text": "{{ name }}"}, "TemplateData": '{"name": "Ann"}'}
    assert fill(template) == {"Subject": {"Data": "Hi Ann"}, "Body": {"Text": {"Data": "Ann"}}, "Headers": []}
    assert fill({**template, "TemplateData": "{}"}) is None
    with pytest.raises(NoTemplate, match="news"):
        fill({"TemplateName": "news"})
    with pytest.raises(ValueError, match="no JSON object"):
        fill({**template, "TemplateData": "[]"})


def test_ses_makes_one_email_of_each_entry_of_a_bulk_with_its_own_values():
    bulk = {
        "FromEmailAddress": "news@example.org", "DefaultEmailTags": [{"Name": "a", "Value": "b"}],
        "DefaultContent": {"Template": {"TemplateContent": {"Subject": "Hi"}, "TemplateData": '{"x": 1, "y": 2}'}},
        "BulkEmailEntries": [
            {"Destination": {"ToAddresses": ["ann@example.org"]}},
            {
                "Destination": {"ToAddresses": ["bea@example.org"]}, "ReplacementTags": [],
                "ReplacementEmailContent": {"ReplacementTemplate": {"ReplacementTemplateData": '{"y": 3}'}},
            },
        ],
    }  # fmt: skip
    emails = list(emails_of(bulk))
    assert [each["Destination"]["ToAddresses"] for each in emails] == [["ann@example.org"], ["bea@example.org"]]
    data = [json.loads(each["Content"]["Template"]["TemplateData"]) for each in emails]
    assert data == [{"x": 1, "y": 2}, {"x": 1, "y": 3}]
    assert {each["FromEmailAddress"] for each in emails} == {"news@example.org"}


def test_ses_takes_sender_and_recipients_out_of_a_raw_email_that_says_no_more():
    raw = base64.b64encode(b"From: News <news@example.org>\r\nTo: Ann <ann@example.org>\r\nCc: b@example.org\r\n\r\nHi")
    email = complete({"Content": {"Raw": {"Data": raw.decode()}}})
    assert email["FromEmailAddress"] == "News <news@example.org>"
    assert email["Destination"] == {"ToAddresses": ["Ann <ann@example.org>"], "CcAddresses": ["b@example.org"]}
    said = complete({"Content": {"Raw": {"Data": raw.decode()}}, "Destination": {"ToAddresses": ["c@example.org"]}})
    assert said["Destination"] == {"ToAddresses": ["c@example.org"]}


def test_fcm_takes_a_topic(tmp_path):
    async def work(stage):
        assertion = {"grant_type": GRANT, "assertion": _assertion(stage.emulator)}
        token = (await stage.client.post("/token", data=assertion)).json()["access_token"]
        message = {"message": {"topic": "news", "notification": {"title": "Hi"}}}
        path, head = f"/v1/projects/{PROJECT}/messages:send", {"authorization": f"Bearer {token}"}
        answer = await stage.client.post(path, json=message, headers=head)
        return answer.status_code, [(row.recipient, row.subject) for row in stage.kept()]

    assert play(FCM, tmp_path, work) == (200, [("/topics/news", "Hi")])


def _assertion(emulator):
    """What a program signs in with that has the service account."""
    account, now = emulator.service_account(), int(datetime.now(UTC).timestamp())
    claims = {"iss": account["client_email"], "scope": SCOPES[0], "aud": account["token_uri"], "iat": now}
    return jwt.encode({**claims, "exp": now + 3600}, account["private_key"], algorithm="RS256")
