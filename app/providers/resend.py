"""Resend: email through its API, a hundred a request, each request under an idempotency key.

A key stands for the exact bytes of one request: the delivery key for one email, a digest of all their delivery keys for
a batch. So a request that was cut off is asked again, as it was, before anybody calls it uncertain: Resend answers with
the first result and sends nothing twice. A batch in another composition has another key.

Batches are permissive: bad emails are reported by their index, good ones are sent. What refuses a batch as a whole
(too large, a field that Resend does not check by index) is tried again one by one, so that nobody pays for another.
"""

import asyncio
import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from email.header import Header
from mimetypes import MimeTypes
from typing import Any, ClassVar

import httpx

from app.domain.channels import Channel
from app.domain.delivery_tags import tag_of
from app.domain.outcomes import Outcome, OutcomeKind, Reason, accepted
from app.domain.provider_spec import EMAIL_SENDER, Field, FieldKind, ProviderSpec
from app.domain.rendered import Attachment, Prepared, RenderedEmail
from app.infra.http import NOT_SENT, HttpReply, HttpRequest
from app.providers.base import Account, Envelope, PartWatch, Watch, WatchBehind, attachments_of
from app.providers.http import (
    HttpProvider,
    Item,
    batch_key,
    outcome_of_status,
    refuse_beyond_ascii,
    refuse_large,
    unreadable,
)
from app.providers.mime import file_name, mailbox
from app.providers.resend_checks import ResendChecks, name_of, proof_of
from app.providers.resend_receipts import HINT, SIGNING_SECRET, ResendReceipts

MOST_AT_ONCE = 100
LARGEST = 40 * 1024 * 1024  # bytes of an email with its files in base64
REPLAYS_AFTER = (0.3, 1.5)  # seconds before a request that was cut off, or failed inside, is asked again
_KEY = "idempotency-key"
_SETTLED = frozenset([400, 409, 413, 422])  # refusals of these bytes, which would have met the first try as well
_TO = re.compile(r"`to` field")
_FROM = re.compile(r"`from` field")
_UNQUOTABLE = re.compile(r'[()<>\[\]:;@\\,"]+')
_TYPES = MimeTypes()  # what every Python knows, whatever lies on this machine

_FIELDS = (
    Field(
        "apiKey", "API key", FieldKind.SECRET_TEXT, secret=True, needed=True,
        hint="In Resend under API Keys; it begins with re_ and is shown once. Sending access is enough.",
    ),
    *EMAIL_SENDER,
    SIGNING_SECRET,
)  # fmt: skip

# Resend's error names; what is not here is judged by the status.
_CODES: dict[str, tuple[OutcomeKind, Reason]] = {
    "missing_api_key": (OutcomeKind.CONFIG_PERMANENT, Reason.AUTHENTICATION_FAILED),
    "restricted_api_key": (OutcomeKind.CONFIG_PERMANENT, Reason.AUTHENTICATION_FAILED),  # not for this resource
    "invalid_api_key": (OutcomeKind.CONFIG_PERMANENT, Reason.AUTHENTICATION_FAILED),
    "invalid_from_address": (OutcomeKind.CONFIG_PERMANENT, Reason.SENDER_REFUSED),
    "security_error": (OutcomeKind.CONFIG_PERMANENT, Reason.SENDER_REFUSED),
    "daily_quota_exceeded": (OutcomeKind.CONFIG_PERMANENT, Reason.RATE_LIMITED),  # not to be hammered at
    "monthly_quota_exceeded": (OutcomeKind.CONFIG_PERMANENT, Reason.RATE_LIMITED),
    "invalid_idempotency_key": (OutcomeKind.MESSAGE_PERMANENT, Reason.CONTENT_REJECTED),
    "concurrent_idempotent_requests": (OutcomeKind.TRANSIENT, Reason.SERVER_ERROR),  # the first one still runs
    # This delivery was taken already, written otherwise: it must not go out a second time.
    "invalid_idempotent_request": (OutcomeKind.MESSAGE_PERMANENT, Reason.CONTENT_REJECTED),
}


