"""Amazon's library: the sesv2 client, whose signatures the emulator checks."""

import json
from email.message import EmailMessage
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from stage import Stage, raised

REFUSED = "AKIAPLAYSWRONG"
SENDER = "News <news@sandbox.example>"


def client_of(stage: Stage, key: str = "AKIASTORY", secret: str = "", region: str = "") -> Any:
    """A client that tries once."""
    values = stage.values("ses")
    return boto3.client(
        "sesv2", region_name=region or values["region"], aws_access_key_id=key,
        aws_secret_access_key=secret or values["secretKey"], config=Config(retries={"total_max_attempts": 1}),
    )  # fmt: skip


def email_to(*people: str) -> dict[str, Any]:
    """An email that is as it should be."""
    body = {"Text": {"Data": "Hello Ann"}, "Html": {"Data": "<p>Hello Ann</p>"}}
    return {
        "FromEmailAddress": SENDER, "Destination": {"ToAddresses": list(people)},
        "Content": {"Simple": {"Subject": {"Data": "Hello"}, "Body": body}},
    }  # fmt: skip


def send_one(stage: Stage) -> None:
    """An email with tags and headers."""
    email = email_to("ann@example.org")
    email["Content"]["Simple"]["Headers"] = [{"Name": "X-Story", "Value": "boto3"}]
    email["EmailTags"] = [{"Name": "delivery", "Value": "d1"}]
    assert client_of(stage).send_email(**email)["MessageId"]


def send_raw(stage: Stage) -> None:
    """Emails in raw MIME, with and without a destination beside it."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = SENDER, "ann@example.org", "Hällo"
    mail.set_content("Grüße")
    raw = {"Raw": {"Data": mail.as_bytes()}}
    sent = client_of(stage).send_email(
        FromEmailAddress=SENDER, Destination={"ToAddresses": ["ann@example.org"]}, Content=raw
    )
    assert sent["MessageId"]
    assert client_of(stage).send_email(Content=raw)["MessageId"]


def send_bulk(stage: Stage) -> None:
    """A bulk with a template of its own and one dead address."""
    content = {"Subject": "Hello {{name}}", "Text": "Hello {{name}}, {{town}}"}
    people = ("bea@example.org", "cem+mailbox-unknown@example.org", "dan@example.org")
    sent = client_of(stage).send_bulk_email(
        FromEmailAddress=SENDER,
        DefaultContent={"Template": {"TemplateContent": content, "TemplateData": json.dumps({"town": "Rome"})}},
        BulkEmailEntries=[
            {
                "Destination": {"ToAddresses": [person]},
                "ReplacementEmailContent": {
                    "ReplacementTemplate": {"ReplacementTemplateData": json.dumps({"name": person[:3].title()})}
                },
            }
            for person in people
        ],
    )
    results = sent["BulkEmailEntryResults"]
    assert [each["Status"] for each in results] == ["SUCCESS", "INVALID_PARAMETER", "SUCCESS"]
    assert len({each["MessageId"] for each in results if "MessageId" in each}) == 2


def send_template(stage: Stage) -> None:
    """An email with an inline template, NotFoundException for a stored one."""
    client, email = client_of(stage), email_to("ann@example.org")
    content = {"Subject": "Hello", "Html": "<p>{{name}}</p>"}
    email["Content"] = {"Template": {"TemplateContent": content, "TemplateData": '{"name": "Ann"}'}}
    assert client.send_email(**email)["MessageId"]
    email["Content"] = {"Template": {"TemplateName": "news", "TemplateData": "{}"}}
    raised(client.exceptions.NotFoundException, client.send_email, **email)


def hear_events(stage: Stage) -> None:
    """A subscription by SNS, confirmed with its token, and the events of an email."""
    values = stage.values("ses")
    sns = boto3.client(
        "sns", region_name=values["region"], aws_access_key_id="AKIAEVENTS", aws_secret_access_key=values["secretKey"],
        endpoint_url=f"https://sns.{values['region']}.amazonaws.com/sns",
    )  # fmt: skip
    topic = values["topicArn"]
    assert sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=stage.ear)["SubscriptionArn"]
    (question,) = stage.receipts(1)
    token = json.loads(question.body)["Token"]
    assert sns.confirm_subscription(TopicArn=topic, Token=token)["SubscriptionArn"].startswith(topic)
    sent = client_of(stage, "AKIAEVENTS").send_email(
        **email_to("ann@example.org"), ConfigurationSetName=values["configurationSet"]
    )
    events = [json.loads(json.loads(each.body)["Message"]) for each in stage.receipts(2)]
    assert [each["eventType"] for each in events] == ["Send", "Delivery"]
    assert {each["mail"]["messageId"] for each in events} == {sent["MessageId"]}


def ask_account(stage: Stage) -> None:
    """The account with its quota."""
    found = client_of(stage).get_account()
    assert (found["ProductionAccessEnabled"], found["SendQuota"]["MaxSendRate"] > 1) == (True, True)


def be_refused(stage: Stage) -> None:
    """Exceptions BadRequestException, MessageRejected, TooManyRequestsException, InternalServiceErrorException."""
    client = client_of(stage)
    known = client.exceptions
    raised(known.BadRequestException, client.send_email, **email_to("ann@"))
    raised(known.MessageRejected, client.send_email, **email_to("ann+content-rejected@example.org"))
    slow = raised(known.TooManyRequestsException, client.send_email, **email_to("ann+throttled@example.org"))
    assert slow.response["ResponseMetadata"]["HTTPStatusCode"] == 429
    trouble = raised(ClientError, client.send_email, **email_to("ann+server-error@example.org"))
    assert trouble.response["Error"]["Code"] == "InternalServiceErrorException"


def be_unknown(stage: Stage) -> None:
    """Codes UnrecognizedClientException, InvalidSignatureException."""
    found = [
        raised(ClientError, client.send_email, **email_to("ann@example.org")).response["Error"]["Code"]
        for client in (client_of(stage, REFUSED), client_of(stage, secret="wrong"))
    ]
    assert found == ["UnrecognizedClientException", "InvalidSignatureException"]


STEPS = (send_one, send_raw, send_bulk, send_template, ask_account, be_refused, be_unknown, hear_events)
