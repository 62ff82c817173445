"""Amazon SES: email through SendEmail (version 2 of the API) as MIME of our own, one request a recipient.

Its bulk form takes templates only, in which every `{{` that somebody wrote would be read as a placeholder of Amazon's.
We render for each person already, so each has a request of its own; many are on the wire at once.
"""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import quote

from app.domain.addresses import domain_of
from app.domain.channels import Channel
from app.domain.delivery_tags import tag_of
from app.domain.exact_request import HIDDEN
from app.domain.outcomes import Outcome, OutcomeKind, Reason, accepted
from app.domain.provider_spec import EMAIL_SENDER, Field, FieldKind, ProviderSpec, encoded_size
from app.domain.rendered import Recipient, RenderedEmail
from app.infra.clock import SystemClock
from app.infra.http import HttpReply, HttpRequest
from app.infra.sigv4 import SigningKey, sign_request
from app.providers.base import Account, Finding
from app.providers.http import (
    Ask,
    HttpProvider,
    Item,
    NotAuthorized,
    outcome_of_status,
    refuse_beyond_ascii,
    refuse_large,
    unreadable,
)
from app.providers.mime import MimeTemplate, Sender, mailbox
from app.providers.ses_receipts import RECEIPT_FIELDS, RECEIPTS_HINT, SesReceipts, check_receipt_fields

LARGEST = 40 * 1024 * 1024  # bytes of the MIME document
SEND = "/v2/email/outbound-emails"
ACCOUNT = "/v2/email/account"
IDENTITIES = "/v2/email/identities"
_REGION = re.compile(r"[a-z]{2}(-[a-z]{2,12}){1,3}-[0-9]{1,2}")
_QUOTA = re.compile(r"\b(daily|24.?hour) (message |sending )?quota", re.IGNORECASE)
_CLOCK = re.compile(r"signature (expired|not yet current)|RequestExpired", re.IGNORECASE)
_TOO_LONG = re.compile(r"message (length|size)|too (large|long|big)", re.IGNORECASE)
_UNVERIFIED = re.compile(r"not verified", re.IGNORECASE)

_FIELDS = (
    Field(
        "accessKey", "Access key ID", needed=True,
        hint="In the AWS console under IAM, Users, Security credentials; it begins with AKIA. Its user needs "
             "ses:SendEmail, ses:GetAccount and ses:GetEmailIdentity.",
    ),
    Field(
        "secretKey", "Secret access key", FieldKind.SECRET_TEXT, secret=True, needed=True,
        hint="Shown once, beside the access key ID, when the access key is made.",
    ),
    Field(
        "region", "Region", needed=True,
        hint="Where the sender address is verified, as the AWS console shows it beside your name: eu-west-1 for "
             "example.",
    ),
    *EMAIL_SENDER,
    *RECEIPT_FIELDS,
)  # fmt: skip

