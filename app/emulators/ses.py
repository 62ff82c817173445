"""An Amazon SES that delivers nowhere: SendEmail and the account, version 2 of its API, with signatures checked."""

import base64
import binascii
import hmac
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.utils import getaddresses, parseaddr
from hashlib import sha256
from typing import Any, ClassVar
from urllib.parse import parse_qsl, quote

from app.emulators.serving import Answer, HttpCall, HttpEmulator, write_mail

SECRET = "a-secret-of-the-sandbox-that-opens-nothing"  # noqa: S105 - every access key here has this one
REGION = "eu-west-1"
MOST_RECIPIENTS = 50
LARGEST = 40 * 1024 * 1024
MOST_SKEW = timedelta(minutes=5)
_ADDRESS = re.compile(r"[!-?A-~]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_TAG = re.compile(r"[A-Za-z0-9_-]{1,256}")
_PROOF = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>\w+)/(?P<scope>(?P<day>\d{8})/(?P<region>[a-z0-9-]+)/ses/aws4_request), ?"
    r"SignedHeaders=(?P<names>[a-z0-9;-]+), ?Signature=(?P<signature>[0-9a-f]{64})"
)
_KNOWN = frozenset(
    ["FromEmailAddress", "FromEmailAddressIdentityArn", "Destination", "ReplyToAddresses", "Content", "EmailTags",
     "ConfigurationSetName", "FeedbackForwardingEmailAddress", "FeedbackForwardingEmailAddressIdentityArn",
     "ListManagementOptions", "TenantName", "EndpointId"]
)  # fmt: skip
_PEOPLE = ("ToAddresses", "CcAddresses", "BccAddresses")
_FORMS = ("Simple", "Raw", "Template")


class SesEmulator(HttpEmulator):
    """Every access key will do with the secret of the Sandbox; a key that ends with `SANDBOX` has no production access.

    A sender of a domain that begins with `unverified.` is no verified one. Templates and configuration sets exist none.
    """

    kind: ClassVar[str] = "ses"
    channel: ClassVar[str] = "email"
    values: ClassVar[Mapping[str, Any]] = {
        "accessKey": "AKIASANDBOX00", "secretKey": SECRET, "region": REGION, "fromName": "{name}",
        "fromEmail": "news@sandbox.example",
    }  # fmt: skip

    def account_of(self, call: HttpCall) -> str:
        """The access key."""
        proof = _PROOF.fullmatch(call.headers.get("authorization", ""))
        return proof["key"] if proof else ""

    def recipients_of(self, call: HttpCall) -> Sequence[str]:
        """Every address of the destination."""
        document = call.json() if call.method == "POST" else None
        destination = document.get("Destination") if isinstance(document, dict) else None
        return list(_addresses(destination)) if isinstance(destination, dict) else []

    def fail(self, fault: str, call: HttpCall) -> Answer | None:
        """Amazon's own answers; none of them says how long to wait."""
        if fault in ("mailbox-unknown", "mailbox-disabled"):
            return _say(400, "BadRequestException", f"Illegal address: {', '.join(self.recipients_of(call))}")
        return _say(*_WORDS[fault]) if fault in _WORDS else None

    def answer(self, call: HttpCall) -> Answer:
        """Two places: the account takes a GET, outbound-emails a POST; both only with a signature that is right."""
        refusal = _examine(call)
        if refusal is not None:
            return refusal
        if (call.method, call.path) == ("GET", "/v2/email/account"):
            return _describe(self.account_of(call))
        if (call.method, call.path) != ("POST", "/v2/email/outbound-emails"):
            return _say(404, "UnknownOperationException", "")
        document = call.json()
        if not isinstance(document, dict):
            return _say(400, "SerializationException", "The request body is no JSON object")
        try:
            return self._take(call, document)
        except (AttributeError, TypeError, KeyError):  # something of another type than it should be
            return _say(400, "SerializationException", "A value is of another type than the service expects")

    def _take(self, call: HttpCall, document: Mapping[str, Any]) -> Answer:
        fault = next(_judge(document), None)
        if fault is not None:
            return _say(*fault)
        number = f"{secrets.token_hex(8)}-{secrets.token_hex(4)}-000000"
        people, mail = list(_addresses(document["Destination"])), _write(document)
        if len(mail) > LARGEST:
            return _say(400, "MessageRejected", _TOO_LONG)
        parsed = message_from_bytes(mail, policy=policy.default)
        sender = document.get("FromEmailAddress") or str(parsed["From"])
        self.keep(call, sender, people, str(parsed["Subject"] or ""), mail)
        return Answer.json(200, {"MessageId": number})


EMULATOR = SesEmulator
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
    if "Template" in content or document.get("ConfigurationSetName"):
        name = document.get("ConfigurationSetName") or content["Template"].get("TemplateName", "")
        yield 404, "NotFoundException", f"{name} does not exist."
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
            yield 400, "BadRequestException", f"Illegal address: {address}"
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


# Signature Version 4, as the service checks it


def _examine(call: HttpCall) -> Answer | None:
    """Why this signature does not hold for this request; None when it does."""
    proof = _PROOF.fullmatch(call.headers.get("authorization", ""))
    if proof is None:
        return _say(403, "MissingAuthenticationTokenException", "Missing Authentication Token")
    names = proof["names"].split(";")
    if "host" not in names or "x-amz-date" not in names or any(name not in call.headers for name in names):
        return _say(403, "InvalidSignatureException", "'Host' and 'X-Amz-Date' must be signed headers.")
    said = call.headers["x-amz-date"]
    moment = datetime.strptime(said, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)  # ValueError: the kit answers 400
    if abs(datetime.now(UTC) - moment) > MOST_SKEW or said[:8] != proof["day"]:  # noqa: TID251 - not Carillon's clock
        return _say(403, "InvalidSignatureException", f"Signature expired: {said} is not within 5 minutes of now")
    if proof["region"] != REGION:
        return _say(403, "InvalidSignatureException", f"Credential should be scoped to a valid region, {REGION}.")
    if not hmac.compare_digest(_sign(call, proof["scope"], said, names), proof["signature"]):
        words = "The request signature we calculated does not match the signature you provided."
        return _say(403, "InvalidSignatureException", words)
    return None


def _sign(call: HttpCall, scope: str, moment: str, names: Sequence[str]) -> str:
    path = call.target.partition("?")[0]
    pairs = sorted((quote(name, safe="~"), quote(value, safe="~")) for name, value in parse_qsl(call.query, True))
    lines = [call.method, quote(path, safe="/~"), "&".join(f"{name}={value}" for name, value in pairs)]
    lines += [f"{name}:{' '.join(call.headers[name].split())}" for name in names]
    lines += ["", ";".join(names), sha256(call.body).hexdigest()]
    words = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n" + sha256("\n".join(lines).encode()).hexdigest()
    key = f"AWS4{SECRET}".encode()
    for part in (*scope.split("/"), words):
        key = hmac.new(key, part.encode(), sha256).digest()
    return key.hex()
