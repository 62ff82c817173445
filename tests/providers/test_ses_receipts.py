"""Receipts of Amazon SES: what SNS brings, signed as SNS signs, and what each event comes to."""

import base64
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from app.domain.delivery_tags import tag_of
from app.domain.outcomes import Reason
from app.domain.receipts import HookRequest, NotProven, NotUnderstood, suppression_of
from app.providers.base import Account
from app.providers.ses import PROVIDER

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
KEY = "17.message_1"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:carillon"
HOST = "https://sns.eu-west-1.amazonaws.com"
CERTIFICATE = f"{HOST}/SimpleNotificationService-0123456789abcdef0123456789abcdef.pem"
SIGNER = rsa.generate_private_key(65537, 2048)
SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    "UnsubscribeConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}
MAIL = {
    "timestamp": "2026-11-21T08:59:50.000Z", "source": "Acme <news@example.org>", "messageId": "0102-000000",
    "sendingAccountId": "123456789012", "destination": ["ann@example.com"], "headersTruncated": False,
    "tags": {"ses:configuration-set": ["carillon"], "delivery": [tag_of(KEY)]},
}  # fmt: skip


def certify(key=SIGNER, begins=NOW - timedelta(days=30), ends=NOW + timedelta(days=30)):
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    made = x509.CertificateBuilder(name, name, key.public_key(), 7).not_valid_before(begins).not_valid_after(ends)
    return made.sign(key, SHA256()).public_bytes(Encoding.PEM)


EVIDENCE = certify()


def hook(fields, headers=None, evidence=EVIDENCE):
    given = {"x-amz-sns-message-type": fields["Type"], "x-amz-sns-message-id": fields["MessageId"]}
    body = json.dumps(fields).encode()
    return HookRequest(
        NOW, body, {"content-type": "text/plain; charset=UTF-8", **given, **(headers or {})}, "", evidence
    )


def signed(message, kind="Notification", version="1", key=SIGNER, **fields):
    """An envelope of SNS with its signature."""
    whole = {
        "Type": kind, "MessageId": "m-1", "TopicArn": TOPIC, "Message": message,
        "Timestamp": "2026-11-21T08:59:59.123Z", "SignatureVersion": version, "SigningCertURL": CERTIFICATE, **fields,
    }  # fmt: skip
    if kind != "Notification":
        whole |= {"Token": "t-1", "SubscribeURL": f"{HOST}/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=t-1"}
    lines = "".join(f"{name}\n{whole[name]}\n" for name in SIGNED.get(kind, ()) if name in whole)
    digest = SHA1() if version == "1" else SHA256()
    whole["Signature"] = base64.b64encode(key.sign(lines.encode(), PKCS1v15(), digest)).decode()
    return whole


def event(kind="Delivery", mail=None, **details):
    place = {"DeliveryDelay": "deliveryDelay", "Rendering Failure": "failure"}.get(kind, kind.lower())
    return json.dumps({"eventType": kind, "mail": MAIL | (mail or {}), place: details})


def account(**values):
    return Account("key", {"topicArn": TOPIC, **values})


def told(request, **values):
    return PROVIDER.receipts(account(**values), request)


def verdict(kind, **details):
    (receipt,) = told(hook(signed(event(kind, **details))))
    return receipt.event.value, receipt.reason


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize("subject", [None, "Amazon SES Email Event Notification"])
def test_a_delivered_email_is_told_with_our_key_and_everything_known(version, subject):
    text = event(recipients=["ann@example.com"], smtpResponse="250 ok", timestamp="2026-11-21T08:59:58.000Z")
    more = {"Subject": subject} if subject else {}
    (receipt,) = told(hook(signed(text, version=version, **more)))
    assert (receipt.event, receipt.delivery_key, receipt.address) == ("delivered", KEY, "ann@example.com")
    assert (receipt.event_id, receipt.provider_message_id) == ("m-1:0", "0102-000000")
    assert receipt.at == NOW - timedelta(seconds=2)
    assert (receipt.detail, receipt.is_proven, receipt.raw) == ("250 ok", True, text)


def test_raw_delivery_is_understood_and_proves_nothing():
    headers = {
        "x-amz-sns-rawdelivery": "true", "x-amz-sns-message-type": "Notification", "x-amz-sns-message-id": "m-1",
        "x-amz-sns-topic-arn": TOPIC,
    }  # fmt: skip
    dead = {"emailAddress": "ann@example.com", "status": "5.1.1", "diagnosticCode": "smtp; 550 5.1.1 unknown"}
    text = event("Bounce", bounceType="Permanent", bounceSubType="General", bouncedRecipients=[dead])
    request = HookRequest(NOW, text.encode(), headers)
    assert PROVIDER.evidence_address(account(), request) == ""
    (receipt,) = told(request)
    assert (receipt.event, receipt.delivery_key, receipt.event_id) == ("bounced", KEY, "m-1:0")
    assert (receipt.is_proven, suppression_of(receipt)) == (False, "")
    for changed in ({"x-amz-sns-topic-arn": f"{TOPIC}2"}, {"x-amz-sns-topic-arn": ""}):
        with pytest.raises(NotProven):
            told(HookRequest(NOW, text.encode(), headers | changed))
    with pytest.raises(NotUnderstood):
        told(HookRequest(NOW, text.encode(), headers | {"x-amz-sns-message-id": ""}))
    assert PROVIDER.confirmation_address(account(), request) == ""


