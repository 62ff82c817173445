"""Verify: a message's numbers held against its rows, and its rows against what the Sandbox received."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from urllib.parse import urlencode

import httpx
from sqlalchemy import func, select

from app import providers as catalog
from app.domain.delivery_states import DeliveryState
from app.domain.delivery_tags import delivery_key
from app.domain.permissions import Actor
from app.engine.accounts import SANDBOX, emulators
from app.infra.http import HttpReply, HttpRequest, close_clients, exchange
from app.infra.settings import Settings
from app.models.deliveries import Batch, Delivery, Tally
from app.models.messages import Message
from app.models.providers import Provider
from app.services.work import Work, Workshop

REGISTER = "register"  # where an emulator says what it received, in what it announces
MOST_COMPARED = 50_000  # deliveries of a message that are held against the Sandbox, the last ones
MOST_PAGES = 20  # that are asked of the Sandbox: more than it keeps
MOST_NAMED = 10  # deliveries that are named of each sort
PATIENCE = 5.0  # seconds: somebody waits for the page
_TAKEN = frozenset({DeliveryState.SENT, DeliveryState.DELIVERED, DeliveryState.BOUNCED})


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a recount of a message found: by state, what the rows say and what the tally says."""

    lines: list[tuple[str, int, int]]
    audience: int

    @property
    def agrees(self) -> bool:
        """Whether every number is the same, and all states together make the audience."""
        return self.total == self.audience and all(rows == kept for _, rows, kept in self.lines)

    @property
    def total(self) -> int:
        """How many rows there are."""
        return sum(rows for _, rows, _ in self.lines)


class Named(NamedTuple):
    """One delivery that a comparison names."""

    pk: int
    address: str
    state: str


@dataclass(slots=True)
class Finds:
    """How many deliveries were found to be so, and the last of them by name."""

    total: int = 0
    named: list[Named] = field(default_factory=list)

    def add(self, delivery: Named) -> None:
        """One more."""
        self.total += 1
        if len(self.named) < MOST_NAMED:
            self.named.append(delivery)


@dataclass(slots=True)
class Comparison:
    """The rows of a message beside what the Sandbox holds of it.

    `labels` are the services that the Sandbox played. Of `audience` deliveries the last `compared` were looked at.
    `once` were taken by the ledger's word and arrived once; `missing` were taken and are not there; `doubled` are there
    more than once; `unrecorded` are there, and the ledger does not say that they were taken; `under_way` are there and
    being sent at this moment. With a `problem` there is nothing else: the Sandbox could not be asked.
    """

    labels: Sequence[str]
    kept: int = 0
    audience: int = 0
    compared: int = 0
    once: int = 0
    under_way: int = 0
    missing: Finds = field(default_factory=Finds)
    doubled: Finds = field(default_factory=Finds)
    unrecorded: Finds = field(default_factory=Finds)
    problem: str = ""

    @property
    def agrees(self) -> bool:
        """Whether all that was compared is as the ledger says."""
        return not (self.problem or self.missing.total or self.doubled.total or self.unrecorded.total)


@dataclass(frozen=True, slots=True)
class Proof:
    """What Verify found, for whom and when; `sandbox` is None for a message that no emulator had a part in."""

    verdict: Verdict
    asked_by: str
    at: datetime
    sandbox: Comparison | None = None


@dataclass(frozen=True, slots=True)
class _Played:
    """The providers of the Sandbox that had a part in a message: their numbers, and each kind's account there."""

    pks: frozenset[int]
    accounts: Mapping[str, str]

    @property
    def labels(self) -> list[str]:
        return [catalog.get(kind).spec.label for kind in sorted(self.accounts)]


@dataclass(frozen=True, slots=True)
class _Received:
    """What the Sandbox holds: copies by kind and reference, and the kinds and numbers that it gave itself."""

    kept: int
    copies: Counter[tuple[str, str]]
    numbers: Counter[tuple[str, str]]


def verify(shop: Workshop, actor: Actor, message_id: str) -> Proof:
    """Recount a message, and ask the Sandbox what arrived where it had a part; NotFound when there is no such message.

    No transaction is open while the Sandbox is asked. Reads only.
    """
    with shop.read(actor) as work:
        verdict, played = recount(work, message_id), _played_for(work, message_id)
        proof = Proof(verdict, actor.name, work.now)
    if not played.pks:
        return proof
    received = _ask(shop.settings, played)
    if isinstance(received, str):
        return Proof(verdict, actor.name, proof.at, Comparison(played.labels, problem=received))
    with shop.read(actor) as work:
        return Proof(verdict, actor.name, proof.at, _compare(work, message_id, played, received))