class Resend(ResendChecks, ResendReceipts, HttpProvider):
    """The provider for Resend.

    Its `cc` would send; so people in copy, who have deliveries of their own, are not named in the emails of the others.
    """

    spec: ClassVar[ProviderSpec] = ProviderSpec(
        kind="resend",
        label="Resend",
        channel=Channel.EMAIL,
        summary="Email through Resend's API.",
        fields=_FIELDS,
        max_batch=MOST_AT_ONCE,
        idempotent=True,
        uncertain_policy="retry",
        max_message_bytes=LARGEST,
        receipts_hint=HINT,
    )
    in_flight: ClassVar[int] = 1  # a team may ask a few times a second; one request carries a hundred emails

    def home(self, values: Mapping[str, Any]) -> str:
        """Resend's only address."""
        return "https://api.resend.com"

    def request(self, account: Account, items: Sequence[Item]) -> HttpRequest:
        """One email or a batch (sheet 4.1)."""
        emails = [_email(account.values, item) for item in items]
        headers = {**proof_of(account), _KEY: batch_key(items)}
        if len(items) == 1:
            return HttpRequest.json("/emails", emails[0], headers)
        return HttpRequest.json("/emails/batch", emails, {**headers, "x-batch-validation": "permissive"})

    def refuse(self, account: Account, item: Item) -> Outcome | None:
        """Resend takes 40 MB, and no local part beyond ASCII."""
        return refuse_beyond_ascii(item, "Resend") or refuse_large(item, "Resend", LARGEST)

    def reference_of(self, key: str) -> str:
        """Resend's tags hold fewer signs than a key."""
        return tag_of(key)

    def outcomes(self, account: Account, items: Sequence[Item], reply: HttpReply) -> list[Outcome]:
        """What became of each (sheet 4.2)."""
        if len(items) == 1:
            return [judge(reply)]
        if reply.is_good:
            return _by_index(reply, len(items))
        outcome = judge(reply)
        if name_of(reply) == "concurrent_idempotent_requests":  # in another composition it would be sent again
            outcome = replace(outcome, kind=OutcomeKind.UNCERTAIN)
        return [outcome] * len(items)

    async def send(
        self, account: Account, prepared: Prepared[Any], envelopes: Sequence[Envelope], watch: Watch
    ) -> None:
        """Batches, then one by one what was refused as a whole; with files one by one at once: batches take none."""
        if attachments_of(prepared, envelopes):
            await _ONE_BY_ONE.send(account, prepared, envelopes, watch)
            return
        sieve = _Sieve(watch)
        await super().send(account, prepared, envelopes, sieve)
        await sieve.finish(account, prepared, envelopes)

    async def ask_signed(
        self, account: Account, request: HttpRequest, signed: HttpRequest, *, patience: float | None = None
    ) -> HttpReply:
        """The answer; what was cut off or failed inside is asked again under its key, which sends nothing twice.

        Raises as `exchange` does, for the first failure when nobody knows what became of it.
        """
        doubt: httpx.TransportError | None = None
        reply = None
        for pause in (0.0, *(REPLAYS_AFTER if _KEY in signed.headers else ())):
            await asyncio.sleep(pause)
            try:
                reply = await super().ask_signed(account, request, signed, patience=patience)
            except httpx.TransportError as error:
                if doubt is None and isinstance(error, NOT_SENT):
                    raise
                doubt = doubt or error
                continue
            if _settles(reply, in_doubt=doubt is not None):
                return reply
        if doubt is not None or reply is None:
            raise doubt or httpx.ReadError("No answer came")
        return reply


class _OneByOne(Resend):
    """The same with a request for each email."""

    spec: ClassVar[ProviderSpec] = replace(Resend.spec, max_batch=1)

    async def send(
        self, account: Account, prepared: Prepared[Any], envelopes: Sequence[Envelope], watch: Watch
    ) -> None:
        await HttpProvider.send(self, account, prepared, envelopes, watch)


PROVIDER = Resend()
_ONE_BY_ONE = _OneByOne()


class _Sieve(WatchBehind):
    """A watch that keeps back what was refused only because it stood in a batch with others, and sends it alone."""

    def __init__(self, watch: Watch) -> None:
        super().__init__(watch)
        self._grouped: set[int] = set()
        self._held: set[int] = set()

    def started(self, indexes: Sequence[int]) -> None:
        if len(indexes) > 1:
            self._grouped.update(indexes)
        self._watch.started(indexes)

    def answered(self, index: int, outcome: Outcome) -> None:
        is_refusal = outcome.kind in (OutcomeKind.MESSAGE_PERMANENT, OutcomeKind.RECIPIENT_PERMANENT)
        names_one = outcome.code.startswith(("200", "409"))  # by its index, or a key that must not be gone around
        if index in self._grouped and is_refusal and not names_one:
            self._held.add(index)
        else:
            self._watch.answered(index, outcome)

    async def finish(self, account: Account, prepared: Prepared[Any], envelopes: Sequence[Envelope]) -> None:
        """Send what was kept back, each in a request of its own; nothing of it was taken so far."""
        held = sorted(self._held)
        if not held:
            return
        again = _SecondRound(self._watch, held)
        await _ONE_BY_ONE.send(account, prepared, [envelopes[index] for index in held], again)
        for index in set(held) - again.told:
            words = "Its batch was refused, and there was no time left to send it alone."
            self._watch.answered(index, Outcome(OutcomeKind.TRANSIENT, Reason.SERVER_ERROR, words))


class _SecondRound(PartWatch):
    """A watch for envelopes that have been started already; their positions are those of the first round."""

    def __init__(self, watch: Watch, places: Sequence[int]) -> None:
        super().__init__(watch, places)
        self.told: set[int] = set()

    def started(self, indexes: Sequence[int]) -> None:
        """They were, in the first round."""

    def answered(self, index: int, outcome: Outcome) -> None:
        self.told.add(self._places[index])
        super().answered(index, outcome)


# theirs to ours