@pytest.mark.parametrize(
    "change",
    [
        {"Message": event("Bounce")}, {"MessageId": "m-2"}, {"Timestamp": "2026-11-21T08:59:59.124Z"},
        {"Subject": "Another"}, {"Signature": ""}, {"Signature": "no base64"}, {"Signature": None},
        {"SignatureVersion": "2"}, {"SignatureVersion": "3"}, {"SignatureVersion": None}, {"Message": None},
    ],
    ids=repr,
)  # fmt: skip
def test_what_was_changed_on_its_way_proves_nothing(change):
    with pytest.raises(NotProven):
        told(hook(signed(event(), Subject="One") | change))


def test_a_foreign_key_proves_nothing():
    other = rsa.generate_private_key(65537, 2048)
    with pytest.raises(NotProven):
        told(hook(signed(event(), key=other)))
    with pytest.raises(NotProven):
        told(hook(signed(event()), evidence=certify(other)))


@pytest.mark.parametrize(
    "evidence",
    [
        b"", b"-----BEGIN CERTIFICATE-----\nno\n-----END CERTIFICATE-----\n", EVIDENCE[:200],
        certify(ends=NOW - timedelta(seconds=1)), certify(begins=NOW + timedelta(seconds=1)),
        certify(ec.generate_private_key(ec.SECP256R1())),
    ],
    ids=["none", "junk", "cut", "expired", "not yet valid", "of another kind"],
)  # fmt: skip
def test_a_certificate_that_does_not_hold_now_proves_nothing(evidence):
    with pytest.raises(NotProven):
        told(hook(signed(event()), evidence=evidence))


def test_another_topic_proves_nothing_however_well_it_is_signed():
    other = signed(event(), TopicArn="arn:aws:sns:eu-west-1:999999999999:carillon")
    for ask in (PROVIDER.receipts, PROVIDER.evidence_address):
        with pytest.raises(NotProven):
            ask(account(), hook(other))


@pytest.mark.parametrize("topic", ["", None, "arn", "arn:aws:sns:evil.example/:123456789012:carillon"])
def test_without_a_topic_nothing_is_believed_and_nothing_is_asked(topic):
    for ask in (PROVIDER.receipts, PROVIDER.evidence_address):
        with pytest.raises(NotProven):
            ask(account(topicArn=topic), hook(signed(event(), TopicArn=topic or "")))


@pytest.mark.parametrize("at", ["2026-11-21T06:59:00Z", "2026-11-21T09:06:00Z", "", "now"])
def test_an_old_message_and_one_of_tomorrow_prove_nothing(at):
    with pytest.raises(NotProven):
        told(hook(signed(event(), Timestamp=at)))


@pytest.mark.parametrize("header", ["type", "id"])
def test_headers_that_say_something_else_prove_nothing(header):
    for value in ("UnsubscribeConfirmation", ""):
        with pytest.raises(NotProven):
            told(hook(signed(event()), {f"x-amz-sns-message-{header}": value}))


def test_the_certificate_is_looked_for_at_the_sns_of_our_region():
    assert PROVIDER.evidence_address(account(), hook(signed(event()))) == CERTIFICATE
    china = "arn:aws-cn:sns:cn-north-1:123456789012:carillon"
    place = CERTIFICATE.replace("eu-west-1.amazonaws.com", "cn-north-1.amazonaws.com.cn")
    request = hook(signed(event(), TopicArn=china, SigningCertURL=place))
    assert PROVIDER.evidence_address(account(topicArn=china), request) == place


@pytest.mark.parametrize(
    "address",
    [
        CERTIFICATE.replace("https", "http"), CERTIFICATE.replace("eu-west-1", "us-east-1"),
        CERTIFICATE.replace("amazonaws.com", "amazonaws.com.evil.example"),
        CERTIFICATE.replace("https://", "https://evil.example/"), CERTIFICATE.replace("https://", "https://a@"),
        CERTIFICATE.replace(".com/", ".com:8080/"), CERTIFICATE.replace(".com/", ".com/../"), f"{CERTIFICATE}?a=b",
        CERTIFICATE.replace("Simple", "bucket/Simple"), CERTIFICATE.replace("0123", "xyz0"), f"{CERTIFICATE}\n", "",
        "http://169.254.169.254/SimpleNotificationService-0123456789abcdef0123456789abcdef.pem", f"{HOST}/a.pem",
    ],
)  # fmt: skip
def test_no_other_address_is_ever_asked_for_a_certificate(address):
    with pytest.raises(NotProven):
        PROVIDER.evidence_address(account(), hook(signed(event(), SigningCertURL=address)))