# Amazon's error types, whatever the status; what is not here is judged by the status.
_CODES: dict[str, tuple[OutcomeKind, Reason]] = {
    # the signature and the right to send
    "InvalidSignatureException": (OutcomeKind.CONFIG_PERMANENT, Reason.AUTHENTICATION_FAILED),
    "SignatureDoesNotMatch": (OutcomeKind.CONFIG_PERMANENT, Reason.AUTHENTICATION_FAILED),
    "IncompleteSignatureException": (OutcomeKind.CONFIG_PERMANENT, Reason.AUTHENTICATION_FAILED),
    "MissingAuthenticationTokenException": (OutcomeKind.CONFIG_PERMANENT, Reason.AUTHENTICATION_FAILED),
    "UnrecognizedClientException": (OutcomeKind.CONFIG_PERMANENT, Reason.AUTHENTICATION_FAILED),  # no such access key
    "InvalidClientTokenId": (OutcomeKind.CONFIG_PERMANENT, Reason.AUTHENTICATION_FAILED),
    "AccessDeniedException": (OutcomeKind.CONFIG_PERMANENT, Reason.AUTHENTICATION_FAILED),  # the user's policy
    "ExpiredTokenException": (OutcomeKind.CONFIG_PERMANENT, Reason.AUTHENTICATION_FAILED),
    "RequestExpired": (OutcomeKind.CONFIG_PERMANENT, Reason.AUTHENTICATION_FAILED),  # our clock is wrong
    # the account
    "MailFromDomainNotVerifiedException": (OutcomeKind.CONFIG_PERMANENT, Reason.SENDER_REFUSED),
    "NotFoundException": (OutcomeKind.CONFIG_PERMANENT, Reason.NOT_CONFIGURED),
    "AccountSuspendedException": (OutcomeKind.CONFIG_PERMANENT, Reason.NOT_CONFIGURED),
    "SendingPausedException": (OutcomeKind.CONFIG_PERMANENT, Reason.NOT_CONFIGURED),
    # the message
    "MessageRejected": (OutcomeKind.MESSAGE_PERMANENT, Reason.CONTENT_REJECTED),  # a virus, the content
    "BadRequestException": (OutcomeKind.MESSAGE_PERMANENT, Reason.CONTENT_REJECTED),
    # the moment
    "TooManyRequestsException": (OutcomeKind.THROTTLED, Reason.RATE_LIMITED),
    "ThrottlingException": (OutcomeKind.THROTTLED, Reason.RATE_LIMITED),
    "LimitExceededException": (OutcomeKind.THROTTLED, Reason.RATE_LIMITED),
    "InternalServiceErrorException": (OutcomeKind.TRANSIENT, Reason.SERVER_ERROR),
}


@dataclass(frozen=True, slots=True)
class _Ready:
    """An email that is rendered already, as the MIME kit asks for it."""

    email: RenderedEmail

    def render(self, recipient: Recipient) -> RenderedEmail:
        return self.email


