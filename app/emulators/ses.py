"""An Amazon SES that delivers nowhere: SendEmail and the account, version 2 of its API, with signatures checked."""

import base64
import binascii
import json
import re
import secrets
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.utils import getaddresses, parseaddr
from functools import partial
from typing import Any, ClassVar
from urllib.parse import quote, unquote

from app.emulators.faults import Faults
from app.emulators.outbox import Names, Outbox
from app.emulators.serving import Answer, HttpCall, HttpEmulator, write_mail
from app.emulators.ses_contents import MOST_ENTRIES, STATUSES, NoTemplate, complete, emails_of, fill
from app.emulators.sigv4 import examine, key_of
from app.emulators.sns import PLACE, Sns

SECRET = "a-secret-of-the-sandbox-that-opens-nothing"  # noqa: S105 - every access key here has this one
REGION = "eu-west-1"
CONFIGURATION_SET = "carillon"  # the only one; its events go to the topic
TOPIC = f"arn:aws:sns:{REGION}:123456789012:carillon"
MOST_RECIPIENTS = 50
LARGEST = 40 * 1024 * 1024
_ADDRESS = re.compile(r"[!-?A-~]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_TAG = re.compile(r"[A-Za-z0-9_-]{1,256}")
_KNOWN = frozenset(
    ["FromEmailAddress", "FromEmailAddressIdentityArn", "Destination", "ReplyToAddresses", "Content", "EmailTags",
     "ConfigurationSetName", "FeedbackForwardingEmailAddress", "FeedbackForwardingEmailAddressIdentityArn",
     "ListManagementOptions", "TenantName", "EndpointId"]
)  # fmt: skip
_PEOPLE = ("ToAddresses", "CcAddresses", "BccAddresses")
_FORMS = ("Simple", "Raw", "Template")


class SesEmulator(HttpEmulator):
    """Every access key will do with the secret of the Sandbox; a key that ends with `SANDBOX` has no production access.

    A sender of a domain that begins with `unverified.` is no verified one. No template is stored. There is one
    configuration set: what becomes of its emails is published to the topic of the SNS beside it.
    """

    kind: ClassVar[str] = "ses"
    channel: ClassVar[str] = "email"
    values: ClassVar[Mapping[str, Any]] = {
        "accessKey": "AKIASANDBOX00", "secretKey": SECRET, "region": REGION, "fromName": "{name}",
        "fromEmail": "news@sandbox.example", "configurationSet": CONFIGURATION_SET, "topicArn": TOPIC,
    }  # fmt: skip

    def __init__(self, outbox: Outbox, faults: Faults, *rest: Any) -> None:
        """As any emulator over HTTP; nobody subscribes to the topic yet."""
        super().__init__(outbox, faults, *rest)
        self._sns = Sns(TOPIC)

    def side_urls(self) -> dict[str, str]:
        """The SNS of an account."""
        return {"sns": f"{self.url}/for/{{account}}{PLACE}"}

    def is_spared(self, call: HttpCall) -> bool:
        """What SNS is asked carries no message."""
        return call.path.startswith(PLACE)

    def account_of(self, call: HttpCall) -> str:
        """The access key."""
        return key_of(call)

    def recipients_of(self, call: HttpCall) -> Sequence[str]:
        """Every address of the destination."""
        document = call.json() if call.method == "POST" else None
        if not isinstance(document, dict):
            return []
        listed = document.get("BulkEmailEntries", [document])
        entries = listed if isinstance(listed, list) else []
        found = [each.get("Destination") for each in entries if isinstance(each, dict)]
        return [address for each in found if isinstance(each, dict) for address in _addresses(each)]

    def fail(self, fault: str, call: HttpCall) -> Answer | None:
        """Amazon's own answers; none of them says how long to wait. A bulk says which of its addresses is dead."""
        if fault in ("mailbox-unknown", "mailbox-disabled"):
            people = self.recipients_of(call)
            if call.path == _BULK and any(_DEAD.search(address) for address in people):
                return self.answer(call)
            return _say(*_illegal(", ".join(people)))
        return _say(*_WORDS[fault]) if fault in _WORDS else None

    def answer(self, call: HttpCall) -> Answer:
        """The account and its identities take a GET, outbound-emails a POST; only with a signature that is right."""
        service = "sns" if call.path.startswith(PLACE) else "ses"
        refusal = None if self._sns.is_open(call) else examine(call, service, REGION, SECRET)
        if refusal is not None:
            return _say(*refusal)
        return self._answer_as_sns(call) if service == "sns" else self._answer(call)

    def _answer_as_sns(self, call: HttpCall) -> Answer:
        answer, questions = self._sns.answer(call, self._name_of(call), self._sns_home(call))
        for each in questions:
            self.ask_back(each)
        return answer

    def _answer(self, call: HttpCall) -> Answer:
        if (call.method, call.path) == ("GET", "/v2/email/account"):
            return _describe(self.account_of(call))
        if call.method == "GET" and call.path.startswith(_IDENTITIES):
            return _identify(unquote(call.path.removeprefix(_IDENTITIES)))
        take = {_SINGLE: self._take, _BULK: self._take_bulk}.get(call.path)
        if call.method != "POST" or take is None:
            return _say(404, "UnknownOperationException", "")
        document = call.json()
        if not isinstance(document, dict):
            return _say(400, "SerializationException", "The request body is no JSON object")
        try:
            return take(call, document)
        except (AttributeError, TypeError, KeyError):  # something of another type than it should be
            return _say(400, "SerializationException", "A value is of another type than the service expects")

    def _take(self, call: HttpCall, document: Mapping[str, Any]) -> Answer:
        found = self._send(call, document)
        return Answer.json(200, {"MessageId": found}) if isinstance(found, str) else _say(*found)

    def _take_bulk(self, call: HttpCall, document: Mapping[str, Any]) -> Answer:
        if not 1 <= len(document["BulkEmailEntries"]) <= MOST_ENTRIES:
            return _say(400, "BadRequestException", f"There must be between 1 and {MOST_ENTRIES} entries.")
        results: list[dict[str, str]] = []
        for email in emails_of(document):
            dead = [address for address in _addresses(email["Destination"]) if _DEAD.search(address)]
            found = _illegal(dead[0]) if dead else self._send(call, email)
            if isinstance(found, str):
                results.append({"Status": "SUCCESS", "MessageId": found})
            else:
                results.append({"Status": STATUSES.get(found[1], "FAILED"), "Error": found[2]})
        return Answer.json(200, {"BulkEmailEntryResults": results})

    def _send(self, call: HttpCall, document: Mapping[str, Any]) -> "str | Fault":
        """The number of an email that is taken, or why it is not."""
        content, number = document.get("Content") or {}, _new_number()
        template = content.get("Template")
        if "Raw" in content:
            with suppress(ValueError):  # said below, as for any other
                document = complete(document)
        if template is not None:
            try:
                filled = fill(template)
            except NoTemplate as missing:
                return 404, "NotFoundException", f"Template {missing} does not exist."
            except ValueError as wrong:
                return 400, "BadRequestException", f"Invalid template data: {wrong}"
            if filled is None:
                return number  # taken, and never sent
            document = {**document, "Content": {"Simple": filled}}
        fault = next(_judge(document), None)
        return fault or self._deliver(call, document, number)

    def _deliver(self, call: HttpCall, document: Mapping[str, Any], number: str) -> "str | Fault":
        people, mail = list(_addresses(document["Destination"])), _write(document)
        if len(mail) > LARGEST:
            return 400, "MessageRejected", _TOO_LONG
        parsed = message_from_bytes(mail, policy=policy.default)
        sender = document.get("FromEmailAddress") or str(parsed["From"])
        own = _tags(document).get("delivery", [""])[0]
        self.keep(call, sender, people, str(parsed["Subject"] or ""), mail, Names(own))
        if document.get("ConfigurationSetName"):
            about = _describe_mail(document, sender, people, number)
            for index, person in enumerate(people):
                self._publish(call, about, person, is_first=index == 0)
        return number

    def _publish(self, call: HttpCall, about: Mapping[str, Any], person: str, *, is_first: bool) -> None:
        """What became of it, to everybody who has subscribed to the topic; that it was sent is told once for all."""
        kinds = ("Send", "Delivery") if is_first else ("Delivery",)
        events = [(str(uuid.uuid4()), _write_event(kind, about, person)) for kind in kinds]
        last = {fault: (str(uuid.uuid4()), kind) for fault, kind in _LATER.items()}
        for listener in self._sns.listeners(self._name_of(call)):
            write = partial(self._sns.message, self._name_of(call), self._sns_home(call), listener)
            later = {
                fault: lambda write=write, number=number, kind=kind: write(number, _write_event(kind, about, person))
                for fault, (number, kind) in last.items()
            }
            self.tell(call, person, [write(number, text) for number, text in events], later)

    def _sns_home(self, call: HttpCall) -> str:
        """The address of the SNS as whoever asks knows it."""
        return f"{self.url}/for/{quote(call.sandbox, safe='')}{PLACE}" if call.sandbox else f"{self.url}{PLACE}"


EMULATOR = SesEmulator
_IDENTITIES = "/v2/email/identities/"
_SINGLE, _BULK = "/v2/email/outbound-emails", "/v2/email/outbound-bulk-emails"
_DEAD = re.compile(r"\+mailbox-(unknown|disabled)\b", re.IGNORECASE)


def _identify(name: str) -> Answer:
    """An identity: every domain is a verified one but those that begin with `unverified.`; no address is one."""
    if "@" in name:
        return _say(404, "NotFoundException", f"Email identity {name} does not exist.")
    is_verified = not name.startswith("unverified.")
    dkim = {"SigningEnabled": True, "Status": "SUCCESS" if is_verified else "PENDING"}
    return Answer.json(200, {"IdentityType": "DOMAIN", "VerifiedForSendingStatus": is_verified, "DkimAttributes": dkim})


Fault = tuple[int, str, str]  # status, type, message
_TOO_LONG = f"Message length is more than {LARGEST} bytes long."
_UNVERIFIED = f"Email address is not verified. The following identities failed the check in region {REGION.upper()}: "
_WORDS: Mapping[str, Fault] = {
    "wrong-password": (403, "UnrecognizedClientException", "The security token included in the request is invalid."),
    "expired-token": (403, "InvalidSignatureException", "Signature expired: it is earlier than 5 minutes ago"),
    "sender-refused": (400, "MessageRejected", f"{_UNVERIFIED}news@sandbox.example"),
    "content-rejected": (400, "MessageRejected", "Transaction failed: Potential virus detected."),
    "oversize": (400, "MessageRejected", _TOO_LONG),
    "throttled": (429, "TooManyRequestsException", "Maximum sending rate exceeded."),
    "server-error": (500, "InternalServiceErrorException", "An internal error occurred."),
    "busy": (503, "ServiceUnavailableException", "Service unavailable"),
}


def _new_number() -> str:
    return f"{secrets.token_hex(8)}-{secrets.token_hex(4)}-000000"


def _illegal(address: str) -> Fault:
    return 400, "BadRequestException", f"Illegal address: {address}"


def _addresses(destination: Mapping[str, Any]) -> Iterator[str]:
    """The bare addresses of a destination."""
    for name in _PEOPLE:
        listed = destination.get(name) or []
        yield from (address for _, address in getaddresses([str(each) for each in listed]))


def _judge(document: Mapping[str, Any]) -> Iterator[Fault]:
    """What Amazon would refuse, in the order in which it looks."""
    for name in sorted(document.keys() - _KNOWN):
        yield 400, "SerializationException", f"Unknown field {name}"
    content = document.get("Content") or {}
    if sum(form in content for form in _FORMS) != 1:
        yield 400, "BadRequestException", "Exactly one of Simple, Raw and Template must be given as the Content."
    if document.get("ConfigurationSetName", CONFIGURATION_SET) != CONFIGURATION_SET:
        yield 404, "NotFoundException", f"Configuration set <{document['ConfigurationSetName']}> does not exist."
    yield from _judge_people(document)
    for tag in document.get("EmailTags") or []:
        if not (_TAG.fullmatch(str(tag["Name"])) and _TAG.fullmatch(str(tag["Value"]))):
            yield 400, "BadRequestException", "A tag may hold only ASCII letters, digits, underscores and dashes."
    yield from _judge_content(content)


def _judge_people(document: Mapping[str, Any]) -> Iterator[Fault]:
    people = list(_addresses(document.get("Destination") or {}))
    if not 1 <= len(people) <= MOST_RECIPIENTS:
        yield 400, "BadRequestException", f"There must be between 1 and {MOST_RECIPIENTS} recipients."
    for address in people:
        if not address.isascii():
            yield 400, "BadRequestException", f"Local address contains control or whitespace: {address}"
        if not _ADDRESS.fullmatch(address):
            yield _illegal(address)
    sender = parseaddr(str(document.get("FromEmailAddress") or ""))[1]
    if not _ADDRESS.fullmatch(sender):
        yield 400, "BadRequestException", "The FromEmailAddress is missing or is no address."
    if sender.partition("@")[2].startswith("unverified."):
        yield 400, "MessageRejected", f"{_UNVERIFIED}{sender}"


def _judge_content(content: Mapping[str, Any]) -> Iterator[Fault]:
    if "Raw" in content:
        try:
            mail = base64.b64decode(content["Raw"]["Data"], validate=True)
        except binascii.Error:
            yield 400, "SerializationException", "Raw.Data is not base64"
            return
        if not message_from_bytes(mail, policy=policy.default)["From"]:
            yield 400, "BadRequestException", "Missing required header 'From'."
    elif not any((content["Simple"].get("Body") or {}).get(part) for part in ("Text", "Html")):
        yield 400, "BadRequestException", "The Body needs a Text or a Html part."


def _write(document: Mapping[str, Any]) -> bytes:
    """The email as it would arrive: raw as it is, simple content as Amazon puts it together."""
    content = document["Content"]
    if "Raw" in content:
        return base64.b64decode(content["Raw"]["Data"])
    simple, destination = content["Simple"], document["Destination"]
    headers = [("From", document["FromEmailAddress"]), ("Subject", simple["Subject"]["Data"])]
    headers += [
        (name, ", ".join(destination[field]))
        for name, field in (("To", "ToAddresses"), ("Cc", "CcAddresses"))
        if destination.get(field)
    ]
    if document.get("ReplyToAddresses"):
        headers.append(("Reply-To", ", ".join(document["ReplyToAddresses"])))
    headers += [(each["Name"], each["Value"]) for each in simple.get("Headers") or []]
    text, page = ((simple["Body"].get(part) or {}).get("Data", "") for part in ("Text", "Html"))
    return write_mail(headers, text, page)


def _describe(access_key: str) -> Answer:
    is_confined = access_key.endswith("SANDBOX")
    quota = {"Max24HourSend": 200.0, "MaxSendRate": 1.0} if is_confined else {"Max24HourSend": 5e4, "MaxSendRate": 14.0}
    return Answer.json(
        200,
        {
            "SendingEnabled": True, "ProductionAccessEnabled": not is_confined, "EnforcementStatus": "HEALTHY",
            "DedicatedIpAutoWarmupEnabled": True, "SendQuota": {**quota, "SentLast24Hours": 0.0},
        },
    )  # fmt: skip


def _say(status: int, kind: str, message: str) -> Answer:
    return Answer.json(status, {"message": message}, x_amzn_errortype=f"{kind}:http://internal.amazon.com/coral/ses/")


# Events, as a configuration set publishes them

_LATER = {"late-bounce": "Bounce", "complaint": "Complaint"}


def _now() -> str:
    now = datetime.now(UTC)  # noqa: TID251 - nothing of Carillon's is here
    return f"{now:%Y-%m-%dT%H:%M:%S}.{now.microsecond // 1000:03d}Z"


def _tags(document: Mapping[str, Any]) -> dict[str, list[str]]:
    return {str(each["Name"]): [str(each["Value"])] for each in document.get("EmailTags") or []}


def _describe_mail(document: Mapping[str, Any], sender: str, people: Sequence[str], number: str) -> dict[str, Any]:
    """The part that all events of an email share."""
    tags = _tags(document)
    return {
        "timestamp": _now(), "source": sender, "sendingAccountId": "123456789012", "messageId": number,
        "destination": list(people), "headersTruncated": False, "headers": [], "commonHeaders": {"messageId": number},
        "tags": {"ses:configuration-set": [CONFIGURATION_SET], **tags},
    }  # fmt: skip


def _write_event(kind: str, about: Mapping[str, Any], person: str) -> str:
    """One event of one person as JSON."""
    details: dict[str, Any] = {}
    match kind:
        case "Delivery":
            details = {"recipients": [person], "processingTimeMillis": 12, "smtpResponse": "250 2.6.0 Message received"}
        case "Bounce":
            dead = {"action": "failed", "status": "5.1.1", "diagnosticCode": "smtp; 550 5.1.1 No such mailbox here"}
            details = {"bounceType": "Permanent", "bounceSubType": "General", "feedbackId": str(uuid.uuid4())}
            details["bouncedRecipients"] = [{"emailAddress": person, **dead}]
        case "Complaint":
            details = {"complaintFeedbackType": "abuse", "feedbackId": str(uuid.uuid4())}
            details["complainedRecipients"] = [{"emailAddress": person}]
        case _:
            pass
    if details:
        details["timestamp"] = _now()
    return json.dumps({"eventType": kind, "mail": about, kind.lower(): details})