def test_the_operator_may_have_another_sns_and_then_it_is_the_only_one():
    own = "http://127.0.0.1:4100/sns"
    there = Account("key", {"topicArn": TOPIC}, side_endpoints={"sns": own})
    place = CERTIFICATE.replace(HOST, own)
    assert PROVIDER.evidence_address(there, hook(signed(event(), SigningCertURL=place))) == place
    with pytest.raises(NotProven):
        PROVIDER.evidence_address(there, hook(signed(event())))


def test_a_subscription_is_confirmed_at_the_sns_of_our_region_whatever_it_says():
    asked = signed("You have chosen to subscribe.", "SubscriptionConfirmation")
    assert told(hook(asked)) == []
    url = urlsplit(PROVIDER.confirmation_address(account(), hook(asked | {"SubscribeURL": "https://evil.example/"})))
    assert f"{url.scheme}://{url.netloc}{url.path}" == f"{HOST}/"
    assert parse_qs(url.query) == {"Action": ["ConfirmSubscription"], "TopicArn": [TOPIC], "Token": ["t-1"]}


@pytest.mark.parametrize("kind", ["Notification", "UnsubscribeConfirmation", "Somethingelse"])
def test_nothing_else_is_confirmed(kind):
    assert PROVIDER.confirmation_address(account(), hook(signed(event(), kind))) == ""


def test_a_subscription_to_another_topic_is_never_confirmed():
    other = signed("Do", "SubscriptionConfirmation", TopicArn="arn:aws:sns:eu-west-1:999999999999:carillon")
    for ask in (PROVIDER.receipts, PROVIDER.confirmation_address):
        with pytest.raises(NotProven):
            ask(account(), hook(other))


@pytest.mark.parametrize(
    "message",
    [
        "Successfully validated SNS topic for Amazon SES event publishing.", "", "[]", "null",
        json.dumps({"notificationType": "AmazonSnsSubscriptionSucceeded", "message": "You have subscribed."}),
    ],
)  # fmt: skip
def test_what_is_no_event_of_an_email_is_taken_and_tells_nothing(message):
    assert told(hook(signed(message))) == []


def test_the_end_of_a_subscription_tells_nothing_of_an_email():
    assert told(hook(signed("You have chosen to deactivate.", "UnsubscribeConfirmation"))) == []


@pytest.mark.parametrize(
    ("kind", "details", "expected"),
    [
        ("Send", {}, ("sent", None)),
        ("Reject", {"reason": "Bad content"}, ("failed", Reason.CONTENT_REJECTED)),
        ("Rendering Failure", {"errorMessage": "Attribute missing"}, ("failed", Reason.CONTENT_REJECTED)),
        ("DeliveryDelay", {"delayType": "MailboxFull"}, ("deferred", None)),
        ("Open", {"ipAddress": "192.0.2.1"}, ("opened", None)),
        ("Click", {"link": "https://example.org/"}, ("clicked", None)),
        ("Complaint", {"complaintFeedbackType": "abuse"}, ("complained", None)),
        ("Complaint", {}, ("complained", None)),
        ("Complaint", {"complaintSubType": "OnAccountSuppressionList"}, ("failed", Reason.OPTED_OUT)),
        ("Complaint", {"complaintFeedbackType": "not-spam"}, ("unknown", None)),
        ("Subscription", {"newTopicPreferences": {"unsubscribeAll": True}}, ("unsubscribed", None)),
        ("Flying", {}, ("unknown", None)),
    ],
)
def test_what_each_event_means(kind, details, expected):
    assert verdict(kind, **details) == expected


