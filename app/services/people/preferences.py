"""What the holder of an unsubscribe link may do: leave, come back, stop everything. The link is the permission."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from sqlalchemy import or_, select

from app.domain.addresses import email_key, mask, normalise_email
from app.domain.channels import Channel
from app.domain.errors import NotFound
from app.domain.permissions import OWN_ACCOUNT, Actor, ActorKind
from app.domain.subscribe_roles import is_open
from app.domain.unsubscribing import Ticket, read_ticket
from app.engine import leaving, ledger
from app.engine.audience import branches
from app.engine.unsubscribe_links import issued_at, sealer_of
from app.infra.vault import Vault
from app.models.contacts import Contact
from app.models.messages import Message
from app.models.opt_outs import OptOut
from app.models.projects import Project
from app.models.targets import Target
from app.models.topics import Subscriber, Topic
from app.services.people import subscribers, suppressions
from app.services.work import Work

UNSUBSCRIBED = "unsubscribed"  # the only suppression that a holder may lift: it was the holder's own wish
_SOURCE = "Unsubscribe link"
_HOLDER = frozenset({OWN_ACCOUNT, "topics.read", "suppressions.read", "suppressions.write"})


@dataclass(frozen=True, slots=True)
class Choice:
    """A topic that the holder is in or was in."""

    id: str
    name: str
    description: str
    is_subscribed: bool
    is_named: bool  # whether the message of the link went to it


@dataclass(frozen=True, slots=True)
class Standing:
    """What a holder sees. `address` is masked; `suppressed` is why nothing at all is sent there, empty when it is."""

    project_name: str
    channel: Channel
    address: str
    choices: list[Choice]
    suppressed: str
    is_sample: bool

    @property
    def named(self) -> list[Choice]:
        """The topics that the message of the link went to, as far as they are this holder's."""
        return [choice for choice in self.choices if choice.is_named]

    @property
    def may_resume(self) -> bool:
        """Whether the holder may be written to again by its own wish."""
        return self.suppressed == UNSUBSCRIBED


@dataclass(frozen=True, slots=True)
class Left:
    """What leaving came to: the topics that are over for the holder, or everything on the channel."""

    topics: list[Choice]
    is_everything: bool


@dataclass(frozen=True, slots=True)
class _Holder:
    """Whose link it is. `work` acts as the contact; without a target the address belongs to nobody here any more."""

    work: Work
    ticket: Ticket
    project: Project
    target: Target | None
    named: tuple[int, ...]


def open_link(vault: Vault, token: str) -> Ticket:
    """What the link says; NotFound, in the same words, for whatever we did not make. It asks no database."""
    octets = sealer_of(vault).open(token)
    ticket = read_ticket(octets) if octets is not None else None
    if ticket is None:
        raise _nothing_there()
    return ticket


def standing_of(work: Work, ticket: Ticket) -> Standing:
    """What the holder sees before it chooses; changes nothing. NotFound when the project is gone."""
    return _standing(_enter(work, ticket))


def leave(work: Work, ticket: Ticket) -> Left:
    """Take the address out of the topics that the message went to, as often as it is asked.

    A message to no topic, or one that named this person besides its topics, leaves one way to be left alone: nothing
    more is sent to the address on this channel.
    """
    holder = _enter(work, ticket, is_writing=True)
    if ticket.is_sample:
        return Left([], is_everything=False)
    _leave_topics(holder, holder.named)
    over = [choice for choice in _choices(holder) if choice.is_named and not choice.is_subscribed]
    is_everything = not ticket.is_bulk or (not over and _is_named_besides(holder))
    if is_everything:
        _stop(holder)
    return Left(over, is_everything)


def choose(work: Work, ticket: Ticket, shown: Collection[str], ticked: Collection[str]) -> None:
    """Leave and rejoin topics so that of those that were `shown` (ids) exactly the `ticked` ones are subscribed."""
    holder = _enter(work, ticket, is_writing=True)
    if ticket.is_sample or holder.target is None:
        return
    for choice, topic in _choices_with_topics(holder):
        if choice.id not in shown or choice.is_subscribed == (choice.id in ticked):
            continue
        if choice.is_subscribed:
            _leave_topics(holder, [topic.pk])
        else:
            subscribers.add_missing(holder.work, topic, {holder.target.pk: holder.target.channel})


def stop(work: Work, ticket: Ticket) -> None:
    """Let nothing more be sent to the address on this channel."""
    holder = _enter(work, ticket, is_writing=True)
    if not ticket.is_sample:
        _stop(holder)


def resume(work: Work, ticket: Ticket) -> None:
    """Take `stop` back. What was suppressed for another reason stays suppressed."""
    holder = _enter(work, ticket, is_writing=True)
    found = suppressions.find_by_address(holder.work, ticket.channel, ticket.address)
    if not ticket.is_sample and found is not None and found.reason == UNSUBSCRIBED:
        suppressions.lift(holder.work, found.id)


def _nothing_there() -> NotFound:
    return NotFound("This link is not complete, or what it led to is gone.")


def _enter(work: Work, ticket: Ticket, *, is_writing: bool = False) -> _Holder:
    """The holder of the link; whoever writes holds the address against others who come at this moment."""
    project = work.session.get(Project, ticket.project_pk)
    # Sample data tell of a past before their project; their message is there to say that it is the same one.
    if project is None or (_is_younger(project, ticket) and _message_of(work, ticket) is None):
        raise _nothing_there()
    query = select(Target).where(
        Target.project_pk == project.pk, Target.channel == ticket.channel, Target.address_key == ticket.address
    )
    target = work.session.scalar(query.with_for_update() if is_writing else query)
    mine = work.given_to(_actor(work, ticket, target))
    return _Holder(mine, ticket, project, target, _named_topics(mine, ticket))