class Ses(SesReceipts, HttpProvider):
    """The provider for Amazon SES. There is no idempotency key, and Amazon puts a Message-ID of its own in.

    The addresses of the request decide who is written to, so the Cc header names people in copy and reaches nobody.
    """

    spec: ClassVar[ProviderSpec] = ProviderSpec(
        kind="ses",
        label="Amazon SES",
        channel=Channel.EMAIL,
        summary="Email through Amazon's Simple Email Service, in the region of your choice.",
        fields=_FIELDS,
        max_batch=1,
        uncertain_policy="retry",
        max_message_bytes=LARGEST,
        receipts_hint=RECEIPTS_HINT,
    )

    proof: ClassVar[Mapping[str, str]] = {"x-amz-date": HIDDEN, "authorization": f"AWS4-HMAC-SHA256 {HIDDEN}"}

    def home(self, values: Mapping[str, Any]) -> str:
        """The region's address. ValueError for what is no region: it must not choose the host."""
        region = str(values.get("region") or "")
        if _REGION.fullmatch(region) is None:
            raise ValueError("Region needs the name of an AWS region, such as eu-west-1.")
        return f"https://email.{region}.amazonaws.com"

    def request(self, account: Account, items: Sequence[Item]) -> HttpRequest:
        """One email (sheet 5.2)."""
        item, values = items[0], account.values
        sender = Sender(
            address=str(values["fromEmail"]),
            name=str(values.get("fromName") or ""),
            reply_to=str(values.get("replyToEmail") or ""),
            reply_to_name=str(values.get("replyToName") or ""),
        )
        template = MimeTemplate(_Ready(item.rendered), sender, SystemClock().now())
        document: dict[str, Any] = {
            "FromEmailAddress": mailbox("", sender.address),
            "Destination": {"ToAddresses": [mailbox("", item.recipient.address)]},
            "Content": {"Raw": {"Data": base64.b64encode(template.write(item.recipient, item.key)).decode()}},
            "EmailTags": [{"Name": "delivery", "Value": self.reference_of(item.key)}],
        }
        if values.get("configurationSet"):
            document["ConfigurationSetName"] = str(values["configurationSet"])
        return HttpRequest.json(SEND, document)

    def refuse(self, account: Account, item: Item) -> Outcome | None:
        """SES takes 40 MB, and no local part beyond ASCII."""
        return refuse_beyond_ascii(item, "SES") or refuse_large(item, "SES", LARGEST, encoded_size)

    async def authorize(self, account: Account, request: HttpRequest, *, refused: str = "") -> HttpRequest:
        """The request with its signature, for the host and path that are really used (sheet 5.1)."""
        values = account.values
        try:
            base = self.base_url(account)
        except ValueError as error:
            outcome = Outcome(OutcomeKind.CONFIG_PERMANENT, Reason.NOT_CONFIGURED, str(error))
            raise NotAuthorized(outcome) from None
        access_key, secret_key, region = (str(values.get(name) or "") for name in ("accessKey", "secretKey", "region"))
        key = SigningKey(access_key, secret_key, region, "ses")
        return sign_request(base, request, key, SystemClock().now())

    def reference_of(self, key: str) -> str:
        """Amazon's tags hold fewer signs than a key (sheet 5.2)."""
        return tag_of(key)

    def outcomes(self, account: Account, items: Sequence[Item], reply: HttpReply) -> list[Outcome]:
        """What became of it (sheet 5.3)."""
        return [judge(reply, item.recipient.address) for item in items]

    def probe(self, account: Account) -> HttpRequest:
        """The account in this region."""
        return HttpRequest("GET", ACCOUNT)

    def findings(self, account: Account, reply: HttpReply) -> list[Finding]:
        """Whether the key is known, the account may send, and to whom."""
        if not reply.is_good:
            return [self._refusal(reply)]
        found, region = reply.fields(), account.values.get("region")
        if "SendingEnabled" not in found:
            return [Finding(False, "Amazon answered with something else than the account.", unreadable(reply).detail)]
        findings = [Finding(True, f"Amazon knows the access key and its account in {region}.", _quota_of(found))]
        quota = found.get("SendQuota")
        if isinstance(quota, dict) and _is_used_up(quota):
            return [*findings, Finding(False, "The emails of 24 hours are used up: Amazon refuses more for now.")]
        if not found["SendingEnabled"]:
            status = str(found.get("EnforcementStatus") or "unknown")
            return [*findings, Finding(False, "Sending is paused for the account.", f"Its status is {status}.")]
        if not found.get("ProductionAccessEnabled"):
            words = "The account is in the SES sandbox: it writes to verified addresses only."
            return [*findings, Finding(False, words, "Request production access in the SES console of this region.")]
        return [*findings, Finding(True, "The account may send.")]

    async def look_further(self, account: Account, ask: Ask) -> list[Finding]:
        """Whether the sender, its domain or one above it is a verified identity in this region."""
        sender, region = str(account.values.get("fromEmail") or ""), account.values.get("region")
        for name in identities_of(sender):
            reply = await ask(HttpRequest("GET", f"{IDENTITIES}/{quote(name, safe='')}"))
            if reply.status in (401, 403):
                words = "The access key may not look at identities: allow ses:GetEmailIdentity, or send a test."
                return [Finding(True, f"Amazon did not tell whether {sender} is verified.", words, doubt=True)]
            if reply.is_good and reply.fields().get("VerifiedForSendingStatus") is True:
                return [Finding(True, f"{name} is verified in {region} and may send.")]
        words = "Verify it, or its domain, in the SES console of this region."
        return [Finding(False, f"{sender or 'The sender'} is not verified in {region}.", words)]

    def check(self, values: Mapping[str, Any]) -> dict[str, list[str]]:
        """Beside what holds for all: a region is one of Amazon's names, and a key id has no signs in it."""
        found = check_receipt_fields(values) | super().check(values)
        if values.get("region") and not _REGION.fullmatch(str(values["region"])):
            found["region"] = ["Region needs the name of an AWS region, such as eu-west-1."]
        if values.get("accessKey") and not re.fullmatch(r"\w{1,128}", str(values["accessKey"]), re.ASCII):
            found["accessKey"] = ["Access key ID needs letters and digits only. Copy it again."]
        return found

    def _refusal(self, reply: HttpReply) -> Finding:
        outcome = judge(reply, "")
        if outcome.kind is not OutcomeKind.CONFIG_PERMANENT:
            return Finding(False, "Amazon cannot answer at the moment.", outcome.answer)
        if "AccessDenied" in outcome.code:
            words = "Amazon knows the access key, but its user may not look at the account: allow ses:GetAccount."
            return Finding(False, words, outcome.answer)
        if _CLOCK.search(outcome.answer):
            return Finding(False, "Amazon refuses the signature: the clock of this machine is wrong.", outcome.answer)
        return Finding(False, "Amazon refuses the access key or its secret.", outcome.answer)