@pytest.mark.parametrize(
    ("kind", "sub", "status", "words", "expected"),
    [
        ("Permanent", "General", "5.1.1", "smtp; 550 5.1.1 user unknown", ("bounced", Reason.MAILBOX_UNKNOWN)),
        ("Permanent", "NoEmail", "", "", ("bounced", Reason.MAILBOX_UNKNOWN)),
        ("Permanent", "Suppressed", "5.1.1", "Amazon SES has suppressed", ("bounced", Reason.MAILBOX_UNKNOWN)),
        ("Permanent", "OnAccountSuppressionList", "", "", ("bounced", Reason.MAILBOX_UNKNOWN)),
        ("Permanent", "UnsubscribedRecipient", "", "", ("failed", Reason.OPTED_OUT)),
        ("Permanent", "General", "5.4.4", "smtp; 550 5.4.4 Invalid domain", ("failed", Reason.UNREACHABLE)),
        ("Permanent", "General", "5.4.4", "", ("failed", Reason.UNREACHABLE)),
        ("Permanent", "General", "5.7.1", "smtp; 550-5.7.1 Blocked", ("failed", Reason.CONTENT_REJECTED)),
        ("Transient", "General", "5.4.4", "smtp; 550 5.4.4 Invalid domain", ("failed", Reason.UNREACHABLE)),
        ("Transient", "General", "4.4.7", "", ("failed", Reason.UNDELIVERED)),
        ("Transient", "MailboxFull", "5.2.2", "", ("failed", Reason.MAILBOX_FULL)),
        ("Transient", "MessageTooLarge", "", "", ("failed", Reason.TOO_LARGE)),
        ("Transient", "ContentRejected", "", "", ("failed", Reason.CONTENT_REJECTED)),
        ("Transient", "AttachmentRejected", "", "", ("failed", Reason.CONTENT_REJECTED)),
        ("Transient", "CustomTimeoutExceeded", "", "", ("expired", Reason.EXPIRED)),
        ("Undetermined", "Undetermined", "", "", ("failed", Reason.UNDELIVERED)),
    ],
)
def test_only_a_dead_address_is_a_bounce(kind, sub, status, words, expected):
    person = {"emailAddress": "ann@example.com", "status": status, "diagnosticCode": words}
    assert verdict("Bounce", bounceType=kind, bounceSubType=sub, bouncedRecipients=[person]) == expected


def test_only_what_somebody_left_just_now_counts_as_leaving():
    def preferences(*left, name="topicSubscriptionStatus"):
        rows = [{"topicName": topic, "subscriptionStatus": "OptOut"} for topic in left]
        return {"unsubscribeAll": False, name: [*rows, {"topicName": "c", "subscriptionStatus": "OptIn"}]}

    default = "topicDefaultSubscriptionStatus"
    for old, new, expected in (
        (preferences(), preferences("a"), "unsubscribed"),
        (preferences("a", name=default), preferences("a", "b", name=default), "unsubscribed"),
        (preferences("a"), preferences("a"), "unknown"),
        (preferences("a"), preferences(), "unknown"),
    ):
        assert verdict("Subscription", oldTopicPreferences=old, newTopicPreferences=new) == (expected, None)


def test_each_of_several_people_has_a_receipt_of_their_own():
    people = [{"emailAddress": f"p{number}@example.com", "status": "5.1.1"} for number in range(2)]
    mail = {"destination": [each["emailAddress"] for each in people]}
    text = event("Bounce", mail, bounceType="Permanent", bounceSubType="NoEmail", bouncedRecipients=people)
    receipts = told(hook(signed(text)))
    assert [each.address for each in receipts] == mail["destination"]
    assert [each.event_id for each in receipts] == ["m-1:0", "m-1:1"]
    assert {each.delivery_key for each in receipts} == {""}, "our key stands for one person only"


def test_without_a_configuration_set_the_kind_stands_elsewhere_and_the_number_leads_to_the_delivery():
    mail = {name: value for name, value in MAIL.items() if name != "tags"}
    text = json.dumps({"notificationType": "Delivery", "mail": mail, "delivery": {"recipients": ["ann@example.com"]}})
    (receipt,) = told(hook(signed(text)))
    assert (receipt.event, receipt.delivery_key) == ("delivered", "")
    assert (receipt.provider_message_id, receipt.address) == ("0102-000000", "ann@example.com")


@pytest.mark.parametrize("body", [b"", b"\xff\x00", b"[]", b"null", b"{}", b"[" * 50_000, b'{"TopicArn": 5}'])
def test_no_body_makes_it_stumble(body):
    request = HookRequest(NOW, body, {"x-amz-sns-message-type": "Notification", "x-amz-sns-message-id": "m-1"})
    for ask in (PROVIDER.evidence_address, PROVIDER.receipts):
        with pytest.raises((NotProven, NotUnderstood)):
            ask(account(), request)


@pytest.mark.parametrize(
    "change",
    [
        {"mail": {}}, {"mail": {"tags": 5, "destination": 5}}, {"bounce": 5}, {"bounce": {"bouncedRecipients": [5]}},
        {"bounce": {"bouncedRecipients": {"a": 1}}}, {"mail": {"tags": {"delivery": []}, "destination": [None, 7]}},
    ],
)  # fmt: skip
def test_an_event_of_another_shape_is_kept_as_far_as_it_goes(change):
    text = json.dumps({"eventType": "Bounce", "mail": MAIL, "bounce": {"bounceType": "Permanent"}} | change)
    assert {each.raw for each in told(hook(signed(text)))} == {text}
