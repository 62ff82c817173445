"""The Amazon SNS beside the emulated SES: subscribers over HTTP, the question whether they want it, signed messages."""

import base64
import json
import re
import secrets
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from urllib.parse import urlencode
from xml.sax.saxutils import escape

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from app.emulators.callbacks import Receipt
from app.emulators.serving import Answer, HttpCall

PLACE = "/sns"  # where it lies at the emulator
NAMESPACE = "http://sns.amazonaws.com/doc/2010-03-31/"
PENDING = "pending confirmation"
_DIGESTS = {"1": SHA1, "2": SHA256}
_SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}
_CERTIFICATE = re.compile(rf"{PLACE}/(?P<name>SimpleNotificationService-[0-9a-f]+\.pem)")
_OPEN = frozenset(["ConfirmSubscription", "Unsubscribe"])  # whoever has the address may


@dataclass(slots=True)
class Subscription:
    """One address that wants, or was asked whether it wants, what is published to a topic."""

    arn: str
    endpoint: str
    token: str
    is_raw: bool = False
    is_confirmed: bool = False


class Sns:
    """Topics of one emulator, one for each account; every one has the same ARN, as every account the same key."""

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self._subscriptions: dict[str, list[Subscription]] = {}
        self._versions: dict[str, str] = {}  # which signature an account's topic uses; the first one as a rule

    @staticmethod
    def is_open(call: HttpCall) -> bool:
        """Whether nobody has to say who they are for this: certificates, and what a secret of the address proves."""
        return call.path.startswith(f"{PLACE}/") and (
            _CERTIFICATE.fullmatch(call.path) is not None or _fields(call).get("Action") in _OPEN
        )

    def answer(self, call: HttpCall, account: str, home: str) -> tuple[Answer, list[Receipt]]:
        """What SNS says, and what it asks back; `home` is the address under which it is reached."""
        asked = _CERTIFICATE.fullmatch(call.path)
        if asked is not None:
            name, certificate = _signer()[1:]
            return (Answer(200, certificate) if asked["name"] == name else _refuse(404, "NotFound", "None")), []
        fields = _fields(call)
        if fields.get("TopicArn", self._topic) != self._topic:
            return _refuse(404, "NotFound", "Topic does not exist"), []
        match fields.get("Action"):
            case "Subscribe":
                return self._subscribe(fields, account, home)
            case "ConfirmSubscription":
                return self._confirm(fields, account), []
            case "Unsubscribe":
                rest = [each for each in self._of(account) if each.arn != fields.get("SubscriptionArn")]
                self._subscriptions[account] = rest
                return _say("Unsubscribe"), []
            case "SetTopicAttributes" if fields.get("AttributeName") == "SignatureVersion":
                if fields.get("AttributeValue") not in _DIGESTS:
                    return _refuse(400, "InvalidParameter", "Invalid parameter: AttributeValue"), []
                self._versions[account] = fields["AttributeValue"]
                return _say("SetTopicAttributes"), []
            case _:
                return _refuse(400, "InvalidAction", "The action or operation requested is invalid."), []

    def listeners(self, account: str) -> list[Subscription]:
        """Everybody who wants what is published to this account's topic."""
        return [each for each in self._of(account) if each.is_confirmed]

    def message(self, account: str, home: str, found: Subscription, number: str, text: str) -> Receipt:
        """What is published, as it goes to one of them; `number` is the same for all, and for every try."""
        if found.is_raw:
            return Receipt(found.endpoint, text.encode(), self._headers("Notification", number, found) | _RAW)
        leave = f"{home}/?{urlencode({'Action': 'Unsubscribe', 'SubscriptionArn': found.arn})}"
        fields = {"Type": "Notification", "Subject": "Amazon SES Email Event Notification", "Message": text}
        return self._envelope(account, home, found, fields | {"MessageId": number, "UnsubscribeURL": leave})

    def _of(self, account: str) -> list[Subscription]:
        return self._subscriptions.setdefault(account, [])

    def _subscribe(self, fields: Mapping[str, str], account: str, home: str) -> tuple[Answer, list[Receipt]]:
        endpoint, protocol = fields.get("Endpoint", ""), fields.get("Protocol", "")
        if protocol not in ("http", "https") or not endpoint.startswith(f"{protocol}://"):
            return _refuse(400, "InvalidParameter", "Invalid parameter: Endpoint must match the specified protocol"), []
        found = next((each for each in self._of(account) if each.endpoint == endpoint), None)
        if found is None:
            found = Subscription(f"{self._topic}:{uuid.uuid4()}", endpoint, secrets.token_hex(128))
            self._of(account).append(found)
        found.is_raw = _attributes(fields).get("RawMessageDelivery", "false") == "true"
        if found.is_confirmed:
            return _say("Subscribe", SubscriptionArn=found.arn), []
        return _say("Subscribe", SubscriptionArn=PENDING), [self._question(account, home, found)]

    def _confirm(self, fields: Mapping[str, str], account: str) -> Answer:
        for each in self._of(account):
            if fields.get("Token") == each.token:
                each.is_confirmed = True
                return _say("ConfirmSubscription", SubscriptionArn=each.arn)
        return _refuse(400, "InvalidParameter", "Invalid parameter: Token")

    def _question(self, account: str, home: str, found: Subscription) -> Receipt:
        query = {"Action": "ConfirmSubscription", "TopicArn": self._topic, "Token": found.token}
        words = (
            f"You have chosen to subscribe to the topic {self._topic}.\n"
            "To confirm the subscription, visit the SubscribeURL included in this message."
        )
        more = {"Token": found.token, "SubscribeURL": f"{home}/?{urlencode(query)}"}
        return self._envelope(account, home, found, {"Type": "SubscriptionConfirmation", "Message": words, **more})

    def _envelope(self, account: str, home: str, found: Subscription, fields: Mapping[str, str]) -> Receipt:
        """A message as it travels, signed: RSA over the names and values of some of its fields."""
        key, name, _ = _signer()
        now, version = datetime.now(UTC), self._versions.get(account, "1")  # noqa: TID251 - nothing of Carillon's is here
        whole = {"MessageId": str(uuid.uuid4()), "TopicArn": self._topic, **fields}
        whole["Timestamp"] = f"{now:%Y-%m-%dT%H:%M:%S}.{now.microsecond // 1000:03d}Z"
        signed = "".join(f"{each}\n{whole[each]}\n" for each in _SIGNED[whole["Type"]])
        signature = key.sign(signed.encode(), PKCS1v15(), _DIGESTS[version]())
        whole |= {"SignatureVersion": version, "Signature": base64.b64encode(signature).decode()}
        whole["SigningCertURL"] = f"{home}/{name}"
        headers = self._headers(whole["Type"], whole["MessageId"], found)
        return Receipt(found.endpoint, json.dumps(whole, indent=2).encode(), headers)

    def _headers(self, kind: str, number: str, found: Subscription) -> dict[str, str]:
        about = {"message-type": kind, "message-id": number, "topic-arn": self._topic}
        if kind == "Notification":
            about["subscription-arn"] = found.arn
        named = {f"x-amz-sns-{name}": value for name, value in about.items()}
        return {
            "content-type": "text/plain; charset=UTF-8",
            "user-agent": "Amazon Simple Notification Service Agent",
        } | named


