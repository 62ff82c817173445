"""Amazon SES's receipts: events that SNS brings, signed with a certificate of Amazon's; part of the kind in `ses.py`.

A signature proves that some topic of somebody's said it; that it is ours says the topic's ARN, which is a setting.
Source: Amazon SNS Developer Guide, "Fanout to HTTP/S endpoints"; Amazon SES Developer Guide, "Contents of event data".
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from app.domain.delivery_tags import key_of_tag
from app.domain.outcomes import Reason
from app.domain.provider_spec import Field
from app.domain.receipts import HookRequest, NotProven, NotUnderstood, Receipt, ReceiptEvent, judge_bounce
from app.infra.clock import SystemClock
from app.infra.hook_proofs import is_signed_by_sns
from app.infra.hook_reading import document_in, from_iso, object_of, part, require_fresh, word
from app.infra.http import HttpRequest, exchange
from app.infra.sigv4 import SigningKey, sign_request
from app.providers.afterwards import Afterwards
from app.providers.base import Account

WINDOW = timedelta(hours=2)  # SNS repeats for an hour at most, with the signature of the first time
SNS = "sns"  # what the operator sets as `ses_sns`, and where the emulator has it
CONFIRMATION = "SubscriptionConfirmation"
PENDING = b"pending confirmation"  # what stands for the ARN of a subscription until then
RECEIPTS_HINT = (
    "In Amazon SNS, make a topic and a subscription of it to this address (HTTPS); it confirms itself. In SES, give "
    "your configuration set an event destination with that topic. Enter the ARN of the topic and the name of the set "
    "here first."
)
RECEIPT_FIELDS = (
    Field(
        "configurationSet", "Configuration set", section="options", extra=True,
        hint="In SES under Configuration sets: the one whose event destination is your SNS topic. It travels with each "
             "email, so that Amazon tells what became of it.",
    ),
    Field(
        "topicArn", "SNS topic ARN", section="options", extra=True, proves_receipts=True,
        hint="In Amazon SNS under Topics, such as arn:aws:sns:eu-west-1:123456789012:carillon. Receipts of any other "
             "topic are refused.",
    ),
)  # fmt: skip

_TOPIC = re.compile(
    r"arn:(?P<partition>aws(-cn|-us-gov)?):sns:(?P<region>[a-z]{2}(-[a-z]{2,12}){1,3}-\d{1,2}):\d{12}:[\w-]{1,256}",
    re.ASCII,
)
_CERTIFICATE = re.compile(r"SimpleNotificationService-[0-9a-f]{32,64}\.pem")
_SET = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SMTP_CODE = re.compile(r"\b([245]\d\d)[ -](.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class _Letter:
    """One message of SNS, believed: `text` is what SES wrote. Raw delivery brings no signature."""

    number: str
    text: str
    is_proven: bool = True


class SesReceipts(Afterwards):
    """What SES tells afterwards (sheet 5.4), with and without raw message delivery."""

    def evidence_address(self, account: Account, hook: HookRequest) -> str:
        """The certificate, at the SNS of our topic's region and under the name that SNS gives to certificates."""
        if _is_raw(hook):
            return ""
        found = object_of(hook)
        base = _require_ours(account, word(found, "TopicArn"))
        address = word(found, "SigningCertURL")
        if not address.startswith(f"{base}/") or not _CERTIFICATE.fullmatch(address[len(base) + 1 :]):
            raise NotProven("SigningCertURL is not where Amazon SNS keeps the certificates of this topic's region.")
        return address

    def receipts(self, account: Account, hook: HookRequest) -> list[Receipt]:
        """The events of one message; the id that SNS gives it is the same for each time it is told."""
        letter = _read_raw(account, hook) if _is_raw(hook) else _read_signed(account, hook)
        event = document_in(letter.text) if letter is not None else None
        if letter is None or not isinstance(event, dict) or not isinstance(event.get("mail"), dict):
            return []  # about the subscription, or the sentence with which SES tries the topic out
        return list(_receipts(event, letter))

    def confirmation_address(self, account: Account, hook: HookRequest) -> str:
        """Where the subscription is confirmed: at the SNS of our topic's region, whatever SubscribeURL says."""
        found = {} if _is_raw(hook) else object_of(hook)
        if word(found, "Type") != CONFIRMATION:
            return ""
        base = _require_ours(account, word(found, "TopicArn"))
        query = {"Action": "ConfirmSubscription", "TopicArn": found["TopicArn"], "Token": word(found, "Token")}
        return f"{base}/?{urlencode(query)}"

    async def ask_for_receipts(self, account: Account) -> bool:
        """Subscribe our address to the topic; SNS asks there whether that is wanted, and agrees once we said so."""
        topic = _TOPIC.fullmatch(_expected(account))
        if topic is None:
            return False
        address = account.receipts_url
        fields = {
            "Action": "Subscribe", "Version": "2010-03-31", "TopicArn": topic[0], "Endpoint": address,
            "Protocol": address.partition(":")[0],
        }  # fmt: skip
        access_key, secret_key = (str(account.values.get(name) or "") for name in ("accessKey", "secretKey"))
        key, base = SigningKey(access_key, secret_key, topic["region"], "sns"), _base(account, topic)
        request = sign_request(base, HttpRequest.form("/", list(fields.items())), key, SystemClock().now())
        reply = await exchange(base, request)
        return reply.is_good and PENDING not in reply.body