def recount(work: Work, message_id: str) -> Verdict:
    """Recount a message from its rows and compare with its tally; one statement, so that both are of one moment."""
    work.require("deliveries.read")
    message = work.find(Message, message_id, noun="message")
    states = list(DeliveryState)
    counts = [
        select(func.count())
        .select_from(Delivery)
        .where(Delivery.message_pk == message.pk, Delivery.state == state.value)
        .scalar_subquery()
        for state in states
    ]
    tally = [getattr(Tally, state.value) for state in states]
    row = work.session.execute(
        select(*counts, *tally, Tally.audience)
        .select_from(Message)
        .outerjoin(Tally, Tally.message_pk == Message.pk)
        .where(Message.pk == message.pk)
    ).one()
    size = len(states)
    lines = [(state.value, row[index], row[size + index] or 0) for index, state in enumerate(states)]
    return Verdict(lines, row[2 * size] or 0)


def _played_for(work: Work, message_id: str) -> _Played:
    message = work.find(Message, message_id, noun="message")
    if message.is_demo:  # its past was told, not sent
        return _Played(frozenset(), {})
    carriers = select(Batch.provider_pk).where(Batch.message_pk == message.pk).distinct()
    found = work.session.scalars(
        select(Provider).where(
            Provider.project_pk == work.project_pk, Provider.is_emulated.is_(True), Provider.pk.in_(carriers)
        )
    ).all()
    accounts = {each.kind: str(each.options.get(SANDBOX) or work.project.id) for each in found}
    return _Played(frozenset(each.pk for each in found), accounts)


def _ask(settings: Settings, played: _Played) -> _Received | str:
    """What the Sandbox holds of these accounts; a sentence when it cannot be asked."""
    running = emulators(settings)
    places = {str(running[kind][REGISTER]) for kind in played.accounts if REGISTER in running.get(kind, {})}
    if not places:
        return "The Sandbox does not run on this machine, so it cannot be asked."
    try:
        return asyncio.run(_read_all(places, set(played.accounts.values())))
    except (httpx.TransportError, LookupError, TypeError, ValueError):
        return "The Sandbox does not answer. Try again in a moment."


async def _read_all(places: set[str], accounts: set[str]) -> _Received:
    kept, copies, numbers = 0, Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    try:
        for place in sorted(places):
            for account in sorted(accounts):
                after = 0
                for _ in range(MOST_PAGES):
                    found = (await _read_page(place, account, after)).fields()
                    kept = int(found["kept"])
                    copies.update((row["protocol"], row["reference"]) for row in found["rows"])
                    numbers.update((row["protocol"], row["number"]) for row in found["rows"] if row["number"])
                    if not found["more"]:
                        break
                    after = int(found["rows"][-1]["id"])
    finally:
        await close_clients()
    return _Received(kept, copies, numbers)


async def _read_page(place: str, account: str, after: int) -> HttpReply:
    question = urlencode({"account": account, "after": after})
    return await exchange(place, HttpRequest("GET", f"/received?{question}"), patience=PATIENCE)


def _compare(work: Work, message_id: str, played: _Played, received: _Received) -> Comparison:
    message = work.find(Message, message_id, noun="message")
    found = Comparison(played.labels, received.kept)
    rows = work.session.execute(
        select(Delivery.pk, Delivery.address, Delivery.state, Delivery.provider_pk, Delivery.provider_message_id)
        .where(Delivery.message_pk == message.pk, Delivery.project_pk == work.project_pk)
        .order_by(Delivery.pk.desc())
        .limit(MOST_COMPARED)
    )
    adapters = {kind: catalog.get(kind) for kind in played.accounts}
    for pk, address, state, provider_pk, number in rows:
        key = delivery_key(pk, message.id)
        copies = sum(received.copies[kind, adapter.reference_of(key)] for kind, adapter in adapters.items())
        if not copies and number:
            copies = sum(received.numbers[kind, number] for kind in adapters)
        is_taken = state in _TAKEN and provider_pk in played.pks
        found.compared += 1
        _judge(found, Named(pk, address, state), copies, is_taken=is_taken)
    found.audience = work.session.scalar(select(Tally.audience).where(Tally.message_pk == message.pk)) or found.compared
    return found


def _judge(found: Comparison, delivery: Named, copies: int, *, is_taken: bool) -> None:
    if copies > 1:
        found.doubled.add(delivery)
    elif copies and is_taken:
        found.once += 1
    elif copies and delivery.state == DeliveryState.SENDING:
        found.under_way += 1
    elif copies:
        found.unrecorded.add(delivery)
    elif is_taken:
        found.missing.add(delivery)