_RAW = {"x-amz-sns-rawdelivery": "true"}


@cache
def _signer() -> tuple[rsa.RSAPrivateKey, str, bytes]:
    """The key that signs here, the name of its certificate, and that in PEM."""
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    now = datetime.now(UTC)  # noqa: TID251 - nothing of Carillon's is here
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=400))
    certificate = made.sign(key, SHA256()).public_bytes(Encoding.PEM)
    return key, f"SimpleNotificationService-{sha256(certificate).hexdigest()[:32]}.pem", certificate


def _fields(call: HttpCall) -> dict[str, str]:
    """The parameters, of the query or of a form."""
    form = call.form() if call.method == "POST" else {}
    return {name: values[0] for name, values in (call.params() | form).items()}


def _attributes(fields: Mapping[str, str]) -> dict[str, str]:
    """What stands under Attributes.entry.N.key and .value."""
    start = "Attributes.entry."
    places: Sequence[str] = [name.split(".")[2] for name in fields if name.startswith(start) and name.endswith(".key")]
    return {fields[f"{start}{place}.key"]: fields.get(f"{start}{place}.value", "") for place in places}


def _say(action: str, **found: str) -> Answer:
    inner = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in found.items())
    result = f"<{action}Result>{inner}</{action}Result>" if found else ""
    about = f"<ResponseMetadata><RequestId>{uuid.uuid4()}</RequestId></ResponseMetadata>"
    text = f'<{action}Response xmlns="{NAMESPACE}">{result}{about}</{action}Response>'
    return Answer(200, text.encode(), {"content-type": "text/xml"})


def _refuse(status: int, code: str, message: str) -> Answer:
    error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
    text = f'<ErrorResponse xmlns="{NAMESPACE}">{error}<RequestId>{uuid.uuid4()}</RequestId></ErrorResponse>'
    return Answer(status, text.encode(), {"content-type": "text/xml"})