def judge(reply: HttpReply) -> Outcome:
    """One answer as an outcome: to a single email, or to a batch that was refused as a whole."""
    found = reply.fields()
    if reply.is_good:
        number = found.get("id")
        return accepted(str(number), "", str(reply.status)) if number else unreadable(reply)
    name, words = name_of(reply), str(found.get("message") or "")
    plain = outcome_of_status(reply, words, name)
    kind, reason = _CODES.get(name, (plain.kind, plain.reason))
    if kind is OutcomeKind.MESSAGE_PERMANENT:
        kind, reason = _class_of(words, reason)
    elif name == "validation_error" and reply.status == 403:  # the domain, or the test mode's only recipient
        kind, reason = OutcomeKind.CONFIG_PERMANENT, Reason.SENDER_REFUSED
    return Outcome(kind, reason, plain.detail, plain.code, retry_after=plain.retry_after)


def _by_index(reply: HttpReply, count: int) -> list[Outcome]:
    """The outcomes of a batch that went through: ids in request order, without those of the refused ones."""
    found, code = reply.fields(), str(reply.status)
    data, errors = found.get("data"), found.get("errors") or []
    if not isinstance(data, list) or not isinstance(errors, list):
        return [unreadable(reply)] * count
    ids = iter([str(each["id"]) for each in data if isinstance(each, dict) and each.get("id")])
    refused = {each.get("index"): str(each.get("message") or "") for each in errors if isinstance(each, dict)}
    outcomes = []
    for index in range(count):
        if index in refused:
            kind, reason = _class_of(refused[index], Reason.CONTENT_REJECTED)
            outcomes.append(Outcome(kind, reason, refused[index] or "Refused without a word", code))
        else:
            number = next(ids, "")
            outcomes.append(accepted(number, "", code) if number else unreadable(reply))
    is_whole = next(ids, None) is None and all(each.kind is not OutcomeKind.UNCERTAIN for each in outcomes)
    return outcomes if is_whole else [unreadable(reply)] * count  # which id is whose cannot be said


def _class_of(words: str, reason: Reason) -> tuple[OutcomeKind, Reason]:
    """Whose fault it is that an email was refused, by the field that Resend names."""
    if _TO.search(words):
        return OutcomeKind.RECIPIENT_PERMANENT, Reason.INVALID_ADDRESS
    if _FROM.search(words):
        return OutcomeKind.CONFIG_PERMANENT, Reason.SENDER_REFUSED
    return OutcomeKind.MESSAGE_PERMANENT, reason


def _settles(reply: HttpReply, *, in_doubt: bool) -> bool:
    """Whether nothing is gained by asking again: Resend has said what became of these bytes.

    A failure inside says it as little as none at all, when it comes from a gateway above all.
    """
    if reply.status >= 500 or name_of(reply) == "concurrent_idempotent_requests":
        return False
    return not in_doubt or reply.is_good or reply.status in _SETTLED


# ours to theirs


def _email(values: Mapping[str, Any], item: Item) -> dict[str, Any]:
    email: RenderedEmail = item.rendered
    document: dict[str, Any] = {
        "from": _sender(str(values.get("fromName") or ""), str(values["fromEmail"])),
        "to": [_line(item.recipient.name, item.recipient.address)],
        "subject": email.subject,
        **{name: text for name, text in (("html", email.html), ("text", email.text)) if text},
        "tags": [{"name": "delivery", "value": tag_of(item.key)}],
    }
    reply_to, name = email.extras.reply_to, email.extras.reply_to_name
    if not reply_to:
        reply_to, name = str(values.get("replyToEmail") or ""), str(values.get("replyToName") or "")
    if reply_to:
        document["reply_to"] = [_line(name, reply_to)]
    if email.headers:
        document["headers"] = dict(email.headers)
    if email.extras.attachments:
        document["attachments"] = [_file(each) for each in email.extras.attachments]
    return document


def _line(name: str, address: str) -> str:
    """Name and address; Resend refuses a name in quotes, so one that needs them is written in encoded words."""
    line = mailbox(name, address)
    if line.startswith('"'):
        line = f"{Header(name, 'utf-8').encode(linesep='')} <{mailbox('', address)}>"
    return line.replace("\r\n", "")


def _sender(name: str, address: str) -> str:
    """The same for the sender, in which Resend takes neither quotes nor encoded words: signs that need them go."""
    mailbox(name, address)  # ValueError for what no header can hold
    shown = " ".join(_UNQUOTABLE.sub(" ", name).split())
    return f"{shown} <{mailbox('', address)}>" if shown else mailbox("", address)


def _file(attachment: Attachment) -> dict[str, str]:
    """A name whose extension says another type than the file's is never delivered, so the two are made to agree."""
    name, kind = file_name(attachment.name), attachment.mime_type.partition(";")[0].strip().lower()
    guessed = _TYPES.guess_type(name)[0]
    if guessed is None:
        name += _TYPES.guess_extension(kind) or ""
    described = {"content": base64.b64encode(attachment.content).decode(), "filename": name}
    if kind and guessed in (None, kind):
        described["content_type"] = kind
    return {**described, "content_id": attachment.content_id} if attachment.content_id else described
