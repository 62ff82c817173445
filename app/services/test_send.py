"""Send one email for trial, really and at once, through the provider that would carry it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from app.domain.addresses import EMAIL_RULE, mask, normalise_email
from app.domain.channels import Channel
from app.domain.content import EmailContent
from app.domain.errors import Invalid
from app.domain.outcomes import Outcome, OutcomeKind, Reason
from app.domain.permissions import Actor
from app.domain.rendered import Prepared, Recipient
from app.engine.accounts import account_of
from app.infra.smtp import close_pool
from app.models.providers import Provider
from app.providers import get
from app.providers.base import Account, Envelope
from app.services import messages, preview, samples, sender
from app.services.work import Work, Workshop

TIME_LIMIT = 20.0  # seconds: somebody waits before the page
_HELLO = EmailContent(
    subject="A test from Carillon",
    preheader="If you read this, the provider works.",
    body="Hello,\n\nthis email was sent for trial by {{ name | somebody }} from Carillon. "
    "If you read it, the provider works.\n",
)


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of one test: through which provider, to whom, and the outcome as the provider told it."""

    provider_name: str
    is_emulated: bool
    address: str
    outcome: Outcome

    @property
    def works(self) -> bool:
        """Whether the provider took it over."""
        return self.outcome.kind is OutcomeKind.ACCEPTED


@dataclass(frozen=True, slots=True)
class _Parcel:
    """What is sent, taken from the database before the network is touched."""

    kind: str
    provider_name: str
    is_emulated: bool
    account: Account
    prepared: Prepared[Any]
    envelope: Envelope


class _OneWatch:
    """Lets one envelope go and keeps its outcome."""

    def __init__(self) -> None:
        self.outcome: Outcome | None = None
        self.has_started = False

    def may_start(self, count: int) -> bool:  # noqa: ARG002 - the protocol of providers/base.py
        """Nobody else holds this envelope."""
        return True

    def started(self, indexes: Sequence[int]) -> None:  # noqa: ARG002 - as above
        """The bytes are about to go out."""
        self.has_started = True

    def answered(self, index: int, outcome: Outcome) -> None:  # noqa: ARG002 - as above
        """What became of it."""
        self.outcome = outcome


def send_test(workshop: Workshop, actor: Actor, message_id: str, address: str, as_target: str = "") -> Trial:
    """Send a message's present draft to one address, filled in for `as_target` (else the first recipient).

    Takes at most 20 seconds. Raises Invalid by field: address, provider, or the content's own.
    """
    with workshop.open(actor) as work:
        work.require("messages.send")
        message = messages.find(work, message_id)
        content = EmailContent.from_json(message.content)
        if problems := content.sending_problems():
            raise Invalid(problems)
        person = preview.preview(work, message, as_target).sample.recipient
        provider = sender.provider_of(work, message.channel, message.provider_pk)
        parcel = _pack(work, provider, preview.compiled(content), replace(person, address=_checked(address)))
        work.audit("message.test", f"message/{message.id}", address=mask(parcel.envelope.recipient.address))
    return _send(parcel)


def send_provider_test(workshop: Workshop, actor: Actor, provider_id: str, address: str) -> Trial:
    """Send a short greeting through one provider, switched on or not. Raises Invalid by field."""
    with workshop.open(actor) as work:
        work.require("providers.write")
        provider = sender.find_provider(work, provider_id)
        person = Recipient(_checked(address), "", {**samples.EXAMPLE.variables, "name": work.actor.name})
        parcel = _pack(work, provider, preview.compiled(_HELLO), person)
        work.audit("provider.test", f"provider/{provider.id}", address=mask(person.address))
    return _send(parcel)


def _checked(address: str) -> str:
    found = normalise_email(address)
    if found is None:
        raise Invalid({"address": [f"Address {EMAIL_RULE}."]})
    return found


def _pack(work: Work, provider: Provider | None, prepared: Prepared[Any], person: Recipient) -> _Parcel:
    if provider is None or provider.channel != Channel.EMAIL:
        raise Invalid({"provider": ["No provider can send email. Connect one, or switch one on."]})
    account = account_of(work.vault, work.settings, provider)
    # A key of its own keeps the trial's connections apart from those of the workers' event loops.
    account = replace(account, key=f"{account.key}.test.{work.unique_id()}")
    envelope = Envelope(f"test-{work.unique_id()}", person)
    return _Parcel(provider.kind, provider.name, provider.is_emulated, account, prepared, envelope)


def _send(parcel: _Parcel) -> Trial:
    watch = _OneWatch()
    asyncio.run(_send_within_limit(parcel, watch))
    outcome = watch.outcome or _nothing_heard(has_started=watch.has_started)
    return Trial(parcel.provider_name, parcel.is_emulated, parcel.envelope.recipient.address, outcome)


async def _send_within_limit(parcel: _Parcel, watch: _OneWatch) -> None:
    sending = get(parcel.kind).send(parcel.account, parcel.prepared, [parcel.envelope], watch)
    try:
        await asyncio.wait_for(sending, TIME_LIMIT)
    except TimeoutError:
        return
    finally:
        await close_pool()


def _nothing_heard(*, has_started: bool) -> Outcome:
    """The outcome when the time was over: unknown once bytes were written, else the provider was not reached."""
    if has_started:
        return Outcome(OutcomeKind.UNCERTAIN, Reason.TIMED_OUT)
    return Outcome(OutcomeKind.TRANSIENT, Reason.UNREACHABLE, f"No answer within {TIME_LIMIT:.0f} seconds.")
