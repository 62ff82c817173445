"""Renders a draft for one page of its people after the other, and looks at what each would get."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import exists, func, literal, null, select

from app import providers
from app.domain.content import EmailContent, content_of
from app.domain.lint_findings import Verdict
from app.domain.outcomes import Outcome
from app.domain.rendered import Prepared, Recipient
from app.domain.unsubscribing import VARIABLES
from app.engine import routing
from app.engine.accounts import account_of
from app.engine.audience import branches, page_of_targets, targets_between, topic_pks
from app.engine.recipients import address_values, needs_attributes, variables_of
from app.infra.phone_numbers import region_of
from app.infra.vault import VaultError
from app.models.contacts import Contact
from app.models.messages import Message
from app.models.suppressions import Suppression
from app.models.targets import Target
from app.providers.base import Account
from app.providers.http import HttpProvider
from app.providers.http_items import Item
from app.rendering.verdicts import judge_of, values_of
from app.services.messages import audience
from app.services.previews import compiling, sample_links
from app.services.providers import sender
from app.services.work import Work

PAGE = 1_000  # people that are read with one question
_REMEMBERED = 2_000  # copies whose verdict is kept for others with the same values


class Somebody(NamedTuple):
    """One person of the audience. `id` is the target's public id, empty for a raw address; `pk` its number then 0."""

    pk: int
    id: str
    recipient: Recipient
    wish_pk: int = routing.NO_WISH


class Look(NamedTuple):
    """What came of one copy: the verdict, the country of a text message, and why a provider would not take it."""

    verdict: Verdict
    country: str = ""
    refusal: Outcome | None = None
    provider_name: str = ""


class _Judging(NamedTuple):
    """A provider that can be asked, without its network, what it would refuse."""

    adapter: HttpProvider
    account: Account
    name: str


class Reading:
    """One message made ready to be looked at for any number of people; Invalid when it cannot be rendered at all."""

    def __init__(self, work: Work, message: Message) -> None:
        content = content_of(message.channel, message.content)
        compiled = compiling.compiled(content)
        has_links = not compiled.placeholders.keys().isdisjoint(VARIABLES)
        self._prepared: Prepared[Any] = (
            sample_links.linked_as_sample(work, message, compiled) if has_links else compiled
        )
        self._judge = judge_of(content, compiled)
        self._names = tuple(compiled.placeholders)
        self.names = frozenset(compiled.placeholders)
        self._is_email = isinstance(content, EmailContent)
        # Links differ from person to person; and rendered emails are too large to be kept.
        self._seen: dict[tuple[str | None, ...], tuple[Verdict, Any]] | None = None if has_links else {}
        self._carriers, self._first = _carriers(work, message)

    def look(self, somebody: Somebody) -> Look:
        """Render the copy of this person, by the call that delivery uses, and look at it."""
        recipient = somebody.recipient
        verdict, rendered = self._verdict(recipient)
        country = region_of(recipient.address) if verdict.segments else ""
        judging = self._carriers.get(somebody.wish_pk or self._first)
        # Of an email's address nothing but signs beyond ASCII is refused before it is sent (`http_items`).
        if judging is None or (self._is_email and recipient.address.isascii()):
            return Look(verdict, country)
        copy = self._prepared.render(recipient) if rendered is None else rendered
        return Look(
            verdict, country, judging.adapter.refuse(judging.account, Item(0, "", recipient, copy)), judging.name
        )

    def _verdict(self, recipient: Recipient) -> tuple[Verdict, Any]:
        """The verdict, and the copy unless it is an email's."""
        key = values_of(recipient.variables, self._names)
        if self._seen is not None and (known := self._seen.get(key)) is not None:
            return known
        rendered = self._prepared.render(recipient)
        found = self._judge(recipient, rendered), None if self._is_email else rendered
        if self._seen is not None and len(self._seen) < _REMEMBERED:
            self._seen[key] = found
        return found


def _carriers(work: Work, message: Message) -> tuple[dict[int, _Judging], int]:
    """Those of the channel's providers that can be asked, by number, and the number of the one that goes first."""
    found: dict[int, _Judging] = {}
    for row in sender.candidates(work, message.channel):
        adapter = providers.get(row.kind)
        if isinstance(adapter, HttpProvider):
            try:
                found[row.pk] = _Judging(adapter, account_of(work.vault, work.settings, row), row.name)
            except VaultError:  # its own page says so, and it takes nothing at all
                continue
    first = sender.provider_of(work, message)
    return found, first.pk if first is not None else routing.NO_WISH


def next_people(
    work: Work, message: Message, names: frozenset[str], cursor: int, size: int = PAGE
) -> tuple[Sequence[Somebody], int | None]:
    """Who would get the message of the next `size` targets behind `cursor`, and the last of these; None at the end.

    Suppressed and expired ones are left out. Only variables of these names are read.
    """
    topics = topic_pks(work.session, message.project_pk, message.audience)
    sources = branches(message.project_pk, message.channel, message.audience, topics)
    page = page_of_targets(sources, cursor, size).subquery() if sources else None
    last = work.session.scalar(select(func.max(page.c.target_pk))) if page is not None else None
    if last is None:
        return [], None
    chosen = targets_between(sources, cursor, last).subquery()
    blocked = exists().where(
        Suppression.project_pk == Target.project_pk, Suppression.channel == Target.channel,
        Suppression.address_key == Target.address_key,
    )  # fmt: skip
    # As in the delivery, COALESCE keeps SQLite from walking the project's targets (`engine.planning`).
    rows = work.session.execute(
        select(
            Target.pk, Target.id, Target.address, Contact.name,
            Contact.attributes if needs_attributes(names) else null().label("attributes"),
            routing.wish_of_target(work.session, message) if message.provider_pk is None else literal(routing.NO_WISH),
        )
        .join(chosen, chosen.c.target_pk == Target.pk)
        .join(Contact, Contact.pk == Target.contact_pk)
        .where(
            Target.channel == message.channel, func.coalesce(Target.project_pk, 0) == message.project_pk,
            Target.expired_at.is_(None), ~blocked,
        )
        .order_by(Target.pk)
    )  # fmt: skip
    return [
        Somebody(row[0], row[1], Recipient(row[2], row[3], variables_of(row, row[2], names)), row[5]) for row in rows
    ], last


def raw_people(work: Work, message: Message) -> Iterator[Somebody]:
    """Those of the message's raw addresses that get a copy of their own."""
    for address in audience.raw_addresses(work, message.channel, message.audience):
        yield Somebody(0, "", Recipient(address, "", address_values(address)))