def check_receipt_fields(values: Mapping[str, Any]) -> dict[str, list[str]]:
    """Sentences about the fields of `RECEIPT_FIELDS` that cannot be, by name."""
    found: dict[str, list[str]] = {}
    topic, name = str(values.get("topicArn") or ""), str(values.get("configurationSet") or "")
    if topic and not _TOPIC.fullmatch(topic):
        found["topicArn"] = ["SNS topic ARN needs the form arn:aws:sns:eu-west-1:123456789012:carillon."]
    if name and not _SET.fullmatch(name):
        found["configurationSet"] = [
            "Configuration set needs its name: up to 64 letters, digits, dashes and underscores."
        ]
    return found


def _is_raw(hook: HookRequest) -> bool:
    return hook.headers.get("x-amz-sns-rawdelivery", "").lower() == "true"


def _expected(account: Account) -> str:
    return str(account.values.get("topicArn") or "")


def _require_ours(account: Account, arn: str) -> str:
    """The address of the SNS that speaks for our topic. Raises NotProven for another topic, and while we have none."""
    topic = _TOPIC.fullmatch(_expected(account))
    if topic is None:
        raise NotProven("No receipt is believed before the SNS topic ARN is filled in.")
    if arn != topic[0]:
        raise NotProven("TopicArn is not the SNS topic of this provider.")
    return _base(account, topic)


def _base(account: Account, topic: re.Match[str]) -> str:
    ending = ".cn" if topic["partition"] == "aws-cn" else ""
    own = f"https://sns.{topic['region']}.amazonaws.com{ending}"
    return account.side_endpoints.get(SNS, own).rstrip("/")


def _read_raw(account: Account, hook: HookRequest) -> _Letter:
    """Raw delivery: the event alone, and what SNS says of it in headers; nobody has signed it."""
    _require_ours(account, hook.headers.get("x-amz-sns-topic-arn", ""))
    number = hook.headers.get("x-amz-sns-message-id", "")
    if not number:
        raise NotUnderstood("The header x-amz-sns-message-id is missing.")
    return _Letter(number, hook.body.decode("utf-8", "replace"), is_proven=False)


def _read_signed(account: Account, hook: HookRequest) -> _Letter | None:
    """A message in its envelope; None when it is about the subscription itself. Raises NotProven."""
    found = object_of(hook)
    _require_ours(account, word(found, "TopicArn"))
    kind, number = word(found, "Type"), word(found, "MessageId")
    if (kind, number) != tuple(hook.headers.get(f"x-amz-sns-message-{each}", "") for each in ("type", "id")):
        raise NotProven("Type and MessageId are not those of the headers.")
    if not is_signed_by_sns(found, hook.evidence, hook.at):
        raise NotProven("Signature does not fit, or its certificate is not valid at this moment.")
    require_fresh(hook, from_iso(word(found, "Timestamp")), WINDOW)
    return _Letter(number, word(found, "Message")) if kind == "Notification" else None


# The events

# Where in the event its details stand, and in those the people whom it concerns; without the latter it is everybody.
_PLACES = {
    "Send": ("send", "", ReceiptEvent.SENT),
    "Delivery": ("delivery", "recipients", ReceiptEvent.DELIVERED),
    "DeliveryDelay": ("deliveryDelay", "delayedRecipients", ReceiptEvent.DEFERRED),
    "Bounce": ("bounce", "bouncedRecipients", ReceiptEvent.BOUNCED),
    "Complaint": ("complaint", "complainedRecipients", ReceiptEvent.COMPLAINED),
    "Reject": ("reject", "", ReceiptEvent.FAILED),
    "Rendering Failure": ("failure", "", ReceiptEvent.FAILED),
    "Open": ("open", "", ReceiptEvent.OPENED),
    "Click": ("click", "", ReceiptEvent.CLICKED),
    "Subscription": ("subscription", "", ReceiptEvent.UNKNOWN),
}
_NOT_SENT = ("Suppressed", "OnAccountSuppressionList")  # SES kept it back: the address had bounced before
# What kind of bounce leaves the address alone.
_SOFT: dict[str, tuple[ReceiptEvent, Reason]] = {
    "MailboxFull": (ReceiptEvent.FAILED, Reason.MAILBOX_FULL),
    "MessageTooLarge": (ReceiptEvent.FAILED, Reason.TOO_LARGE),
    "ContentRejected": (ReceiptEvent.FAILED, Reason.CONTENT_REJECTED),
    "AttachmentRejected": (ReceiptEvent.FAILED, Reason.CONTENT_REJECTED),
    "CustomTimeoutExceeded": (ReceiptEvent.EXPIRED, Reason.EXPIRED),
    "UnsubscribedRecipient": (ReceiptEvent.FAILED, Reason.OPTED_OUT),
}
Verdict = tuple[ReceiptEvent, Reason | None, str, str]  # the event, why, Amazon's word for that, its sentence