PROVIDER = Ses()


def identities_of(sender: str) -> list[str]:
    """The identities by which Amazon sends for an address: its domain, itself, the domains above it."""
    domain = domain_of(sender)
    labels = domain.split(".")
    above = [".".join(labels[at:]) for at in range(1, len(labels) - 1)]
    return [domain, sender, *above] if domain else []


def judge(reply: HttpReply, address: str) -> Outcome:
    """One answer of SendEmail as an outcome; `address` is to whom, for an error that names it."""
    found = reply.fields()
    if reply.is_good:
        number = found.get("MessageId")
        return accepted(str(number), "", str(reply.status)) if number else unreadable(reply)
    kind_of_error = _type_of(reply, found)
    words = str(found.get("message") or found.get("Message") or "")
    plain = outcome_of_status(reply, words, kind_of_error)
    kind, reason = _CODES.get(kind_of_error, (plain.kind, plain.reason))
    if kind is OutcomeKind.THROTTLED and _QUOTA.search(words):  # of the last 24 hours: not to be hammered at
        kind, reason = OutcomeKind.CONFIG_PERMANENT, Reason.RATE_LIMITED
    elif kind_of_error == "MessageRejected" and _UNVERIFIED.search(words):  # the sender, or the account's sandbox
        kind, reason = OutcomeKind.CONFIG_PERMANENT, Reason.SENDER_REFUSED
    elif kind_of_error == "BadRequestException" and address and address.lower() in words.lower():
        kind, reason = OutcomeKind.RECIPIENT_PERMANENT, Reason.INVALID_ADDRESS
    elif kind is OutcomeKind.MESSAGE_PERMANENT and _TOO_LONG.search(words):  # which has no error of its own
        reason = Reason.TOO_LARGE
    return Outcome(kind, reason, plain.detail, plain.code, retry_after=plain.retry_after)


def _type_of(reply: HttpReply, found: Mapping[str, Any]) -> str:
    """The error's name: of the header without what follows its colon, else of the body without its namespace."""
    named = reply.headers.get("x-amzn-errortype") or str(found.get("__type") or found.get("code") or "")
    return named.partition(":")[0].rpartition("#")[2].strip()


def _is_used_up(quota: Mapping[str, Any]) -> bool:
    """Whether as many emails were sent in 24 hours as may be; -1 is no limit."""
    most, sent = quota.get("Max24HourSend"), quota.get("SentLast24Hours")
    return isinstance(most, int | float) and isinstance(sent, int | float) and 0 <= most <= sent


def _quota_of(found: Mapping[str, Any]) -> str:
    quota = found.get("SendQuota")
    if not isinstance(quota, dict) or not isinstance(quota.get("Max24HourSend"), int | float):
        return ""
    rate = quota.get("MaxSendRate")
    shown = f" and {rate:,.0f} a second" if isinstance(rate, int | float) else ""
    sent = quota.get("SentLast24Hours")
    so_far = f"; {sent:,.0f} of them are sent" if isinstance(sent, int | float) else ""
    return f"It may send {quota['Max24HourSend']:,.0f} emails in 24 hours{shown}{so_far}."