def _actor(work: Work, ticket: Ticket, target: Target | None) -> Actor:
    contact = work.session.get(Contact, target.contact_pk) if target is not None else None
    name = contact.name if contact is not None and contact.name else mask(ticket.address)
    return replace(
        work.actor, kind=ActorKind.CONTACT, name=name, project_pk=ticket.project_pk,
        pk=contact.pk if contact is not None else None, permissions=_HOLDER,
    )  # fmt: skip


def _is_younger(row: Project | Topic, ticket: Ticket) -> bool:
    """Whether the row was made after the link, so that it only took over the number of one that is gone."""
    return int(row.created_at.timestamp()) > ticket.issued


def _message_of(work: Work, ticket: Ticket) -> Message | None:
    """The message of the link, while it is kept."""
    message = work.session.get(Message, ticket.message_pk)
    is_it = message is not None and message.project_pk == ticket.project_pk and issued_at(message) == ticket.issued
    return message if is_it else None


def _named_topics(work: Work, ticket: Ticket) -> tuple[int, ...]:
    """The topics that the message went to and that still exist."""
    condition = Topic.pk.in_(ticket.topics)
    if ticket.is_bulk and not ticket.topics:  # more than a link can name
        message = _message_of(work, ticket)
        condition = Topic.id.in_(message.audience.get("topics", ()) if message is not None else ())
    found = work.session.scalars(select(Topic).where(Topic.project_pk == ticket.project_pk, condition))
    return tuple(topic.pk for topic in found if not _is_younger(topic, ticket))


def _standing(holder: _Holder) -> Standing:
    ticket = holder.ticket
    suppressed = suppressions.suppressed_reason(holder.work, ticket.channel, ticket.address)
    return Standing(
        holder.project.name, Channel(ticket.channel), mask(ticket.address), _choices(holder), suppressed or "",
        ticket.is_sample,
    )  # fmt: skip


def _choices(holder: _Holder) -> list[Choice]:
    return [choice for choice, _ in _choices_with_topics(holder)]


def _choices_with_topics(holder: _Holder) -> list[tuple[Choice, Topic]]:
    """The topics that the address is in or left by a link, by name: the message's own, and those open to people.

    What a project keeps for itself is nobody's to read, unless a message went to it.
    """
    target, ticket = holder.target, holder.ticket
    if target is None:
        return []
    session = holder.work.session
    present = set(session.scalars(select(Subscriber.topic_pk).where(Subscriber.target_pk == target.pk)))
    past = set(session.scalars(select(OptOut.topic_pk).where(OptOut.target_pk == target.pk)))
    rows = session.scalars(
        select(Topic).where(Topic.project_pk == ticket.project_pk, Topic.pk.in_(present | past)).order_by(Topic.name)
    )
    return [
        (Choice(topic.id, topic.name, topic.description, topic.pk in present, topic.pk in holder.named), topic)
        for topic in rows
        if topic.pk in holder.named or is_open(topic.subscribe)
    ]


def _leave_topics(holder: _Holder, topic_pks: Collection[int]) -> None:
    """Take the address out of those of these topics that it is in, and remember that it was its wish."""
    if holder.target is None or not topic_pks:
        return
    rows = holder.work.session.execute(
        select(Subscriber.id, Topic.id, Topic.pk)
        .join(Topic, Topic.pk == Subscriber.topic_pk)
        .where(Subscriber.target_pk == holder.target.pk, Topic.pk.in_(topic_pks))
        .order_by(Subscriber.pk)
        .with_for_update(of=Subscriber)  # nobody takes them out before we do
    ).all()
    for subscriber_id, topic_id, topic_pk in rows:
        subscribers.unsubscribe(holder.work, topic_id, subscriber_id)
        _remember(holder.work, holder.target, topic_pk, holder.ticket.message_pk)
    if rows:
        leaving.skip_unwanted(holder.work.session, holder.target, holder.work.now)


def _remember(work: Work, target: Target, topic_pk: int, message_pk: int) -> None:
    facts = {"at": work.now, "message_pk": message_pk}
    row = ledger.insert_into(work.session, OptOut).values(
        project_pk=target.project_pk, topic_pk=topic_pk, target_pk=target.pk, **facts
    )
    work.session.execute(row.on_conflict_do_update(index_elements=["topic_pk", "target_pk"], set_=facts))


def _is_named_besides(holder: _Holder) -> bool:
    """Whether the message, while it is kept, names this address not only through its topics."""
    message = _message_of(holder.work, holder.ticket)
    if message is None:
        return False
    if holder.ticket.address in {email_key(normalise_email(text) or "") for text in message.audience.get("emails", ())}:
        return True
    sources = branches(message.project_pk, message.channel, message.audience, ())
    if holder.target is None or not sources:
        return False
    mine = [source.where(source.selected_columns[0] == holder.target.pk).exists() for source in sources]
    return bool(holder.work.session.scalar(select(or_(*mine))))


def _stop(holder: _Holder) -> None:
    suppressions.suppress(holder.work, holder.ticket.channel, holder.ticket.address, UNSUBSCRIBED, _SOURCE)
