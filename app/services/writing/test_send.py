"""Send one message for trial, really and at once, through the provider that would carry it."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from app.domain.addresses import EMAIL_RULE, PHONE_RULE, mask, normalise_email, normalise_phone, normalise_token
from app.domain.channels import Channel
from app.domain.content import Content, EmailContent, PushContent, SmsContent, channel_of, content_of
from app.domain.errors import Invalid, Unavailable
from app.domain.outcomes import Outcome, OutcomeKind, Reason
from app.domain.permissions import Actor
from app.domain.rendered import Extras, Prepared, Recipient
from app.engine import enclosures
from app.engine.accounts import account_of
from app.engine.own_senders import account_for
from app.engine.pace import Pace
from app.infra.clock import SystemClock
from app.infra.counters import Counters
from app.infra.goodbyes import say_goodbye
from app.models.messages import Message
from app.models.providers import Provider
from app.providers import get
from app.providers.base import Account, Envelope
from app.rendering import prepare
from app.services.messages import messages
from app.services.previews import compiling, preview, sample_links, samples
from app.services.providers import sender
from app.services.work import Work, Workshop

PER_HOUR = 30  # tests of a member, whatever they are of: enough to write by, too few to mail anybody at will
TIME_LIMIT = 20.0  # seconds: somebody waits before the page
_HELLOS: dict[Channel, Content] = {
    Channel.EMAIL: EmailContent(
        subject="A test from Carillon",
        preheader="If you read this, the provider works.",
        body="Hello,\n\nthis email was sent for trial by {{ name | somebody }} from Carillon. "
        "If you read it, the provider works.\n",
    ),
    Channel.SMS: SmsContent("A test by {{ name | somebody }} from Carillon: the provider works."),
    Channel.PUSH: PushContent(title="A test from Carillon", body="If you read this, the provider works."),
}
_RULES: dict[Channel, tuple[Callable[[str], str | None], str]] = {
    Channel.EMAIL: (normalise_email, f"Email {EMAIL_RULE}."),
    Channel.SMS: (normalise_phone, f"Phone number {PHONE_RULE}."),
    Channel.PUSH: (normalise_token, "Push token needs the token of a device, without spaces."),
}


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
    pace: Pace


class _OneWatch:
    """Lets one envelope go, within the provider's limits, and keeps its outcome."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self.outcome: Outcome | None = None
        self.has_started = False

    at_once: int | None = 1
    is_paced = True

    def may_start(self, count: int) -> int:
        """What the limits allow; nobody else holds this envelope."""
        return self._pace.permits(count)

    def started(self, indexes: Sequence[int]) -> None:  # noqa: ARG002 - the protocol of providers/base.py
        """The bytes are about to go out."""
        self.has_started = True

    def answered(self, index: int, outcome: Outcome) -> None:  # noqa: ARG002 - as above
        """What became of it."""
        self.outcome = outcome


def send_test(workshop: Workshop, actor: Actor, message_id: str, address: str, as_target: str = "") -> Trial:
    """Send a message's present draft to one address, filled in for `as_target` (else the first recipient).

    Takes at most 20 seconds. Raises Invalid by field: address (also when this member sent PER_HOUR tests within an
    hour), provider, or the content's own.
    """
    with workshop.read(actor) as work:
        work.require("messages.send")
        _require_running(work)
        message = messages.find(work, message_id)
        content = content_of(message.channel, message.content)
        if problems := content.sending_problems():
            raise Invalid(problems)
        channel = channel_of(content)
        checked = _checked(channel, address)
        person = preview.preview(work, message, as_target).sample.recipient._replace(address=checked)
        provider = sender.provider_for(work, message, checked)
        extras = _extras(work, message)
        prepared = sample_links.linked_as_sample(work, message, prepare(content, extras=extras))
        parcel = _pack(work, provider, channel, prepared, person)
        parcel = replace(parcel, account=account_for(parcel.account, extras))
    _count(workshop, actor)
    with workshop.open(actor) as work:
        work.audit("message.test", f"message/{message_id}", address=mask(checked))
    return _send(parcel)