def _receipts(event: Mapping[str, Any], letter: _Letter) -> Iterator[Receipt]:
    """One for each person; Amazon calls the kind otherwise where it is told of without a configuration set."""
    kind = word(event, "eventType") or word(event, "notificationType")
    place, people_at, usual = _PLACES.get(kind, ("", "", ReceiptEvent.UNKNOWN))
    mail, details = part(event, "mail"), part(event, place)
    when = from_iso(word(details, "timestamp")) or from_iso(word(mail, "timestamp"))
    everybody = _people(mail.get("destination"))
    key = _key(mail) if len(everybody) <= 1 else ""  # our key stands for one person; of several the address tells
    for index, person in enumerate(_people(details.get(people_at)) or everybody or [{}]):
        happened, reason, code, detail = _judge(kind, usual, details, person)
        yield Receipt(
            happened, f"{letter.number}:{index}", when, key, word(mail, "messageId"), word(person, "emailAddress"),
            reason, code, detail, letter.text, is_proven=letter.is_proven,
        )  # fmt: skip


def _people(found: Any) -> list[dict[str, Any]]:
    """The people of a list, which names them by address alone or with what is said of each."""
    listed = found if isinstance(found, list) else []
    return [each if isinstance(each, dict) else {"emailAddress": str(each)} for each in listed]


def _key(mail: Mapping[str, Any]) -> str:
    """Our key, from the tags; each has a list of values."""
    values = part(mail, "tags").get("delivery")
    return key_of_tag(str(values[0])) if isinstance(values, list) and values else ""


def _judge(kind: str, usual: ReceiptEvent, details: Mapping[str, Any], person: Mapping[str, Any]) -> Verdict:
    match kind:
        case "Bounce":
            return _judge_bounce(details, person)
        case "Complaint":
            return _judge_complaint(details)
        case "Reject" | "Rendering Failure":
            words = word(details, "reason") or word(details, "errorMessage")
            return usual, Reason.CONTENT_REJECTED, kind, words
        case "Delivery":
            return usual, None, "", word(details, "smtpResponse")
        case "DeliveryDelay":
            return usual, None, word(details, "delayType"), word(person, "diagnosticCode")
        case "Subscription" if _has_left(details):
            return ReceiptEvent.UNSUBSCRIBED, None, "", ""
        case _:
            return usual, None, "" if kind in _PLACES else kind, ""


def _judge_bounce(details: Mapping[str, Any], person: Mapping[str, Any]) -> Verdict:
    """Permanent is not always a dead address: a refusal by policy, or a route that is missing, may pass."""
    kind, sub, words = word(details, "bounceType"), word(details, "bounceSubType"), word(person, "diagnosticCode")
    status = word(person, "status")
    code = status or sub or kind
    if sub in _SOFT:
        return *_SOFT[sub], code, words or sub
    if kind != "Permanent":  # Transient and Undetermined: a server gave up, or somebody is on holiday
        reason = Reason.UNREACHABLE if status == "5.4.4" else Reason.UNDELIVERED  # no way to that domain
        return ReceiptEvent.FAILED, reason, code, words or sub
    if sub in _NOT_SENT:
        return ReceiptEvent.BOUNCED, Reason.MAILBOX_UNKNOWN, code, words or sub
    said = _SMTP_CODE.search(words)
    basic = int(said[1]) if said else 550 if status.startswith("5") else 0
    return *judge_bounce(basic, f"{status} {said[2] if said else words}".strip()), code, words


def _judge_complaint(details: Mapping[str, Any]) -> Verdict:
    kind, sub = word(details, "complaintFeedbackType"), word(details, "complaintSubType")
    if sub in _NOT_SENT:
        return ReceiptEvent.FAILED, Reason.OPTED_OUT, sub, ""  # kept back, because of an earlier complaint
    if kind == "not-spam":  # RFC 5965, 3.1 and the registry: somebody took it out of the spam folder
        return ReceiptEvent.UNKNOWN, None, kind, ""
    return ReceiptEvent.COMPLAINED, None, kind, ""


def _has_left(details: Mapping[str, Any]) -> bool:
    """Whether a person has left everything, or a topic of Amazon's more than before."""
    left = [_left_topics(part(details, name)) for name in ("oldTopicPreferences", "newTopicPreferences")]
    return part(details, "newTopicPreferences").get("unsubscribeAll") is True or bool(left[1] - left[0])


def _left_topics(preferences: Mapping[str, Any]) -> set[str]:
    """The topics that these preferences leave; Amazon writes both names of the list."""
    listed = preferences.get("topicSubscriptionStatus") or preferences.get("topicDefaultSubscriptionStatus")
    rows = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    return {word(each, "topicName") for each in rows if word(each, "subscriptionStatus").lower() == "optout"}
