"""Who is shown as the one that carries a message: the provider that gets it, by the very rule that sends it."""

from datetime import timedelta
from typing import Any, NamedTuple

import pytest

from app.domain.message_states import MessageEvent
from app.domain.permissions import Actor
from app.engine import fanout, lifecycle, routing
from app.engine.machine import Machine
from app.models.messages import Message
from app.models.providers import Provider
from app.services.messages import messages
from app.services.previews import exact_request, preview
from app.services.providers import sender
from app.services.work import Workshop
from tests.conftest import START
from tests.factories import make_audience, make_file, make_message, make_provider

MB = 1024 * 1024
FILM = {"attachments": [["b", "film"]]}
LATER, EARLIER = START + timedelta(minutes=5), START - timedelta(minutes=5)
OFF = {"enabled": False}
DOWN = {"blocked_at": EARLIER, "blocked_detail": "No route"}


@pytest.fixture
def draft(any_workshop: Workshop, actor: Actor) -> str:
    """A draft that may go out, through Small, then Large, then Other; and a film, which Small is too small for."""
    with any_workshop.open(actor) as work:
        for rank, (name, kind) in enumerate((("Small", "mailgun"), ("Large", "resend"), ("Other", "resend"))):
            provider = make_provider(work, name=name)
            provider.kind, provider.rank = kind, rank
        make_file(work.session, "film.mp4", id="film", size=20 * MB)
        topic = make_audience(work.session, 2)
        return str(make_message(work.session, audience={"topics": [topic.id]}).id)


class Change(NamedTuple):
    """How the providers stand, by name, and what is written; `pin` names the provider that a person chose."""

    providers: dict[str, dict[str, Any]]
    content: dict[str, Any]
    pin: str = ""


def make(shop: Workshop, key: str, changed: Change) -> None:
    with shop.database.begin() as session:
        rows = {row.name: row for row in session.query(Provider)}
        for name, columns in changed.providers.items():
            for column, value in columns.items():
                setattr(rows[name], column, value)
        message = session.query(Message).filter_by(id=key).one()
        message.content = message.content | changed.content
        message.provider_pk = rows[changed.pin].pk if changed.pin else None


def shown(shop: Workshop, actor: Actor, key: str) -> str:
    """The name of the provider that is shown as the one that carries it."""
    with shop.read(actor) as work:
        provider = sender.provider_of(work, messages.find(work, key))
    return provider.name if provider is not None else ""


def asked(shop: Workshop, key: str) -> list[str]:
    """The names of those that the engine asks first, once it is sent."""
    machine = Machine(shop.settings, shop.database, shop.broker, shop.clock, shop.vault)
    with shop.database.begin() as session:
        message = session.query(Message).filter_by(id=key).one()
        lifecycle.start(session, message, MessageEvent.SEND, shop.clock.now())
        pk = message.pk
    fanout.expand(machine, pk)
    with shop.database.read() as session:
        [route] = routing.routes_of(session, session.get_one(Message, pk), shop.clock.now())
    machine.close()
    return [provider.name for provider in route.tier]


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        (Change({}, {}), "Small"),
        (Change({}, FILM), "Large"),
        (Change({"Large": OFF}, FILM), "Other"),
        (Change({"Large": DOWN | {"retry_at": LATER}}, FILM), "Other"),
        (Change({"Small": DOWN | {"retry_at": LATER}}, {}), "Large"),
        (Change({"Small": DOWN | {"retry_at": EARLIER}}, {}), "Small"),  # it is tried again
        (Change({"Small": {"size_limit": 20_000, "size_limit_at": START}}, {"body": "Words. " * 4_000}), "Large"),
        (Change({}, FILM, "Other"), "Other"),
    ],
)
def test_who_is_shown_is_who_gets_it(
    any_workshop: Workshop, actor: Actor, draft: str, changed: Change, name: str
) -> None:
    make(any_workshop, draft, changed)
    assert shown(any_workshop, actor, draft) == name
    assert asked(any_workshop, draft) == [name]


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        (Change({"Small": DOWN, "Large": DOWN, "Other": DOWN}, FILM), "Large"),  # who can carry it is waited for
        (Change({"Large": OFF, "Other": OFF}, FILM), "Small"),  # the checks say that it cannot
        (Change({"Small": OFF}, {}, "Small"), ""),
    ],
)
def test_who_is_waited_for_is_shown_and_nobody_who_is_switched_off(
    any_workshop: Workshop, actor: Actor, draft: str, changed: Change, name: str
) -> None:
    make(any_workshop, draft, changed)
    assert shown(any_workshop, actor, draft) == name


def test_all_that_is_said_of_a_draft_is_said_of_who_gets_it(any_workshop: Workshop, actor: Actor, draft: str) -> None:
    make(any_workshop, draft, Change({"Large": {"options": {"fromName": "Large", "fromEmail": "l@example.org"}}}, FILM))
    with any_workshop.read(actor) as work:
        message = messages.find(work, draft)
        found = preview.review(work, message)
        requests = exact_request.ask_all(work, message, preview.preview(work, message))
    assert found.sender is not None
    assert found.sender.label == "Large <l@example.org>"
    assert (requests[0].provider_name, requests[0].carries) == ("Large", True)
    assert "too large for Small (25 MB). Large carries it." in " ".join(each.sentence for each in found.checks)


def test_who_failed_lately_is_said_to_be_waited_for_or_tried(any_workshop: Workshop, actor: Actor, draft: str) -> None:
    for retry_at, words in ((None, "so the message would wait"), (EARLIER, "a few copies try it first")):
        make(any_workshop, draft, Change({"Small": DOWN | {"retry_at": retry_at}, "Large": OFF, "Other": OFF}, {}))
        with any_workshop.read(actor) as work:
            found = {each.code: each for each in preview.review(work, messages.find(work, draft)).checks}
        assert words in found["provider_blocked"].sentence
        assert found["provider_blocked"].sentence.endswith("No route")