def send_provider_test(workshop: Workshop, actor: Actor, provider_id: str, address: str) -> Trial:
    """Send a short greeting through one provider, switched on or not. Raises Invalid by field, as `send_test` does."""
    with workshop.read(actor) as work:
        work.require("providers.write")
        _require_running(work)
        provider = sender.find_provider(work, provider_id)
        channel = Channel(provider.channel)
        example = samples.example_of(channel.value).recipient
        person = Recipient(_checked(channel, address), "", {**example.variables, "name": work.actor.name})
        parcel = _pack(work, provider, channel, compiling.compiled(_HELLOS[channel]), person)
    _count(workshop, actor)
    with workshop.open(actor) as work:
        work.audit("provider.test", f"provider/{provider_id}", address=mask(person.address))
    return _send(parcel)


def _require_running(work: Work) -> None:
    if work.project.stopped_at is not None:
        raise Invalid({"address": ["All sending is stopped, tests too. Resume it first."]})


def _count(workshop: Workshop, actor: Actor) -> None:
    """Count one more test of this member; Invalid when there were too many. While the queue is away nobody counts."""
    counted = Counters(workshop.broker).count(f"tests:{actor.kind}:{actor.pk}", 3600)
    if counted is not None and counted.done > PER_HOUR:
        minutes = -(-counted.seconds_left // 60)
        wait = "a minute" if minutes == 1 else f"{minutes} minutes"
        raise Invalid({"address": [f"You can send {PER_HOUR} tests an hour. The next one can go out in {wait}."]})


def _checked(channel: Channel, address: str) -> str:
    normalise, rule = _RULES[channel]
    found = normalise(address)
    if found is None:
        raise Invalid({"address": [rule]})
    return found


def _extras(work: Work, message: Message) -> Extras:
    """What travels with the message. Nobody gets a copy of a test, and nobody is told that somebody would."""
    try:
        return replace(enclosures.extras_of(work, message, work.session), cc=())
    except enclosures.Refused as error:
        raise Invalid({"attachments": [str(error)]}) from error
    except enclosures.Unreadable as error:
        raise Unavailable(str(error)) from error


def _pack(
    work: Work, provider: Provider | None, channel: Channel, prepared: Prepared[Any], person: Recipient
) -> _Parcel:
    if provider is None or provider.channel != channel.value:
        raise Invalid({"provider": [f"No provider can send {channel.noun}. Connect one, or switch one on."]})
    account = account_of(work.vault, work.settings, provider)
    # A key of its own keeps the trial's connections apart from those of the workers' event loops.
    account = replace(account, key=f"{account.key}.test.{work.unique_id()}")
    envelope = Envelope(f"test-{work.unique_id()}", person)
    pace = Pace(work.pacing, provider, envelope.key)
    return _Parcel(provider.kind, provider.name, provider.is_emulated, account, prepared, envelope, pace)


def _send(parcel: _Parcel) -> Trial:
    watch, pace = _OneWatch(parcel.pace), parcel.pace
    if pace.enter(1):
        asyncio.run(_send_within_limit(parcel, watch))
        now = SystemClock().now()
        if watch.outcome is not None and watch.outcome.kind is OutcomeKind.THROTTLED:
            pace.throttled(watch.outcome, now, now)
        if watch.outcome is not None and watch.outcome.allowance is not None:
            pace.stated(watch.outcome.allowance)
        pace.leave([watch.outcome] if watch.outcome is not None else [])
    outcome = watch.outcome
    if outcome is None and pace.denied is not None:
        words = f"{parcel.provider_name} gets no more messages at this moment, by its limits. Try again in a moment."
        outcome = Outcome(OutcomeKind.THROTTLED, Reason.RATE_LIMITED, words)
    outcome = outcome or _nothing_heard(has_started=watch.has_started)
    return Trial(parcel.provider_name, parcel.is_emulated, parcel.envelope.recipient.address, outcome)


async def _send_within_limit(parcel: _Parcel, watch: _OneWatch) -> None:
    sending = get(parcel.kind).send(parcel.account, parcel.prepared, [parcel.envelope], watch)
    try:
        await asyncio.wait_for(sending, TIME_LIMIT)
    except TimeoutError:
        return
    finally:
        await say_goodbye()


def _nothing_heard(*, has_started: bool) -> Outcome:
    """The outcome when the time was over: unknown once bytes were written, else the provider was not reached."""
    if has_started:
        return Outcome(OutcomeKind.UNCERTAIN, Reason.TIMED_OUT)
    return Outcome(OutcomeKind.TRANSIENT, Reason.UNREACHABLE, f"No answer within {TIME_LIMIT:.0f} seconds.")
